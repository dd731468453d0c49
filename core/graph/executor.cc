// Running Functions: hoisted values are refreshed when variables changed, then node after node runs in the plan's arena.
#include "core/graph/executor.h"

#include <algorithm>
#include <array>
#include <list>
#include <unordered_map>

#include "core/base/error.h"
#include "core/graph/node_check.h"
#include "core/graph/op_runner.h"
#include "core/graph/passes/passes.h"
#include "core/graph/plan.h"
#include "core/ops/half_precision.h"

namespace keras {
namespace {

// Plans for this many sets of argument shapes are kept: full batches, the last partial batch, a few more.
constexpr size_t kMaxPlans = 8;

/// The executors of the Functions that a Function calls, made at their first call.
using NestedExecutors = std::unordered_map<FunctionPtr, std::unique_ptr<Executor>>;

/// Serves one node after another: where inputs and outputs are is set by bind().
class NodeContext final : public KernelContext {
 public:
  NodeContext(Runtime& runtime, NestedExecutors* nested) : runtime_(runtime), nested_(nested) {}

  void bind(const RegisteredOp& op, const Attrs& attrs, std::span<const DType> dtypes, std::span<const Tensor*> inputs,
            std::span<Tensor> outputs, const Slot* slots, std::byte* arena) {
    op_ = &op;
    attrs_ = &attrs;
    dtypes_ = dtypes;
    inputs_ = inputs;
    outputs_ = outputs;
    slots_ = slots;
    arena_ = arena;
  }

  int inputs() const override { return static_cast<int>(inputs_.size()); }
  const Tensor& input(int index) const override { return *inputs_[static_cast<size_t>(index)]; }
  int outputs() const override { return static_cast<int>(outputs_.size()); }
  DType output_dtype(int index) const override { return dtypes_[static_cast<size_t>(index)]; }
  const Attrs& attrs() const override { return *attrs_; }
  kernels::Context& kernels() override { return runtime_.kernels(); }
  uint64_t next_random() override { return runtime_.next_random(); }
  const Limits& limits() const override { return runtime_.limits; }

  Tensor& output(int index, const Shape& shape) override {
    const auto i = static_cast<size_t>(index);
    const int64_t bytes = tensor_bytes(dtypes_[i], shape);
    if (bytes > runtime_.limits.tensor_bytes) {
      throw ResourceExhaustedError("a tensor of shape {} and dtype {} takes {} bytes, more than limits.tensorBytes ({})", shape,
                                   dtypes_[i], bytes, runtime_.limits.tensor_bytes);
    }
    const bool planned = slots_ != nullptr && slots_[i].offset >= 0 && slots_[i].bytes == bytes;
    outputs_[i] = planned ? Tensor::borrow(dtypes_[i], shape, arena_ + slots_[i].offset) : Tensor::allocate(dtypes_[i], shape);
    return outputs_[i];
  }

  void set_output(int index, Tensor tensor) override {
    // Memory of the arena may only be passed on by ops of which the planner knows it.
    const bool borrowed = tensor.owner() == nullptr && tensor.raw() != nullptr;
    if (borrowed && (op_->def->flags & kAliasesInput) == 0) tensor = tensor.clone();
    outputs_[static_cast<size_t>(index)] = std::move(tensor);
  }

  std::vector<Tensor> call(const FunctionRef& function, std::span<const Tensor> inputs) override;

 private:
  Runtime& runtime_;
  NestedExecutors* nested_;
  const RegisteredOp* op_ = nullptr;
  const Attrs* attrs_ = nullptr;
  std::span<const DType> dtypes_;
  std::span<const Tensor*> inputs_;
  std::span<Tensor> outputs_;
  const Slot* slots_ = nullptr;
  std::byte* arena_ = nullptr;
};

std::vector<Tensor> NodeContext::call(const FunctionRef& function, std::span<const Tensor> inputs) {
  if (function.function == nullptr) throw NotFoundError("Function '{}' does not exist", function.name);
  if (nested_ == nullptr) return Executor(function.function).run(inputs, runtime_);
  auto& executor = (*nested_)[function.function];
  if (executor == nullptr) executor = std::make_unique<Executor>(function.function);
  return executor->run(inputs, runtime_);
}

/// Counts nested calls; the depth goes down again however the call ends.
class DepthGuard {
 public:
  explicit DepthGuard(Runtime& runtime) : runtime_(runtime) {
    if (runtime_.call_depth == 0) runtime_.start_clock();
    if (++runtime_.call_depth > runtime_.limits.nesting_depth) {
      --runtime_.call_depth;
      throw ResourceExhaustedError("functions call each other more than {} deep (limits.nestingDepth)",
                                   runtime_.limits.nesting_depth);
    }
  }
  ~DepthGuard() { --runtime_.call_depth; }
  DepthGuard(const DepthGuard&) = delete;
  DepthGuard& operator=(const DepthGuard&) = delete;

