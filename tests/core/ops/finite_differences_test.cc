// Every registered gradient against finite differences, in float64: the rows of the op table are the inputs, and each gradient
// graph is differentiated once more. No expectation comes from the engine's own gradients.
#include "tests/core/ops/finite_differences.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <functional>
#include <random>

#include "core/base/error.h"
#include "core/graph/gradients.h"
#include "core/ops/builders.h"
#include "core/ops/half_precision.h"
#include "core/tensor/complex.h"
#include "tests/core/ops/op_table.h"

namespace keras::testing {
namespace {

constexpr int kAll = -1;
constexpr int64_t kMostPlaces = 48;  // numbers of an argument that are moved, evenly spread: a bound for the time

/// Where TensorFlow's gradient is no derivative: the op, a part of its rows' names, one floating argument or all.
struct Exemption {
  std::string_view op, row;
  int argument;
  std::string_view reason;
};
constexpr Exemption kExemptions[] = {
    {"ImageProjectiveTransformV2", "", kAll, "TensorFlow resamples the upstream by the inverse transform"},
    {"ImageProjectiveTransformV3", "", kAll, "the same"},
    {"CropAndResize", "nearest", 1, "TensorFlow moves boxes as if the method were bilinear"},
    {"ScaleAndTranslate", "", 1, "TensorFlow gives the scale none"},
    {"ScaleAndTranslate", "", 2, "nor the translation"},
    {"ScaleAndTranslate", "int", 0, "the scale, where images are integers"},
    {"Polygamma", "poles", kAll, "there is no slope"},
    {"Zeta", "poles", kAll, "the same"},
    {"MatrixDiagV2", "", 1, "TensorFlow gives padding_value none"},
    {"MatrixDiagV3", "", 1, "the same"},
    {"MatrixDiagPartV2", "", 1, "the same"},
    {"MatrixDiagPartV3", "", 1, "the same"},
    {"FusedBatchNorm", "", 3, "TensorFlow gives the moving mean none"},
    {"FusedBatchNorm", "", 4, "nor the moving variance"},
    {"FusedBatchNormV2", "", 3, "the same"},
    {"FusedBatchNormV2", "", 4, "the same"},
    {"FusedBatchNormV3", "", 3, "the same"},
    {"FusedBatchNormV3", "", 4, "the same"},
    {"FusedBatchNormGradV3", "train", 1, "the statistics are those of x and would move with it"},
    {"FusedBatchNormGradV3", "", 3, "statistics have none of their own"},
    {"FusedBatchNormGradV3", "", 4, "the same"},
    {"Xlog1py", "zero", 0, "0 where x is 0, by definition"},
    {"SoftmaxCrossEntropyWithLogits", "", 1, "TensorFlow leaves out that the second output depends on the labels"},
    {"SoftmaxCrossEntropyWithLogits", "plain", 0, "these labels do not sum to exactly 1, which TensorFlow takes for granted"},
    {"SoftmaxCrossEntropyWithLogits", "backprop", 0, "the same"},
    {"SoftmaxCrossEntropyWithLogits", "broadcast", 0, "the same"},
    {"FakeQuantWithMinMaxArgs", "", kAll, "the upstream passes through the steps, which are flat"},
    {"FakeQuantWithMinMaxVars", "", kAll, "the same"},
    {"FakeQuantWithMinMaxVarsPerChannel", "", kAll, "the same"},
    {"Zeta", "Zeta_", 0, "TensorFlow has none by the order"},
    {"Betainc", "Betainc_", 0, "TensorFlow has none by a"},
    {"Betainc", "Betainc_", 1, "nor by b"},
    {"BesselI1", "_zero", 0, "TensorFlow has 1 at 0, the derivative is 1/2"},
    {"BesselI0", "_zero", 0, "the same in second order"},
    {"Qr", "tall_full_True", kAll, "TensorFlow has none, nor have we"},
    {"MatrixSquareRoot", "singular", kAll, "the root bends without bound there"},
    {"MatrixSquareRoot", "negative", kAll, "there is no root"},
    {"MatrixSquareRoot", "complex", kAll, "only real matrices have a gradient here, as MatrixSolve takes no others"},
};

/// Outputs from this one on are statistics, whose gradients TensorFlow takes for zero.
struct Outputs {
  std::string_view op;
  size_t count;
};
constexpr Outputs kOutputs[] = {{"FusedBatchNorm", 1}, {"FusedBatchNormV2", 1}, {"FusedBatchNormV3", 1}, {"CTCLoss", 1}};

/// The gradient is that of a symmetric matrix: both of a pair of elements move.
constexpr std::string_view kSymmetric[] = {"Cholesky"};

/// Checked in float32: MaxPool3DGrad, which is the gradient, takes no double.
constexpr std::string_view kNarrow[] = {"MaxPool3DGradGrad"};

/// Gradient ops that TensorFlow does not differentiate either.
constexpr std::string_view kLast[] = {"Dilation2DBackpropFilter",
                                      "TensorArrayGradV3",
                                      "Dilation2DBackpropInput",
                                      "IgammaGradA",
                                      "MaxPoolGradWithArgmax",
                                      "CropAndResizeGradBoxes",
                                      "CropAndResizeGradImage",
                                      "LRNGrad",
                                      "PreventGradient",
                                      "RaggedTensorToVariantGradient",
                                      "ResizeBicubicGrad",
                                      "ResizeBilinearGrad",
                                      "ScaleAndTranslateGrad",
                                      "SoftsignGrad",
                                      "SparseAddGrad",
                                      "SparseDenseCwiseAdd",
                                      "SparseFillEmptyRowsGrad",
                                      "SparseSliceGrad"};

bool is_exempt(const Exemption& e, std::string_view op, std::string_view row, int argument) {
  return e.op == op && row.find(e.row) != row.npos && (e.argument == kAll || e.argument == argument);
}
bool is_exempt(std::string_view op, std::string_view row, int argument) {
  return std::any_of(std::begin(kExemptions), std::end(kExemptions),
                     [&](const Exemption& e) { return is_exempt(e, op, row, argument); });
}

bool is_differentiable(DType dtype) { return is_floating(dtype) || is_complex(dtype); }

DType widened(DType dtype) {
  return dtype == DType::kFloat32 ? DType::kFloat64 : dtype == DType::kComplex64 ? DType::kComplex128 : dtype;
}

Tensor widened(const Tensor& tensor) {
  if (widened(tensor.dtype()) == tensor.dtype()) return tensor.clone();
  const Tensor wide = Tensor::allocate(widened(tensor.dtype()), tensor.shape());
  const Numbers from(tensor);
  Numbers to(wide);
  for (int64_t i = 0; i < to.size(); ++i) to.set(i, from.get(i));
  return wide;
}

bool is_in(std::span<const std::string_view> names, std::string_view op) {
  return std::find(names.begin(), names.end(), op) != names.end();
}

bool takes(const OpSignature& signature, const std::string& type_attr, DType dtype) {
  const auto& allowed = signature.attr(type_attr)->allowed;
  return allowed.empty() || std::find(allowed.begin(), allowed.end(), dtype) != allowed.end();
}

/// Attributes that say float32 say float64 where the op takes it.
Attrs widened(const Attrs& attrs, const OpSignature& signature) {
  Attrs wide = attrs;
  for (const auto& [name, value] : attrs.items()) {
    if (const auto* dtype = std::get_if<DType>(&value); dtype != nullptr && takes(signature, name, widened(*dtype))) {
      wide.set(name, widened(*dtype));
    }
    if (const auto* list = std::get_if<std::vector<DType>>(&value)) {
      std::vector<DType> dtypes = *list;
      for (DType& dtype : dtypes) dtype = widened(dtype);
      wide.set(name, std::move(dtypes));
    }
  }
  return wide;
}

/// Copies of the row's inputs, in double where the op takes it.
std::vector<Tensor> widened_inputs(const OpCase& row, const OpSignature& signature) {
  std::vector<Tensor> wide;
  for (const ArgDef& arg : signature.inputs) {
    size_t count = 1;
    if (!arg.number_attr.empty()) count = static_cast<size_t>(row.attrs.get_int(arg.number_attr));
    if (!arg.type_list_attr.empty()) count = row.attrs.get<std::vector<DType>>(arg.type_list_attr).size();
    for (; count > 0; --count) {
      const Tensor& input = row.inputs[wide.size()];
      const bool any =
          !arg.type_list_attr.empty() || (!arg.type_attr.empty() && takes(signature, arg.type_attr, widened(input.dtype())));
      wide.push_back(any ? widened(input) : input.clone());
    }
  }
  return wide;
}

bool all_double(const std::vector<Tensor>& tensors) {
  return std::all_of(tensors.begin(), tensors.end(), [](const Tensor& t) { return Numbers(t).is_double(); });
}

OpCase widened(const OpCase& row, const OpSignature& signature) {
  if (is_in(kNarrow, row.op)) return row;
  return {.op = row.op, .name = row.name, .attrs = widened(row.attrs, signature), .inputs = widened_inputs(row, signature)};
}

/// A function of floating tensors, to be differentiated.
struct Problem {
  std::string op, name;
  std::vector<Tensor> args;
  std::function<Values(GraphBuilder&, const Values& xs)> trace;
  std::vector<VariablePtr> variables = {};  // if any, they hold `args`, and xs are their handles
};

Problem problem_of(const OpCase& row) {
  Problem problem{.op = row.op, .name = row.name};
  for (const Tensor& input : row.inputs) {
    if (is_differentiable(input.dtype())) problem.args.push_back(input.clone());
  }
  problem.trace = [row](GraphBuilder& builder, const Values& xs) {
    Values values;
    size_t next = 0;
    for (const Tensor& input : row.inputs) {
      values.push_back(is_differentiable(input.dtype()) ? xs[next++] : builder.constant(input));
    }
    return builder.emit(row.op, values, row.attrs);
  };
  return problem;
}

class FiniteDifferences : public ::testing::Test {
 protected:
  struct Graph {
    std::unique_ptr<GraphBuilder> builder = std::make_unique<GraphBuilder>("differentiated");
    Values xs, ys;
  };
  Graph trace(const Problem& problem) {
    Graph graph;
    for (const Tensor& arg : problem.args) {
      const std::string name = "x" + std::to_string(graph.xs.size());
      graph.xs.push_back(!problem.variables.empty() ? graph.builder->handle(problem.variables[graph.xs.size()])
                                                    : graph.builder->arg(name, arg.dtype(), arg.shape()));
    }
    Values outputs = problem.trace(*graph.builder, graph.xs);
    for (const Outputs& limit : kOutputs) {
      if (limit.op == problem.op) outputs.resize(limit.count);
    }
    for (const Value& output : outputs) {
      if (is_differentiable(output.dtype())) graph.ys.push_back(output);
    }
    return graph;
  }

