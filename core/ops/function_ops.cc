// Arguments, assertions, and calls of other functions.
#include <algorithm>

#include "core/base/format.h"
#include "core/ops/families.h"
#include "core/ops/shape_functions.h"

namespace keras {
namespace {

void nothing_kernel(KernelContext&) {}

// Number and dtypes have been checked when the node was made.
void set_all(KernelContext& c, std::vector<Tensor> results) {
  for (int i = 0; i < c.outputs(); ++i) c.set_output(i, std::move(results[static_cast<size_t>(i)]));
}

std::vector<Tensor> take_inputs_from(KernelContext& c, int first) {
  std::vector<Tensor> inputs;
  for (int i = first; i < c.inputs(); ++i) inputs.push_back(c.take_input(i));
  return inputs;
}

void call_kernel(KernelContext& c) { set_all(c, c.call(c.attrs().get<FunctionRef>("f"), take_inputs_from(c, 0))); }

/// What TensorFlow takes for true: a non-zero number, a non-empty tensor.
bool is_true(const Tensor& condition) {
  return condition.elements() > 0 && (condition.rank() > 0 || condition.number_at(0) != 0);
}

void if_kernel(KernelContext& c) {
  const char* branch = is_true(c.input(0)) ? "then_branch" : "else_branch";
  set_all(c, c.call(c.attrs().get<FunctionRef>(branch), take_inputs_from(c, 1)));
}

/// An index out of range takes the last branch, as in TensorFlow.
void case_kernel(KernelContext& c) {
  if (c.input(0).rank() != 0) throw InvalidArgumentError("branch_index must be a scalar, found shape {}", c.input(0).shape());
  const auto& branches = c.attrs().get<std::vector<FunctionRef>>("branches");
  const auto index = static_cast<size_t>(c.input(0).data<int32_t>()[0]);  // a negative one becomes a large one
  set_all(c, c.call(branches[std::min(index, branches.size() - 1)], take_inputs_from(c, 1)));
}

void while_kernel(KernelContext& c) {
  const FunctionRef &condition = c.attrs().get<FunctionRef>("cond"), &body = c.attrs().get<FunctionRef>("body");
  std::vector<Tensor> values = take_inputs_from(c, 0);
  for (Tensor& value : values) {
    // A loop that never runs returns its inputs, whose memory in the run's arena is not the outputs' to keep.
    if (value.owner() == nullptr) value = value.clone();
  }
  for (int64_t done = 0;; ++done) {
    if (done > c.limits().loop_iterations) {
      throw ResourceExhaustedError("the loop runs more than {} times (limits.loopIterations)", c.limits().loop_iterations);
    }
    if (!is_true(c.call(condition, values)[0])) break;
    values = c.call(body, std::move(values));
  }
  set_all(c, std::move(values));
}

void assert_kernel(KernelContext& c) {
  if (is_true(c.input(0))) return;
  std::string data;
  for (int i = 1; i < c.inputs(); ++i) {
    const Tensor& tensor = c.input(i);
    data += " [";
    const int64_t shown = std::min(tensor.elements(), c.attrs().get_int("summarize"));
    for (int64_t k = 0; k < shown; ++k) {
      if (k > 0) data += " ";
      data += tensor.dtype() == DType::kString ? tensor.data<std::string>()[k] : keras::format("{}", tensor.number_at(k));
    }
    data += shown < tensor.elements() ? "…]" : "]";
  }
  throw InvalidArgumentError("assertion failed:{}", data);
}

constexpr OpDef kOps[] = {
    {.name = "_Arg", .signature = "() -> (output: T); T: type; index: int", .shape = shape::unknown, .kernel = nothing_kernel},
    {.name = "NoOp", .signature = "() -> ()", .shape = shape::unknown, .kernel = nothing_kernel},
    {.name = "Assert",
     .signature = "(condition: bool, data: T) -> (); T: list(type); summarize: int = 3",
     .shape = shape::unknown,
     .kernel = assert_kernel,
     .flags = kStateful},
    {.name = "PartitionedCall",
     .signature = "(args: Tin) -> (output: Tout); Tin: list(type); Tout: list(type); f: func; config: string = \"\"; "
                  "config_proto: string = \"\"; executor_type: string = \"\"",
     .shape = shape::unknown,
     .kernel = call_kernel,
     .flags = kCallsFunctions},
    {.name = "StatefulPartitionedCall",
     .signature = "(args: Tin) -> (output: Tout); Tin: list(type); Tout: list(type); f: func; config: string = \"\"; "
                  "config_proto: string = \"\"; executor_type: string = \"\"",
     .shape = shape::unknown,
     .kernel = call_kernel,
     .flags = kStateful | kCallsFunctions},
    {.name = "StatelessIf",
     .signature = "(cond: Tcond, input: Tin) -> (output: Tout); Tcond: type; Tin: list(type); Tout: list(type); "
                  "then_branch: func; else_branch: func; output_shapes: list(shape) = []",
     .shape = shape::unknown,
     .kernel = if_kernel,
     .flags = kCallsFunctions},
    {.name = "If",
     .signature = "(cond: Tcond, input: Tin) -> (output: Tout); Tcond: type; Tin: list(type); Tout: list(type); "
                  "then_branch: func; else_branch: func; output_shapes: list(shape) = []",
     .shape = shape::unknown,
     .kernel = if_kernel,
     .flags = kStateful | kCallsFunctions},
    {.name = "StatelessCase",
     .signature = "(branch_index: int32, input: Tin) -> (output: Tout); Tin: list(type); Tout: list(type); "
                  "branches: list(func); output_shapes: list(shape) = []",
     .shape = shape::unknown,
     .kernel = case_kernel,
     .flags = kCallsFunctions},
    {.name = "Case",
     .signature = "(branch_index: int32, input: Tin) -> (output: Tout); Tin: list(type); Tout: list(type); "
                  "branches: list(func); output_shapes: list(shape) = []",
     .shape = shape::unknown,
     .kernel = case_kernel,
     .flags = kStateful | kCallsFunctions},
    {.name = "StatelessWhile",
     .signature = "(input: T) -> (output: T); T: list(type); cond: func; body: func; output_shapes: list(shape) = []; "
                  "parallel_iterations: int = 10",
     .shape = shape::unknown,
     .kernel = while_kernel,
     .flags = kCallsFunctions},
    {.name = "While",
     .signature = "(input: T) -> (output: T); T: list(type); cond: func; body: func; output_shapes: list(shape) = []; "
                  "parallel_iterations: int = 10",
     .shape = shape::unknown,
     .kernel = while_kernel,
     .flags = kStateful | kCallsFunctions},
};

}  // namespace

std::span<const OpDef> function_ops() { return kOps; }

}  // namespace keras
