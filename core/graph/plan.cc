// Liveness and the arena.
#include "core/graph/plan.h"

#include <algorithm>
#include <numeric>
#include <unordered_map>

#include "core/base/error.h"
#include "core/graph/executor.h"
#include "core/graph/node_check.h"
#include "core/graph/op_runner.h"

namespace keras {
namespace {

constexpr int64_t kAlignment = 64;
constexpr int64_t kMaxFoldedElements = 1024;  // shapes and the like

/// A piece of memory: made by one value, perhaps passed on to aliases and in-place results.
struct Block {
  int64_t bytes = 0;
  int32_t first = 0;  // node that makes it
  int32_t last = 0;   // node after which nobody reads it
  int64_t offset = -1;
  bool escapes = false;  // leaves with a result: memory of its own
  int32_t lender = -1;   // index of the result's memory that it is in, or that it lends
};

/// Ops whose outputs are tensors that exist already, or that others made.
bool brings_its_memory(const Node& node) {
  const std::string_view op = node.op->def->name;
  return (node.op->def->flags & kCallsFunctions) != 0 || op == "ReadVariableOp" || op == "TensorListGetItem" ||
         op == "TensorListPopBack";
}

/// What runs once for each node, and each of the longer walks, stays a function of its own: see wasm/CMakeLists.txt.
class Planner {
 public:
  Planner(const Function& function, const ValueIndex& index, const Hoisting& hoisting, Plan& plan, Runtime& runtime)
      : function_(function),
        index_(index),
        hoisting_(hoisting),
        plan_(plan),
        runtime_(runtime),
        end_(static_cast<int32_t>(function.nodes.size())),
        shapes_(static_cast<size_t>(index.count()), Shape::unknown_rank()),
        known_(static_cast<size_t>(index.count())),
        block_of_(static_cast<size_t>(index.count()), -1),
        in_place_of_(static_cast<size_t>(index.count()), -1),
        last_use_(static_cast<size_t>(index.count()), -1),
        captured_(function.nodes.size(), nullptr) {
    for (const Capture& capture : function.captures) captured_[static_cast<size_t>(capture.node)] = &capture.value;
  }

  void run() {
    infer_all();
    find_running();
    find_last_uses();
    assign_blocks();
    mark_escapes();
    place_blocks();
    write_slots();
    write_steps();
    find_peak();
  }

 private:
  const Node& node(int32_t id) const { return function_.nodes[static_cast<size_t>(id)]; }
  bool is_arg(int32_t id) const { return std::string_view(node(id).op->def->name) == "_Arg"; }
  bool is_read(int32_t id) const { return std::string_view(node(id).op->def->name) == "ReadVariableOp"; }
  bool is_hoisted(int32_t id) const { return hoisting_.hoisted[static_cast<size_t>(id)] != 0; }
  bool is_folded(int32_t id) const { return !folded_[static_cast<size_t>(id)].empty(); }
  bool runs(int32_t id) const { return runs_[static_cast<size_t>(id)] != 0; }
  Block& block(int32_t id) { return blocks_[static_cast<size_t>(id)]; }
  const Block& block(int32_t id) const { return blocks_[static_cast<size_t>(id)]; }

  void infer_all() {
    folded_.resize(function_.nodes.size());
    for (size_t i = 0; i < function_.args.size(); ++i) {
      shapes_[static_cast<size_t>(index_.of(function_.args[i], 0))] = plan_.arg_shapes[i];
    }
    for (int32_t id = 0; id < static_cast<int32_t>(function_.nodes.size()); ++id) {
      if (is_arg(id)) {
        if (node(id).dtypes[0] == DType::kResource) shapes_[static_cast<size_t>(index_.of(id, 0))] = Shape();
        continue;
      }
      infer(id);
    }
  }

  [[gnu::noinline]] void infer(int32_t id) {
    const Node& n = node(id);
    std::vector<const Shape*> shapes;
    std::vector<DType> dtypes;
    std::vector<const Tensor*> values;
    for (const Edge& input : n.inputs) {
      const auto v = static_cast<size_t>(index_.of(input));
      shapes.push_back(&shapes_[v]);
      dtypes.push_back(function_.dtype(input));
      values.push_back(known_[v].valid() ? &known_[v] : captured_[static_cast<size_t>(input.node)]);
    }
    std::vector<Shape> outputs = infer_shapes(*n.op, shapes, dtypes, values, n.attrs, n.dtypes.size());
    for (size_t i = 0; i < outputs.size(); ++i) {
      // What tracing knew (a variable's shape) holds here too.
      shapes_[static_cast<size_t>(index_.of(id, static_cast<int32_t>(i)))] =
          outputs[i].compatible_with(n.shapes[i]) ? outputs[i].merged_with(n.shapes[i]) : outputs[i];
    }
    learn(id, values);
  }