  static FunctionPtr finish(Graph& graph, const Values& results) {
    std::vector<std::string> names;
    for (size_t i = 0; i < results.size(); ++i) names.push_back("y" + std::to_string(i));
    return graph.builder->finish(results, names);
  }

  /// Adds d(Σ ys · weights)/dxs, and says for which x there is one.
  static Values differentiate(Graph& graph, const Values& ys, const std::vector<Tensor>& weights, std::vector<bool>& there) {
    Values ups, found;
    for (const Tensor& weight : weights) ups.push_back(graph.builder->constant(weight));
    there.clear();
    for (const Value& slope : gradients(*graph.builder, ys, graph.xs, ups)) {
      there.push_back(slope.valid());
      if (slope.valid()) found.push_back(slope);
    }
    return found;
  }

  std::vector<Tensor> random_like(const std::vector<Tensor>& tensors) {
    std::vector<Tensor> result;
    std::uniform_real_distribution<double> uniform(0.5, 1.5);
    for (const Tensor& like : tensors) {
      result.push_back(Tensor::allocate(like.dtype(), like.shape()));
      Numbers to(result.back());
      for (int64_t i = 0; i < to.size(); ++i) to.set(i, (random_() & 1) != 0 ? uniform(random_) : -uniform(random_));
    }
    return result;
  }

