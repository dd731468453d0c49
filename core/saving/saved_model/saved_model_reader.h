// Keras models from SavedModels: config from keras_metadata.pb, values from variables/.
#pragma once

#include <map>
#include <memory>
#include <string>
#include <vector>

#include "core/formats/tensor_bundle/bundle_reader.h"
#include "core/keras/models/functional.h"
#include "core/keras/training/trainer.h"
#include "core/saving/file_set.h"
#include "core/saving/read_list.h"

namespace keras {

constexpr const char* kSavedModelFile = "saved_model.pb";
constexpr const char* kMetadataFile = "keras_metadata.pb";
constexpr const char* kAssetsFolder = "assets/";
constexpr const char* kVariablesPrefix = "variables/variables";

/// The files of a SavedModel by path below its folder.
using SavedModelMembers = std::map<std::string, SourcePtr>;
/// Throws NotFoundError.
const SourcePtr& member_of(const SavedModelMembers& members, const std::string& path);

/// The checkpoint of a SavedModel's variables.
struct VariablesBundle {
  std::shared_ptr<const BundleReader> reader;
  std::vector<SourcePtr> shards;
};
/// Throws NotFoundError, DataLossError, ResourceExhaustedError, NeedBytes.
VariablesBundle open_variables(const SavedModelMembers& members, const Limits& limits);

/// The root's entry of keras_metadata.pb, as JSON: class_name, config, training_config.
/// Throws DataLossError (broken), ValueError (no Keras model in it).
Json read_root_metadata(const ByteSource& metadata, const Limits& limits);

/// Plans the reading of all weights of `model`, and of the optimizer's state (or null), from a bundle, along the object
/// graph. Optimizer slots are built where the file has them. Throws NotFoundError naming a variable that the file lacks.
void plan_bundle(const std::shared_ptr<const BundleReader>& bundle, const std::vector<SourcePtr>& shards,
                 const FunctionalPtr& model, const OptimizerPtr& optimizer, const Limits& limits, ReadList& reads);

}  // namespace keras