  /// Computes small integer values that depend on shapes alone.
  [[gnu::noinline]] void learn(int32_t id, const std::vector<const Tensor*>& values) {
    const Node& n = node(id);
    const std::string_view op = n.op->def->name;
    if (op == "Const") {
      known_[static_cast<size_t>(index_.of(id, 0))] = n.attrs.get<Tensor>("value");
      return;
    }
    if (!is_foldable(*n.op) || is_hoisted(id) || n.dtypes.empty()) return;
    for (size_t i = 0; i < n.dtypes.size(); ++i) {
      const Shape& shape = shapes_[static_cast<size_t>(index_.of(id, static_cast<int32_t>(i)))];
      if (!is_integer(n.dtypes[i]) || !shape.fully_known() || shape.elements() > kMaxFoldedElements) return;
    }
    const bool of_shape = op == "Shape" || op == "Size" || op == "Rank" || op == "ShapeN";
    std::vector<Tensor> inputs;
    for (size_t i = 0; i < values.size(); ++i) {
      const Shape& shape = shapes_[static_cast<size_t>(index_.of(n.inputs[i]))];
      if (values[i] != nullptr && !values[i]->holds_object())  // what a variable holds is no part of a plan
        inputs.push_back(*values[i]);
      else if (of_shape && shape.fully_known())
        inputs.push_back(Tensor::borrow(function_.dtype(n.inputs[i]), shape, nullptr));
      else
        return;
    }
    try {
      folded_[static_cast<size_t>(id)] = run_kernel(*n.op, inputs, n.attrs, n.dtypes, runtime_);
    } catch (const Error&) {
      return;  // said when it runs, with the node's name
    }
    const auto& folded = folded_[static_cast<size_t>(id)];
    for (size_t i = 0; i < folded.size(); ++i) {
      known_[static_cast<size_t>(index_.of(id, static_cast<int32_t>(i)))] = folded[i];
    }
  }

  /// Hoisted reads run where somebody needs the value who is not hoisted.
  [[gnu::noinline]] void find_running() {
    runs_.assign(function_.nodes.size(), 0);
    for (const Edge& output : function_.outputs) need(output);
    for (int32_t id = end_ - 1; id >= 0; --id) {
      if (!is_arg(id) && !is_folded(id) && !is_hoisted(id)) runs_[static_cast<size_t>(id)] = 1;
      if (!runs(id)) continue;
      for (const Edge& input : node(id).inputs) need(input);
    }
  }
  void need(const Edge& edge) {
    if (is_hoisted(edge.node) && is_read(edge.node)) runs_[static_cast<size_t>(edge.node)] = 1;
  }

  [[gnu::noinline]] void find_last_uses() {
    for (int32_t id = 0; id < end_; ++id) {
      for (int32_t i = 0; i < static_cast<int32_t>(node(id).dtypes.size()); ++i) {
        last_use_[static_cast<size_t>(index_.of(id, i))] = id;
      }
      if (!runs(id)) continue;
      for (const Edge& input : node(id).inputs) last_use_[static_cast<size_t>(index_.of(input))] = id;
    }
    for (const Edge& output : function_.outputs) last_use_[static_cast<size_t>(index_.of(output))] = end_;
  }

  void assign_blocks() {
    for (int32_t id = 0; id < end_; ++id) {
      if (!runs(id) || brings_its_memory(node(id))) continue;
      for (int32_t i = 0; i < static_cast<int32_t>(node(id).dtypes.size()); ++i) assign_block(id, i);
    }
  }

  [[gnu::noinline]] void assign_block(int32_t id, int32_t output) {
    const Node& n = node(id);
    const int32_t value = index_.of(id, output);
    const int32_t last = last_use_[static_cast<size_t>(value)];
    if (output == 0 && !n.inputs.empty()) {
      const int32_t source = block_of_[static_cast<size_t>(index_.of(n.inputs[0]))];
      if ((n.op->def->flags & kAliasesInput) != 0) {
        block_of_[static_cast<size_t>(value)] = source;  // -1 when the input is no block of ours
        if (source >= 0) extend(source, last);
        return;
      }
    }
    const Shape& shape = shapes_[static_cast<size_t>(value)];
    const int64_t element_bytes = dtype_bytes(n.dtypes[static_cast<size_t>(output)]);
    if (element_bytes == 0 || !shape.fully_known()) return;
    const int64_t bytes = tensor_bytes(n.dtypes[static_cast<size_t>(output)], shape);
    if (bytes == 0) return;
    if (output == 0 && (n.op->def->flags & kInPlace) != 0) {
      const int32_t reused = find_in_place(id, bytes, element_bytes);
      if (reused >= 0) {
        const int32_t memory = block_of_[static_cast<size_t>(reused)];
        block_of_[static_cast<size_t>(value)] = memory;
        in_place_of_[static_cast<size_t>(value)] = reused;
        extend(memory, last);
        return;
      }
    }
    block_of_[static_cast<size_t>(value)] = static_cast<int32_t>(blocks_.size());
    blocks_.push_back({.bytes = bytes, .first = id, .last = last});
  }