  /// The elements that move with element i.
  static std::vector<int64_t> places(const Problem& problem, const Tensor& arg, int64_t i) {
    if (!is_in(kSymmetric, problem.op)) return {i};
    const int64_t size = arg.dim(-1), row = i / size % size, column = i % size;
    if (row == column) return {i};
    return {i, i + (column - row) * (size - 1)};
  }

  /// `found` holds a slope for each argument that is `there`; without one, it is to be zero.
  void compare(const Problem& problem, Projection f, const std::vector<Tensor>& found, const std::vector<bool>& there) {
    const Precision& precision = all_double(problem.args) && all_double(found) && f.is_double() ? kDouble : kSingle;
    double largest = 0;
    for (const Tensor& gradient : found) largest = std::max(largest, Numbers(gradient).largest());
    size_t next = 0;
    for (size_t k = 0; k < problem.args.size(); ++k) {
      const Tensor gradient = there[k] ? found[next++] : Tensor();
      if (is_exempt(problem.op, problem.name, static_cast<int>(k))) continue;
      Numbers x(problem.args[k]);
      const int64_t stride = std::max<int64_t>(1, x.size() / kMostPlaces);
      for (int64_t i = 0; i < x.size(); i += stride) {
        const std::vector<int64_t> moved = places(problem, problem.args[k], i);
        ++places_;
        if (!std::isfinite(x.get(i))) continue;
        const Slope slope = slope_at(f, problem.args, x, moved, precision, largest);
        if (!slope.smooth) continue;
        ++checked_;
        double sum = 0;
        for (const int64_t place : moved) sum += gradient.valid() ? Numbers(gradient).get(place) : 0;
        const double rounding = precision.rounding * f.scale() / precision.step;
        EXPECT_NEAR(sum, slope.value, precision.tolerance * std::max(largest, std::abs(slope.value)) + 4 * rounding)
            << "argument " << k << ", element " << i << " = " << x.get(i);
      }
    }
  }

