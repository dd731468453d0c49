// Inputs, outputs and calls of a kernel.
#include "core/graph/node_context.h"

#include <utility>

#include "core/base/error.h"

namespace keras {

Executor& NestedExecutors::of(const FunctionRef& function) {
  if (function.function == nullptr) throw NotFoundError("Function '{}' does not exist", function.name);
  auto& executor = executors_[function.function];
  if (executor == nullptr) executor = std::make_unique<Executor>(function.function, passes_);
  return *executor;
}

int64_t NestedExecutors::peak_bytes() const {
  int64_t bytes = 0;
  for (const auto& [function, executor] : executors_) bytes += executor->peak_bytes();
  return bytes;
}

Tensor NodeContext::take_input(int index) {
  Tensor& value = value_of(index);
  return operands_[static_cast<size_t>(index)].last ? std::move(value) : value;
}

Tensor& NodeContext::output(int index, const Shape& shape) {
  const auto i = static_cast<size_t>(index);
  const int64_t bytes = tensor_bytes(dtypes_[i], shape);
  if (bytes > runtime_.limits.tensor_bytes) {
    throw ResourceExhaustedError("a tensor of shape {} and dtype {} takes {} bytes, more than limits.tensorBytes ({})", shape,
                                 dtypes_[i], bytes, runtime_.limits.tensor_bytes);
  }
  return outputs_[i] = place(i, shape, bytes);
}

Tensor NodeContext::place(size_t output, const Shape& shape, int64_t bytes) {
  const DType dtype = dtypes_[output];
  if (slots_.empty() || slots_[output].bytes != bytes) return Tensor::allocate(dtype, shape);
  const Slot& slot = slots_[output];
  if (slot.offset >= 0) return Tensor::borrow(dtype, shape, memory_of(slot) + slot.offset);
  if (slot.in_place_of >= 0) {
    Tensor& dying = values_[static_cast<size_t>(slot.in_place_of)];
    // A kernel may have passed on memory that others hold, too.
    if (dying.owner().use_count() == 1 && dying.size_bytes() == bytes) {
      return Tensor::borrow(dtype, shape, dying.raw(), dying.owner());
    }
  }
  if (slot.lender < 0) return Tensor::allocate(dtype, shape);
  const auto memory = std::exchange(lent_[static_cast<size_t>(slot.lender)], nullptr);
  return memory == nullptr ? Tensor::allocate(dtype, shape) : Tensor::borrow(dtype, shape, memory.get(), memory);
}

/// What a value with an offset lives in.
std::byte* NodeContext::memory_of(const Slot& slot) {
  if (slot.lender < 0) return arena_;
  const auto lender = static_cast<size_t>(slot.lender);
  if (lent_[lender] == nullptr) lent_[lender] = allocate_aligned(lent_bytes_[lender]);
  return lent_[lender].get();
}

void NodeContext::set_output(int index, Tensor tensor) {
  // Memory of the arena may only be passed on by ops of which the planner knows it.
  const bool borrowed = tensor.owner() == nullptr && tensor.raw() != nullptr;
  if (borrowed && (op_->def->flags & kAliasesInput) == 0) tensor = tensor.clone();
  outputs_[static_cast<size_t>(index)] = std::move(tensor);
}

}  // namespace keras
