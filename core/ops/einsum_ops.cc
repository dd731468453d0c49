// Einsum: every label is an axis. Operands are read as matrices [free, summed], one for each place of the batch: where they lie
// if memory allows, else in a copy; and so is the result written.
#include <algorithm>
#include <map>
#include <optional>
#include <string>
#include <utility>

#include "core/kernels/gemm.h"
#include "core/kernels/parallel_for.h"
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

/// The step of each label of `order` in an array of these axes: repeated labels walk a diagonal, absent and broadcast ones stand
/// still.
std::vector<int64_t> label_strides(const std::string& order, const std::string& labels, const Shape& shape, const Sizes& sizes) {
  const std::vector<int64_t> dense = kernels::dense_strides(shape.dims());
  std::vector<int64_t> strides(order.size(), 0);
  for (size_t i = 0; i < labels.size(); ++i) {
    const size_t at = order.find(labels[i]);
    if (at != std::string::npos && shape.dim(static_cast<int64_t>(i)) == sizes.at(labels[i])) strides[at] += dense[i];
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

/// The labels of a product's parts: those that operands and result share, the left one's and the right one's own, and those that
/// are summed. Each in the order in which an operand has them, so that they may be one axis in its memory.
struct Parts {
  std::string batch, rows, columns, summed;
};

Parts parts_of(const std::string& a, const std::string& b, const std::string& out) {
  Parts parts;
  const auto add_once = [](std::string& part, char label) {
    if (part.find(label) == std::string::npos) part += label;
  };
  const auto sort_in = [&](const std::string& labels, const std::string& other, std::string& own) {
    for (const char label : labels) {
      const bool in_other = other.find(label) != std::string::npos, in_out = out.find(label) != std::string::npos;
      add_once(!in_out ? parts.summed : in_other ? parts.batch : own, label);
    }
  };
  sort_in(a, b, parts.rows);
  sort_in(b, a, parts.columns);
  return parts;
}

/// The step of all of a part's axes, where they lie in memory as one axis does.
std::optional<int64_t> single_step(const std::string& part, const std::string& labels, const Shape& shape, const Sizes& sizes) {
  const std::vector<int64_t> steps = label_strides(part, labels, shape, sizes);
  int64_t step = 1, size = 1;
  for (size_t i = part.size(); i-- > 0;) {
    const int64_t label_size = sizes.at(part[i]);
    if (label_size == 1) continue;
    if (size == 1)
      step = steps[i];
    else if (steps[i] != step * size)
      return std::nullopt;
    size *= label_size;
  }
  return step;
}

/// Where the matrices of one operand or of the result lie.
struct Matrices {
  int64_t row_step, column_step;
  std::vector<int64_t> batch_steps;  // of each label of the batch
};

/// Nothing where rows or columns are no single axis.
std::optional<Matrices> matrices_in_place(const std::string& rows, const std::string& columns, const std::string& batch,
                                          const std::string& labels, const Shape& shape, const Sizes& sizes) {
  const auto row_step = single_step(rows, labels, shape, sizes), column_step = single_step(columns, labels, shape, sizes);
  if (!row_step || !column_step) return std::nullopt;
  return Matrices{*row_step, *column_step, label_strides(batch, labels, shape, sizes)};
}

/// An operand as matrices: in its place, or as a copy which `x` then is.
Matrices operand_matrices(Tensor& x, const std::string& rows, const std::string& columns, const std::string& batch,
                          const std::string& labels, const Sizes& sizes) {
  if (const auto found = matrices_in_place(rows, columns, batch, labels, x.shape(), sizes)) return *found;
  const std::string order = batch + rows + columns;
  x = arranged(x, labels, order, sizes);
  return *matrices_in_place(rows, columns, batch, order, x.shape(), sizes);
}

/// Where matrix `index` of a batch begins.
int64_t offset_of(int64_t index, const std::string& batch, const std::vector<int64_t>& steps, const Sizes& sizes) {
  int64_t offset = 0;
  for (size_t i = batch.size(); i-- > 0;) {
    offset += index % sizes.at(batch[i]) * steps[i];
    index /= sizes.at(batch[i]);
  }
  return offset;
}

/// result = left · right for each matrix of the batch. REQUIRES: the result's rows are contiguous.
void multiply_batch(KernelContext& c, const Parts& parts, const Sizes& sizes, const Tensor& left, const Matrices& a,
                    const Tensor& right, const Matrices& b, Tensor& result, const Matrices& to) {
  const int64_t m = total(parts.rows, sizes), n = total(parts.columns, sizes), k = total(parts.summed, sizes);
  if (m * n == 0) return;
  with_compute_type(left.dtype(), "Einsum", [&]<class T>(T) {
    const int64_t grain = 100'000 / std::max<int64_t>(m * n * k, 1) + 1;
    kernels::parallel_for(c.kernels(), total(parts.batch, sizes), grain, [&](int64_t begin, int64_t end) {
      for (int64_t i = begin; i < end; ++i) {
        const auto place = [&](const Matrices& matrices) { return offset_of(i, parts.batch, matrices.batch_steps, sizes); };
        const kernels::MatrixView<T> x{left.data<T>() + place(a), a.row_step, a.column_step};
        const kernels::MatrixView<T> y{right.data<T>() + place(b), b.row_step, b.column_step};
        T* z = result.data<T>() + place(to);
        if constexpr (std::is_same_v<T, float>)
          kernels::gemm(c.kernels(), m, n, k, x, y, z, to.row_step);
        else
          kernels::gemm_plain(m, n, k, x, y, z, to.row_step);
      }
    });
  });
}

bool has_repeats(const std::string& labels) {
  for (size_t i = 0; i < labels.size(); ++i) {
    if (labels.find(labels[i], i + 1) != std::string::npos) return true;
  }
  return false;
}

void einsum_kernel(KernelContext& c) {
  Equation equation = equation_for(c.attrs(), c.inputs());
  std::vector<Tensor> operands = {c.input(0)};
  if (c.inputs() == 2) operands.push_back(c.input(1));
  std::vector<Shape> shapes;
  for (const Tensor& operand : operands) shapes.push_back(operand.shape());
  const Sizes sizes = resolve(equation, shapes);
  if (operands.size() == 1) {  // times 1
    operands.push_back(Tensor::number(operands[0].dtype(), 1));
    equation.inputs.emplace_back();
  }
  const std::string& out = equation.output;
  Parts parts = parts_of(equation.inputs[0], equation.inputs[1], out);
  const Shape shape = output_shape(equation, sizes);
  const auto place_for = [&](const std::string& labels, const Shape& of) {
    return matrices_in_place(parts.rows, parts.columns, parts.batch, labels, of, sizes);
  };
  std::optional<Matrices> to = has_repeats(out) ? std::nullopt : place_for(out, shape);
  if (to && to->column_step != 1) {  // perhaps it is the product of the transposed matrices
    std::swap(parts.rows, parts.columns);
    std::swap(operands[0], operands[1]);
    std::swap(equation.inputs[0], equation.inputs[1]);
    std::swap(to->row_step, to->column_step);
    if (to->column_step != 1) to.reset();
  }
  const Matrices a = operand_matrices(operands[0], parts.rows, parts.summed, parts.batch, equation.inputs[0], sizes);
  const Matrices b = operand_matrices(operands[1], parts.summed, parts.columns, parts.batch, equation.inputs[1], sizes);
  Tensor& output = c.output(0, shape);
  if (to) return multiply_batch(c, parts, sizes, operands[0], a, operands[1], b, output, *to);
  const std::string order = parts.batch + parts.rows + parts.columns;
  Tensor product = Tensor::allocate(output.dtype(), Shape(label_dims(order, sizes)));
  multiply_batch(c, parts, sizes, operands[0], a, operands[1], b, product, *place_for(order, product.shape()));
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
