// StructuredValues: how SavedModels write the arguments and results of functions. Here as JSON for whoever matches calls.
#pragma once

#include <vector>

#include "core/keras/config/json.h"
#include "core/tensor/tensor_spec.h"
#include "proto/saved_model.pb.h"

namespace keras {

/// Plain values as themselves; {"tensor": name, "dtype", "shape"}; {"list": […]}, {"tuple": […]}, {"dict": [[key, value]…]},
/// {"namedtuple": name, "fields": [[key, value]…]}; {"type": …} for what has no tensors that we know.
Json structured_to_json(const tensorflow::StructuredValue& value);

/// The tensors in TensorFlow's order: dicts by key. Throws UnimplementedError for ragged, sparse and other composite tensors.
std::vector<TensorSpec> flat_specs(const tensorflow::StructuredValue& value);

}  // namespace keras
