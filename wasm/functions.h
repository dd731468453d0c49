// Functions with handles, and functions that are being traced.
#pragma once

#include "core/graph/executor.h"
#include "core/graph/function_trace.h"
#include "core/keras/layers/layer.h"

namespace keras {

/// A Function that JavaScript can call.
struct CallableFunction {
  explicit CallableFunction(FunctionPtr traced) : function(std::move(traced)), executor(function) {}
  FunctionPtr function;
  Executor executor;
};

/// A function whose JavaScript code is running, or has run: from beginTrace() until it is compiled or made part of another.
struct TracedFunction {
  TracedFunction(std::string name, const Limits& limits, bool training)
      : trace(std::move(name), limits), context{trace.builder(), training, {}} {}
  FunctionTrace trace;
  CallContext context;
};

}  // namespace keras
