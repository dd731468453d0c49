// Weights in the layout of Keras's v3 format: `model.weights.h5` and the `*.weights.h5` that save_weights writes. Groups follow
// the objects, `layers/dense_1/vars`, and datasets are numbers. Layout: docs/formats/hdf5.md.
#pragma once

#include "core/base/byte_sink.h"
#include "core/saving/h5/h5_reader.h"

namespace keras {

/// What Keras 2.15's save_weights writes: layers, and of a compiled model optimizer and metrics.
/// Throws ValueError: a model that is not built.
OutputFile write_v3_weights(const Trainer& trainer, std::string path);

/// Plans the reading into a model and, where it has the same number of variables, its optimizer (or null): files of Keras
/// 2.12 to 3. Returns warnings, in Keras's words. Throws ValueError where number or shapes differ; nothing is changed then.
/// With options.skip_mismatch a layer that does not fit is left as it is, with a warning.
std::vector<std::string> plan_v3_weights(const hdf5::Reader& reader, const Model& model, Optimizer* optimizer,
                                         const H5LoadOptions& options, ReadList& reads);

}  // namespace keras