  void check(const Problem& problem) {
    Graph plain = trace(problem);
    const FunctionPtr forward = finish(plain, plain.ys);
    const std::vector<Tensor> fed = problem.variables.empty() ? problem.args : std::vector<Tensor>();
    const std::vector<Tensor> outputs = Executor(forward).run(fed, runtime_), weights = random_like(outputs);
    std::vector<bool> there;
    Graph once = trace(problem);
    const FunctionPtr slopes = finish(once, differentiate(once, once.ys, weights, there));
    const std::vector<Tensor> found = Executor(slopes).run(fed, runtime_);
    compare(problem, Projection(forward, weights, problem.variables, runtime_), found, there);

    const std::vector<Tensor> again = random_like(found);
    Graph twice = trace(problem);
    const Values first = differentiate(twice, twice.ys, weights, there);
    if (first.empty()) return;
    FunctionPtr bends;
    try {
      bends = finish(twice, differentiate(twice, first, again, there));
    } catch (const UnimplementedError& error) {
      const std::string_view message = error.what();
      const auto named = [&](std::string_view op) { return message.find("Op " + std::string(op) + " ") != message.npos; };
      EXPECT_TRUE(std::any_of(std::begin(kLast), std::end(kLast), named)) << message;
      return;
    }
    SCOPED_TRACE("second order");
    compare(problem, Projection(slopes, again, problem.variables, runtime_), Executor(bends).run(fed, runtime_), there);
  }

  void expect_checked(std::string_view op) {
    EXPECT_GT(checked_, 0) << "Give " << op << " rows in tests/fixtures/ops";
    EXPECT_GE(3 * checked_, places_) << "Too many places of " << op << "'s rows are kinks";
  }

