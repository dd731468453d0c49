// Models from Keras's HDF5 files.
#pragma once

#include <optional>

#include "core/formats/hdf5/hdf5_reader.h"
#include "core/keras/training/trainer.h"
#include "core/saving/read_list.h"

namespace keras {

/// The JSON of a whole-model file. Throws ValueError for a file of weights alone, saying what to call instead.
struct H5Config {
  std::string model_config;
  std::string training_config;  // empty: not compiled
  bool keras_1 = false;         // it is in the words of Keras 1
};
H5Config read_h5_config(const hdf5::Reader& reader);

struct H5LoadOptions {
  bool by_name = false;        // layers are matched by name, not by position; layers the model has not are left out
  bool skip_mismatch = false;  // a layer or weight that does not fit is left as it is, with a warning; see by_name
};

/// Plans the reading of the weights into `model`. Weights of old files are converted (h5_conversions.h). Returns warnings of
/// what was skipped, in Keras's words. Throws ValueError with Keras's text where number or shapes differ; the model is then
/// unchanged. `group` is "model_weights", or "" for a file of weights.
std::vector<std::string> plan_h5_weights(const hdf5::Reader& reader, std::string_view group, const Model& model,
                                         const H5LoadOptions& options, ReadList& reads);

/// Plans the reading of the optimizer's state, after building its slots: what Keras 2 and 3 and their forerunners wrote.
/// Returns Keras's warning where it does not fit: a legacy optimizer then begins anew, one of the new family has taken what
/// came before. Nothing where the file has none.
std::optional<std::string> plan_h5_optimizer(const hdf5::Reader& reader, Optimizer& optimizer,
                                             const std::vector<VariablePtr>& trainable, ReadList& reads);

}  // namespace keras
