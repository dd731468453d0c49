// Each row of the op table, taken through eager execution, through graphs traced with known and with unknown shapes, and
// through its gradient.
#include <gtest/gtest.h>

#include <memory>

#include "core/base/error.h"
#include "core/graph/executor.h"
#include "core/graph/gradients.h"
#include "core/tensor/complex.h"
#include "tests/core/ops/op_table.h"

namespace keras::testing {
namespace {

class OpTable : public ::testing::TestWithParam<size_t> {
 protected:
  const OpCase& row() const { return op_cases()[GetParam()]; }

  void expect_near(const std::vector<Tensor>& found, const std::vector<Tensor>& wanted) {
    ASSERT_EQ(found.size(), wanted.size());
    for (size_t i = 0; i < wanted.size(); ++i) {
      if (wanted[i].valid()) EXPECT_EQ(difference(found[i], wanted[i], row().tolerance), "") << "output " << i;
    }
  }

  Values add_args(GraphBuilder& builder, const std::vector<Tensor>& tensors, bool known, std::vector<Tensor>& args) {
    Values values;
    for (const Tensor& tensor : tensors) {
      if (!tensor.valid()) {
        values.emplace_back();
        continue;
      }
      const Shape shape = known ? tensor.shape() : Shape::unknown(tensor.rank());
      values.push_back(builder.arg("arg" + std::to_string(args.size()), tensor.dtype(), shape));
      args.push_back(tensor);
    }
    return values;
  }

  std::vector<Tensor> run(GraphBuilder& builder, const Values& results, const std::vector<Tensor>& args) {
    std::vector<std::string> names;
    for (size_t i = 0; i < results.size(); ++i) names.push_back("result" + std::to_string(i));
    Executor executor(builder.finish(results, names));
    std::vector<Tensor> first = executor.run(args, runtime_);
    return executor.run(args, runtime_);  // from the plan of the first run
  }

  std::vector<Tensor> run_traced(bool known) {
    GraphBuilder builder("traced");
    std::vector<Tensor> args;
    const Values inputs = add_args(builder, row().inputs, known, args);
    return run(builder, builder.emit(row().op, inputs, row().attrs), args);
  }

  Runtime runtime_{kernels::make_serial(), 1, Limits()};
};

TEST_P(OpTable, EagerlyGivesWhatTensorFlowGives) {
  expect_near(run_op(row().op, row().inputs, row().attrs, runtime_), row().outputs);
}

TEST_P(OpTable, TracedWithKnownShapesGivesTheSame) { expect_near(run_traced(true), row().outputs); }

TEST_P(OpTable, TracedWithUnknownShapesGivesTheSame) { expect_near(run_traced(false), row().outputs); }

/// Rows with variables: through eager execution and through a traced graph.
class OpUpdates : public OpTable {
 protected:
  std::vector<VariablePtr> make_variables() const {
    std::vector<VariablePtr> variables;
    for (size_t i = 0; i < row().variables.size(); ++i) {
      const Tensor& value = row().variables[i];
      const std::string name = "variable" + std::to_string(i);
      variables.push_back(value.valid() ? std::make_shared<Variable>(name, value.clone(), true) : nullptr);
    }
    return variables;
  }

