// A tensor inside a graph that is being traced: what layers, gradients and op builders compute with.
#pragma once

#include <span>
#include <string_view>
#include <vector>

#include "core/ops/attr.h"

namespace keras {

class Emitter;

/// One output of one node of the graph behind `emitter`. Cheap to copy; valid as long as the emitter is.
struct Value {
  Emitter* emitter = nullptr;
  int32_t node = -1;
  int32_t output = 0;

  /// False for "no value": an absent gradient or an optional input.
  bool valid() const { return emitter != nullptr; }
  DType dtype() const;
  /// The static shape: unknown dimensions are -1.
  const Shape& shape() const;
  /// The value where it is known while tracing (constants, shapes of known tensors), else null.
  const Tensor* constant() const;

  friend bool operator==(const Value&, const Value&) = default;
};

using Values = std::vector<Value>;

/// What op builders (core/ops/builders.h) and gradients write to. Implemented by graph/'s GraphBuilder.
class Emitter {
 public:
  virtual ~Emitter() = default;

  /// Adds a node. Dtype attributes that follow from the inputs are filled in, as are defaults.
  /// Throws InvalidArgumentError (inputs or attributes do not fit the op), UnimplementedError (no such op).
  virtual Values emit(std::string_view op, std::span<const Value> inputs, Attrs attrs = {}) = 0;
  virtual Value constant(Tensor value) = 0;

  virtual DType dtype_of(const Value& value) const = 0;
  virtual const Shape& shape_of(const Value& value) const = 0;
  virtual const Tensor* constant_of(const Value& value) const = 0;
  /// The op that made the value, its inputs and attributes.
  virtual std::string_view op_of(const Value& value) const = 0;
  virtual Values inputs_of(const Value& value) const = 0;
  virtual const Attrs& attrs_of(const Value& value) const = 0;
};

inline DType Value::dtype() const { return emitter->dtype_of(*this); }
inline const Shape& Value::shape() const { return emitter->shape_of(*this); }
inline const Tensor* Value::constant() const { return emitter->constant_of(*this); }

}  // namespace keras
