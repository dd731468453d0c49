// The order of the rewrites, and the way down into called Functions.
#include <algorithm>
#include <optional>

#include "core/graph/node_check.h"
#include "core/graph/passes/passes.h"

namespace keras {
namespace {

// Functions may share Functions in a file that means harm: when so many nodes have been rewritten, the rest stays as it is.
constexpr int64_t kMaxNodes = 100'000;

bool has_calls(const Function& function) {
  return std::any_of(function.nodes.begin(), function.nodes.end(),
                     [](const Node& node) { return (node.op->def->flags & kCallsFunctions) != 0; });
}

/// Whether there is anything for a pass to do: each looks at all nodes.
bool has_op(const Function& function, std::string_view op) {
  return std::any_of(function.nodes.begin(), function.nodes.end(),
                     [&](const Node& node) { return std::string_view(node.op->def->name) == op; });
}

bool is_loop(const Node& node) { return std::string_view(node.op->def->name).ends_with("While"); }

class Rewrites {
 public:
  explicit Rewrites(const PassOptions& options) : options_(options) {}

  Function run(const Function& function) { return finish(prepare(function), {}); }

 private:
  /// What needs to know nothing of who calls.
  Function prepare(const Function& function) {
    Function result = expand(function);
    nodes_ += static_cast<int64_t>(result.nodes.size());
    const bool simplifies = options_.remove_no_ops || options_.remove_casts || options_.remove_transposes ||
                            options_.fold_constants || options_.merge_duplicates;
    if (simplifies) result = simplify(std::move(result));
    return result;
  }

  Function expand(const Function& function) const {
    if (!has_calls(function)) return function;
    Function result = options_.inline_calls ? inline_calls(function, options_.fuse_recurrent) : function;
    return options_.fuse_recurrent ? fuse_recurrent(std::move(result)) : result;
  }

  Function simplify(Function function) const {
    ConstantFolder folder;
    DuplicateMerger merger;
    return rewrite_nodes(std::move(function), [&](Rewriter& rewriter, int32_t id, const Node& node) {
      return (options_.remove_no_ops && remove_no_op(rewriter, id, node)) ||
             (options_.remove_casts && remove_cast(rewriter, id, node)) ||
             (options_.remove_transposes && remove_transpose(rewriter, id, node)) ||
             (options_.fold_constants && folder.visit(rewriter, id, node)) ||
             (options_.merge_duplicates && merger.visit(rewriter, id, node));
    });
  }

  Function finish(Function function, const std::vector<char>& invariant) {
    if (has_calls(function) && nodes_ < kMaxNodes) function = rewrite_called(std::move(function));
    if (options_.fold_padding && has_op(function, "Pad")) function = fold_padding(std::move(function));
    if (options_.fold_batch_norm && has_op(function, "FusedBatchNormV3"))
      function = fold_batch_norm(std::move(function), invariant);
    if (options_.einsum_to_matmul && has_op(function, "Einsum")) function = einsum_to_matmul(std::move(function), invariant);
    if (options_.fuse_activations) function = fuse_activations(std::move(function));
    if (options_.prepack_weights) function = prepack_weights(std::move(function), invariant);
    return function;
  }

  Function rewrite_called(Function function) {
    return rewrite_nodes(std::move(function), [&](Rewriter& rewriter, int32_t id, const Node& node) {
      if ((node.op->def->flags & kCallsFunctions) == 0 || !are_there(node)) return false;
      if (is_loop(node))
        rewrite_loop(rewriter, id, node);
      else
        rewrite_branches(rewriter, id, node);
      return true;
    });
  }

  static bool are_there(const Node& node) {
    const std::vector<const FunctionRef*> functions = called_functions(node.attrs);
    return std::all_of(functions.begin(), functions.end(), [](const FunctionRef* f) { return f->function != nullptr; });
  }

  FunctionRef called(const FunctionRef& ref) {
    auto& known = called_[ref.function];
    if (known == nullptr) known = std::make_shared<const Function>(run(*ref.function));
    return {ref.name, known};
  }

  void rewrite_branches(Rewriter& rewriter, int32_t id, const Node& node) {
    Node changed = node;
    changed.inputs = rewriter.mapped(node.inputs);
    for (const auto& [name, value] : node.attrs.items()) {
      if (const auto* one = std::get_if<FunctionRef>(&value)) {
        changed.attrs.set(name, called(*one));
      } else if (const auto* list = std::get_if<std::vector<FunctionRef>>(&value)) {
        std::vector<FunctionRef> branches;
        for (const FunctionRef& branch : *list) branches.push_back(called(branch));
        changed.attrs.set(name, std::move(branches));
      }
    }
    rewriter.replace_all(id, rewriter.add(std::move(changed)));
  }

  void rewrite_loop(Rewriter& rewriter, int32_t id, const Node& node) {
    Function condition = prepare(*node.attrs.get<FunctionRef>("cond").function);
    Function body = prepare(*node.attrs.get<FunctionRef>("body").function);
    std::vector<char> invariant(body.args.size(), 0);
    if (options_.hoist_invariants) {
      invariant = invariant_arguments(body);
      for (size_t i = 0; i < invariant.size(); ++i) {
        if (!invariant[i]) continue;
        for (Function* function : {&condition, &body}) {
          Shape& shape = function->nodes[static_cast<size_t>(function->args[i])].shapes[0];
          const Shape& given = rewriter.shape(rewriter.mapped(node.inputs[i]));
          if (shape.compatible_with(given)) shape = shape.merged_with(given);
        }
      }
      refine_shapes(body);
      if (writes_anything(condition) || writes_anything(body)) forget_handles(body, invariant);
    }
    body = finish(std::move(body), invariant);
    emit_loop(rewriter, id, node, finish(std::move(condition), {}), std::move(body), invariant);
  }

  /// Two arguments may be handles of one variable.
  static bool writes_anything(const Function& function) {
    return !written_handles(function).empty() || !function.captures.empty();
  }
  static void forget_handles(const Function& body, std::vector<char>& invariant) {
    for (size_t i = 0; i < invariant.size(); ++i) {
      if (body.dtype({body.args[i], 0}) == DType::kResource) invariant[i] = 0;
    }
  }

  const PassOptions& options_;
  std::map<FunctionPtr, FunctionPtr> called_;
  int64_t nodes_ = 0;
};

}  // namespace

PassOptions PassOptions::none() {
  return {.fuse_recurrent = false,
          .inline_calls = false,
          .remove_no_ops = false,
          .remove_casts = false,
          .remove_transposes = false,
          .fold_constants = false,
          .merge_duplicates = false,
          .hoist_invariants = false,
          .fold_padding = false,
          .fold_batch_norm = false,
          .einsum_to_matmul = false,
          .fuse_activations = false,
          .prepack_weights = false};
}

Function rewrite(const Function& function, const PassOptions& options) {
  return options == PassOptions::none() ? function : Rewrites(options).run(function);
}

}  // namespace keras
