// One walk over the objects serves writing and reading. Source: keras/src/saving/saving_lib.py, _save_state and _load_state.
#include "core/saving/h5/h5_v3.h"

#include <algorithm>
#include <functional>
#include <map>
#include <ranges>
#include <set>

#include "core/keras/session.h"
#include "core/saving/h5/h5_assignments.h"
#include "core/saving/h5/h5_names.h"
#include "core/saving/h5/h5_types.h"

namespace keras {
namespace {

constexpr std::string_view kLayers = "layers";
constexpr std::string_view kLayersOfKeras212 = "_layer_checkpoint_dependencies";

/// A layer or model, and where its own variables stand: the group "<path>/vars".
struct V3Object {
  std::string path;
  const Layer* layer;
  std::vector<VariablePtr> variables;
};

std::string join(const std::string& path, std::string_view name) {
  return path.empty() ? std::string(name) : path + "/" + std::string(name);
}

/// Names of the members of one container: by class, numbered from the second on.
class MemberNames {
 public:
  std::string next(std::string_view class_name) {
    const std::string name = snake_case(class_name);
    const int number = used_[name]++;
    return number == 0 ? name : name + "_" + std::to_string(number);
  }

 private:
  std::map<std::string, int> used_;
};

class Walk {
 public:
  std::vector<V3Object> objects(const Model& model) {
    visit(model, "", 0);
    return std::move(objects_);
  }

 private:
  void visit(const Layer& layer, const std::string& path, int64_t depth) {
    if (!visited_.insert(&layer).second) return;
    if (depth > layer.session().limits.nesting_depth)
      throw ResourceExhaustedError("Layers are nested more than {} deep (limits.nestingDepth)", depth);
    objects_.push_back({path, &layer, layer.own_variables()});
    TrackedChildren attributes;
    const auto* model = dynamic_cast<const Model*>(&layer);
    if (model == nullptr || model->is_custom()) attributes = layer.tracked_children();
    if (model != nullptr) attributes.emplace_back(kLayers, layer_list(*model));
    visit_attributes(std::move(attributes), path, depth);
  }

  /// A model's property of that name, which Keras meets among the attributes.
  static Trackable layer_list(const Model& model) {
    auto list = std::make_shared<Container>();
    for (const LayerPtr& layer : model.layers()) list->children.emplace_back("", Trackable{.layer = layer});
    return {.container = std::move(list)};
  }

  /// In the order of attribute names from z to a; the members of a list or dict in theirs, one level deep.
  void visit_attributes(TrackedChildren children, const std::string& path, int64_t depth) {
    std::ranges::stable_sort(children, std::greater<>(), &std::pair<std::string, Trackable>::first);
    for (const auto& [attribute, child] : children) {
      if (child.layer) visit(*child.layer, join(path, attribute), depth + 1);
      if (!child.container) continue;
      MemberNames names;
      for (const auto& [key, member] : child.container->children) {
        if (member.layer) visit_member(*member.layer, join(path, attribute), names, depth);
      }
    }
  }

  void visit_member(const Layer& member, const std::string& container, MemberNames& names, int64_t depth) {
    if (visited_.contains(&member)) return;  // what stands elsewhere takes no number
    visit(member, join(container, names.next(member.class_name())), depth + 1);
  }

  std::set<const Layer*> visited_;
  std::vector<V3Object> objects_;
};

void add_variables(hdf5::WriterGroup& root, const std::string& path, const std::vector<VariablePtr>& variables) {
  hdf5::WriterGroup& group = root.at(join(path, "vars"));
  for (size_t i = 0; i < variables.size(); ++i) {
    const Tensor value = variables[i]->read();
    group.add_dataset(std::to_string(i), h5_type(value.dtype()), value.shape().dims(), value.bytes(), value.owner());
  }
}

/// Keras makes the metrics of a model that it loads at once, and then asks a file for them. Ours are made by the first batch:
/// before it, those are written that there would be if the targets were like the outputs, as Keras assumes.
std::vector<MetricPtr> saved_metrics(const Trainer& trainer) {
  if (!trainer.model()->knows_signature()) return {};
  if (trainer.losses() != nullptr && trainer.losses()->metrics_made()) return trainer.losses()->metrics();
  CompiledLosses losses(*trainer.model(), trainer.config());
  std::vector<Shape> shapes;
  for (const TensorSpec& output : trainer.model()->output_specs()) shapes.push_back(output.shape);
  losses.ensure_metrics(shapes, shapes, trainer.model()->session());
  return losses.metrics();
}

/// Reads into objects what stands under their paths.
class V3Plan {
 public:
  V3Plan(const hdf5::Reader& reader, const H5LoadOptions& options, ReadList& reads)
      : reader_(reader), options_(options), reads_(reads) {}

  void layers(const Model& model) {
    const std::vector<V3Object> objects = Walk().objects(model);
    gather_needs(objects, [&](const V3Object& object) {
      const std::string path = path_of(object.path);
      gather_needs(std::views::iota(size_t{0}, object.variables.size()),
                   [&](size_t i) { reader_.find(join(path, "vars/" + std::to_string(i))); });
    });
    for (const V3Object& object : objects) {
      try {
        layer(object);
      } catch (const ValueError& error) {
        if (!options_.skip_mismatch) throw;
        warnings_.push_back(
            keras::format("Could not load weights in object <{} '{}'>. Skipping object. Exception encountered: {}",
                          object.layer->class_name(), object.layer->name(), error.message()));
      }
    }
  }

