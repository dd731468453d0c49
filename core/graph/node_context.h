// What the kernel of a node sees while an Executor runs it.
#pragma once

#include <memory>
#include <span>
#include <unordered_map>
#include <vector>

#include "core/graph/executor.h"
#include "core/graph/plan.h"

namespace keras {

/// The executors of the Functions that a Function calls, made at their first call.
class NestedExecutors {
 public:
  /// `passes`: what the called Functions have still to go through.
  explicit NestedExecutors(const PassOptions& passes) : passes_(passes) {}
  /// Throws NotFoundError where the reference names a function that is not there.
  Executor& of(const FunctionRef& function);
  /// Activations that they keep memory for, together.
  int64_t peak_bytes() const;

 private:
  PassOptions passes_;
  std::unordered_map<FunctionPtr, std::unique_ptr<Executor>> executors_;
};

/// Serves one node after another: which, and where its inputs and outputs are, is set by bind().
class NodeContext final : public KernelContext {
 public:
  /// All values of the run, by value index; memory of the plan's arena; Plan::lent.
  NodeContext(Runtime& runtime, NestedExecutors& nested, std::span<Tensor> values, std::byte* arena,
              std::span<const int64_t> lent)
      : runtime_(runtime), nested_(nested), values_(values), arena_(arena), lent_bytes_(lent), lent_(lent.size()) {}

  /// `slots`: of the outputs, which stand at `first_output`; empty: each gets memory of its own.
  void bind(const RegisteredOp& op, const Attrs& attrs, std::span<const DType> dtypes, std::span<const Operand> operands,
            int32_t first_output, std::span<const Slot> slots) {
    op_ = &op;
    attrs_ = &attrs;
    dtypes_ = dtypes;
    operands_ = operands;
    outputs_ = values_.subspan(static_cast<size_t>(first_output), dtypes.size());
    slots_ = slots;
  }

  int inputs() const override { return static_cast<int>(operands_.size()); }
  const Tensor& input(int index) const override { return value_of(index); }
  Tensor take_input(int index) override;
  int outputs() const override { return static_cast<int>(outputs_.size()); }
  DType output_dtype(int index) const override { return dtypes_[static_cast<size_t>(index)]; }
  const Attrs& attrs() const override { return *attrs_; }
  kernels::Context& kernels() override { return runtime_.kernels(); }
  uint64_t next_random() override { return runtime_.next_random(); }
  Resources& resources() override { return runtime_.resources(); }
  const Limits& limits() const override { return runtime_.limits; }
  Tensor& output(int index, const Shape& shape) override;
  void set_output(int index, Tensor tensor) override;
  std::vector<Tensor> call(const FunctionRef& function, std::vector<Tensor> inputs) override {
    return nested_.of(function).run_taking(std::move(inputs), runtime_);
  }

 private:
  Tensor& value_of(int index) const { return values_[static_cast<size_t>(operands_[static_cast<size_t>(index)].value)]; }
  Tensor place(size_t output, const Shape& shape, int64_t bytes);
  std::byte* memory_of(const Slot& slot);

  Runtime& runtime_;
  NestedExecutors& nested_;
  std::span<Tensor> values_;
  std::byte* arena_;
  std::span<const int64_t> lent_bytes_;
  std::vector<std::shared_ptr<std::byte>> lent_;  // memory of results to come: there from its first use until they take it
  const RegisteredOp* op_ = nullptr;
  const Attrs* attrs_ = nullptr;
  std::span<const DType> dtypes_;
  std::span<const Operand> operands_;
  std::span<Tensor> outputs_;
  std::span<const Slot> slots_;
};

}  // namespace keras
