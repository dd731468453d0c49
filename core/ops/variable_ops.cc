// Variables: a handle is a resource tensor that holds a Variable. A read passes the variable's own memory on; an update in
// place copies it first if such a read is still alive.
#include <cmath>

#include "core/kernels/gather.h"
#include "core/kernels/optimizer_update.h"
#include "core/kernels/parallel_for.h"
#include "core/ops/builders.h"
#include "core/ops/elementwise.h"
#include "core/ops/families.h"
#include "core/ops/gather_shape.h"
#include "core/ops/shape_functions.h"
#include "core/ops/variables.h"

namespace keras {
namespace {

// The gradient of a handle is that of the value behind it.
Values read_grad(GradContext& g) { return {g.upstream(0)}; }

// The dense sum of the rows that were gathered.
Values resource_gather_grad(GradContext& g) {
  const Value &handle = g.input(0), &indices = g.input(1);
  if (g.attrs().get_int("batch_dims") != 0) throw UnimplementedError("The gradient of ResourceGather takes no batch_dims");
  const auto slice = [&](int64_t begin, int64_t end, int64_t end_mask, int64_t shrink_mask) {
    return emit1("StridedSlice",
                 {emit1("VariableShape", {handle}), ints(g.emitter(), {begin}), ints(g.emitter(), {end}), ints(g.emitter(), {1})},
                 {{"end_mask", end_mask}, {"shrink_axis_mask", shrink_mask}});
  };
  const Value rows = reshape(g.upstream(0), concat(std::vector<Value>{ints(g.emitter(), {-1}), slice(1, 0, 1, 0)}, 0));
  return {emit1("UnsortedSegmentSum", {rows, reshape(indices, {-1}), slice(0, 1, 0, 1)}), Value()};
}

const Variable* known_variable(ShapeContext& c, int input) {
  const Tensor* handle = c.input_value(input);
  const bool is_lasting = handle != nullptr && handle->dtype() == DType::kResource && named_variable(*handle) == nullptr;
  return is_lasting ? variable_of(*handle).get() : nullptr;
}

void read_shape(ShapeContext& c) {
  if (const Variable* known = known_variable(c, 0)) c.set_output(0, known->shape());
}

void make_handle_kernel(KernelContext& c) {
  c.set_output(0, named_handle(c.resources().variable(c.attrs().get_string("container"), c.attrs().get_string("shared_name"))));
}

void read_kernel(KernelContext& c) {
  const auto named = named_variable(c.input(0));
  if (named != nullptr && named->variable == nullptr) {
    throw FailedPreconditionError(
        "Could not find variable {}. This could mean that the variable has been deleted. In TF1, it can also mean the variable "
        "is uninitialized. Debug info: container={}, status error message=Could not find resource: {}/{}",
        named->name, named->container, named->container, named->name);
  }
  Variable& source = variable(c, 0);
  if (source.dtype() != c.output_dtype(0)) {
    throw InvalidArgumentError("Trying to read variable '{}' as {}, but it is of dtype {}", source.name(), c.output_dtype(0),
                               source.dtype());
  }
  c.set_output(0, source.value());
}

void variable_shape_shape(ShapeContext& c) {
  const Variable* known = known_variable(c, 0);
  c.set_output(0, {known != nullptr ? known->shape().rank() : kUnknownDim});
}

void variable_shape_kernel(KernelContext& c) {
  const Shape& shape = variable(c, 0).shape();
  Tensor& output = c.output(0, {shape.rank()});
  with_compute_type(output.dtype(), "VariableShape", [&]<class T>(T) {
    for (int64_t axis = 0; axis < shape.rank(); ++axis) output.data<T>()[axis] = static_cast<T>(shape.dim(axis));
  });
}

void is_initialized_kernel(KernelContext& c) { c.output(0, Shape()).data<bool>()[0] = variable_of(c.input(0)) != nullptr; }

void nothing_kernel(KernelContext&) {}

/// A variable that the graph makes begins with its first value, and again with one of another shape.
void assign_named(KernelContext& c, NamedVariable& place) {
  const Tensor& value = c.input(1);
  const VariablePtr& old = place.variable;
  if (old != nullptr && old->dtype() != value.dtype()) {
    throw InvalidArgumentError("Trying to assign variable with wrong dtype. Expected {} got {}", old->dtype(), value.dtype());
  }
  if (old != nullptr && old->shape() == value.shape()) return old->assign(value);
  if (old != nullptr && c.attrs().get_bool("validate_shape")) {
    throw InvalidArgumentError("Trying to assign to variable with tensor with wrong shape. Expected {} got {}", old->shape(),
                               value.shape());
  }
  place.variable = std::make_shared<Variable>(place.name, value.owner() == nullptr ? value.clone() : value, true);
}

void assign_kernel(KernelContext& c) {
  if (const auto named = named_variable(c.input(0))) return assign_named(c, *named);
  variable(c, 0).assign(c.input(1));
}

template <int kSign>
void assign_add_kernel(KernelContext& c) {
  const Tensor& value = c.input(1);
  Tensor& target = updated(c, 0, value);
  with_compute_type(value.dtype(), "AssignAddVariableOp", [&]<class T>(T) {
    T* to = target.data<T>();
    const T* from = value.data<T>();
    for (int64_t i = 0; i < value.elements(); ++i) to[i] = static_cast<T>(kSign > 0 ? to[i] + from[i] : to[i] - from[i]);
  });
}

void resource_gather_shape(ShapeContext& c) {
  const Variable* known = known_variable(c, 0);
  if (known != nullptr) c.set_output(0, gathered_shape(known->shape(), c.input(1), 0, c.attrs().get_int("batch_dims")));
}

void resource_gather_kernel(KernelContext& c) {
  const Tensor& params = variable(c, 0).value();
  const Tensor& indices = c.input(1);
  if (params.dtype() != c.output_dtype(0)) throw InvalidArgumentError("The variable is of dtype {}", params.dtype());
  int64_t batch_dims = c.attrs().get_int("batch_dims");
  if (batch_dims < 0) batch_dims += indices.rank();
  gather_elements(params, indices, batch_dims, batch_dims,
                  c.output(0, gathered_shape(params.shape(), indices.shape(), batch_dims, batch_dims)));
}

void scatter_add_kernel(KernelContext& c) {
  const std::vector<int64_t> rows = c.input(1).to_int64s();
  const Tensor& updates = c.input(2);
  Variable& target = variable(c, 0);
  const int64_t count = target.shape().rank() > 0 ? target.shape().dim(0) : 0;
  const int64_t row_size = count > 0 ? target.shape().elements() / count : 0;
  if (target.dtype() != updates.dtype() || updates.elements() != row_size * static_cast<int64_t>(rows.size())) {
    throw InvalidArgumentError("Updates of shape {} do not fit variable '{}' of shape {}", updates.shape(), target.name(),
                               target.shape());
  }
  for (const int64_t row : rows) {
    if (row < 0 || row >= count) throw InvalidArgumentError("indices contains {}, which is not in [0, {})", row, count);
  }
  Tensor& value = target.mutable_value();
  with_compute_type(updates.dtype(), "ResourceScatterAdd",
                    [&]<class T>(T) { kernels::add_rows<T>(row_size, rows, updates.data<T>(), value.data<T>()); });
}

/// body(first, count) for parts of the variable's elements, which threads share.
template <class Body>
void update_parts(KernelContext& c, int64_t count, Body body) {
  kernels::parallel_for(c.kernels(), count, 16384, [&](int64_t begin, int64_t end) { body(begin, end - begin); });
}

void apply_gradient_descent_kernel(KernelContext& c) {
  const Tensor& grad = c.input(2);
  Tensor& var = updated(c, 0, grad);
  with_float_type(grad.dtype(), "ResourceApplyGradientDescent", [&]<class T>(T) {
    const T by = rate<T>(c, 1);
    update_parts(c, grad.elements(), [&](int64_t at, int64_t count) {
      kernels::gradient_descent<T>(count, by, grad.data<T>() + at, var.data<T>() + at);
    });
  });
}

template <bool kKeras>
void apply_momentum_kernel(KernelContext& c) {
  const Tensor& grad = c.input(3);
  Tensor &accum = updated(c, 1, grad), &var = updated(c, 0, grad);
  const bool nesterov = c.attrs().get_bool("use_nesterov");
  with_float_type(grad.dtype(), "ResourceApplyMomentum", [&]<class T>(T) {
    constexpr auto kUpdate = kKeras ? kernels::keras_momentum<T> : kernels::momentum<T>;
    const T by = rate<T>(c, 2), momentum = rate<T>(c, 4);
    update_parts(c, grad.elements(), [&](int64_t at, int64_t count) {
      kUpdate(count, by, momentum, nesterov, grad.data<T>() + at, accum.data<T>() + at, var.data<T>() + at);
    });
  });
}

void apply_rms_prop_kernel(KernelContext& c) {
  const Tensor& grad = c.input(7);
  Tensor &mean_square = updated(c, 1, grad), &accum = updated(c, 2, grad), &var = updated(c, 0, grad);
  with_float_type(grad.dtype(), "ResourceApplyRMSProp", [&]<class T>(T) {
    const kernels::RmsPropRates<T> rates{rate<T>(c, 3), rate<T>(c, 4), rate<T>(c, 5), rate<T>(c, 6)};
    update_parts(c, grad.elements(), [&](int64_t at, int64_t count) {
      kernels::rms_prop<T>(count, rates, grad.data<T>() + at, mean_square.data<T>() + at, accum.data<T>() + at,
                           var.data<T>() + at);
    });
  });
}

void apply_adam_kernel(KernelContext& c) {
  const Tensor& grad = c.input(9);
  Tensor &m = updated(c, 1, grad), &v = updated(c, 2, grad), &var = updated(c, 0, grad);
  const bool nesterov = c.attrs().get_bool("use_nesterov");
  with_float_type(grad.dtype(), "ResourceApplyAdam", [&]<class T>(T) {
    const T corrected = rate<T>(c, 5) * std::sqrt(1 - rate<T>(c, 4)) / (1 - rate<T>(c, 3));
    const kernels::AdamRates<T> rates{corrected, rate<T>(c, 6), rate<T>(c, 7), rate<T>(c, 8)};
    update_parts(c, grad.elements(), [&](int64_t at, int64_t count) {
      kernels::adam<T>(count, rates, nesterov, grad.data<T>() + at, m.data<T>() + at, v.data<T>() + at, var.data<T>() + at);
    });
  });
}

constexpr OpDef kOps[] = {
    {.name = "VarHandleOp",
     .signature = "() -> (resource: resource); container: string = \"\"; shared_name: string = \"\"; debug_name: string = \"\"; "
                  "dtype: type; shape: shape; allowed_devices: list(string) = []",
     .shape = shape::scalar,
     .kernel = make_handle_kernel,
     .flags = kStateful | kNoGradient},
    {.name = "ReadVariableOp",
     .signature = "(resource: resource) -> (value: dtype); dtype: type",
     .shape = read_shape,
     .kernel = read_kernel,
     .gradient = read_grad,
     .flags = kStateful},
    {.name = "AssignVariableOp",
     .signature = "(resource: resource, value: dtype) -> (); dtype: type; validate_shape: bool = false",
     .shape = shape::unknown,
     .kernel = assign_kernel,
     .flags = kStateful},
    {.name = "AssignAddVariableOp",
     .signature = "(resource: resource, value: dtype) -> (); dtype: type",
     .shape = shape::unknown,
     .kernel = assign_add_kernel<1>,
     .flags = kStateful},
    {.name = "AssignSubVariableOp",
     .signature = "(resource: resource, value: dtype) -> (); dtype: type",
     .shape = shape::unknown,
     .kernel = assign_add_kernel<-1>,
     .flags = kStateful},
    {.name = "VariableShape",
     .signature = "(input: resource) -> (output: out_type); out_type: {int32, int64} = int32",
     .shape = variable_shape_shape,
     .kernel = variable_shape_kernel,
     .flags = kNoGradient},
    {.name = "VarIsInitializedOp",
     .signature = "(resource: resource) -> (is_initialized: bool)",
     .shape = shape::scalar,
     .kernel = is_initialized_kernel,
     .flags = kStateful | kNoGradient},
    {.name = "DisableCopyOnRead",
     .signature = "(resource: resource) -> ()",
     .shape = shape::unknown,
     .kernel = nothing_kernel,
     .flags = kStateful},
    {.name = "ResourceGather",
     .signature = "(resource: resource, indices: Tindices) -> (output: dtype); batch_dims: int = 0; validate_indices: "
                  "bool = true; dtype: type; Tindices: {int32, int64}",
     .shape = resource_gather_shape,
     .kernel = resource_gather_kernel,
     .gradient = resource_gather_grad,
     .flags = kStateful},
    {.name = "ResourceScatterAdd",
     .signature = "(resource: resource, indices: Tindices, updates: dtype) -> (); dtype: {numeric}; Tindices: {int32, "
                  "int64}",
     .shape = shape::unknown,
     .kernel = scatter_add_kernel,
     .flags = kStateful},
    {.name = "ResourceApplyGradientDescent",
     .signature = "(var: resource, alpha: T, delta: T) -> (); T: {numeric}; use_locking: bool = false",
     .shape = shape::unknown,
     .kernel = apply_gradient_descent_kernel,
     .flags = kStateful},
    {.name = "ResourceApplyMomentum",
     .signature = "(var: resource, accum: resource, lr: T, grad: T, momentum: T) -> (); T: {numeric}; use_locking: "
                  "bool = false; use_nesterov: bool = false",
     .shape = shape::unknown,
     .kernel = apply_momentum_kernel<false>,
     .flags = kStateful},
    {.name = "ResourceApplyKerasMomentum",
     .signature = "(var: resource, accum: resource, lr: T, grad: T, momentum: T) -> (); T: {numeric}; use_locking: "
                  "bool = false; use_nesterov: bool = false",
     .shape = shape::unknown,
     .kernel = apply_momentum_kernel<true>,
     .flags = kStateful},
    {.name = "ResourceApplyRMSProp",
     .signature = "(var: resource, ms: resource, mom: resource, lr: T, rho: T, momentum: T, epsilon: T, grad: T) -> "
                  "(); T: {numeric}; use_locking: bool = false",
     .shape = shape::unknown,
     .kernel = apply_rms_prop_kernel,
     .flags = kStateful},
    {.name = "ResourceApplyAdam",
     .signature = "(var: resource, m: resource, v: resource, beta1_power: T, beta2_power: T, lr: T, beta1: T, beta2: "
                  "T, epsilon: T, grad: T) -> (); T: {numeric}; use_locking: bool = false; use_nesterov: bool = false",
     .shape = shape::unknown,
     .kernel = apply_adam_kernel,
     .flags = kStateful},
};

}  // namespace

std::span<const OpDef> variable_ops() { return kOps; }

}  // namespace keras
