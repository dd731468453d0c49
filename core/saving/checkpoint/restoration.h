// Restoring by object graph, as tf.train.Checkpoint does: saved and existing objects are walked from their roots side by
// side, matched by the names of children. Values whose objects do not exist yet wait: a layer that makes its weights later, an
// optimizer that makes its slots at the first step, a model that is compiled later still get them.
#pragma once

#include <map>
#include <memory>
#include <set>
#include <string>
#include <vector>

#include "core/saving/checkpoint/object_graph.h"
#include "core/saving/checkpoint/saved_checkpoint.h"

namespace keras {

class Restoration : public std::enable_shared_from_this<Restoration> {
 public:
  explicit Restoration(SavedCheckpoint saved);

  /// Matches and plans the reads; with `wait`, those of values that have to wait too. Throws as SavedCheckpoint::plan does. Of a
  /// variable that stands twice in the graph, the first place counts.
  void plan(const TrackedRoot& root, bool wait, ReadList& reads);
  /// Matches `object` and what is below it with what the saved graph has under that name below its root, if anything.
  void plan_child(std::string_view name, const Trackable& object, ReadList& reads);
  /// When all has been read: lets objects that may grow ask for the values that wait.
  void finish();
  /// Matches what has come to the tree since, and gives it the values that waited.
  void match_again(const TrackedRoot& root);

  const SavedCheckpoint& saved() const { return saved_; }
  /// What Python's assertions say, or "" where they hold.
  std::string why_not_consumed(const TrackedRoot& root) const;
  std::string why_not_existing_matched(const TrackedRoot& root) const;
  std::string why_trivial(const TrackedRoot& root) const;
  /// Those that no value was found for.
  std::vector<VariablePtr> unmatched_variables(const TrackedRoot& root) const;

 private:
  void match(int node, const Trackable& object, const TrackedChildren& attached, ReadList* reads);
  bool bind(int node, const Trackable& object, ReadList* reads);
  void restore(int node, const VariablePtr& variable, ReadList* reads);
  void match_slots(ReadList* reads);
  void plan_by_names(const TrackedRoot& root, ReadList& reads);
  void plan_waiting(ReadList& reads);
  void watch(int node, const Trackable& object);
  std::string why_names_do_not_match() const;

  SavedCheckpoint saved_;
  std::vector<bool> bound_;                                 // by node
  std::vector<std::weak_ptr<const void>> objects_;          // by node; lists and dicts have none
  std::map<int, std::weak_ptr<Variable>> variables_;        // by node, those that are bound
  std::map<int, std::weak_ptr<Optimizer>> optimizers_;      // the same
  std::set<const Variable*> restored_;                      // by this restore, the first place counts
  std::map<int, Tensor> waiting_;                           // by node
  std::vector<std::pair<int, Trackable>> growing_;          // met in the last match: may get children later
  std::map<std::string, std::vector<std::string>> unused_;  // variable → attributes that no value was found for
};

}  // namespace keras
