// Symbolic tensors as they cross: those of a Functional model {layer, node, tensor, shape, dtype}, those of a call that is
// being traced {graph, node, output, shape, dtype}.
#pragma once

#include "wasm/convert.h"
#include "wasm/engine.h"

namespace keras {

/// While it lives, ops that JavaScript asks for go into the graph of this call.
class TraceScope {
 public:
  explicit TraceScope(CallContext& context);
  ~TraceScope();
  TraceScope(const TraceScope&) = delete;
  TraceScope& operator=(const TraceScope&) = delete;
};

/// Throw RuntimeError outside of a call.
Trace& current_trace_entry();
inline CallContext& current_trace() { return *current_trace_entry().context; }

val graph_tensor_to_js(const Value& value);
val graph_tensors_to_js(const Values& values);
/// Also {variable: id}, which is read, and a real tensor, which becomes a constant.
Value graph_tensor_from_js(const val& value);
Values graph_tensors_from_js(const val& list);

val keras_tensor_to_js(const KerasTensor& tensor);
std::vector<KerasTensor> keras_tensors_from_js(const val& list);

/// "single", "list", or the keys of a dict.
Structure structure_from_js(const val& value);
val structure_to_js(const Structure& structure);

std::vector<Shape> shapes_from_js(const val& list);
val shapes_to_js(const std::vector<Shape>& shapes);

/// `makers`: by name, functions from a config's text to the number of the layer made from it.
CustomObjects custom_objects_from_js(const val& makers);

}  // namespace keras