 private:
  Runtime& runtime_;
};

void add_place(Error& error, const Node& node) {
  if (error.path().empty()) error.prefix_message(keras::format("{} (node '{}'): ", node.op->def->name, node.name));
  error.set_path(node.name);
}

}  // namespace

Runtime::Runtime(std::unique_ptr<kernels::Parallel> parallel, uint64_t random_seed, const Limits& limits)
    : limits(limits),
      parallel_(std::move(parallel)),
      scratch_(parallel_->width()),
      kernels_{*parallel_, scratch_},
      random_state_(random_seed) {}

Runtime::~Runtime() = default;

// SplitMix64 (G. Steele, D. Lea, C. Flood, "Fast Splittable Pseudorandom Number Generators", 2014).
uint64_t Runtime::next_random() {
  uint64_t z = random_state_ += 0x9E3779B97F4A7C15u;
  z = (z ^ (z >> 30)) * 0xBF58476D1CE4E5B9u;
  z = (z ^ (z >> 27)) * 0x94D049BB133111EBu;
  return z ^ (z >> 31);
}

void Runtime::check_interrupts() const {
  if (cancelled.load(std::memory_order_relaxed)) throw AbortError("The run was cancelled.");
  if (limits.deadline_ms > 0 && std::chrono::steady_clock::now() > deadline_) {
    throw ResourceExhaustedError("The run took more than {} ms (limits.deadlineMs).", limits.deadline_ms);
  }
}

void Runtime::start_clock() {
  if (limits.deadline_ms > 0) deadline_ = std::chrono::steady_clock::now() + std::chrono::milliseconds(limits.deadline_ms);
}

struct Executor::State {
  explicit State(Function rewritten)
      : function(std::move(rewritten)),
        index(function),
        hoisting(find_hoisted(function)),
        values(static_cast<size_t>(index.count())) {}

  Function function;
  ValueIndex index;
  Hoisting hoisting;
  std::vector<Tensor> values;                // of the run under way, by value index
  std::vector<std::vector<Tensor>> hoisted;  // node → kept values
  std::vector<uint64_t> versions;            // of hoisting.variables, when `hoisted` was computed
  std::list<Plan> plans;                     // the most recently used first
  std::shared_ptr<std::byte> arena;
  int64_t arena_bytes = 0;
  NestedExecutors nested;
  bool running = false;

