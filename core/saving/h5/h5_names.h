// Names of groups and attributes in Keras's HDF5 files.
#pragma once

#include <string>
#include <vector>

#include "core/formats/hdf5/hdf5_reader.h"
#include "core/formats/hdf5/hdf5_writer.h"
#include "core/keras/models/model.h"

namespace keras {

constexpr const char* kModelConfig = "model_config";
constexpr const char* kTrainingConfig = "training_config";
constexpr const char* kModelWeights = "model_weights";
constexpr const char* kOptimizerWeights = "optimizer_weights";
constexpr const char* kTopLevelWeights = "top_level_model_weights";
constexpr const char* kLayerNames = "layer_names";
constexpr const char* kWeightNames = "weight_names";
constexpr const char* kBackend = "backend";
constexpr const char* kKerasVersion = "keras_version";
constexpr const char* kWrittenVersion = "2.15.0";

/// The weights of a layer in the order of HDF5 files: trainable ones first, then the others, over all layers inside.
std::vector<VariablePtr> h5_weights(const Layer& layer);

/// Throws ValueError with Keras's text for a model whose weights have not been made.
void require_built(const Model& model);

/// Whether a file of no model and no `layer_names` has groups as Keras's v3 format makes them ("model.weights.h5").
bool is_v3_weights(const hdf5::Reader& reader);

/// A list of names that may be split over "name0", "name1", …; false if there is none.
bool read_names(const hdf5::Reader& reader, const hdf5::Object& object, const std::string& attribute,
                std::vector<std::string>& names);
/// Splits lists over 64,512 bytes as Keras does, into rows of strings of one length. (h5py cannot write lists of more than 4032
/// shorter names, whose references are longer than themselves: they are such rows, too.)
void write_names(hdf5::WriterGroup& group, const std::string& attribute, const std::vector<std::string>& names);

}  // namespace keras
