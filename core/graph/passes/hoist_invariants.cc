// Loop-invariant nodes leave the bodies of loops: reads of weights, their packing, what is made of them. They become variables
// of the loop that no round changes; before the loop they may be hoisted further, out of the run.
#include <algorithm>
#include <map>

#include "core/graph/node_check.h"
#include "core/graph/passes/passes.h"
#include "core/graph/prune.h"

namespace keras {
namespace {

// What is moved runs even if the loop has no round: only ops that cannot fail once their shapes are known to fit.
constexpr std::string_view kSafeOps[] = {"Add",
                                         "AddV2",
                                         "Sub",
                                         "Mul",
                                         "RealDiv",
                                         "Maximum",
                                         "Minimum",
                                         "SquaredDifference",
                                         "Neg",
                                         "Square",
                                         "Sqrt",
                                         "Rsqrt",
                                         "Exp",
                                         "Expm1",
                                         "Log",
                                         "Log1p",
                                         "Tanh",
                                         "Sigmoid",
                                         "Relu",
                                         "Relu6",
                                         "Elu",
                                         "Softplus",
                                         "Abs",
                                         "Sign",
                                         "Reciprocal",
                                         "Softmax",
                                         "Cast",
                                         "MatMul",
                                         "BatchMatMulV2",
                                         "BiasAdd",
                                         "Transpose",
                                         "Reshape",
                                         "Squeeze",
                                         "ExpandDims",
                                         "ConcatV2",
                                         "Split",
                                         "SplitV",
                                         "Pack",
                                         "Unpack",
                                         "Slice",
                                         "StridedSlice",
                                         "BroadcastTo",
                                         "ZerosLike",
                                         "OnesLike",
                                         "Fill",
                                         "Sum",
                                         "Mean",
                                         "Max",
                                         "Min",
                                         "_FusedMatMul",
                                         "_PackMatMulWeights",
                                         "_PackConv2DFilter"};

bool is(const Node& node, std::string_view op) { return node.op->def->name == op; }

bool is_safe(const Function& body, const Node& node) {
  if (std::find(std::begin(kSafeOps), std::end(kSafeOps), node.op->def->name) == std::end(kSafeOps)) return false;
  const auto known = [](const Shape& shape) { return shape.fully_known(); };
  return std::all_of(node.shapes.begin(), node.shapes.end(), known) &&
         std::all_of(node.inputs.begin(), node.inputs.end(), [&](const Edge& input) { return known(body.shape(input)); });
}

/// Takes a loop's body apart.
class Extraction {
 public:
  Extraction(Rewriter& rewriter, const Node& loop, Function& body, const std::vector<char>& invariant)
      : rewriter_(rewriter), loop_(loop), body_(body), hoisting_(find_hoisted(body, invariant)), place_(body.nodes.size()) {
    for (size_t i = 0; i < invariant.size(); ++i) {
      if (invariant[i]) place_[static_cast<size_t>(body.args[i])] = rewriter.mapped(loop.inputs[i]);
    }
  }

  /// Moves what it can. Returns the values, before the loop, that it takes as further inputs: as many further arguments of the
  /// body take them.
  std::vector<Edge> run() {
    for (size_t i = 0; i < body_.nodes.size(); ++i) move(static_cast<int32_t>(i));
    const size_t count = body_.nodes.size();
    for (size_t i = 0; i < count; ++i) {
      if (moved_.contains(static_cast<int32_t>(i))) continue;
      for (size_t k = 0; k < body_.nodes[i].inputs.size(); ++k) take_from_outside(body_.nodes[i].inputs[k]);
    }
    for (Edge& output : body_.outputs) take_from_outside(output);
    return inputs_;
  }

 private:
  bool outside(const Edge& edge) const {
    return place_[static_cast<size_t>(edge.node)].node >= 0 || is(body_.nodes[static_cast<size_t>(edge.node)], "Const");
  }

