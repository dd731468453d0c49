// Running Functions: hoisted values are refreshed when variables changed, then node after node runs in the plan's arena.
#include "core/graph/executor.h"

#include <algorithm>
#include <list>
#include <unordered_map>

#include "core/base/error.h"
#include "core/graph/node_check.h"
#include "core/graph/node_context.h"
#include "core/graph/packed_weights.h"
#include "core/graph/passes/passes.h"
#include "core/graph/plan.h"
#include "core/ops/half_precision.h"

namespace keras {
namespace {

// Plans for this many sets of argument shapes are kept: full batches, the last partial batch, a few more.
constexpr size_t kMaxPlans = 8;

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

struct Executor::State {
  explicit State(Function rewritten)
      : function(std::move(rewritten)),
        index(function),
        hoisting(find_hoisted(function)),
        packed_weights(find_packed_weights(function, hoisting)),
        values(static_cast<size_t>(index.count())),
        nested(PassOptions::none()) {}  // called Functions have been rewritten with this one

  Function function;
  ValueIndex index;
  Hoisting hoisting;
  std::vector<PackedWeight> packed_weights;  // in order of the nodes that pack
  /// Of the run under way, by value index. Captures, hoisted and folded values stay from run to run.
  std::vector<Tensor> values;
  std::vector<FoldedValue> hoisted;  // kept values
  std::vector<uint64_t> versions;    // of hoisting.variables, when `hoisted` was computed
  bool hoisted_once = false;
  std::list<Plan> plans;         // the most recently used first
  const Plan* bound = nullptr;   // the plan whose folded values stand in `values`, among hoisted ones that are up to date
  std::vector<char> gives_away;  // results that need not stay, of the bound plan
  std::unordered_map<const Node*, std::vector<Shape>> seen_shapes;  // of inputs that no plan knows: those last checked
  std::shared_ptr<std::byte> arena;
  int64_t arena_bytes = 0;
  NestedExecutors nested;
  bool running = false;

