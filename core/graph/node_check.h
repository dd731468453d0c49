// Checks and completes what a node says: attributes that follow from the inputs, defaults, output dtypes, output shapes.
// Used wherever a node comes to be: by tracing, eagerly, from a file, in a rewrite, and again in each plan.
#pragma once

#include <span>
#include <vector>

#include "core/ops/registry.h"

namespace keras {

/// The registered op. Throws UnimplementedError naming it if there is none.
const RegisteredOp& require_op(std::string_view op);

/// Fills in the attributes that follow from the inputs' dtypes, and defaults; returns the dtypes of the outputs.
/// Throws InvalidArgumentError: number or dtypes of inputs, a missing attribute.
std::vector<DType> complete_attrs(const RegisteredOp& op, std::span<const DType> inputs, Attrs& attrs);

/// Runs the op's shape function. `values[i]` is null where input i is not known.
std::vector<Shape> infer_shapes(const RegisteredOp& op, std::span<const Shape* const> shapes, std::span<const DType> dtypes,
                                std::span<const Tensor* const> values, const Attrs& attrs, size_t output_count);

/// Whether values of this op may be computed ahead of a run: stateless, and no argument.
bool is_foldable(const RegisteredOp& op);

/// The Functions that attributes name, in order of attributes.
std::vector<const FunctionRef*> called_functions(const Attrs& attrs);

/// Whether it has ops whose order matters, or that must not be dropped.
bool is_stateful(const Function& function);

}  // namespace keras
