// The graph of a SavedModel: the model's inference as a function, the main graph that calls it, and save and restore ops.
#pragma once

#include <map>

#include "core/graph/function.h"
#include "core/keras/training/trainer.h"
#include "core/saving/checkpoint/object_graph.h"
#include "proto/saved_model.pb.h"

namespace keras {

/// The model's inference, inputs and outputs in order of their names, as TensorFlow flattens dicts.
struct ServingFunction {
  FunctionPtr function;
  std::string name = "__inference_signature_wrapper_1";
  std::vector<std::string> input_names, output_names;  // sorted
};
ServingFunction trace_serving(const Functional& model);

/// Fills in graph, signature and saver. `keys`: checkpoint key of each variable.
void write_serving_graph(const ServingFunction& serving, const std::vector<std::pair<VariablePtr, std::string>>& keys,
                         tensorflow::MetaGraphDef& meta_graph);

}  // namespace keras