  Edge outer(const Edge& edge) {
    Edge& place = place_[static_cast<size_t>(edge.node)];
    if (place.node < 0) {  // a constant, which is copied
      Node copy = body_.nodes[static_cast<size_t>(edge.node)];
      copy.name = loop_.name + "/" + copy.name;
      place = {rewriter_.add(std::move(copy)), 0};
    }
    return {place.node, place.output + edge.output};  // one of the two is 0: arguments have one output
  }

  void move(int32_t id) {
    const Node& node = body_.nodes[static_cast<size_t>(id)];
    if (!hoisting_.hoisted[static_cast<size_t>(id)] || node.inputs.empty()) return;
    if (!is(node, "ReadVariableOp") && !is_safe(body_, node)) return;
    if (!std::all_of(node.inputs.begin(), node.inputs.end(), [&](const Edge& input) { return outside(input); })) return;
    if (std::all_of(node.inputs.begin(), node.inputs.end(),
                    [&](const Edge& input) { return is(body_.nodes[static_cast<size_t>(input.node)], "Const"); })) {
      return;  // computed once in any case
    }
    Node copy = node;
    copy.name = loop_.name + "/" + node.name;
    for (Edge& input : copy.inputs) input = outer(input);
    place_[static_cast<size_t>(id)] = {rewriter_.add(std::move(copy)), 0};
    moved_.insert({id, {}});
  }

  /// Where a node that stays used the value of one that has moved, it uses a new argument.
  void take_from_outside(Edge& edge) {
    const auto moved = moved_.find(edge.node);
    if (moved == moved_.end()) return;
    auto& arguments = moved->second;
    const auto found = arguments.find(edge.output);
    if (found != arguments.end()) {
      edge = {found->second, 0};
      return;
    }
    inputs_.push_back({place_[static_cast<size_t>(edge.node)].node, edge.output});
    const int32_t arg = add_argument(body_, body_.dtype(edge), body_.shape(edge));
    arguments.emplace(edge.output, arg);
    edge = {arg, 0};
  }

 public:
  static int32_t add_argument(Function& function, DType dtype, Shape shape) {
    const auto id = static_cast<int32_t>(function.nodes.size());
    const auto index = static_cast<int64_t>(function.args.size());
    function.nodes.push_back({.op = find_op("_Arg"),
                              .name = "invariant_" + std::to_string(index),
                              .inputs = {},
                              .attrs = {{"T", dtype}, {"index", index}},
                              .dtypes = {dtype},
                              .shapes = {std::move(shape)}});
    function.args.push_back(id);
    function.arg_names.push_back(function.nodes.back().name);
    return id;
  }

 private:
  Rewriter& rewriter_;
  const Node& loop_;
  Function& body_;
  Hoisting hoisting_;
  std::vector<Edge> place_;                              // body node → where its value is before the loop
  std::map<int32_t, std::map<int32_t, int32_t>> moved_;  // body node → output → argument that stands for it
  std::vector<Edge> inputs_;
};

}  // namespace

std::vector<char> invariant_arguments(const Function& body) {
  std::vector<char> invariant(body.args.size());
  for (size_t i = 0; i < body.args.size(); ++i) invariant[i] = body.outputs[i] == Edge{body.args[i], 0};
  return invariant;
}

void emit_loop(Rewriter& rewriter, int32_t id, const Node& node, Function condition, Function body,
               const std::vector<char>& invariant) {
  std::vector<Edge> inputs = rewriter.mapped(node.inputs);
  const std::vector<Edge> added = Extraction(rewriter, node, body, invariant).run();
  for (const Edge& input : added) {
    Extraction::add_argument(condition, rewriter.dtype(input), rewriter.shape(input));
    body.outputs.push_back({body.args[body.outputs.size()], 0});
    body.output_names.push_back(body.arg_names[body.outputs.size() - 1]);
  }
  inputs.insert(inputs.end(), added.begin(), added.end());
  const auto share = [](Function function) { return std::make_shared<const Function>(prune(std::move(function))); };
  Attrs attrs = {{"cond", FunctionRef{condition.name, share(std::move(condition))}},
                 {"body", FunctionRef{body.name, share(std::move(body))}}};
  rewriter.replace_all(id, rewriter.emit(node.op->def->name, inputs, std::move(attrs), node.name).node);
}

}  // namespace keras
