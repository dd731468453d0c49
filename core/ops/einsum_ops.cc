// Einsum: every label is an axis. Operands are read through strided views as [batch, free, summed], multiplied as matrices,
// and written through a strided view of the output.
#include <algorithm>
#include <map>
#include <string>
#include <utility>

#include "core/kernels/gemm.h"
#include "core/kernels/strided_copy.h"
#include "core/ops/builders.h"
#include "core/ops/elementwise.h"
#include "core/ops/families.h"
#include "core/ops/gradient_helpers.h"
#include "core/ops/shape_functions.h"

namespace keras {
namespace {

/// Labels of one operand: letters; an ellipsis stands for axes named '0' + k, k counted from the last.
struct Equation {
  std::vector<std::string> inputs;
  std::string output;
};

Equation parse_equation(const std::string& text) {
  Equation equation;
  const size_t arrow = text.find("->");
  if (arrow == std::string::npos) throw InvalidArgumentError("Expecting exactly one '->' in einsum equation: {}", text);
  std::string left = text.substr(0, arrow);
  equation.output = text.substr(arrow + 2);
  for (size_t comma; (comma = left.find(',')) != std::string::npos; left = left.substr(comma + 1)) {
    equation.inputs.push_back(left.substr(0, comma));
  }
  equation.inputs.push_back(left);
  const auto check = [&](std::string subscript) {
    if (const size_t dots = subscript.find("..."); dots != std::string::npos) subscript.erase(dots, 3);
    const auto is_letter = [](char c) { return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z'); };
    if (!std::all_of(subscript.begin(), subscript.end(), is_letter)) {
      throw InvalidArgumentError("Einsum subscripts are letters and one ellipsis, found {}", text);
    }
  };
  for (const std::string& input : equation.inputs) check(input);
  check(equation.output);
  return equation;
}

Equation equation_for(const Attrs& attrs, int inputs) {
  Equation equation = parse_equation(attrs.get_string("equation"));
  if (static_cast<int>(equation.inputs.size()) != inputs || inputs > 2) {
    throw InvalidArgumentError("Einsum '{}' does not fit {} inputs", attrs.get_string("equation"), inputs);
  }
  return equation;
}

bool has_ellipsis(const std::string& subscript) { return subscript.find("...") != std::string::npos; }

/// With the ellipsis written out as `rank` labels.
std::string written_out(std::string subscript, int64_t rank) {
  const size_t dots = subscript.find("...");
  if (dots == std::string::npos) return subscript;
  std::string labels;
  for (int64_t i = rank; i-- > 0;) labels += static_cast<char>('0' + i);
  return subscript.replace(dots, 3, labels);
}

int64_t ellipsis_rank(const std::string& subscript, const Shape& shape) {
  const int64_t named = static_cast<int64_t>(subscript.size()) - (has_ellipsis(subscript) ? 3 : 0);
  const int64_t rank = shape.rank() - named;
  if (rank < 0 || rank > 8 || (rank > 0 && !has_ellipsis(subscript))) {
    throw InvalidArgumentError("Einsum subscript '{}' does not fit an input of shape {}", subscript, shape);
  }
  return rank;
}

using Sizes = std::map<char, int64_t>;

/// Joins the sizes of an operand's labels to those known; the labels of an ellipsis broadcast.
void add_sizes(const std::string& labels, const Shape& shape, Sizes& sizes) {
  for (size_t i = 0; i < labels.size(); ++i) {
    const int64_t size = shape.dim(static_cast<int64_t>(i));
    const auto [it, is_new] = sizes.emplace(labels[i], size);
    if (is_new) continue;
    if (labels[i] <= '9' && (size == 1 || it->second == 1))
      it->second = it->second == 1 ? size : it->second;
    else
      it->second = shape::same_dim(it->second, size, "Axes of one label");
  }
}

/// Writes out all ellipses; the sizes of all labels.
Sizes resolve(Equation& equation, const std::vector<Shape>& shapes) {
  Sizes sizes;
  int64_t most = 0;
  for (size_t i = 0; i < shapes.size(); ++i) {
    const int64_t rank = ellipsis_rank(equation.inputs[i], shapes[i]);
    most = std::max(most, rank);
    equation.inputs[i] = written_out(equation.inputs[i], rank);
    add_sizes(equation.inputs[i], shapes[i], sizes);
  }
  equation.output = written_out(equation.output, most);
  for (const char label : equation.output) {
    if (!sizes.contains(label)) throw InvalidArgumentError("The einsum output has a label that no input has");
  }
  return sizes;
}

Shape output_shape(const Equation& equation, const Sizes& sizes) {
  std::vector<int64_t> dims;
  for (const char label : equation.output) dims.push_back(sizes.at(label));
  return Shape(std::move(dims));
}

void einsum_shape(ShapeContext& c) {
  Equation equation = equation_for(c.attrs(), c.inputs());
  std::vector<Shape> shapes;
  for (int i = 0; i < c.inputs(); ++i) {
    if (!c.input(i).known_rank()) return;
    shapes.push_back(c.input(i));
  }
  const Sizes sizes = resolve(equation, shapes);
  c.set_output(0, output_shape(equation, sizes));
}

int64_t total(const std::string& labels, const Sizes& sizes) {
  int64_t product = 1;
  for (const char label : labels) product = shape::mul_dims(product, sizes.at(label));
  return product;
}

/// The step of each label in an array of these axes: repeated labels walk a diagonal, absent and broadcast ones stand still.
std::vector<int64_t> label_strides(const std::string& order, const std::string& labels, const Shape& shape, const Sizes& sizes) {
  const std::vector<int64_t> dense = kernels::dense_strides(shape.dims());
  std::vector<int64_t> strides(order.size(), 0);
  for (size_t i = 0; i < labels.size(); ++i) {
    const int64_t size = shape.dim(static_cast<int64_t>(i));
    if (size == sizes.at(labels[i])) strides[order.find(labels[i])] += dense[i];
  }
  return strides;
}

std::vector<int64_t> label_dims(const std::string& order, const Sizes& sizes) {
  std::vector<int64_t> dims;
  for (const char label : order) dims.push_back(sizes.at(label));
  return dims;
}

/// A dense copy with these axes in this order.
Tensor arranged(const Tensor& x, const std::string& labels, const std::string& order, const Sizes& sizes) {
  Tensor result = Tensor::allocate(x.dtype(), Shape(label_dims(order, sizes)));
  if (result.elements() > 0) {
    kernels::copy_strided(x.dtype(), result.shape().dims(), kernels::view_of(result),
                          {x.raw(), label_strides(order, labels, x.shape(), sizes)});
  }
  return result;
}

template <class T>
void multiply(KernelContext& c, int64_t m, int64_t n, int64_t k, const T* a, const T* b, T* result) {
  const kernels::MatrixView<T> left{a, k, 1}, right{b, n, 1};
  if constexpr (std::is_same_v<T, float>)
    kernels::gemm(c.kernels(), m, n, k, left, right, result, n);
  else
    kernels::gemm_plain(m, n, k, left, right, result, n);
}

void einsum_kernel(KernelContext& c) {
  Equation equation = equation_for(c.attrs(), c.inputs());
  std::vector<Tensor> operands = {c.input(0)};
  if (c.inputs() == 2) operands.push_back(c.input(1));
  std::vector<Shape> shapes;
  for (const Tensor& operand : operands) shapes.push_back(operand.shape());
  Sizes sizes = resolve(equation, shapes);
  if (operands.size() == 1) {  // times 1
    operands.push_back(Tensor::number(operands[0].dtype(), 1));
    equation.inputs.emplace_back();
  }
  const std::string &a = equation.inputs[0], &b = equation.inputs[1], &out = equation.output;
  std::string batch, rows, columns, summed;
  for (const auto& [label, size] : sizes) {
    const bool in_a = a.find(label) != std::string::npos, in_b = b.find(label) != std::string::npos;
    const bool in_out = out.find(label) != std::string::npos;
    (!in_out ? summed : in_a && in_b ? batch : in_a ? rows : columns) += label;
  }
  const Tensor left = arranged(operands[0], a, batch + rows + summed, sizes);
  const Tensor right = arranged(operands[1], b, batch + summed + columns, sizes);
  const std::string order = batch + rows + columns;
  Tensor product = Tensor::allocate(left.dtype(), Shape(label_dims(order, sizes)));
  const int64_t m = total(rows, sizes), n = total(columns, sizes), k = total(summed, sizes);
  with_compute_type(left.dtype(), "Einsum", [&]<class T>(T) {
    for (int64_t i = 0; m * n > 0 && i < total(batch, sizes); ++i) {
      multiply<T>(c, m, n, k, left.data<T>() + i * m * k, right.data<T>() + i * k * n, product.data<T>() + i * m * n);
    }
  });
  Tensor& output = c.output(0, output_shape(equation, sizes));
  kernels::set_zero(output);  // beside a diagonal
  if (product.elements() > 0) {
    kernels::copy_strided(output.dtype(), product.shape().dims(),
                          {output.raw(), label_strides(order, out, output.shape(), sizes)},
                          kernels::view_of(std::as_const(product)));
  }
}

/// The gradient of one operand: the other one and the upstream summed over what this one lacks, then repeated along the
/// labels that it alone has.
Value operand_gradient(GradContext& g, const Equation& equation, int operand) {
  const Value& x = g.input(operand);
  const std::string& subscript = equation.inputs[static_cast<size_t>(operand)];
  const std::string other = g.inputs() == 2 ? equation.inputs[static_cast<size_t>(1 - operand)] : "";
  std::string reachable, alone;
  for (const char label : subscript) {
    if (label == '.' || equation.output.find(label) != std::string::npos || other.find(label) != std::string::npos)
      reachable += label;
    else if (alone.find(label) == std::string::npos)
      alone += label;
  }
  Values inputs = {g.upstream(0)};
  std::string text = equation.output;
  if (g.inputs() == 2) {
    inputs.push_back(g.input(1 - operand));
    text += "," + other;
  }
  Value result = emit1("Einsum", inputs, {{"equation", text + "->" + reachable}});
  if (!alone.empty()) {
    const Value ones = ones_like(emit1("Einsum", {x}, {{"equation", subscript + "->" + alone}}));
    result = emit1("Einsum", {result, ones}, {{"equation", reachable + "," + alone + "->" + subscript}});
  }
  return has_ellipsis(subscript) ? unbroadcast(result, x) : result;
}

Values einsum_grad(GradContext& g) {
  const Equation equation = equation_for(g.attrs(), g.inputs());
  Values gradients;
  for (int i = 0; i < g.inputs(); ++i) gradients.push_back(operand_gradient(g, equation, i));
  return gradients;
}

constexpr OpDef kOps[] = {
    {.name = "Einsum",
     .signature = "(inputs: N * T) -> (output: T); equation: string; N: int; T: type",
     .shape = einsum_shape,
     .kernel = einsum_kernel,
     .gradient = einsum_grad},
};

}  // namespace

std::span<const OpDef> einsum_ops() { return kOps; }

}  // namespace keras
