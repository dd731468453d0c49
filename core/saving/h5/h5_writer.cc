// The layout of Keras's HDF5 files. Weights are borrowed, not copied.
#include "core/saving/h5/h5_writer.h"

#include "core/keras/models/serialization.h"
#include "core/saving/h5/h5_names.h"
#include "core/saving/h5/h5_types.h"

namespace keras {
namespace {

void add_weights(hdf5::WriterGroup& group, const std::vector<VariablePtr>& variables) {
  std::vector<std::string> names;
  for (const VariablePtr& variable : variables) {
    names.push_back(variable->name() + ":0");
    const Tensor value = variable->read();
    group.add_dataset(names.back(), h5_type(value.dtype()), value.shape().dims(), value.bytes(), value.owner());
  }
  write_names(group, kWeightNames, names);
}

void set_versions(hdf5::WriterGroup& group) {
  group.set_attribute(kBackend, std::string("tensorflow"));
  group.set_attribute(kKerasVersion, std::string(kWrittenVersion));
}

void add_model_weights(hdf5::WriterGroup& group, const Model& model) {
  std::vector<std::string> names;
  for (const LayerPtr& layer : model.layers()) names.push_back(layer->name());
  write_names(group, kLayerNames, names);
  set_versions(group);
  for (const LayerPtr& layer : model.layers()) add_weights(group.at(layer->name()), h5_weights(*layer));
  add_weights(group.group(kTopLevelWeights), model.own_variables());
}

}  // namespace

OutputFile write_h5_model(const Trainer& trainer, bool include_optimizer, std::string path) {
  const auto* functional = dynamic_cast<const Functional*>(trainer.model().get());
  if (functional == nullptr) {
    throw UnimplementedError(
        "Saving the model to HDF5 format requires the model to be a Functional model or a Sequential model. It does not work for "
        "subclassed models, because such models are defined via the body of a method, which isn't safely serializable. Consider "
        "using `saveWeights`.");
  }
  const Functional& model = *functional;
  require_built(model);
  hdf5::WriterGroup root;
  set_versions(root);
  root.set_attribute(
      kModelConfig, dump_json({{"class_name", std::string(model.class_name())}, {"config", model.network_config(Dialect::kH5)}}));
  add_model_weights(root.group(kModelWeights), model);
  if (trainer.compiled() && include_optimizer) {
    root.set_attribute(kTrainingConfig, dump_json(trainer.training_config()));
    add_weights(root.group(kOptimizerWeights), trainer.optimizer()->variables());
  }
  return hdf5::write_file(std::move(path), root);
}

OutputFile write_h5_weights(const Model& model, std::string path) {
  require_built(model);
  hdf5::WriterGroup root;
  add_model_weights(root, model);
  return hdf5::write_file(std::move(path), root);
}

}  // namespace keras
