// The walk, what waits, and Python's words for what did not fit.
#include "core/saving/checkpoint/restoration.h"

#include <algorithm>
#include <deque>

#include "core/base/error.h"
#include "core/base/format.h"

namespace keras {
namespace {

/// Of every tf.train.Checkpoint: one that restores by names can do without.
constexpr std::string_view kSaveCounter = "save_counter";

std::weak_ptr<const void> weak(const Trackable& object) {
  if (object.layer) return object.layer;
  if (object.optimizer) return object.optimizer;
  return object.variable;
}

/// Whether the children of an object may become more, so that saved values should wait for them.
bool may_grow(const Trackable& object) {
  if (object.container) return true;
  if (object.optimizer) return !object.optimizer->built();
  if (!object.layer) return false;
  if (object.layer->is_custom()) return true;
  const auto* model = dynamic_cast<const Model*>(object.layer.get());
  return model != nullptr ? !model->knows_signature() || !model->optimizer() : !object.layer->built();
}

/// The saved children that wait for `object` to grow: of a model whose layers are all there, the optimizer.
std::vector<int> awaited_children(const SavedNode& node, const Trackable& object) {
  const auto* model = dynamic_cast<const Model*>(object.layer.get());
  const bool only_optimizer = model != nullptr && !model->is_custom() && model->knows_signature();
  std::vector<int> result;
  for (const auto& [name, child] : node.children) {
    if (!only_optimizer || name == "optimizer") result.push_back(child);
  }
  return result;
}

/// The children of objects, asked for once: in a saved graph, which may loop, one object can be met many times. Lists that are
/// made for the graph alone live as long.
class ChildrenByName {
 public:
  std::map<std::string, Trackable, std::less<>>& of(const Trackable& object) {
    const auto [place, added] = children_.try_emplace(identity_of(object));
    if (added) {
      const TrackedChildren children = object.optimizer ? object.optimizer->restorable_children() : children_of(object);
      place->second.insert(children.begin(), children.end());
    }
    return place->second;
  }