  const Plan& plan_for(std::span<const Tensor> args, Runtime& runtime);
  void bind_args(std::span<const Tensor> args);
  void refresh_hoisted(Runtime& runtime);
  void run_node(int32_t id, NodeContext& context, const Plan* plan);
  void run_planned(const Plan& plan, Runtime& runtime);
  std::vector<Tensor> take_results();
};

const Plan& Executor::State::plan_for(std::span<const Tensor> args, Runtime& runtime) {
  const auto fits = [&](const Plan& plan) {
    return std::equal(args.begin(), args.end(), plan.arg_shapes.begin(), plan.arg_shapes.end(),
                      [](const Tensor& arg, const Shape& shape) { return arg.shape() == shape; });
  };
  const auto found = std::find_if(plans.begin(), plans.end(), fits);
  if (found != plans.end()) {
    plans.splice(plans.begin(), plans, found);
    return plans.front();
  }
  std::vector<Shape> shapes;
  for (const Tensor& arg : args) shapes.push_back(arg.shape());
  plans.push_front(make_plan(function, index, hoisting, std::move(shapes), runtime));
  if (plans.size() > kMaxPlans) plans.pop_back();
  return plans.front();
}

void Executor::State::bind_args(std::span<const Tensor> args) {
  if (args.size() != function.args.size()) {
    throw InvalidArgumentError("Function '{}' takes {} arguments, found {}", function.name, function.args.size(), args.size());
  }
  for (size_t i = 0; i < args.size(); ++i) {
    const Node& node = function.nodes[static_cast<size_t>(function.args[i])];
    if (args[i].dtype() != node.dtypes[0] || !node.shapes[0].compatible_with(args[i].shape())) {
      throw InvalidArgumentError("Argument '{}' of '{}' takes {} {}, found {} {}", function.arg_names[i], function.name,
                                 node.dtypes[0], node.shapes[0], args[i].dtype(), args[i].shape());
    }
    values[static_cast<size_t>(index.of(function.args[i], 0))] = args[i];
  }
  for (const Capture& capture : function.captures) {
    values[static_cast<size_t>(index.of(capture.node, 0))] = capture.value;
  }
}

void Executor::State::run_node(int32_t id, NodeContext& context, const Plan* plan) {
  const Node& node = function.nodes[static_cast<size_t>(id)];
  std::array<const Tensor*, 16> few;
  std::vector<const Tensor*> many;
  std::span<const Tensor*> inputs(few.data(), std::min(node.inputs.size(), few.size()));
  if (node.inputs.size() > few.size()) {
    many.resize(node.inputs.size());
    inputs = many;
  }
  for (size_t i = 0; i < inputs.size(); ++i) inputs[i] = &values[static_cast<size_t>(index.of(node.inputs[i]))];
  const auto first = static_cast<size_t>(index.of(id, 0));
  const std::span<Tensor> outputs(values.data() + first, node.dtypes.size());
  const Slot* slots = plan != nullptr && !plan->slots.empty() ? plan->slots.data() + first : nullptr;
  context.bind(*node.op, node.attrs, node.dtypes, inputs, outputs, slots, arena.get());
  try {
    run_op_kernel(*node.op->def, context);
  } catch (Error& error) {
    add_place(error, node);
    throw;
  }
}

void Executor::State::refresh_hoisted(Runtime& runtime) {
  std::vector<uint64_t> current;
  for (const VariablePtr& variable : hoisting.variables) current.push_back(variable->version());
  if (hoisted.empty() || current != versions) {
    hoisted.assign(function.nodes.size(), {});
    NodeContext context(runtime, &nested);
    for (int32_t id = 0; id < static_cast<int32_t>(function.nodes.size()); ++id) {
      if (hoisting.hoisted[static_cast<size_t>(id)]) run_node(id, context, nullptr);
    }
    for (int32_t id = 0; id < static_cast<int32_t>(function.nodes.size()); ++id) {
      if (!hoisting.hoisted[static_cast<size_t>(id)]) continue;
      for (int32_t i = 0; i < static_cast<int32_t>(function.nodes[static_cast<size_t>(id)].dtypes.size()); ++i) {
        Tensor& value = values[static_cast<size_t>(index.of(id, i))];
        if (hoisting.kept[static_cast<size_t>(id)]) hoisted[static_cast<size_t>(id)].push_back(value);
        value = Tensor();
      }
    }
    versions = std::move(current);
  }
  for (size_t id = 0; id < hoisted.size(); ++id) {
    for (size_t i = 0; i < hoisted[id].size(); ++i) {
      values[static_cast<size_t>(index.of(static_cast<int32_t>(id), static_cast<int32_t>(i)))] = hoisted[id][i];
    }
  }
}

void Executor::State::run_planned(const Plan& plan, Runtime& runtime) {
  if (plan.arena_bytes > arena_bytes) {
    arena.reset();  // first give back, then ask for more
    arena_bytes = 0;
    arena = allocate_aligned(plan.arena_bytes);
    arena_bytes = plan.arena_bytes;
  }
  NodeContext context(runtime, &nested);
  for (int32_t id = 0; id < static_cast<int32_t>(function.nodes.size()); ++id) {
    const auto i = static_cast<size_t>(id);
    const Node& node = function.nodes[i];
    const std::string_view op = node.op->def->name;
    const bool hoisted_away = hoisting.hoisted[i] && op != "ReadVariableOp";
    if (!plan.folded[i].empty()) {
      for (size_t o = 0; o < plan.folded[i].size(); ++o) {
        values[static_cast<size_t>(index.of(id, static_cast<int32_t>(o)))] = plan.folded[i][o];
      }
    } else if (op != "_Arg" && !hoisted_away) {
      runtime.check_interrupts();
      run_node(id, context, &plan);
    }
    for (const int32_t value : plan.releases[i]) values[static_cast<size_t>(value)] = Tensor();
  }
}

std::vector<Tensor> Executor::State::take_results() {
  std::vector<Tensor> results;
  for (const Edge& output : function.outputs) {
    const Tensor& value = values[static_cast<size_t>(index.of(output))];
    const bool borrowed = value.owner() == nullptr && !value.holds_object();
    results.push_back(borrowed ? value.clone() : value);
  }
  return results;
}

Executor::Executor(FunctionPtr function, const PassOptions& passes)
    : function_(std::move(function)), state_(std::make_unique<State>(rewrite(*function_, passes))) {}

Executor::~Executor() = default;

int64_t Executor::arena_bytes() const { return state_->plans.empty() ? 0 : state_->plans.front().arena_bytes; }

std::vector<Tensor> Executor::run(std::span<const Tensor> args, Runtime& runtime) {
  const DepthGuard depth(runtime);
  runtime.check_interrupts();  // a loop of functions without ops ends, too
  if (state_->running) {
    // A function that calls itself: the inner call gets an executor of its own.
    return Executor(function_).run(args, runtime);
  }
  struct Cleanup {
    State& state;
    ~Cleanup() {
      for (Tensor& value : state.values) value = Tensor();
      state.running = false;
    }
  } cleanup{*state_};
  state_->running = true;
  state_->bind_args(args);
  state_->refresh_hoisted(runtime);
  state_->run_planned(state_->plan_for(args, runtime), runtime);
  return state_->take_results();
}

std::vector<Tensor> run_kernel(const RegisteredOp& op, std::span<const Tensor> inputs, const Attrs& attrs,
                               std::span<const DType> dtypes, Runtime& runtime) {
  NodeContext context(runtime, nullptr);
  std::vector<const Tensor*> pointers;
  for (const Tensor& input : inputs) pointers.push_back(&input);
  std::vector<Tensor> outputs(dtypes.size());
  context.bind(op, attrs, dtypes, pointers, outputs, nullptr, nullptr);
  run_op_kernel(*op.def, context);
  return outputs;
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
