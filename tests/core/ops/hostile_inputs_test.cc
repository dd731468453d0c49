// Each row of the op table with one input spoilt: indices and sizes out of every range, shapes that do not fit. What comes out is
// a result or a typed error, whether the shapes were known before the run or not; and no size is believed: memory beyond the
// limits is never asked for. Run under the address sanitizer, this is the test of what kernels read and write.
#include <gtest/gtest.h>

#include <algorithm>
#include <cstring>
#include <limits>
#include <map>

#include "core/base/error.h"
#include "core/base/format.h"
#include "core/graph/builder.h"
#include "core/graph/executor.h"
#include "tests/core/ops/largest_allocation.h"
#include "tests/core/ops/op_table.h"

namespace keras::testing {
namespace {

constexpr int64_t kTensorBytes = int64_t{4} << 20;
/// Tables of indices and rows may take a few times what a tensor may.
constexpr size_t kMostBytes = size_t{64} << 20;
// What goes beyond adds nothing but time.
constexpr int64_t kMostElements = 2000;  // of a row's input
constexpr int kMostRows = 6;             // of an op

struct Spoilt {
  std::string how;
  Tensor tensor;
};

/// The first elements of a tensor, under another shape.
Tensor cut_to(const Tensor& tensor, const Shape& shape) {
  Tensor result = Tensor::zeros(tensor.dtype(), shape);
  if (tensor.dtype() == DType::kString) {
    for (int64_t i = 0; i < shape.elements(); ++i) result.data<std::string>()[i] = tensor.data<std::string>()[i];
  } else {
    std::memcpy(result.raw(), tensor.raw(), static_cast<size_t>(result.size_bytes()));
  }
  return result;
}

template <class T>
void add_numbers(const Tensor& tensor, std::vector<Spoilt>& result) {
  constexpr T kLow = std::numeric_limits<T>::min(), kHigh = std::numeric_limits<T>::max();
  std::vector<T> values = {-1, 0, 100, kLow, kHigh, kHigh / 2, T{1} << 20};
  if constexpr (sizeof(T) == 8) values.insert(values.end(), {T{1} << 31, T{1} << 33, T{1} << 40});
  for (const int64_t at : {int64_t{0}, tensor.elements() - 1}) {
    for (const T value : values) {
      Tensor changed = tensor.clone();
      changed.data<T>()[at] = value;
      result.push_back({format("{} at {}", static_cast<int64_t>(value), at), std::move(changed)});
    }
  }
}

std::vector<Spoilt> spoil(const Tensor& tensor) {
  std::vector<Spoilt> result;
  if (tensor.elements() > 0 && tensor.dtype() == DType::kInt32) add_numbers<int32_t>(tensor, result);
  if (tensor.elements() > 0 && tensor.dtype() == DType::kInt64) add_numbers<int64_t>(tensor, result);
  std::vector<int64_t> dims = tensor.shape().dims();
  const auto add = [&](std::string how, const Shape& shape) { result.push_back({std::move(how), cut_to(tensor, shape)}); };
  if (tensor.elements() > 0) add("a scalar", {});
  add("a vector", {tensor.elements()});
  add("a vector of none", {0});
  dims.insert(dims.begin(), 1);
  add("one more axis", Shape(dims));
  dims.erase(dims.begin());
  if (dims.empty()) return result;
  for (const size_t axis : {size_t{0}, dims.size() - 1}) {
    std::vector<int64_t> shorter = dims;
    shorter[axis] = std::max<int64_t>(shorter[axis] - 1, 0);
    add(format("one less of axis {}", static_cast<int64_t>(axis)), Shape(shorter));
    shorter[axis] = 0;
    add(format("nothing of axis {}", static_cast<int64_t>(axis)), Shape(shorter));
  }
  return result;
}

class HostileInputs : public ::testing::Test {
 protected:
  static Limits small() {
    Limits limits;
    limits.tensor_bytes = kTensorBytes;
    limits.file_objects = 10'000;
    return limits;
  }

  /// In a graph that cannot know the shapes of the op's inputs before it runs.
  void run_with_open_shapes(const OpCase& row, const std::vector<Tensor>& inputs) {
    GraphBuilder builder("open");
    Values values;
    std::vector<Tensor> args;
    for (const Tensor& input : inputs) {
      const Value flat = builder.arg("flat" + std::to_string(args.size()), input.dtype(), {input.elements()});
      args.push_back(input.reshaped({input.elements()}));
      const Value shape = builder.arg("shape" + std::to_string(args.size()), DType::kInt64, Shape::unknown(1));
      args.push_back(Tensor::vector(input.shape().dims()));
      values.push_back(builder.emit("Reshape", std::vector<Value>{flat, shape})[0]);
    }
    const Values results = builder.emit(row.op, values, row.attrs);
    std::vector<std::string> names;
    for (size_t i = 0; i < results.size(); ++i) names.push_back("result" + std::to_string(i));
    Executor(builder.finish(results, names)).run(args, runtime_);
  }

  template <class Run>
  void expect_result_or_error(Run run) {
    take_largest_allocation();
    try {
      run();
    } catch (const Error&) {
    } catch (const std::exception& error) {
      ADD_FAILURE() << "not a typed error: " << error.what();
    }
    EXPECT_LE(take_largest_allocation(), kMostBytes);
  }

  Runtime runtime_{kernels::make_serial(), 1, small()};
};

TEST_F(HostileInputs, GiveAResultOrATypedError) {
  std::map<std::string, int> rows;
  for (const OpCase& row : op_cases()) {
    if (++rows[row.op] > kMostRows) continue;
    for (size_t k = 0; k < row.inputs.size(); ++k) {
      const auto bad = [](const Tensor& input) { return !input.valid() || input.elements() > kMostElements; };
      if (std::any_of(row.inputs.begin(), row.inputs.end(), bad)) continue;
      for (const Spoilt& spoilt : spoil(row.inputs[k])) {
        SCOPED_TRACE(row.name + ": input " + std::to_string(k) + " is " + spoilt.how);
        std::vector<Tensor> inputs = row.inputs;
        inputs[k] = spoilt.tensor;
        expect_result_or_error([&] { run_op(row.op, inputs, row.attrs, runtime_); });
        expect_result_or_error([&] { run_with_open_shapes(row, inputs); });
      }
    }
  }
}

}  // namespace
}  // namespace keras::testing
