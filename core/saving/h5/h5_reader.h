// Models from Keras's HDF5 files.
#pragma once

#include "core/formats/hdf5/hdf5_reader.h"
#include "core/keras/training/trainer.h"
#include "core/saving/read_list.h"

namespace keras {

/// The JSON of a whole-model file. Throws ValueError for a file of weights alone, saying what to call instead.
struct H5Config {
  std::string model_config;
  std::string training_config;  // empty: not compiled
};
H5Config read_h5_config(const hdf5::Reader& reader);

/// Plans the reading of the weights into `model`, by order of layers. Throws ValueError with Keras's text where number or
/// shapes differ. `group` is "model_weights", or "" for a file of weights.
void plan_h5_weights(const hdf5::Reader& reader, std::string_view group, const Functional& model, ReadList& reads);

/// Plans the reading of the optimizer's state, after building its slots. Nothing where the file has none.
void plan_h5_optimizer(const hdf5::Reader& reader, Optimizer& optimizer, const std::vector<VariablePtr>& trainable,
                       ReadList& reads);

}  // namespace keras
