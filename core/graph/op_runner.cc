// Single ops on tensors that own their memory.
#include "core/graph/op_runner.h"

#include "core/base/error.h"
#include "core/graph/executor.h"
#include "core/graph/node_check.h"
#include "core/graph/node_context.h"
#include "core/ops/half_precision.h"

namespace keras {

std::vector<Tensor> run_kernel(const RegisteredOp& op, std::span<const Tensor> inputs, const Attrs& attrs,
                               std::span<const DType> dtypes, Runtime& runtime) {
  std::vector<Tensor> values(inputs.begin(), inputs.end());
  std::vector<Operand> operands;
  for (size_t i = 0; i < inputs.size(); ++i) operands.push_back({static_cast<int32_t>(i), false});
  values.resize(inputs.size() + dtypes.size());
  NestedExecutors nested{PassOptions()};
  NodeContext context(runtime, nested, values, nullptr, {});
  context.bind(op, attrs, dtypes, operands, static_cast<int32_t>(inputs.size()), {});
  run_op_kernel(*op.def, context);
  values.erase(values.begin(), values.begin() + static_cast<std::ptrdiff_t>(inputs.size()));
  return values;
}

Runtime& folding_runtime(std::unique_ptr<Runtime>& slot) {
  if (slot == nullptr) slot = std::make_unique<Runtime>(kernels::make_serial(), 0, Limits{});
  return *slot;
}

std::vector<Tensor> run_op(std::string_view op_name, std::span<const Tensor> inputs, Attrs attrs, Runtime& runtime) {
  const RegisteredOp& op = require_op(op_name);
  if (op.def->kernel == nullptr) throw InvalidArgumentError("Op {} cannot be run by itself", op_name);
  std::vector<DType> dtypes;
  std::vector<const Shape*> shapes;
  std::vector<const Tensor*> values;
  for (const Tensor& input : inputs) {
    dtypes.push_back(input.dtype());
    shapes.push_back(&input.shape());
    values.push_back(&input);
  }
  try {
    const std::vector<DType> output_dtypes = complete_attrs(op, dtypes, attrs);
    infer_shapes(op, shapes, dtypes, values, attrs, output_dtypes.size());  // checks that the shapes fit
    return run_kernel(op, inputs, attrs, output_dtypes, runtime);
  } catch (Error& error) {
    error.set_path(op_name);
    throw;
  }
}

}  // namespace keras
