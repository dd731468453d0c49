// A variable: a named tensor that ops read and assign. Shared by the layers, optimizers and Functions that use it.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <string>

#include "core/tensor/tensor.h"

namespace keras {

/// tf.VariableSynchronization and tf.VariableAggregation, as SavedVariable stores them.
enum class VariableSynchronization { kAuto = 0, kNone = 1, kOnWrite = 2, kOnRead = 3 };
enum class VariableAggregation { kNone = 0, kSum = 1, kMean = 2, kOnlyFirstReplica = 3 };

/// A value in the order in which kernels read it.
struct PackedValue {
  std::string layout;  // which order that is
  Tensor tensor;
  std::function<Tensor(const Tensor& packed)> unpack;  // the value again, bit for bit
};

class Variable {
 public:
  /// `name` without ":0": "dense/kernel".
  Variable(std::string name, Tensor value, bool trainable)
      : trainable(trainable), name_(std::move(name)), value_(std::move(value)), dtype_(value_.dtype()), shape_(value_.shape()) {}

  const std::string& name() const { return name_; }
  DType dtype() const { return dtype_; }
  const Shape& shape() const { return shape_; }
  /// Is held plain from then on. Throws OutOfMemoryError.
  const Tensor& value() const;
  /// A value that is held packed stays so: this is a copy. Throws OutOfMemoryError.
  Tensor read() const { return packed_ != nullptr ? packed_->unpack(packed_->tensor) : value_; }
  /// Holds the value, which is the same, in this form alone until somebody asks for value(): weights need not be in memory twice.
  void hold_packed(PackedValue packed);
  /// Null where the value is held plain.
  const PackedValue* packed() const { return packed_.get(); }
  /// Grows with every change; what is derived from the value (packed weights) is remade when it differs.
  uint64_t version() const { return version_; }

  /// Takes over `value`. Throws InvalidArgumentError if dtype or shape differ.
  void assign(Tensor value);
  /// For ops that change the value in place: a tensor whose memory nobody else shares (copied first if need be).
  Tensor& mutable_value();

  bool trainable;
  VariableSynchronization synchronization = VariableSynchronization::kAuto;
  VariableAggregation aggregation = VariableAggregation::kNone;

 private:
  std::string name_;
  mutable Tensor value_;
  mutable std::unique_ptr<const PackedValue> packed_;  // in place of value_
  DType dtype_;
  Shape shape_;
  uint64_t version_ = 0;
};

using VariablePtr = std::shared_ptr<Variable>;

}  // namespace keras
