// Functions of the user's own and of SavedModels: traced, differentiated, called.
#include "wasm/functions.h"

#include <emscripten/bind.h>

#include "core/graph/gradients.h"
#include "core/saving/saved_model/saved_graph.h"
#include "wasm/convert.h"
#include "wasm/engine.h"
#include "wasm/layers.h"

namespace keras {
namespace {

int add_callable(const FunctionPtr& function) { return engine().functions.add(std::make_shared<CallableFunction>(function)); }

/// Ops go into a new function until end_trace() or abort_trace(). Returns its number.
int begin_trace(const std::string& name, bool training) {
  return guarded([&] {
    const auto traced = std::make_shared<TracedFunction>(name, engine().session.limits, training);
    engine().open_trace(traced->context, &traced->trace);
    return engine().traced.add(traced);
  });
}

val trace_arg(const std::string& name, const std::string& dtype, const val& shape) {
  return guarded([&] {
    const DType type = parse_dtype(dtype);
    if (type == DType::kInvalid) throw TypeError("'{}' is no dtype", dtype);
    Trace& innermost = current_trace_entry();
    if (innermost.function == nullptr) throw RuntimeError("No function is being traced.");
    return graph_tensor_to_js(innermost.function->arg(name, type, shape_from_js(shape)));
  });
}

/// The trace ends; its results are kept until it is compiled or made part of another.
void end_trace(int id, const val& results) {
  guarded([&] {
    const auto& traced = engine().traced.get(id);
    traced->trace.set_results(graph_tensors_from_js(results));
    engine().close_trace();
  });
}

/// The traces that are open down to `id` end; nothing becomes of them.
void abort_trace(int id) {
  guarded([&] {
    const auto traced = engine().traced.get(id);
    while (engine().is_open(traced->context)) engine().close_trace();
    engine().traced.release(id);
  });
}

/// {function, captured: values of the graph around that it takes as last arguments}.
val compile_trace(int id) {
  return guarded([&] {
    const auto traced = engine().traced.get(id);
    engine().traced.release(id);
    const Values captured = traced->trace.captured();
    val result = val::object();
    result.set("captured", graph_tensors_to_js(captured));
    result.set("function", add_callable(traced->trace.finish(captured)));
    return result;
  });
}

/// Gradients of Σ ys · grad_ys in the graph that is being traced; null where nothing depends on an x.
val trace_gradients(const val& ys, const val& xs) {
  return guarded([&] {
    GraphBuilder& builder = current_trace().builder;
    Values wanted;
    const unsigned count = xs["length"].as<unsigned>();
    for (unsigned i = 0; i < count; ++i) {
      const val variable = xs[i]["variable"];
      wanted.push_back(variable.isUndefined() ? graph_tensor_from_js(xs[i])
                                              : builder.handle(engine().variables.get(variable.as<int>())));
    }
    val result = val::array();
    for (const Value& gradient : gradients(builder, graph_tensors_from_js(ys), wanted)) {
      result.call<void>("push", gradient.valid() ? graph_tensor_to_js(gradient) : val::null());
    }
    return result;
  });
}

/// The variables that the graph has used so far.
val traced_variables() {
  return guarded([&] { return variables_to_js(current_trace().builder.captured_variables()); });
}

/// `kind`: "Assign", "AssignAdd" or "AssignSub".
void assign_in_trace(const std::string& kind, int variable, const val& value) {
  guarded([&] {
    GraphBuilder& builder = current_trace().builder;
    const std::array inputs = {builder.handle(engine().variables.get(variable)), graph_tensor_from_js(value)};
    builder.emit(kind + "VariableOp", inputs);
  });
}

val cond_in_trace(const val& condition, int then_id, int else_id) {
  return guarded([&] {
    const auto then_branch = engine().traced.get(then_id), else_branch = engine().traced.get(else_id);
    engine().traced.release(then_id);
    engine().traced.release(else_id);
    return graph_tensors_to_js(
        emit_cond(current_trace().builder, graph_tensor_from_js(condition), then_branch->trace, else_branch->trace));
  });
}

val while_in_trace(int condition_id, int body_id, const val& inputs) {
  return guarded([&] {
    const auto condition = engine().traced.get(condition_id), body = engine().traced.get(body_id);
    engine().traced.release(condition_id);
    engine().traced.release(body_id);
    return graph_tensors_to_js(emit_while(current_trace().builder, condition->trace, body->trace, graph_tensors_from_js(inputs)));
  });
}

val run_function(int id, const val& inputs) {
  return guarded([&] {
    const auto function = engine().functions.get(id);
    return tensors_to_js(function->executor.run(tensors_from_js(inputs), engine().runtime));
  });
}

/// A call inside what is being traced.
val call_function(int id, const val& inputs) {
  return guarded([&] {
    const auto function = engine().functions.get(id);
    return graph_tensors_to_js(current_trace().builder.call(function->function, graph_tensors_from_js(inputs)));
  });
}

void release_function(int id) { engine().functions.release(id); }

int graph_function(int graph, int number) {
  return guarded([&] { return add_callable(engine().graphs.get(graph)->function(static_cast<size_t>(number))); });
}

void release_graph(int id) { engine().graphs.release(id); }

}  // namespace

EMSCRIPTEN_BINDINGS(keras_functions) {
  emscripten::function("beginTrace", &begin_trace);
  emscripten::function("traceArg", &trace_arg);
  emscripten::function("endTrace", &end_trace);
  emscripten::function("abortTrace", &abort_trace);
  emscripten::function("compileTrace", &compile_trace);
  emscripten::function("traceGradients", &trace_gradients);
  emscripten::function("tracedVariables", &traced_variables);
  emscripten::function("assignInTrace", &assign_in_trace);
  emscripten::function("condInTrace", &cond_in_trace);
  emscripten::function("whileInTrace", &while_in_trace);
  emscripten::function("runFunction", &run_function);
  emscripten::function("callFunction", &call_function);
  emscripten::function("releaseFunction", &release_function);
  emscripten::function("graphFunction", &graph_function);
  emscripten::function("releaseGraph", &release_graph);
}

}  // namespace keras