  void extend(int32_t id, int32_t last) { block(id).last = std::max(block(id).last, last); }

  /// An input, in a block of equal size, that dies at this node.
  int32_t find_in_place(int32_t id, int64_t bytes, int64_t element_bytes) const {
    for (const Edge& input : node(id).inputs) {
      const int32_t value = index_.of(input), memory = block_of_[static_cast<size_t>(value)];
      if (memory < 0 || dtype_bytes(function_.dtype(input)) != element_bytes) continue;
      if (block(memory).bytes == bytes && block(memory).last == id) return value;
    }
    return -1;
  }

  void mark_escapes() {
    for (const Edge& output : function_.outputs) {
      const int32_t id = block_of_[static_cast<size_t>(index_.of(output))];
      if (id >= 0) block(id).escapes = true;
    }
  }

  // Greedy by size: large blocks first, each at the lowest offset that is free during its life. Those that the arena would have
  // to grow for go into the memory of a later result, if there is room.
  [[gnu::noinline]] void place_blocks() {
    std::vector<int32_t> order(blocks_.size());
    std::iota(order.begin(), order.end(), 0);
    std::stable_sort(order.begin(), order.end(), [&](int32_t a, int32_t b) { return block(a).bytes > block(b).bytes; });
    std::vector<int32_t> results;  // that may lend; one larger than tensors may be is refused when it is made, not before
    for (const int32_t id : order) {
      if (block(id).escapes && block(id).bytes <= runtime_.limits.tensor_bytes) results.push_back(id);
    }
    std::vector<int32_t> arena;
    for (const int32_t id : order) {
      if (block(id).escapes) continue;
      const int64_t offset = lowest_offset(block(id), arena), end = offset + block(id).bytes;
      if (end > plan_.arena_bytes && place_in_result(id, results)) continue;
      plan_.arena_bytes = std::max(plan_.arena_bytes, end);
      place(id, offset, arena);
    }
  }

  /// `placed`: blocks of one memory, by offset.
  int64_t lowest_offset(const Block& b, const std::vector<int32_t>& placed) const {
    int64_t offset = 0;
    for (const int32_t id : placed) {
      const Block& other = block(id);
      if (other.last < b.first || b.last < other.first) continue;
      if (other.offset - offset >= b.bytes) break;
      offset = std::max(offset, (other.offset + other.bytes + kAlignment - 1) / kAlignment * kAlignment);
    }
    return offset;
  }

  void place(int32_t id, int64_t offset, std::vector<int32_t>& placed) {
    block(id).offset = offset;
    const auto at =
        std::upper_bound(placed.begin(), placed.end(), offset, [&](int64_t o, int32_t other) { return o < block(other).offset; });
    placed.insert(at, id);
  }

  /// In the smallest result, of those from large to small, that has room and is made when the block is dead.
  bool place_in_result(int32_t id, const std::vector<int32_t>& results) {
    Block& b = block(id);
    for (auto result = results.rbegin(); result != results.rend(); ++result) {
      Block& lender = block(*result);
      if (lender.bytes < b.bytes || lender.first <= b.last) continue;
      if (lender.lender < 0) {
        lender.lender = static_cast<int32_t>(plan_.lent.size());
        plan_.lent.push_back(lender.bytes);
        tenants_.emplace_back();
      }
      std::vector<int32_t>& tenants = tenants_[static_cast<size_t>(lender.lender)];
      const int64_t offset = lowest_offset(b, tenants);
      if (offset + b.bytes > lender.bytes) continue;
      b.lender = lender.lender;
      place(id, offset, tenants);
      return true;
    }
    return false;
  }

  void write_slots() {
    plan_.slots.resize(static_cast<size_t>(index_.count()));
    for (int32_t value = 0; value < index_.count(); ++value) {
      const int32_t id = block_of_[static_cast<size_t>(value)];
      if (id < 0) continue;
      const Block& b = block(id);
      Slot& slot = plan_.slots[static_cast<size_t>(value)];
      slot = {.offset = b.offset, .bytes = b.bytes, .lender = b.lender};
      if (b.escapes) slot.in_place_of = in_place_of_[static_cast<size_t>(value)];
    }
  }

