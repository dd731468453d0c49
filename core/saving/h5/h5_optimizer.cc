// The state of optimizers: by position, as Keras does it, and of Keras 3 by the names of slots.
#include <algorithm>

#include "core/saving/h5/h5_assignments.h"
#include "core/saving/h5/h5_names.h"
#include "core/saving/h5/h5_reader.h"

namespace keras {
namespace {

constexpr const char* kFresh =
    "Error in loading the saved optimizer state. As a result, your model is starting with a freshly initialized optimizer.";

/// A name in the file and the variable that it is for.
using Pairs = std::vector<std::pair<std::string, VariablePtr>>;

Pairs by_position(const std::vector<std::string>& names, const std::vector<VariablePtr>& variables, size_t first_variable) {
  Pairs pairs;
  for (size_t i = 0; i < names.size() && i + first_variable < variables.size(); ++i)
    pairs.emplace_back(names[i], variables[i + first_variable]);
  return pairs;
}

/// Old files of legacy optimizers: those of Keras 1 and 2.0 to 2.2 have no iteration before RMSprop's state, and three slots
/// for each weight of Adam, of which the last means nothing. Other numbers do not fit.
std::optional<Pairs> of_legacy(std::vector<std::string> names, const Optimizer& optimizer) {
  const std::vector<VariablePtr> variables = optimizer.variables();
  if (optimizer.class_name() == "Adam" && names.size() == 3 * ((variables.size() - 1) / 2) + 1) names.resize(variables.size());
  const bool no_iteration = optimizer.class_name() == "RMSprop" && names.size() + 1 == variables.size();
  if (names.size() != variables.size() && !no_iteration) return std::nullopt;
  return by_position(names, variables, no_iteration ? 1 : 0);
}

/// Keras 3's word for a slot.
std::string_view keras_3_slot(std::string_view slot) {
  if (slot == "m") return "momentum";
  if (slot == "v") return "velocity";
  if (slot == "vhat") return "velocity_hat";
  return slot;
}

/// "adam/iteration", "adam/learning_rate", "adam/dense_kernel_momentum", …: the slots of one kind are in the order of weights.
std::optional<Pairs> of_keras_3(const std::vector<std::string>& names, const Optimizer& optimizer) {
  Pairs pairs = {{names[0], optimizer.iterations()}, {names[1], optimizer.learning_rate()}};
  std::vector<std::string> left(names.begin() + 2, names.end());
  const std::vector<VariablePtr> variables = optimizer.variables();
  for (size_t i = 1; i < variables.size(); ++i) {
    const std::string& name = variables[i]->name();  // "Adam/m/dense/kernel"
    const size_t begin = optimizer.name.size() + 1;
    const std::string_view slot = std::string_view(name).substr(begin, name.find('/', begin) - begin);
    const std::string suffix = "_" + std::string(keras_3_slot(slot));
    const auto found = std::ranges::find_if(left, [&](const std::string& candidate) { return candidate.ends_with(suffix); });
    if (found == left.end()) return std::nullopt;
    pairs.emplace_back(*found, variables[i]);
    left.erase(found);
  }
  return pairs;
}

std::optional<Pairs> pair_up(const std::vector<std::string>& names, const Optimizer& optimizer) {
  if (optimizer.is_legacy()) return of_legacy(names, optimizer);
  if (names.size() > 1 && names[1].ends_with("/learning_rate")) return of_keras_3(names, optimizer);
  return by_position(names, optimizer.variables(), 0);  // as Keras: the common leading part
}

}  // namespace

std::optional<std::string> plan_h5_optimizer(const hdf5::Reader& reader, Optimizer& optimizer,
                                             const std::vector<VariablePtr>& trainable, ReadList& reads) {
  const hdf5::Object* group = reader.find(kOptimizerWeights);
  std::vector<std::string> names;
  if (group == nullptr || !read_names(reader, *group, kWeightNames, names) || names.empty()) return std::nullopt;
  // A model that was compiled but never trained has the iteration alone, or with the learning rate.
  if (names.size() > 1 && !(names.size() == 2 && names[1].ends_with("/learning_rate"))) optimizer.build(trainable);
  const std::optional<Pairs> pairs = pair_up(names, optimizer);
  if (!pairs) return kFresh;
  gather_needs(*pairs, [&](const auto& pair) { reader.find(std::string(kOptimizerWeights) + "/" + pair.first); });
  H5Assignments assignments(reader);
  std::optional<std::string> warning;
  for (const auto& [name, variable] : *pairs) {
    const std::string path = std::string(kOptimizerWeights) + "/" + name;
    const hdf5::Dataset& dataset = dataset_at(reader, path);
    if (Shape(dataset.shape) != variable->shape()) {
      warning = kFresh;
      break;
    }
    assignments.add({path, &dataset, Shape(dataset.shape), std::nullopt}, variable);
  }
  if (!warning || !optimizer.is_legacy()) assignments.commit(reads);
  return warning;
}

}  // namespace keras