  /// As many variables, or, as in Keras, none of them and a warning.
  void optimizer(Optimizer& optimizer) {
    const hdf5::Object* group = group_of("optimizer");
    if (group == nullptr) return;
    std::vector<VariablePtr> variables = optimizer.variables();
    // Keras 3 has the learning rate, too, behind the iteration.
    if (group->links.size() == variables.size() + 1) variables.insert(variables.begin() + 1, optimizer.learning_rate());
    if (group->links.size() != variables.size()) {
      warnings_.push_back(keras::format(
          "Skipping variable loading for optimizer '{}', because it has {} variables whereas the saved optimizer has {} "
          "variables. ",
          optimizer.name, variables.size(), group->links.size()));
      return;
    }
    H5Assignments assignments(reader_);
    try {
      for (size_t i = 0; i < variables.size(); ++i) assign("optimizer/vars/" + std::to_string(i), variables[i], assignments);
    } catch (const ValueError& error) {
      if (!options_.skip_mismatch) throw;
      warnings_.push_back(keras::format("Could not load weights in object <{} '{}'>. Skipping object. Exception encountered: {}",
                                        optimizer.class_name(), optimizer.name, error.message()));
      return;
    }
    assignments_.add_all(std::move(assignments));
  }

  std::vector<std::string> commit() {
    assignments_.commit(reads_);
    return std::move(warnings_);
  }

 private:
  void layer(const V3Object& object) {
    const std::string path = path_of(object.path);
    const hdf5::Object* group = group_of(path);
    const size_t found = group == nullptr ? 0 : group->links.size();
    if (found != object.variables.size()) {
      throw ValueError("Layer '{}' expected {} variables, but received {} variables during loading. Expected: {}",
                       object.layer->name(), object.variables.size(), found, names_of(object.variables))
          .at(join(path, "vars"));
    }
    H5Assignments assignments(reader_);  // of the layer: all of them fit, or none is assigned
    for (size_t i = 0; i < found; ++i) assign(join(path, "vars/" + std::to_string(i)), object.variables[i], assignments);
    assignments_.add_all(std::move(assignments));
  }

  void assign(const std::string& path, const VariablePtr& variable, H5Assignments& assignments) {
    const hdf5::Object* object = reader_.find(path);
    if (object == nullptr || !object->dataset)
      throw ValueError("{}: '{}' is missing, the value of variable '{}'", reader_.source().name(), path, variable->name())
          .at(path);
    assignments.add({path, &*object->dataset, Shape(object->dataset->shape), std::nullopt}, variable);
  }

  const hdf5::Object* group_of(const std::string& path) const { return reader_.find(join(path, "vars")); }

  /// Every "layers" of a path is another word in files of Keras 2.12.
  std::string path_of(const std::string& path) const {
    if (reader_.find(kLayers) != nullptr || reader_.find(kLayersOfKeras212) == nullptr) return path;
    std::string result;
    for (size_t at = 0; at < path.size();) {
      const size_t end = std::min(path.find('/', at), path.size());
      const std::string_view part = std::string_view(path).substr(at, end - at);
      result = join(result, part == kLayers ? kLayersOfKeras212 : part);
      at = end + 1;
    }
    return result;
  }

  static std::string names_of(const std::vector<VariablePtr>& variables) {
    std::string text = "[";
    for (const VariablePtr& variable : variables) text += (text.size() > 1 ? ", '" : "'") + variable->name() + ":0'";
    return text + "]";
  }

  const hdf5::Reader& reader_;
  H5LoadOptions options_;
  ReadList& reads_;
  H5Assignments assignments_{reader_};
  std::vector<std::string> warnings_;
};

}  // namespace

OutputFile write_v3_weights(const Trainer& trainer, std::string path) {
  const Model& model = *trainer.model();
  require_built(model);
  hdf5::WriterGroup root;
  for (const V3Object& object : Walk().objects(model)) add_variables(root, object.path, object.variables);
  if (trainer.compiled()) {
    add_variables(root, "optimizer", trainer.optimizer()->variables());
    MemberNames names;
    for (const MetricPtr& metric : saved_metrics(trainer))
      add_variables(root, "metrics/" + names.next(metric->class_name()), metric->variables());
  }
  return hdf5::write_file(std::move(path), root);
}

std::vector<std::string> plan_v3_weights(const hdf5::Reader& reader, const Model& model, Optimizer* optimizer,
                                         const H5LoadOptions& options, ReadList& reads) {
  if (options.by_name)
    throw ValueError("{}: a file in the layout of Keras's v3 format has no names of layers; load it without `byName`.",
                     reader.source().name())
        .at(reader.source().name());
  require_built(model);
  V3Plan plan(reader, options, reads);
  plan.layers(model);
  if (optimizer != nullptr) plan.optimizer(*optimizer);
  return plan.commit();
}

}  // namespace keras
