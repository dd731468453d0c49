// Random graphs: rewritten, planned and run in one arena they compute what op-by-op execution computes, with each rewrite alone
// and with all of them; so do their gradients.
#include "tests/core/graph/random_graph.h"

#include <gtest/gtest.h>

#include "core/base/error.h"
#include "core/graph/executor.h"
#include "core/graph/passes/passes.h"
#include "core/graph/plan.h"
#include "core/kernels/thread_pool.h"
#include "tests/core/graph/interpreter.h"
#include "tests/core/graph/support.h"

namespace keras {
namespace {

using testing::RandomGraph;
using testing::RandomGraphOptions;

struct NamedPasses {
  const char* name;
  PassOptions passes;
};

PassOptions only(bool PassOptions::* pass) {
  PassOptions passes = PassOptions::none();
  passes.*pass = true;
  return passes;
}

std::vector<NamedPasses> all_combinations() {
  return {{"none", PassOptions::none()},
          {"fuse_recurrent", only(&PassOptions::fuse_recurrent)},
          {"inline_calls", only(&PassOptions::inline_calls)},
          {"remove_no_ops", only(&PassOptions::remove_no_ops)},
          {"remove_casts", only(&PassOptions::remove_casts)},
          {"remove_transposes", only(&PassOptions::remove_transposes)},
          {"fold_constants", only(&PassOptions::fold_constants)},
          {"merge_duplicates", only(&PassOptions::merge_duplicates)},
          {"hoist_invariants", only(&PassOptions::hoist_invariants)},
          {"fold_padding", only(&PassOptions::fold_padding)},
          {"fold_batch_norm", only(&PassOptions::fold_batch_norm)},
          {"einsum_to_matmul", only(&PassOptions::einsum_to_matmul)},
          {"fuse_activations", only(&PassOptions::fuse_activations)},
          {"prepack_weights", only(&PassOptions::prepack_weights)},
          {"all", {}}};
}

/// Empty, or how two results differ: by more than 2e-5 of the largest value.
std::string difference(const Tensor& found, const Tensor& wanted) {
  if (found.dtype() != wanted.dtype() || found.shape() != wanted.shape()) {
    return keras::format("{} {} for {} {}", found.dtype(), found.shape(), wanted.dtype(), wanted.shape());
  }
  double error = 0, scale = 1e-3;
  for (int64_t i = 0; i < wanted.elements(); ++i) {
    const double a = found.number_at(i), b = wanted.number_at(i);
    if (a == b || (std::isnan(a) && std::isnan(b))) continue;
    error = std::max(error, std::abs(a - b));
    scale = std::max(scale, std::abs(b));
    if (!std::isfinite(error)) return keras::format("{} for {}", a, b);
  }
  return error <= 2e-5 * scale ? std::string() : keras::format("off by {} of {}", error, scale);
}

void reset(const RandomGraph& graph) {
  for (size_t i = 0; i < graph.variables.size(); ++i) graph.variables[i]->assign(graph.initial[i].clone());
}

/// Results of runs with several batch sizes, then the variables. An error ends it: what has been assigned by then may differ,
/// since a plan finds misfits before anything runs.
struct Outcome {
  std::vector<Tensor> tensors;
  bool failed = false;
};

template <class Run>
Outcome outcome(const RandomGraph& graph, Run run) {
  Outcome result;
  reset(graph);
  try {
    for (const int64_t batch : {7, 7, 3, 7}) {
      for (const Tensor& tensor : run(testing::random_args(batch))) result.tensors.push_back(tensor.clone());
    }
  } catch (const Error&) {
    result.failed = true;
    return result;
  }
  for (const VariablePtr& variable : graph.variables) result.tensors.push_back(variable->value().clone());
  return result;
}

/// Empty, or what went wrong for a graph and some rewrites.
std::string check(const RandomGraph& graph, const Outcome& wanted, const PassOptions& passes, Runtime& runtime) {
  Executor executor(graph.function, passes);
  runtime.seed(5);
  const Outcome found = outcome(graph, [&](const std::vector<Tensor>& args) { return executor.run(args, runtime); });
  if (wanted.failed) return {};  // what nobody needs any more after a rewrite does not run, so does not fail
  if (found.failed) return "failed";
  if (found.tensors.size() != wanted.tensors.size()) return "another number of results";
  for (size_t i = 0; i < wanted.tensors.size(); ++i) {
    const std::string found_difference = difference(found.tensors[i], wanted.tensors[i]);
    if (!found_difference.empty()) return keras::format("result {}: {}", i, found_difference);
  }
  return {};
}

Outcome interpreted(const RandomGraph& graph) {
  const auto runtime = testing::serial_runtime();
  runtime->seed(5);
  return outcome(graph, [&](const std::vector<Tensor>& args) { return testing::interpret(*graph.function, args, *runtime); });
}

/// The graph of fewest steps that goes wrong in the same way of being rewritten, for whoever has to find out why.
std::string smallest_failure(RandomGraphOptions options, const PassOptions& passes) {
  const auto runtime = testing::serial_runtime();
  const int all = options.steps;
  for (options.steps = 0; options.steps < all; ++options.steps) {
    const RandomGraph graph = testing::random_graph(options);
    const std::string wrong = check(graph, interpreted(graph), passes, *runtime);
    if (!wrong.empty()) return keras::format("{} steps: {}\n{}", options.steps, wrong, testing::to_lines(*graph.function));
  }
  return {};
}

void expect_equal_results(RandomGraphOptions options, Runtime& runtime) {
  const RandomGraph graph = testing::random_graph(options);
  const Outcome wanted = interpreted(graph);
  for (const auto& [name, passes] : all_combinations()) {
    const std::string wrong = check(graph, wanted, passes, runtime);
    EXPECT_EQ(wrong, "") << "seed " << options.seed << ", rewrites: " << name << "\n" << smallest_failure(options, passes);
    if (!wrong.empty()) return;
  }
}

TEST(RandomGraphs, ComputeWhatOneOpAfterTheOtherComputes) {
  const auto runtime = testing::serial_runtime();
  for (uint64_t seed = 1; seed <= 250 && !HasFailure(); ++seed) expect_equal_results({.seed = seed, .steps = 40}, *runtime);
}

TEST(RandomGraphs, ThatOnceWentWrongDoNotAnyMore) {
  const auto runtime = testing::serial_runtime();
  for (const uint64_t seed : {1490, 1689, 1691, 1837}) {
    expect_equal_results({.seed = seed, .steps = 45, .dense_of_rows = false}, *runtime);
  }
}

TEST(RandomGraphs, HaveTheSameGradients) {
  const auto runtime = testing::serial_runtime();
  for (uint64_t seed = 1; seed <= 100 && !HasFailure(); ++seed) {
    expect_equal_results({.seed = seed, .steps = 20, .gradients = true}, *runtime);
  }
}

TEST(RandomGraphs, ComputeTheSameOnSeveralThreads) {
  Runtime runtime(std::make_unique<kernels::ThreadPool>(3), 1, Limits());
  for (uint64_t seed = 1; seed <= 20 && !HasFailure(); ++seed) {
    const RandomGraph graph = testing::random_graph({.seed = seed});
    EXPECT_EQ(check(graph, interpreted(graph), {}, runtime), "") << "seed " << seed;
  }
}

TEST(RandomGraphs, OftenHaveValuesInTheMemoryOfLaterResults) {
  const auto runtime = testing::serial_runtime();
  int lending = 0;
  for (uint64_t seed = 1; seed <= 50; ++seed) {
    const Function function = rewrite(*testing::random_graph({.seed = seed}).function, {});
    const std::vector<Tensor> args = testing::random_args(7);
    try {
      const std::vector<Shape> shapes = {args[0].shape(), args[1].shape()};
      lending += make_plan(function, ValueIndex(function), find_hoisted(function), shapes, *runtime).lent.empty() ? 0 : 1;
    } catch (const Error&) {  // shapes that do not fit
    }
  }
  EXPECT_GT(lending, 10) << "or nothing tests that they compute the same there";
}

// Results larger than tensors may be lend nothing: so a plan without lending is had. 100 bytes do for what planning computes.
TEST(RandomGraphs, NeedNoLargerArenaWhereResultsLendMemory) {
  const auto lends = testing::serial_runtime(), lends_not = testing::serial_runtime();
  lends_not->limits.tensor_bytes = 100;
  int smaller = 0;
  for (uint64_t seed = 1; seed <= 200; ++seed) {
    const Function function = rewrite(*testing::random_graph({.seed = seed, .gradients = seed % 2 == 0}).function, {});
    const std::vector<Tensor> args = testing::random_args(7);
    const auto plan_of = [&](Runtime& runtime) {
      return make_plan(function, ValueIndex(function), find_hoisted(function), {args[0].shape(), args[1].shape()}, runtime);
    };
    try {
      const Plan with = plan_of(*lends), without = plan_of(*lends_not);
      if (!without.lent.empty()) continue;  // of a small result
      EXPECT_LE(with.arena_bytes, without.arena_bytes) << "seed " << seed;
      EXPECT_LE(with.peak_bytes, without.peak_bytes) << "seed " << seed;
      smaller += with.arena_bytes < without.arena_bytes ? 1 : 0;
    } catch (const Error&) {  // shapes that do not fit
    }
  }
  EXPECT_GT(smaller, 20) << "or nothing is compared";
}

TEST(RandomGraphs, MostlyRun) {
  int failed = 0;
  for (uint64_t seed = 1; seed <= 50; ++seed) failed += interpreted(testing::random_graph({.seed = seed})).failed ? 1 : 0;
  EXPECT_LT(failed, 15) << "graphs that fail test little";
}

}  // namespace
}  // namespace keras