  const Plan& plan_for(std::span<const Tensor> args, Runtime& runtime);
  void check_args(std::span<const Tensor> args) const;
  bool is_stale() const;
  void compute_hoisted(Runtime& runtime);
  std::vector<char> take_packed();
  void bind(const Plan& plan);
  void run_node(const Node& node, NodeContext& context) const;
  void run_steps(const Plan& plan, Runtime& runtime);
  void check_shapes(const Node& node);
  std::vector<Tensor> take_results();
};

const Plan& Executor::State::plan_for(std::span<const Tensor> args, Runtime& runtime) {
  const auto fits = [&](const Plan& plan) {
    return std::equal(args.begin(), args.end(), plan.arg_shapes.begin(), plan.arg_shapes.end(),
                      [](const Tensor& arg, const Shape& shape) { return arg.shape() == shape; });
  };
  const auto found = std::find_if(plans.begin(), plans.end(), fits);
  if (found != plans.end()) {
    if (found != plans.begin()) plans.splice(plans.begin(), plans, found);
    return plans.front();
  }
  std::vector<Shape> shapes;
  for (const Tensor& arg : args) shapes.push_back(arg.shape());
  plans.push_front(make_plan(function, index, hoisting, std::move(shapes), runtime));
  if (plans.size() > kMaxPlans) plans.pop_back();
  bound = nullptr;  // the plan that went may have been the bound one
  return plans.front();
}

void Executor::State::check_args(std::span<const Tensor> args) const {
  if (args.size() != function.args.size()) {
    throw InvalidArgumentError("Function '{}' takes {} arguments, found {}", function.name, function.args.size(), args.size());
  }
  for (size_t i = 0; i < args.size(); ++i) {
    const Node& node = function.nodes[static_cast<size_t>(function.args[i])];
    if (args[i].dtype() != node.dtypes[0] || !node.shapes[0].compatible_with(args[i].shape())) {
      throw InvalidArgumentError("Argument '{}' of '{}' takes {} {}, found {} {}", function.arg_names[i], function.name,
                                 node.dtypes[0], node.shapes[0], args[i].dtype(), args[i].shape());
    }
  }
}

void Executor::State::run_node(const Node& node, NodeContext& context) const {
  try {
    run_op_kernel(*node.op->def, context);
  } catch (Error& error) {
    add_place(error, node);
    throw;
  }
}

bool Executor::State::is_stale() const {
  return !hoisted_once || !std::equal(versions.begin(), versions.end(), hoisting.variables.begin(), hoisting.variables.end(),
                                      [](uint64_t version, const VariablePtr& v) { return version == v->version(); });
}

/// Weights that another Function has packed in the same way are kept as they are. Returns which nodes need not run for them.
std::vector<char> Executor::State::take_packed() {
  std::vector<char> spared(function.nodes.size(), 0);
  for (const PackedWeight& weight : packed_weights) {
    const PackedValue* packed = weight.variable->packed();
    if (packed == nullptr || packed->layout != weight.layout) continue;
    for (const int32_t node : weight.nodes) spared[static_cast<size_t>(node)] = 1;
    hoisted.push_back({index.of(weight.packing(), 0), packed->tensor});
  }
  return spared;
}

/// Values go as soon as no further hoisted node uses them, and variables hold what is packed, so that weights are there once.
void Executor::State::compute_hoisted(Runtime& runtime) {
  std::vector<int32_t> last_user(values.size(), -1);
  for (int32_t id = 0; id < static_cast<int32_t>(function.nodes.size()); ++id) {
    if (!hoisting.hoisted[static_cast<size_t>(id)]) continue;
    for (const Edge& input : function.nodes[static_cast<size_t>(id)].inputs) {
      last_user[static_cast<size_t>(index.of(input))] = id;
    }
  }
  bound = nullptr;
  hoisted_once = false;
  hoisted.clear();
  for (Tensor& value : values) value = Tensor();
  for (const Capture& capture : function.captures) {
    values[static_cast<size_t>(index.of(capture.node, 0))] = capture.value;
  }
  NodeContext context(runtime, nested, values, nullptr, {});
  std::vector<Operand> operands;
  const std::vector<char> spared = take_packed();
  for (int32_t id = 0; id < static_cast<int32_t>(function.nodes.size()); ++id) {
    const auto i = static_cast<size_t>(id);
    if (!hoisting.hoisted[i] || spared[i]) continue;
    const Node& node = function.nodes[i];
    operands.clear();
    for (const Edge& input : node.inputs) operands.push_back({index.of(input), false});
    context.bind(*node.op, node.attrs, node.dtypes, operands, index.of(id, 0), {});
    run_node(node, context);
    for (int32_t o = 0; o < static_cast<int32_t>(node.dtypes.size()); ++o) {
      Tensor& value = values[static_cast<size_t>(index.of(id, o))];
      if (hoisting.kept[i]) hoisted.push_back({index.of(id, o), value});
      if (last_user[static_cast<size_t>(index.of(id, o))] < 0) value = Tensor();
    }
    for (const Operand& operand : operands) {
      if (last_user[static_cast<size_t>(operand.value)] == id) values[static_cast<size_t>(operand.value)] = Tensor();
    }
    const auto weight = std::ranges::find(packed_weights, id, &PackedWeight::packing);
    if (weight == packed_weights.end()) continue;
    Tensor& packed = hoisted.back().tensor;
    packed = values[static_cast<size_t>(index.of(id, 0))] = hold_packed(function, *weight, packed);
  }
  versions.clear();
  for (const VariablePtr& variable : hoisting.variables) versions.push_back(variable->version());
  hoisted_once = true;
}

void Executor::State::bind(const Plan& plan) {
  for (Tensor& value : values) value = Tensor();
  for (const Capture& capture : function.captures) {
    values[static_cast<size_t>(index.of(capture.node, 0))] = capture.value;
  }
  for (const FoldedValue& kept : hoisted) values[static_cast<size_t>(kept.value)] = kept.tensor;
  for (const FoldedValue& folded : plan.folded) values[static_cast<size_t>(folded.value)] = folded.tensor;
  gives_away.assign(function.outputs.size(), 0);
  for (size_t i = 0; i < function.outputs.size(); ++i) {
    const Edge& output = function.outputs[i];
    const bool of_run = std::find(plan.left_over.begin(), plan.left_over.end(), index.of(output)) != plan.left_over.end();
    const bool last = std::find(function.outputs.begin() + static_cast<std::ptrdiff_t>(i) + 1, function.outputs.end(), output) ==
                      function.outputs.end();
    gives_away[i] = of_run && last;
  }
  if (plan.arena_bytes > arena_bytes) {
    arena.reset();  // first give back, then ask for more
    arena_bytes = 0;
    arena = allocate_aligned(plan.arena_bytes);
    arena_bytes = plan.arena_bytes;
  }
  bound = &plan;
}

/// Kernels take what the shape function checks for granted, also where it could not see the shapes before the run.
void Executor::State::check_shapes(const Node& node) {
  if ((node.op->def->flags & kCallsFunctions) != 0) return;  // the Function checks its arguments
  std::vector<Shape>& seen = seen_shapes[&node];
  const auto input = [&](size_t i) -> const Tensor& { return values[static_cast<size_t>(index.of(node.inputs[i]))]; };
  bool same = seen.size() == node.inputs.size();
  for (size_t i = 0; same && i < seen.size(); ++i) same = seen[i] == input(i).shape();
  if (same) return;
  std::vector<Shape> shapes;
  std::vector<DType> dtypes;
  for (size_t i = 0; i < node.inputs.size(); ++i) {
    shapes.push_back(input(i).shape());
    dtypes.push_back(input(i).dtype());
  }
  std::vector<const Shape*> pointers;
  for (const Shape& shape : shapes) pointers.push_back(&shape);
  const std::vector<const Tensor*> unknown(shapes.size(), nullptr);
  try {
    infer_shapes(*node.op, pointers, dtypes, unknown, node.attrs, node.dtypes.size());
  } catch (Error& error) {
    add_place(error, node);
    throw;
  }
  seen = std::move(shapes);
}

void Executor::State::run_steps(const Plan& plan, Runtime& runtime) {
  NodeContext context(runtime, nested, values, arena.get(), plan.lent);
  const std::span<const Operand> operands = plan.operands;
  const std::span<const Slot> slots = plan.slots;
  for (const Step& step : plan.steps) {
    runtime.check_interrupts();
    const Node& node = function.nodes[static_cast<size_t>(step.node)];
    const int32_t first = index.of(step.node, 0);
    context.bind(*node.op, node.attrs, node.dtypes,
                 operands.subspan(static_cast<size_t>(step.first_operand), static_cast<size_t>(step.operand_count)), first,
                 slots.subspan(static_cast<size_t>(first), node.dtypes.size()));
    if (step.has_open_shapes) check_shapes(node);
    run_node(node, context);
    for (int32_t i = 0; i < step.release_count; ++i) {
      values[static_cast<size_t>(plan.releases[static_cast<size_t>(step.first_release + i)])] = Tensor();
    }
  }
}

std::vector<Tensor> Executor::State::take_results() {
  std::vector<Tensor> results;
  results.reserve(function.outputs.size());
  for (size_t i = 0; i < function.outputs.size(); ++i) {
    Tensor& value = values[static_cast<size_t>(index.of(function.outputs[i]))];
    const bool borrowed = value.owner() == nullptr && !value.holds_object();
    results.push_back(borrowed ? value.clone() : gives_away[i] ? std::move(value) : value);
  }
  return results;
}

Executor::Executor(FunctionPtr function, const PassOptions& passes)
    : function_(std::move(function)), state_(std::make_unique<State>(rewrite(*function_, passes))) {}

Executor::~Executor() = default;

int64_t Executor::arena_bytes() const { return state_->plans.empty() ? 0 : state_->plans.front().arena_bytes; }

int64_t Executor::peak_bytes() const {
  return (state_->plans.empty() ? 0 : state_->plans.front().peak_bytes) + state_->nested.peak_bytes();
}

std::vector<Tensor> Executor::run(std::span<const Tensor> args, Runtime& runtime) {
  return run_taking({args.begin(), args.end()}, runtime);
}

std::vector<Tensor> Executor::run_taking(std::vector<Tensor> args, Runtime& runtime) {
  const DepthGuard depth(runtime);
  runtime.check_interrupts();  // a loop of functions without ops ends, too
  if (state_->running) {
    // A function that calls itself: the inner call gets an executor of its own.
    return Executor(function_).run_taking(std::move(args), runtime);
  }
  State& state = *state_;
  struct Cleanup {
    State& state;
    bool failed = true;
    ~Cleanup() {
      state.running = false;
      if (!failed) return;
      for (Tensor& value : state.values) value = Tensor();
      state.bound = nullptr;
    }
  } cleanup{state};
  state.running = true;
  state.check_args(args);
  if (state.is_stale()) state.compute_hoisted(runtime);
  const Plan& plan = state.plan_for(args, runtime);
  if (state.bound != &plan) state.bind(plan);
  for (size_t i = 0; i < args.size(); ++i) {
    state.values[static_cast<size_t>(state.index.of(state.function.args[i], 0))] = std::move(args[i]);
  }
  state.run_steps(plan, runtime);
  std::vector<Tensor> results = state.take_results();
  for (const int32_t value : plan.left_over) state.values[static_cast<size_t>(value)] = Tensor();
  cleanup.failed = false;
  if (runtime.call_depth == 1) runtime.activation_bytes = peak_bytes();
  return results;
}

}  // namespace keras