 private:
  std::map<const void*, std::map<std::string, Trackable, std::less<>>> children_;
};

/// As Python prints a variable, without its values.
std::string describe(const Variable& variable) {
  return keras::format("<tf.Variable '{}:0' shape={} dtype={}>", variable.name(), variable.shape(), variable.dtype());
}

std::string describe(const Trackable& object) {
  if (object.variable) return describe(*object.variable);
  if (object.layer) return keras::format("<keras.{} '{}'>", object.layer->class_name(), object.layer->name());
  if (object.optimizer) return keras::format("<keras.{}>", object.optimizer->class_name());
  return "<Checkpoint>";
}

std::string describe_list(const std::vector<VariablePtr>& variables, size_t most) {
  std::string text = "[";
  for (size_t i = 0; i < std::min(variables.size(), most); ++i) text += (i > 0 ? ", " : "") + describe(*variables[i]);
  return text + "]";
}

/// A node as protobuf prints it, without the children that nodes with values do not have.
std::string describe(const SavedNode& node) {
  std::string text;
  for (const SavedNode::Attribute& attribute : node.attributes) {
    text += keras::format("attributes {{\n  name: \"{}\"\n  full_name: \"{}\"\n  checkpoint_key: \"{}\"\n}}\n", attribute.name,
                          attribute.full_name, attribute.key);
  }
  return text + "has_checkpoint_values {\n  value: true\n}\n";
}

}  // namespace

Restoration::Restoration(SavedCheckpoint saved)
    : saved_(std::move(saved)), bound_(saved_.nodes().size()), objects_(saved_.nodes().size()) {}

void Restoration::plan(const TrackedRoot& root, bool wait, ReadList& reads) {
  if (saved_.nodes().empty()) return plan_by_names(root, reads);
  match(0, root.object, root.attached, &reads);
  if (wait) plan_waiting(reads);
}

void Restoration::plan_child(std::string_view name, const Trackable& object, ReadList& reads) {
  const int node = saved_.nodes().empty() ? -1 : saved_.nodes()[0].child(name);
  if (node >= 0) match(node, object, {}, &reads);
}

void Restoration::match(int node, const Trackable& object, const TrackedChildren& attached, ReadList* reads) {
  growing_.clear();
  ChildrenByName known;
  known.of(object).insert(attached.begin(), attached.end());
  std::deque<std::pair<int, Trackable>> open = {{node, object}};
  std::set<std::pair<int, const void*>> seen;
  for (; !open.empty(); open.pop_front()) {
    const auto [id, current] = open.front();
    if (!seen.emplace(id, identity_of(current)).second || !bind(id, current, reads)) continue;
    if (may_grow(current)) growing_.emplace_back(id, current);
    const auto& children = known.of(current);
    for (const auto& [name, saved_child] : saved_.nodes()[static_cast<size_t>(id)].children) {
      if (const auto found = children.find(name); found != children.end()) open.emplace_back(saved_child, found->second);
    }
  }
  match_slots(reads);
}

/// Slots of legacy optimizers belong to an optimizer and a variable, wherever these are. As in TensorFlow they are made here
/// where the optimizer has not made them yet.
void Restoration::match_slots(ReadList* reads) {
  for (const auto& [node, weak] : optimizers_) {
    const OptimizerPtr optimizer = weak.lock();
    if (!optimizer) continue;
    for (const SlotReference& reference : saved_.nodes()[static_cast<size_t>(node)].slots) {
      if (bound_[static_cast<size_t>(reference.slot)]) continue;
      const auto found = variables_.find(reference.original);
      const VariablePtr original = found == variables_.end() ? nullptr : found->second.lock();
      const VariablePtr slot = original ? optimizer->referenced_slot(original, reference.name) : nullptr;
      if (slot) bind(reference.slot, {.variable = slot}, reads);
    }
  }
}

/// False where the node belongs to another object already: two variables here that were one when saved, say.
bool Restoration::bind(int node, const Trackable& object, ReadList* reads) {
  const auto index = static_cast<size_t>(node);
  if (bound_[index]) return object.container || objects_[index].lock().get() == identity_of(object);
  bound_[index] = true;
  objects_[index] = weak(object);
  if (object.optimizer) optimizers_[node] = object.optimizer;
  if (!object.variable) return true;
  variables_[node] = object.variable;
  restore(node, object.variable, reads);
  return true;
}

void Restoration::restore(int node, const VariablePtr& variable, ReadList* reads) {
  const std::string* key = saved_.nodes()[static_cast<size_t>(node)].value_key();
  if (key == nullptr) return;
  if (!saved_.bundle().entries().contains(*key)) {
    unused_[describe(*variable)].push_back("VARIABLE_VALUE");
  } else if (reads != nullptr) {
    if (restored_.insert(variable.get()).second) saved_.plan(*key, variable, *reads);
  } else if (const auto value = waiting_.find(node); value != waiting_.end()) {
    saved_.check_fits(*key, *variable);
    variable->assign(std::move(value->second));
    waiting_.erase(value);
  }
}

/// Checkpoints without a graph: every variable takes the value of its own name.
void Restoration::plan_by_names(const TrackedRoot& root, ReadList& reads) {
  for (const Trackable& object : reachable_objects(root)) {
    if (!object.variable) continue;
    const std::string& name = object.variable->name();
    if (saved_.bundle().entries().contains(name))
      saved_.plan(name, object.variable, reads);
    else if (name != kSaveCounter)
      unused_[describe(*object.variable)].push_back(name);
  }
}

/// Reads what no object was found for, where one may still come.
void Restoration::plan_waiting(ReadList& reads) {
  std::vector<int> open;
  for (const auto& [node, object] : growing_) {
    const std::vector<int> children = awaited_children(saved_.nodes()[static_cast<size_t>(node)], object);
    open.insert(open.end(), children.begin(), children.end());
  }
  std::vector<bool> may_come = bound_, awaited(bound_.size()), slots(bound_.size());  // by node
  while (!open.empty()) {
    const auto node = static_cast<size_t>(open.back());
    open.pop_back();
    if (may_come[node]) continue;
    may_come[node] = awaited[node] = true;
    for (const auto& [name, child] : saved_.nodes()[node].children) open.push_back(child);
  }
  for (size_t node = 0; node < bound_.size(); ++node) {
    for (const SlotReference& reference : saved_.nodes()[node].slots) {
      const auto slot = static_cast<size_t>(reference.slot), original = static_cast<size_t>(reference.original);
      if (!may_come[slot] && may_come[node] && may_come[original]) slots[slot] = true;
    }
  }
  // A value that many nodes name is read once, so that a file cannot ask for more than it holds.
  std::map<std::string, Tensor> values;
  for (const std::vector<bool>* nodes : {&awaited, &slots}) {
    for (size_t node = 0; node < nodes->size(); ++node) {
      const std::string* key = (*nodes)[node] ? saved_.nodes()[node].value_key() : nullptr;
      if (key == nullptr || !saved_.bundle().entries().contains(*key)) continue;
      const auto [value, added] = values.try_emplace(*key);
      if (added) value->second = saved_.plan_tensor(*key, reads);
      if (value->second.valid()) waiting_[static_cast<int>(node)] = value->second;
    }
  }
}

void Restoration::finish() {
  if (!waiting_.empty()) {
    for (const auto& [node, object] : growing_) watch(node, object);
  }
  growing_.clear();
  restored_.clear();
}

void Restoration::watch(int node, const Trackable& object) {
  const auto ask_again = [self = shared_from_this(), node](const Trackable& grown) {
    self->match(node, grown, {}, nullptr);
    self->finish();
  };
  // The object must not keep itself alive.
  if (object.layer) {
    object.layer->when_grown([ask_again, weak = std::weak_ptr(object.layer)] {
      if (const LayerPtr layer = weak.lock()) ask_again({.layer = layer});
    });
  } else if (object.optimizer) {
    object.optimizer->when_grown([ask_again, weak = std::weak_ptr(object.optimizer)] {
      if (const OptimizerPtr optimizer = weak.lock()) ask_again({.optimizer = optimizer});
    });
  }
}

void Restoration::match_again(const TrackedRoot& root) {
  if (saved_.nodes().empty()) return;
  match(0, root.object, root.attached, nullptr);
  finish();
}

std::vector<VariablePtr> Restoration::unmatched_variables(const TrackedRoot& root) const {
  std::set<const void*> matched;
  for (const auto& object : objects_) matched.insert(object.lock().get());
  std::vector<VariablePtr> result;
  for (const Trackable& object : reachable_objects(root)) {
    if (object.variable && !matched.contains(object.variable.get())) result.push_back(object.variable);
  }
  return result;
}

std::string Restoration::why_names_do_not_match() const {
  if (unused_.empty()) return {};
  std::string text = "Some objects had attributes which were not restored: ";
  for (const auto& [variable, names] : unused_) text += keras::format("\n    {}: ['{}']", variable, names[0]);
  return text;
}

std::string Restoration::why_not_consumed(const TrackedRoot& root) const {
  std::string why = why_not_existing_matched(root);
  if (!why.empty() || saved_.nodes().empty()) return why;
  for (size_t id = 0; id < bound_.size(); ++id) {
    const SavedNode& node = saved_.nodes()[id];
    if (!node.attributes.empty() && !bound_[id])
      return keras::format("Unresolved object in checkpoint {}: {}", saved_.node_name(static_cast<int>(id)), describe(node));
  }
  if (unused_.empty()) return {};
  why = "Unused attributes in these objects (the attributes exist in the checkpoint but were not restored):";
  for (const auto& [variable, attributes] : unused_) why += keras::format("\n{}: ['{}']", variable, attributes[0]);
  return why;
}

std::string Restoration::why_not_existing_matched(const TrackedRoot& root) const {
  if (saved_.nodes().empty()) return why_names_do_not_match();
  const std::vector<VariablePtr> unmatched = unmatched_variables(root);
  if (unmatched.empty()) return {};
  const size_t shown = std::min<size_t>(10, unmatched.size());
  return keras::format(
      "Found {} Python objects that were not bound to checkpointed values, likely due to changes in the Python program. "
      "Showing {} of {} unmatched objects: {}",
      unmatched.size(), shown, unmatched.size(), describe_list(unmatched, shown));
}

std::string Restoration::why_trivial(const TrackedRoot& root) const {
  if (saved_.nodes().empty()) return why_names_do_not_match();
  // Edges that lead back to the root make no match.
  if (std::count(bound_.begin(), bound_.end(), true) > 1) return {};
  const std::vector<VariablePtr> unmatched = unmatched_variables(root);
  if (unmatched.empty())
    return keras::format("Nothing to load. No dependencies have been added to {} yet.", describe(root.object));
  return keras::format(
      "Nothing except the root object matched a checkpointed value. Typically this means that the checkpoint does not match "
      "the Python program. The following objects have no matching checkpointed value: {}",
      describe_list(unmatched, unmatched.size()));
}

}  // namespace keras