  /// Whether the value is made for one run: by a step, or given as an argument.
  bool is_of_run(const Edge& edge) const {
    return runs(edge.node) || (is_arg(edge.node) && captured_[static_cast<size_t>(edge.node)] == nullptr);
  }

  void write_steps() {
    std::vector<char> folded_used(function_.nodes.size(), 0), arg_used(function_.nodes.size(), 0);
    const auto use = [&](const Edge& edge) {
      if (is_folded(edge.node)) folded_used[static_cast<size_t>(edge.node)] = 1;
      if (is_arg(edge.node)) arg_used[static_cast<size_t>(edge.node)] = 1;
    };
    for (int32_t id = 0; id < end_; ++id) {
      if (!runs(id)) continue;
      for (const Edge& input : node(id).inputs) use(input);
      write_step(id);
    }
    for (const Edge& output : function_.outputs) {
      use(output);
      if (is_of_run(output)) plan_.left_over.push_back(index_.of(output));
    }
    for (const int32_t arg : function_.args) {
      if (!arg_used[static_cast<size_t>(arg)]) plan_.left_over.push_back(index_.of(arg, 0));
    }
    for (int32_t id = 0; id < end_; ++id) {
      if (!folded_used[static_cast<size_t>(id)]) continue;
      auto& values = folded_[static_cast<size_t>(id)];
      for (size_t i = 0; i < values.size(); ++i) {
        plan_.folded.push_back({index_.of(id, static_cast<int32_t>(i)), std::move(values[i])});
      }
    }
  }

  [[gnu::noinline]] void write_step(int32_t id) {
    Step step{id,
              static_cast<int32_t>(plan_.operands.size()),
              static_cast<int32_t>(node(id).inputs.size()),
              static_cast<int32_t>(plan_.releases.size()),
              0,
              false};
    std::unordered_map<int32_t, int> times;
    for (const Edge& input : node(id).inputs) ++times[index_.of(input)];
    for (const Edge& input : node(id).inputs) {
      const int32_t value = index_.of(input);
      const bool dies = last_use_[static_cast<size_t>(value)] == id && is_of_run(input);
      step.has_open_shapes |= !shapes_[static_cast<size_t>(value)].fully_known();
      plan_.operands.push_back({value, dies && times[value] == 1});
      if (dies) plan_.releases.push_back(value);
    }
    for (int32_t i = 0; i < static_cast<int32_t>(node(id).dtypes.size()); ++i) {
      const int32_t value = index_.of(id, i);
      if (last_use_[static_cast<size_t>(value)] == id) plan_.releases.push_back(value);
    }
    step.release_count = static_cast<int32_t>(plan_.releases.size()) - step.first_release;
    plan_.steps.push_back(step);
  }

  /// Results have memory of their own from the node that makes their block to the end of the run.
  void find_peak() {
    plan_.peak_bytes = plan_.arena_bytes;
    for (const Block& b : blocks_) {
      if (b.escapes) plan_.peak_bytes += b.bytes;
    }
  }

  const Function& function_;
  const ValueIndex& index_;
  const Hoisting& hoisting_;
  Plan& plan_;
  Runtime& runtime_;
  const int32_t end_;  // the "node" at which results are used
  std::vector<Shape> shapes_;
  std::vector<Tensor> known_;
  std::vector<std::vector<Tensor>> folded_;  // node → values computed here (empty: the kernel runs)
  std::vector<char> runs_;
  std::vector<int32_t> block_of_;
  std::vector<int32_t> in_place_of_;     // value → the input whose memory it takes over
  std::vector<int32_t> last_use_;        // node; end_: it is a result
  std::vector<const Tensor*> captured_;  // node → the value that it is; null: no capture
  std::vector<Block> blocks_;
  std::vector<std::vector<int32_t>> tenants_;  // of each in Plan::lent: the blocks there, by offset
};

}  // namespace

ValueIndex::ValueIndex(const Function& function) {
  first_.push_back(0);
  for (const Node& node : function.nodes) first_.push_back(first_.back() + static_cast<int32_t>(node.dtypes.size()));
}

Plan make_plan(const Function& function, const ValueIndex& index, const Hoisting& hoisting, std::vector<Shape> arg_shapes,
               Runtime& runtime) {
  Plan plan;
  plan.arg_shapes = std::move(arg_shapes);
  Planner(function, index, hoisting, plan, runtime).run();
  return plan;
}

}  // namespace keras
