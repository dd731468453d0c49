// The op registry: everything about an op stands in one entry of one family file; all.cc lists the families.
#pragma once

#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "core/base/limits.h"
#include "core/kernels/context.h"
#include "core/ops/op_signature.h"
#include "core/ops/value.h"

namespace keras {

/// What a shape function sees and fills in. It accepts unknown dimensions and ranks, never guesses, and throws
/// InvalidArgumentError for shapes that do not fit. Outputs not set are of unknown rank.
class ShapeContext {
 public:
  virtual ~ShapeContext() = default;
  virtual int inputs() const = 0;
  virtual const Shape& input(int index) const = 0;
  virtual DType input_dtype(int index) const = 0;
  /// The input's value where it is known already, else null.
  virtual const Tensor* input_value(int index) const = 0;
  virtual const Attrs& attrs() const = 0;
  virtual void set_output(int index, Shape shape) = 0;
};

class Resources;

/// What a kernel sees. Signature and shape function have been checked; it checks only what depends on values.
class KernelContext {
 public:
  virtual ~KernelContext() = default;
  virtual int inputs() const = 0;
  virtual const Tensor& input(int index) const = 0;
  /// Input `index` to keep or to change: the only handle of it where nobody needs it after this op, so that an object whose
  /// owner has no other user may be changed in place. input(index) is empty from then on.
  virtual Tensor take_input(int index) = 0;
  virtual int outputs() const = 0;
  virtual DType output_dtype(int index) const = 0;
  virtual const Attrs& attrs() const = 0;
  /// Memory for output `index`, uninitialised; of an op marked kInPlace it may be the memory of an input of equal size.
  virtual Tensor& output(int index, const Shape& shape) = 0;
  /// Makes an existing tensor the output: another shape of an input (op marked kAliasesInput), a variable's value.
  virtual void set_output(int index, Tensor tensor) = 0;
  /// Threads and scratch memory.
  virtual kernels::Context& kernels() = 0;
  /// The seed state of the engine's stateful random ops: a new 64-bit number at each call.
  virtual uint64_t next_random() = 0;
  /// What the engine's ops find by name.
  virtual Resources& resources() = 0;
  /// Runs a function that an attribute names. Throws ResourceExhaustedError when nested too deeply.
  virtual std::vector<Tensor> call(const FunctionRef& function, std::vector<Tensor> inputs) = 0;
  virtual const Limits& limits() const = 0;
};

/// What a gradient sees: the forward node's inputs, outputs and attributes and the gradients of its outputs.
class GradContext {
 public:
  GradContext(Emitter& emitter, Values inputs, Values outputs, Values upstream, const Attrs& attrs)
      : emitter_(emitter),
        inputs_(std::move(inputs)),
        outputs_(std::move(outputs)),
        upstream_(std::move(upstream)),
        attrs_(attrs) {}

  Emitter& emitter() { return emitter_; }
  int inputs() const { return static_cast<int>(inputs_.size()); }
  const Value& input(int index) const { return inputs_[static_cast<size_t>(index)]; }
  const Value& output(int index) const { return outputs_[static_cast<size_t>(index)]; }
  int outputs() const { return static_cast<int>(outputs_.size()); }
  /// Not valid() where nothing depends on that output.
  const Value& upstream(int index) const { return upstream_[static_cast<size_t>(index)]; }
  const Attrs& attrs() const { return attrs_; }

 private:
  Emitter& emitter_;
  Values inputs_, outputs_, upstream_;
  const Attrs& attrs_;
};

using ShapeFn = void (*)(ShapeContext&);
using KernelFn = void (*)(KernelContext&);
/// One value for each input; not valid() where there is no gradient.
using GradientFn = Values (*)(GradContext&);

enum OpFlags : uint32_t {
  kPlain = 0,
  kStateful = 1,         // reads or writes variables or random state: never folded, merged or dropped; order is kept
  kInPlace = 2,          // the kernel may write output 0 over an input of the same size, element by element
  kAliasesInput = 4,     // output 0 is input 0's memory under another shape
  kNoGradient = 8,       // the gradient is zero by nature (comparisons, integers), not merely unknown
  kCallsFunctions = 16,  // attributes name Functions: graph/ knows their shapes and gradients
};

struct OpDef {
  const char* name;
  const char* signature;
  ShapeFn shape;
  KernelFn kernel;
  GradientFn gradient = nullptr;  // null and not kNoGradient: "not differentiable", said when asked for
  const char* js = nullptr;       // the name under keras.ops; null: reachable by its TensorFlow name alone
  uint32_t flags = kPlain;
};

/// An OpDef with its signature parsed.
struct RegisteredOp {
  const OpDef* def;
  OpSignature signature;
};

/// Null if there is no such op.
const RegisteredOp* find_op(std::string_view name);
/// All ops in order of names.
std::vector<const RegisteredOp*> all_ops();

}  // namespace keras
