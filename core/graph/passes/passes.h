// The rewrites that run before planning, each in a file of its own. A rewritten Function computes the same, up to rounding.
// Where a pass is told of `invariant` arguments, the Function is a loop's body: they are the same in all rounds.
// Ops that are stateful are neither merged, folded nor dropped, and keep their order; of variables' reads only those are merged
// or moved between which nobody can have written.
#pragma once

#include <map>
#include <unordered_map>

#include "core/graph/executor.h"
#include "core/graph/function.h"
#include "core/graph/passes/rewriter.h"

namespace keras {

/// Calls become the nodes of the called Function, in their place; so do conditions whose value is a constant. What
/// fuse_recurrent() knows stays called if it `keeps_recurrent`.
Function inline_calls(Function function, bool keeps_recurrent);
/// Calls of the functions of Keras's recurrent layers become ops that compute the same.
Function fuse_recurrent(Function function);

// The simplifications look at one node each, all in one walk: true if they have put something in the node's place.

/// Identities, and reshapes that change nothing or follow each other.
bool remove_no_op(Rewriter& rewriter, int32_t id, const Node& node);
/// Casts to the dtype that the value has, and to the one that it had before a cast which lost nothing.
bool remove_cast(Rewriter& rewriter, int32_t id, const Node& node);
/// Transposes that move nothing or follow each other, and those of a product's operands.
bool remove_transpose(Rewriter& rewriter, int32_t id, const Node& node);
/// Ops of constants alone, and what only asks for a shape that is known.
class ConstantFolder {
 public:
  bool visit(Rewriter& rewriter, int32_t id, const Node& node);

 private:
  std::unique_ptr<Runtime> runtime_;
};
/// Nodes that compute what an earlier one has computed.
class DuplicateMerger {
 public:
  bool visit(Rewriter& rewriter, int32_t id, const Node& node);

 private:
  bool visit_read(Rewriter& rewriter, int32_t id, const Node& node);
  void forget_reads(const Rewriter& rewriter, const Node& node);

  std::unordered_multimap<size_t, int32_t> made_;  // hash → node of the copy
  std::map<int32_t, int32_t> reads_;               // handle → the read of it that still holds
};

/// What a loop's body computes from arguments that no round changes moves out of the loop `id`, whose Functions have been
/// rewritten; `invariant` says which arguments those are.
void emit_loop(Rewriter& rewriter, int32_t id, const Node& node, Function condition, Function body,
               const std::vector<char>& invariant);
/// The arguments that every round of a loop with this body hands on as they came.
std::vector<char> invariant_arguments(const Function& body);

/// Pad before an unpadded convolution becomes the convolution's explicit padding: one pass over the image less.
Function fold_padding(Function function);
/// Inference batch norm after a convolution becomes a factor and a bias, computed when variables change.
Function fold_batch_norm(Function function, const std::vector<char>& invariant);
/// Einsum with weights becomes a matrix product, so that they can be packed.
Function einsum_to_matmul(Function function, const std::vector<char>& invariant);
/// Bias, residual sum and activation become the epilogue of the product that they follow.
Function fuse_activations(Function function);
/// Weights are brought into the order in which the kernels read them, once, not at each run or round.
Function prepack_weights(Function function, const std::vector<char>& invariant);

/// All that `options` ask for, in this order; in the Functions that this one calls, too.
Function rewrite(const Function& function, const PassOptions& options);

}  // namespace keras