  std::mt19937_64 random_{7};
  Runtime runtime_{kernels::make_serial(), 1, Limits()};
  int64_t places_ = 0, checked_ = 0;
};

class OfOp : public FiniteDifferences, public ::testing::WithParamInterface<const RegisteredOp*> {};

/// Steps of a difference are lost in 16 bits, which compute as float32 does (core/ops/half_precision.h).
bool has_half(const OpCase& row) {
  const auto is_half = [](const auto& item) {
    const auto* dtype = std::get_if<DType>(&item.second);
    return dtype != nullptr && is_half_precision(*dtype);
  };
  return std::any_of(row.attrs.items().begin(), row.attrs.items().end(), is_half) ||
         std::any_of(row.inputs.begin(), row.inputs.end(), [](const Tensor& x) { return is_half_precision(x.dtype()); });
}

TEST_P(OfOp, MeetItsGradient) {
  const std::string op = GetParam()->def->name;
  if (is_exempt(op, "", 0)) GTEST_SKIP();
  for (const OpCase& row : op_cases()) {
    if (row.op != op || has_half(row) || !row.after.empty() || is_exempt(op, row.name, kAll)) continue;
    SCOPED_TRACE(row.name);
    check(problem_of(widened(row, GetParam()->signature)));
  }
  expect_checked(op);
}

// Ops on variables and lists have no rows of their own: they are taken through a few ops.

Tensor ramp(const Shape& shape) {
  Tensor tensor = Tensor::allocate(DType::kFloat64, shape);
  for (int64_t i = 0; i < tensor.elements(); ++i) tensor.data<double>()[i] = 0.3 + 0.4 * static_cast<double>(i);
  return tensor;
}

VariablePtr variable_of(Tensor value) { return std::make_shared<Variable>("v", std::move(value), true); }

const Attrs kDoubles{{"element_dtype", DType::kFloat64}};
Value list_of(const Value& x) {
  return emit1("TensorListFromTensor", {x, ints(*x.emitter, {2})}, {{"shape_type", DType::kInt32}});
}
Value stacked(const Value& list) { return emit1("TensorListStack", {list, ints(*list.emitter, {2})}, kDoubles); }
Value index(const Value& x, int64_t i) { return int_scalar(*x.emitter, i); }

Value splits(GraphBuilder& b, const std::vector<int64_t>& values) { return b.constant(Tensor::vector(values)); }
Value ragged_values(GraphBuilder& b, const Value& variants, int64_t rank) {
  const Attrs attrs = {{"input_ragged_rank", int64_t{-1}}, {"output_ragged_rank", rank}, {"Tvalues", DType::kFloat64}};
  return b.emit("RaggedTensorFromVariant", std::vector<Value>{variants}, attrs).back();
}

/// TensorFlow 1's TensorArray.
struct Array {
  Array(GraphBuilder& b, int64_t size) {
    const std::array count = {int_scalar(b, size)};
    const Values made = b.emit("TensorArrayV3", count, {{"dtype", DType::kFloat64}, {"clear_after_read", false}});
    handle = made[0];
    flow = made[1];
  }
  /// With these rows.
  Array(GraphBuilder& b, const Value& rows) : Array(b, 3) {
    flow = emit1("TensorArrayScatterV3", {handle, ints(b, {2, 0, 1}), rows, flow});
  }
  Value gathered(const std::vector<int64_t>& indices) const {
    return emit1("TensorArrayGatherV3", {handle, ints(*handle.emitter, indices), flow}, {{"dtype", DType::kFloat64}});
  }
  Value handle, flow;
};
Values split_and_joined(GraphBuilder& b, const Values& x) {
  Array array(b, 2);
  array.flow = emit1("TensorArraySplitV3", {array.handle, square(x[0]), splits(b, {1, 2}), array.flow});
  const std::array inputs = {array.handle, array.flow};
  return {square(b.emit("TensorArrayConcatV3", inputs, {{"dtype", DType::kFloat64}})[0])};
}
Values scattered_and_gathered(GraphBuilder& b, const Values& x) { return {square(Array(b, square(x[0])).gathered({2, 0, 2}))}; }

Values list_split_and_joined(GraphBuilder& b, const Values& x) {
  const Value shape = ints(b, {-1, 2}), lengths = cast(ints(b, {1, 2}), DType::kInt64);
  const Value list = emit1("TensorListSplit", {square(x[0]), shape, lengths}, kDoubles);
  return {square(emit1("TensorListConcatV2", {list, shape, lengths}, kDoubles))};
}

/// The ops, besides TensorListFromTensor and TensorListStack, that are taken so.
const std::vector<Problem>& written_out() {
  static const std::vector<Problem> problems = {
      {.op = "ReadVariableOp",
       .args = {ramp({2, 3})},
       .trace = [](GraphBuilder&, const Values& x) { return Values{square(read_variable(x[0], DType::kFloat64))}; },
       .variables = {variable_of(ramp({2, 3}))}},
      {.op = "ResourceGather",
       .args = {ramp({4, 2})},
       .trace =
           [](GraphBuilder& b, const Values& x) {
             return Values{square(emit1("ResourceGather", {x[0], ints(b, {3, 1, 3})}, {{"dtype", DType::kFloat64}}))};
           },
       .variables = {variable_of(ramp({4, 2}))}},
      {.op = "ResourceGatherNd",
       .args = {ramp({4, 2})},
       .trace =
           [](GraphBuilder& b, const Values& x) {
             const Value indices = reshape(ints(b, {3, 1, 0, 1, 3, 1}), {3, 2});
             return Values{square(emit1("ResourceGatherNd", {x[0], indices}, {{"dtype", DType::kFloat64}}))};
           },
       .variables = {variable_of(ramp({4, 2}))}},
      {.op = "TensorArrayWriteV3",
       .args = {ramp({2}), ramp({2})},
       .trace =
           [](GraphBuilder& b, const Values& x) {
             Array array(b, 2);
             for (int64_t i = 0; i < 2; ++i) {
               const Value value = x[static_cast<size_t>(i)];
               array.flow = emit1("TensorArrayWriteV3", {array.handle, int_scalar(b, i), value, array.flow});
             }
             return Values{square(array.gathered({1, 0, 1}))};
           }},
      {.op = "TensorArrayReadV3",
       .args = {ramp({3, 2})},
       .trace =
           [](GraphBuilder& b, const Values& x) {
             const Array array(b, square(x[0]));
             const std::array inputs = {array.handle, int_scalar(b, 1), array.flow};
             return Values{square(b.emit("TensorArrayReadV3", inputs, {{"dtype", DType::kFloat64}})[0])};
           }},
      {.op = "TensorArrayScatterV3", .args = {ramp({3, 2})}, .trace = scattered_and_gathered},
      {.op = "TensorArrayGatherV3", .args = {ramp({3, 2})}, .trace = scattered_and_gathered},
      {.op = "TensorArraySplitV3", .args = {ramp({3, 2})}, .trace = split_and_joined},
      {.op = "TensorArrayConcatV3", .args = {ramp({3, 2})}, .trace = split_and_joined},
      {.op = "TensorListFromTensor",
       .args = {ramp({3, 2})},
       .trace = [](GraphBuilder&, const Values& x) { return Values{square(stacked(list_of(x[0])))}; }},
      {.op = "TensorListStack",
       .args = {ramp({3, 2})},
       .trace = [](GraphBuilder&, const Values& x) { return Values{square(stacked(list_of(square(x[0]))))}; }},
      {.op = "TensorListGetItem",
       .args = {ramp({3, 2})},
       .trace =
           [](GraphBuilder& b, const Values& x) {
             return Values{square(emit1("TensorListGetItem", {list_of(x[0]), index(x[0], 1), ints(b, {2})}, kDoubles))};
           }},
      {.op = "TensorListSetItem",
       .args = {ramp({3, 2}), ramp({2})},
       .trace =
           [](GraphBuilder&, const Values& x) {
             return Values{square(stacked(emit1("TensorListSetItem", {list_of(x[0]), index(x[0], 1), x[1]}, kDoubles)))};
           }},
      {.op = "TensorListGather",
       .args = {ramp({3, 2})},
       .trace =
           [](GraphBuilder& b, const Values& x) {
             return Values{square(emit1("TensorListGather", {list_of(x[0]), ints(b, {2, 0}), ints(b, {2})}, kDoubles))};
           }},
      {.op = "TensorListScatterV2",
       .args = {ramp({3, 2})},
       .trace =
           [](GraphBuilder& b, const Values& x) {
             return Values{square(
                 stacked(emit1("TensorListScatterV2", {x[0], ints(b, {2, 0, 1}), ints(b, {2}), index(x[0], 3)}, kDoubles)))};
           }},
      {.op = "TensorListScatterIntoExistingList",
       .args = {ramp({3, 2}), ramp({2, 2})},
       .trace =
           [](GraphBuilder& b, const Values& x) {
             return Values{
                 square(stacked(emit1("TensorListScatterIntoExistingList", {list_of(x[0]), x[1], ints(b, {2, 0})}, kDoubles)))};
           }},
      {.op = "TensorListPushBack",
       .args = {ramp({3, 2}), ramp({2})},
       .trace =
           [](GraphBuilder&, const Values& x) {
             return Values{square(stacked(emit1("TensorListPushBack", {list_of(x[0]), x[1]}, kDoubles)))};
           }},
      {.op = "TensorListPopBack",
       .args = {ramp({3, 2})},
       .trace =
           [](GraphBuilder& b, const Values& x) {
             const Values popped = b.emit("TensorListPopBack", std::vector<Value>{list_of(x[0]), ints(b, {2})}, kDoubles);
             return Values{square(stacked(popped[0])), square(popped[1])};
           }},
      {.op = "RaggedTensorToVariant",
       .args = {ramp({5, 2})},
       .trace =
           [](GraphBuilder& b, const Values& x) {
             const Value rows = emit1("RaggedTensorToVariant", {splits(b, {0, 2, 2, 5}), x[0]}, {{"batched_input", true}});
             return Values{square(ragged_values(b, rows, 1))};
           }},
      {.op = "RaggedTensorFromVariant",  // as tf.map_fn has it
       .args = {ramp({5})},
       .trace =
           [](GraphBuilder& b, const Values& x) {
             const Attrs variants = {{"element_dtype", DType::kVariant}};
             const Value rows = emit1("RaggedTensorToVariant", {splits(b, {0, 2, 2, 5}), x[0]}, {{"batched_input", true}});
             const Value in = emit1("TensorListFromTensor", {rows, ints(b, {})}, variants);
             Value out = emit1("TensorListReserve", {ints(b, {}), index(rows, 2)}, variants);
             for (const int64_t i : {0, 2}) {
               const Value row = ragged_values(b, emit1("TensorListGetItem", {in, index(rows, i), ints(b, {})}, variants), 0);
               const Value result = emit1("RaggedTensorToVariant", {mul(row, row)}, {{"batched_input", false}});
               out = emit1("TensorListSetItem", {out, index(rows, i / 2), result}, variants);
             }
             return Values{square(ragged_values(b, emit1("TensorListStack", {out, ints(b, {})}, variants), 1))};
           }},
      {.op = "RaggedTensorFromVariant",
       .args = {ramp({5})},
       .trace =
           [](GraphBuilder& b, const Values& x) {
             const Value whole = emit1("RaggedTensorToVariant", {splits(b, {0, 1, 3}), splits(b, {0, 2, 2, 5}), square(x[0])},
                                       {{"batched_input", false}});
             return Values{square(ragged_values(b, whole, 2))};
           }},
      {.op = "TensorListSplit", .args = {ramp({3, 2})}, .trace = list_split_and_joined},
      {.op = "TensorListConcatV2", .args = {ramp({3, 2})}, .trace = list_split_and_joined},
      {.op = "TensorListResize",
       .args = {ramp({3, 2})},
       .trace =
           [](GraphBuilder&, const Values& x) {
             return Values{square(stacked(emit1("TensorListResize", {list_of(x[0]), index(x[0], 2)})))};
           }},
  };
  return problems;
}

bool is_written_out(std::string_view op) {
  return std::any_of(written_out().begin(), written_out().end(), [&](const Problem& p) { return p.op == op; });
}

TEST_F(FiniteDifferences, MeetTheGradientsOfVariablesAndLists) {
  for (const Problem& problem : written_out()) {
    SCOPED_TRACE(problem.op);
    places_ = checked_ = 0;
    check(problem);
    expect_checked(problem.op);
  }
}

std::vector<const RegisteredOp*> differentiable_ops() {
  std::vector<const RegisteredOp*> ops;
  for (const RegisteredOp* op : all_ops()) {
    if (op->def->gradient != nullptr && !is_written_out(op->def->name)) ops.push_back(op);
  }
  return ops;
}

INSTANTIATE_TEST_SUITE_P(FiniteDifferences, OfOp, ::testing::ValuesIn(differentiable_ops()),
                         [](const auto& info) { return std::string(info.param->def->name); });

TEST(FiniteDifferencesTables, NameOpsThatAreThere) {
  for (const Exemption& e : kExemptions) EXPECT_NE(find_op(e.op), nullptr) << e.op;
  for (const std::string_view op : kLast) EXPECT_EQ(find_op(op) != nullptr ? find_op(op)->def->gradient : nullptr, nullptr) << op;
}

}  // namespace
}  // namespace keras::testing
