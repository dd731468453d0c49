// Sums of chosen rows, segment by segment: what embeddings of several words are combined with.
#include <algorithm>
#include <cmath>

#include "core/kernels/functors.h"
#include "core/kernels/strided_copy.h"
#include "core/ops/builders.h"
#include "core/ops/elementwise.h"
#include "core/ops/seldom_families.h"
#include "core/ops/shape_functions.h"

namespace keras {
namespace {

using Ints = std::vector<int64_t>;

enum class Share { kSum, kMean, kSqrtN };

void segment_shape(ShapeContext& c) {
  shape::require_min_rank(c.input(0), 1, "data");
  shape::require_rank(c.input(1), 1, "indices");
  shape::same_dim(shape::dim_or_unknown(c.input(1), 0), shape::dim_or_unknown(c.input(2), 0),
                  "The numbers of indices and segment ids");
  if (!c.input(0).known_rank()) return;
  Shape shape = c.input(0);
  shape.set_dim(0, c.inputs() > 3 ? shape::known_int(c, 3).value_or(kUnknownDim) : kUnknownDim);
  c.set_output(0, shape);
}

/// Checked ids of segments, in rising order.
Ints segment_ids(const Tensor& ids, const Tensor& indices) {
  const Ints segments = ids.to_int64s();
  if (ids.rank() != 1 || indices.shape() != ids.shape())
    throw InvalidArgumentError("segment_ids and indices should have same size.");
  for (size_t i = 0; i < segments.size(); ++i) {
    if (segments[i] < 0 || (i > 0 && segments[i] < segments[i - 1])) throw InvalidArgumentError("segment ids are not increasing");
  }
  return segments;
}

/// How much each row of a segment counts.
template <Share kShare>
std::vector<double> shares(const Ints& segments, int64_t count) {
  std::vector<double> result(static_cast<size_t>(count), 0);
  for (const int64_t segment : segments) ++result[static_cast<size_t>(segment)];
  for (double& share : result) {
    if (kShare == Share::kSum) share = 1;
    if (kShare == Share::kMean) share = 1 / std::max(share, 1.0);
    if (kShare == Share::kSqrtN) share = 1 / std::sqrt(std::max(share, 1.0));
  }
  return result;
}

template <Share kShare>
void segment_kernel(KernelContext& c) {
  const Tensor& data = c.input(0);
  const Ints rows = c.input(1).to_int64s(), segments = segment_ids(c.input(2), c.input(1));
  if (data.rank() < 1) throw InvalidArgumentError("data must be at least 1-D");
  int64_t count = segments.empty() ? 0 : shape::add_dims(segments.back(), 1);
  if (c.inputs() > 3) {
    const int64_t asked = shape::one_element(c.input(3), "num_segments");
    if (asked < count) throw InvalidArgumentError("segment ids must be < num_segments, found {} of {}", count - 1, asked);
    count = asked;
  }
  if (count > c.limits().tensor_bytes / 8) throw ResourceExhaustedError("{} segments are too many", count);
  Shape shape = data.shape();
  shape.set_dim(0, count);
  Tensor& output = c.output(0, shape);
  kernels::set_zero(output);
  const int64_t width = data.dim(0) > 0 ? data.elements() / data.dim(0) : 0;
  const std::vector<double> share = shares<kShare>(segments, count);
  with_compute_type(data.dtype(), "A segment reduction", [&]<class T>(T) {
    for (size_t i = 0; i < rows.size(); ++i) {
      if (rows[i] < 0 || rows[i] >= data.dim(0))
        throw InvalidArgumentError("Bad: indices[{}] == {} out of range [0, {})", i, rows[i], data.dim(0));
      T* to = output.data<T>() + segments[i] * width;
      const T* from = data.data<T>() + rows[i] * width;
      for (int64_t k = 0; k < width; ++k) to[k] = kernels::Add::apply(to[k], from[k]);
    }
    for (int64_t i = 0; kShare != Share::kSum && i < output.elements(); ++i) {
      output.data<T>()[i] = static_cast<T>(output.data<T>()[i] * static_cast<T>(share[static_cast<size_t>(i / width)]));
    }
  });
}

void segment_grad_shape(ShapeContext& c) {
  shape::require_min_rank(c.input(0), 1, "grad");
  if (!c.input(0).known_rank()) return;
  Shape shape = c.input(0);
  shape.set_dim(0, shape::known_int(c, 3).value_or(kUnknownDim));
  c.set_output(0, shape);
}

/// grad, indices, segment_ids, output_dim0 → the gradient of data
template <Share kShare>
void segment_grad_kernel(KernelContext& c) {
  const Tensor& grad = c.input(0);
  const Ints rows = c.input(1).to_int64s(), segments = segment_ids(c.input(2), c.input(1));
  const int64_t count = shape::one_element(c.input(3), "output_dim0");
  if (grad.rank() < 1 || count < 0) throw InvalidArgumentError("Gradients of shape {} do not fit {} rows", grad.shape(), count);
  if (!segments.empty() && segments.back() >= grad.dim(0)) {
    throw InvalidArgumentError("Segment id {} out of range [0, {})", segments.back(), grad.dim(0));
  }
  Shape shape = grad.shape();
  shape.set_dim(0, count);
  Tensor& output = c.output(0, shape);
  kernels::set_zero(output);
  const int64_t width = grad.dim(0) > 0 ? grad.elements() / grad.dim(0) : 0;
  const std::vector<double> share = shares<kShare>(segments, grad.dim(0));
  with_float_type(grad.dtype(), "The gradient of a segment reduction", [&]<class T>(T) {
    for (size_t i = 0; i < rows.size(); ++i) {
      if (rows[i] < 0 || rows[i] >= count) throw InvalidArgumentError("Index {} out of range [0, {})", rows[i], count);
      for (int64_t k = 0; k < width; ++k) {
        output.data<T>()[rows[i] * width + k] +=
            grad.data<T>()[segments[i] * width + k] * static_cast<T>(share[static_cast<size_t>(segments[i])]);
      }
    }
  });
}

constexpr const char* kSegmentGrads[] = {"SparseSegmentSumGrad", "SparseSegmentMeanGrad", "SparseSegmentSqrtNGrad"};

template <Share kShare>
Values segment_grad(GradContext& g) {
  const Value rows = emit1("Slice", {shape_of(g.input(0)), ints(g.emitter(), {0}), ints(g.emitter(), {1})});
  Values gradients(static_cast<size_t>(g.inputs()));
  gradients[0] = emit1(kSegmentGrads[static_cast<int>(kShare)], {g.upstream(0), g.input(1), g.input(2), reshape(rows, Ints{})});
  return gradients;
}

constexpr OpDef kOps[] = {
    {.name = "SparseSegmentSum",
     .signature = "(data: T, indices: Tidx, segment_ids: Tsegmentids) -> (output: T); T: {real}; Tidx: {int32, int64} = int32; "
                  "Tsegmentids: {int32, int64} = int32; sparse_gradient: bool = false",
     .shape = segment_shape,
     .kernel = segment_kernel<Share::kSum>,
     .gradient = segment_grad<Share::kSum>,
     .js = "sparse.segmentSum"},
    {.name = "SparseSegmentSumWithNumSegments",
     .signature = "(data: T, indices: Tidx, segment_ids: Tsegmentids, num_segments: Tnumsegments) -> (output: T); T: {real}; "
                  "Tidx: {int32, int64} = int32; Tnumsegments: {int32, int64} = int32; Tsegmentids: {int32, int64} = int32; "
                  "sparse_gradient: bool = false",
     .shape = segment_shape,
     .kernel = segment_kernel<Share::kSum>,
     .gradient = segment_grad<Share::kSum>},
    {.name = "SparseSegmentSumGrad",
     .signature = "(grad: T, indices: Tidx, segment_ids: Tsegmentids, output_dim0: int32) -> (output: T); T: {floating}; Tidx: "
                  "{int32, int64} = int32; Tsegmentids: {int32, int64} = int32",
     .shape = segment_grad_shape,
     .kernel = segment_grad_kernel<Share::kSum>},
    {.name = "SparseSegmentMean",
     .signature = "(data: T, indices: Tidx, segment_ids: Tsegmentids) -> (output: T); T: {floating}; Tidx: {int32, int64} = "
                  "int32; Tsegmentids: {int32, int64} = int32; sparse_gradient: bool = false",
     .shape = segment_shape,
     .kernel = segment_kernel<Share::kMean>,
     .gradient = segment_grad<Share::kMean>,
     .js = "sparse.segmentMean"},
    {.name = "SparseSegmentMeanWithNumSegments",
     .signature = "(data: T, indices: Tidx, segment_ids: Tsegmentids, num_segments: Tnumsegments) -> (output: T); T: {floating}; "
                  "Tidx: {int32, int64} = int32; Tnumsegments: {int32, int64} = int32; Tsegmentids: {int32, int64} = int32; "
                  "sparse_gradient: bool = false",
     .shape = segment_shape,
     .kernel = segment_kernel<Share::kMean>,
     .gradient = segment_grad<Share::kMean>},
    {.name = "SparseSegmentMeanGrad",
     .signature = "(grad: T, indices: Tidx, segment_ids: Tsegmentids, output_dim0: int32) -> (output: T); T: {floating}; Tidx: "
                  "{int32, int64} = int32; Tsegmentids: {int32, int64} = int32",
     .shape = segment_grad_shape,
     .kernel = segment_grad_kernel<Share::kMean>},
    {.name = "SparseSegmentSqrtN",
     .signature = "(data: T, indices: Tidx, segment_ids: Tsegmentids) -> (output: T); T: {floating}; Tidx: {int32, int64} = "
                  "int32; Tsegmentids: {int32, int64} = int32; sparse_gradient: bool = false",
     .shape = segment_shape,
     .kernel = segment_kernel<Share::kSqrtN>,
     .gradient = segment_grad<Share::kSqrtN>,
     .js = "sparse.segmentSqrtN"},
    {.name = "SparseSegmentSqrtNWithNumSegments",
     .signature = "(data: T, indices: Tidx, segment_ids: Tsegmentids, num_segments: Tnumsegments) -> (output: T); T: {floating}; "
                  "Tidx: {int32, int64} = int32; Tnumsegments: {int32, int64} = int32; Tsegmentids: {int32, int64} = int32; "
                  "sparse_gradient: bool = false",
     .shape = segment_shape,
     .kernel = segment_kernel<Share::kSqrtN>,
     .gradient = segment_grad<Share::kSqrtN>},
    {.name = "SparseSegmentSqrtNGrad",
     .signature = "(grad: T, indices: Tidx, segment_ids: Tsegmentids, output_dim0: int32) -> (output: T); T: {floating}; Tidx: "
                  "{int32, int64} = int32; Tsegmentids: {int32, int64} = int32",
     .shape = segment_grad_shape,
     .kernel = segment_grad_kernel<Share::kSqrtN>},
};

}  // namespace

std::span<const OpDef> sparse_segment_ops() { return kOps; }

}  // namespace keras