  void expect_after(const std::vector<VariablePtr>& variables) {
    size_t k = 0;
    for (const VariablePtr& variable : variables) {
      if (variable == nullptr) continue;
      EXPECT_EQ(difference(variable->value(), row().after[k++], row().tolerance), "") << variable->name();
    }
  }
};

TEST_P(OpUpdates, EagerlyDoWhatTensorFlowDoes) {
  const std::vector<VariablePtr> variables = make_variables();
  std::vector<Tensor> inputs = row().inputs;
  for (size_t i = 0; i < inputs.size(); ++i) {
    if (variables[i] != nullptr) inputs[i] = Tensor::resource(variables[i]);
  }
  expect_near(run_op(row().op, inputs, row().attrs, runtime_), row().outputs);
  expect_after(variables);
}

TEST_P(OpUpdates, TracedDoTheSame) {
  const std::vector<VariablePtr> variables = make_variables();
  GraphBuilder builder("traced");
  std::vector<Tensor> args;
  Values inputs = add_args(builder, row().inputs, false, args);
  for (size_t i = 0; i < inputs.size(); ++i) {
    if (variables[i] != nullptr) inputs[i] = builder.handle(variables[i]);
  }
  const Values results = builder.emit(row().op, inputs, row().attrs);
  std::vector<std::string> names;
  for (size_t i = 0; i < results.size(); ++i) names.push_back("result" + std::to_string(i));
  expect_near(Executor(builder.finish(results, names)).run(args, runtime_), row().outputs);
  expect_after(variables);
}

bool is_zero(const Tensor& tensor) {
  if (is_complex(tensor.dtype())) return difference(Tensor::zeros(tensor.dtype(), tensor.shape()), tensor, 0).empty();
  for (int64_t i = 0; i < tensor.elements(); ++i) {
    if (tensor.number_at(i) != 0) return false;
  }
  return true;
}

class OpGradients : public OpTable {
 protected:
  // Axes, shapes and paddings are constants in real graphs; gradients may ask for their values.
  Values inputs_of(GraphBuilder& builder, bool known, std::vector<Tensor>& args) {
    Values values;
    for (const Tensor& tensor : row().inputs) {
      if (is_floating(tensor.dtype()) || is_complex(tensor.dtype()))
        values.push_back(add_args(builder, {tensor}, known, args)[0]);
      else
        values.push_back(builder.constant(tensor));
    }
    return values;
  }

  void check(bool known) {
    GraphBuilder builder("gradient");
    std::vector<Tensor> args;
    const Values inputs = inputs_of(builder, known, args);
    const Values outputs = builder.emit(row().op, inputs, row().attrs);
    Values ys, grad_ys;
    const Values upstream = add_args(builder, row().upstream, known, args);
    for (size_t i = 0; i < upstream.size(); ++i) {
      if (!upstream[i].valid()) continue;
      ys.push_back(outputs[i]);
      grad_ys.push_back(upstream[i]);
    }
    const Values found = gradients(builder, ys, inputs, grad_ys);
    Values results;
    std::vector<size_t> positions;
    for (size_t i = 0; i < found.size(); ++i) {
      const Tensor& wanted = row().input_gradients[i];
      if (!wanted.valid()) continue;
      if (!found[i].valid()) {
        EXPECT_TRUE(is_zero(wanted)) << "no gradient of input " << i;
        continue;
      }
      results.push_back(found[i]);
      positions.push_back(i);
    }
    if (results.empty()) return;
    const std::vector<Tensor> tensors = run(builder, results, args);
    for (size_t k = 0; k < tensors.size(); ++k) {
      const double tolerance = std::max(row().tolerance, 1e-6);
      EXPECT_EQ(difference(tensors[k], row().input_gradients[positions[k]], tolerance), "")
          << "gradient of input " << positions[k];
    }
  }
};

TEST_P(OpGradients, AreThoseOfTensorFlow) { check(true); }
TEST_P(OpGradients, AreTheSameWithUnknownShapes) { check(false); }

enum class Rows { kPlain, kWithGradient, kWithVariables };

std::vector<size_t> rows(Rows which) {
  std::vector<size_t> result;
  for (size_t i = 0; i < op_cases().size(); ++i) {
    // TensorFlow's oneDNN kernel gives an empty batch the channels of its input; its own shape function says the filters'.
    if (op_cases()[i].name == "Conv2D_empty_batch") continue;
    const bool updates = !op_cases()[i].after.empty();
    if (which == Rows::kWithVariables ? updates : !updates && (which == Rows::kPlain || op_cases()[i].has_gradient)) {
      result.push_back(i);
    }
  }
  return result;
}

std::string row_name(const ::testing::TestParamInfo<size_t>& info) {
  std::string name = op_cases()[info.param].name;
  for (char& c : name) {
    if (!std::isalnum(static_cast<unsigned char>(c))) c = '_';
  }
  return name + "_row" + std::to_string(info.param);
}

INSTANTIATE_TEST_SUITE_P(Rows, OpTable, ::testing::ValuesIn(rows(Rows::kPlain)), row_name);
INSTANTIATE_TEST_SUITE_P(Rows, OpGradients, ::testing::ValuesIn(rows(Rows::kWithGradient)), row_name);
INSTANTIATE_TEST_SUITE_P(Rows, OpUpdates, ::testing::ValuesIn(rows(Rows::kWithVariables)), row_name);

}  // namespace
}  // namespace keras::testing
