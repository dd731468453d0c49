// What can be computed before any run is computed once, in the rewrite.
#include "core/base/error.h"
#include "core/graph/node_check.h"
#include "core/graph/op_runner.h"
#include "core/graph/passes/passes.h"

namespace keras {
namespace {

// Larger results than this, and than the inputs, are left to the run: a Fill says in a few bytes what takes megabytes.
constexpr int64_t kMaxFoldedBytes = 65536;

bool asks_for_shape(std::string_view op) { return op == "Shape" || op == "ShapeN" || op == "Size" || op == "Rank"; }

bool is_candidate(const Node& node) {
  if (!is_foldable(*node.op) || (node.op->def->flags & kCallsFunctions) != 0) return false;
  if (node.inputs.empty() || node.dtypes.empty()) return false;
  for (const DType dtype : node.dtypes) {
    if (dtype == DType::kVariant || dtype == DType::kResource) return false;
  }
  return true;
}

/// The inputs as far as the op looks at them; empty if it needs one that is not known.
std::vector<Tensor> known_inputs(const Rewriter& rewriter, const Node& node) {
  std::vector<Tensor> inputs;
  for (const Edge& old_edge : node.inputs) {
    const Edge input = rewriter.mapped(old_edge);
    const Tensor* value = rewriter.constant_of(input);
    if (value != nullptr)
      inputs.push_back(*value);
    else if (asks_for_shape(node.op->def->name) && rewriter.shape(input).fully_known())
      inputs.push_back(Tensor::borrow(rewriter.dtype(input), rewriter.shape(input), nullptr));
    else
      return {};
  }
  return inputs;
}

bool is_small(const Node& node, const std::vector<Tensor>& inputs) {
  std::vector<DType> dtypes;
  std::vector<const Shape*> shapes;
  std::vector<const Tensor*> values;
  int64_t given = 0, made = 0;
  for (const Tensor& input : inputs) {
    dtypes.push_back(input.dtype());
    shapes.push_back(&input.shape());
    values.push_back(input.raw() != nullptr ? &input : nullptr);
    if (input.raw() != nullptr) given += input.size_bytes();
  }
  const std::vector<Shape> outputs = infer_shapes(*node.op, shapes, dtypes, values, node.attrs, node.dtypes.size());
  for (size_t i = 0; i < outputs.size(); ++i) {
    if (!outputs[i].fully_known()) return false;
    made += tensor_bytes(node.dtypes[i], outputs[i]);
  }
  return made <= std::max(given, kMaxFoldedBytes);
}

}  // namespace

bool ConstantFolder::visit(Rewriter& rewriter, int32_t id, const Node& node) {
  if (!is_candidate(node)) return false;
  const std::vector<Tensor> inputs = known_inputs(rewriter, node);
  if (inputs.empty()) return false;
  try {
    if (!is_small(node, inputs)) return false;
    const std::vector<Tensor> outputs = run_kernel(*node.op, inputs, node.attrs, node.dtypes, folding_runtime(runtime_));
    for (size_t i = 0; i < outputs.size(); ++i) {
      rewriter.replace(id, static_cast<int32_t>(i), rewriter.constant(outputs[i]));
    }
    return true;
  } catch (const Error&) {
    return false;  // said when it runs, if it ever does
  }
}

}  // namespace keras
