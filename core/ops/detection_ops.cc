// Boxes of object detectors: the best of those that overlap.
#include <algorithm>
#include <cmath>
#include <numeric>
#include <queue>

#include "core/ops/elementwise.h"
#include "core/ops/seldom_families.h"
#include "core/ops/shape_functions.h"

namespace keras {
namespace {

/// Two opposite corners, in any order.
struct Box {
  float y1, x1, y2, x2;
  float area() const { return std::abs(y2 - y1) * std::abs(x2 - x1); }
};

float overlap(const Box& a, const Box& b) {
  const float area_a = a.area(), area_b = b.area();
  if (area_a <= 0 || area_b <= 0) return 0;
  const auto side = [](float a1, float a2, float b1, float b2) {
    return std::max(std::min(std::max(a1, a2), std::max(b1, b2)) - std::max(std::min(a1, a2), std::min(b1, b2)), 0.0f);
  };
  const float shared = side(a.y1, a.y2, b.y1, b.y2) * side(a.x1, a.x2, b.x1, b.x2);
  return shared / (area_a + area_b - shared);
}

struct Suppression {
  int64_t limit;
  float overlap_threshold, score_threshold;
  float soft_sigma = 0;  // 0: boxes that overlap too much are dropped; else their scores fall
};
struct Selected {
  int32_t box;
  float score;
};

struct Candidate {
  int32_t box;
  float score;
  size_t compared;  // with so many of the selected ones
  bool operator<(const Candidate& other) const { return score != other.score ? score < other.score : box > other.box; }
};

/// Lowers a candidate's score by what it shares with the selected boxes that it has not met. False if it is dropped.
bool suppress(Candidate& candidate, const std::vector<Box>& boxes, const std::vector<Selected>& selected, const Suppression& by) {
  const float scale = by.soft_sigma > 0 ? -0.5f / by.soft_sigma : 0.0f;
  for (size_t j = selected.size(); j-- > candidate.compared;) {
    const float shared = overlap(boxes[static_cast<size_t>(candidate.box)], boxes[static_cast<size_t>(selected[j].box)]);
    if (by.soft_sigma <= 0 && shared > by.overlap_threshold) return false;
    candidate.score *= std::exp(scale * shared * shared);
    if (candidate.score <= by.score_threshold) return false;
  }
  candidate.compared = selected.size();
  return true;
}

std::vector<Selected> select_boxes(const std::vector<Box>& boxes, const std::vector<float>& scores, const Suppression& by) {
  std::priority_queue<Candidate> queue;
  for (size_t i = 0; i < scores.size(); ++i) {
    if (scores[i] > by.score_threshold) queue.push({static_cast<int32_t>(i), scores[i], 0});
  }
  std::vector<Selected> selected;
  while (static_cast<int64_t>(selected.size()) < by.limit && !queue.empty()) {
    Candidate next = queue.top();
    queue.pop();
    const float score = next.score;
    if (!suppress(next, boxes, selected, by)) continue;
    if (next.score == score)
      selected.push_back({next.box, next.score});
    else
      queue.push(next);
  }
  return selected;
}

float scalar_float(KernelContext& c, int input) {
  const Tensor& value = c.input(input);
  if (value.elements() != 1) throw InvalidArgumentError("Input {} must be a scalar, found shape {}", input, value.shape());
  return static_cast<float>(value.number_at(0));
}
int64_t scalar_count(KernelContext& c, int input) {
  const auto values = c.input(input).to_int64s();
  if (values.size() != 1) throw InvalidArgumentError("Input {} must be a scalar, found shape {}", input, c.input(input).shape());
  if (values[0] < 0) throw InvalidArgumentError("Input {} must be non-negative, found {}", input, values[0]);
  return values[0];
}

void check_threshold(float overlap_threshold) {
  if (!(overlap_threshold >= 0 && overlap_threshold <= 1)) {
    throw InvalidArgumentError("iou_threshold must be in [0, 1], found {}", overlap_threshold);
  }
}

void check_boxes(const Shape& boxes, const Shape& scores) {
  shape::require_rank(boxes, 2, "boxes");
  shape::require_rank(scores, 1, "scores");
  shape::same_dim(shape::dim_or_unknown(boxes, 1), 4, "The length of a box");
  shape::same_dim(shape::dim_or_unknown(boxes, 0), shape::dim_or_unknown(scores, 0), "The numbers of boxes and of scores");
}

/// V3: indices. V4: indices, how many. V5: indices, scores, how many.
void suppression_shape(ShapeContext& c) {
  check_boxes(c.input(0), c.input(1));
  const bool padded = c.attrs().contains("pad_to_max_output_size") && c.attrs().get_bool("pad_to_max_output_size");
  const Shape list{padded ? shape::known_int(c, 2).value_or(kUnknownDim) : kUnknownDim};
  c.set_output(0, list);
}
void suppression_v4_shape(ShapeContext& c) {
  suppression_shape(c);
  c.set_output(1, Shape());
}
void suppression_v5_shape(ShapeContext& c) {
  suppression_shape(c);
  const bool padded = c.attrs().get_bool("pad_to_max_output_size");
  c.set_output(1, {padded ? shape::known_int(c, 2).value_or(kUnknownDim) : kUnknownDim});
  c.set_output(2, Shape());
}

void suppression_kernel(KernelContext& c) {
  const Tensor &boxes = c.input(0), &scores = c.input(1);
  check_boxes(boxes.shape(), scores.shape());
  Suppression by{scalar_count(c, 2), scalar_float(c, 3), scalar_float(c, 4), c.inputs() > 5 ? scalar_float(c, 5) : 0.0f};
  check_threshold(by.overlap_threshold);
  std::vector<Box> corners;
  std::vector<float> values;
  for (int64_t i = 0; i < scores.elements(); ++i) {
    const auto at = [&](int64_t k) { return static_cast<float>(boxes.number_at(i * 4 + k)); };
    corners.push_back({at(0), at(1), at(2), at(3)});
    values.push_back(static_cast<float>(scores.number_at(i)));
  }
  const std::vector<Selected> selected = select_boxes(corners, values, by);
  const auto found = static_cast<int64_t>(selected.size());
  const bool padded = c.attrs().contains("pad_to_max_output_size") && c.attrs().get_bool("pad_to_max_output_size");
  const int64_t count = padded ? by.limit : found;
  Tensor& indices = c.output(0, {count});
  for (int64_t i = 0; i < count; ++i) indices.data<int32_t>()[i] = i < found ? selected[static_cast<size_t>(i)].box : 0;
  if (c.outputs() > 2) {
    Tensor& output = c.output(1, {count});
    with_float_type(output.dtype(), "NonMaxSuppression", [&]<class T>(T) {
      for (int64_t i = 0; i < count; ++i) {
        output.data<T>()[i] = i < found ? static_cast<T>(selected[static_cast<size_t>(i)].score) : T(0);
      }
    });
  }
  if (c.outputs() > 1) c.output(c.outputs() - 1, Shape()).data<int32_t>()[0] = static_cast<int32_t>(found);
}

// Of batches, class by class

struct Detection {
  Box box;
  float score;
  int64_t class_number;
};

void combined_shape(ShapeContext& c) {
  shape::require_rank(c.input(0), 4, "boxes");
  shape::require_rank(c.input(1), 3, "scores");
  const int64_t batch = shape::dim_or_unknown(c.input(0), 0), classes = shape::dim_or_unknown(c.input(1), 2);
  const auto per_class = shape::known_int(c, 2), total = shape::known_int(c, 3);
  int64_t count = total.value_or(kUnknownDim);
  if (total && c.attrs().get_bool("pad_per_class")) {
    count = per_class && classes >= 0 ? std::min(*total, *per_class * classes) : kUnknownDim;
  }
  c.set_output(0, {batch, count, 4});
  c.set_output(1, {batch, count});
  c.set_output(2, {batch, count});
  c.set_output(3, {batch});
}

/// The detections of one image, the best first. boxes [count, 1 or classes, 4], scores [count, classes].
std::vector<Detection> detect(const float* boxes, const float* scores, int64_t count, int64_t box_classes, int64_t classes,
                              const Suppression& by) {
  std::vector<Detection> found;
  for (int64_t k = 0; k < classes; ++k) {
    std::vector<Box> corners;
    std::vector<float> values;
    for (int64_t i = 0; i < count; ++i) {
      const float* b = boxes + (i * box_classes + std::min(k, box_classes - 1)) * 4;
      corners.push_back({b[0], b[1], b[2], b[3]});
      values.push_back(scores[i * classes + k]);
    }
    for (const Selected& one : select_boxes(corners, values, by)) {
      found.push_back({corners[static_cast<size_t>(one.box)], one.score, k});
    }
  }
  std::sort(found.begin(), found.end(), [](const Detection& a, const Detection& b) {
    return a.score != b.score ? a.score > b.score : a.class_number < b.class_number;
  });
  return found;
}

void combined_kernel(KernelContext& c) {
  const Tensor &boxes = c.input(0), &scores = c.input(1);
  if (boxes.rank() != 4 || scores.rank() != 3 || boxes.dim(3) != 4 || boxes.dim(0) != scores.dim(0) ||
      boxes.dim(1) != scores.dim(1) || (boxes.dim(2) != 1 && boxes.dim(2) != scores.dim(2))) {
    throw InvalidArgumentError("boxes must be [batch, count, 1 or classes, 4], scores [batch, count, classes], found {} and {}",
                               boxes.shape(), scores.shape());
  }
  const int64_t batch = boxes.dim(0), candidates = boxes.dim(1), classes = scores.dim(2), total = scalar_count(c, 3);
  const Suppression by{scalar_count(c, 2), scalar_float(c, 4), scalar_float(c, 5)};
  check_threshold(by.overlap_threshold);
  const int64_t count = c.attrs().get_bool("pad_per_class") ? std::min(total, by.limit * classes) : total;
  const bool clip = c.attrs().get_bool("clip_boxes");
  Tensor corners = c.output(0, {batch, count, 4}), values = c.output(1, {batch, count}), names = c.output(2, {batch, count});
  Tensor valid = c.output(3, {batch});
  for (const Tensor& zeroed : {corners, values, names}) {
    std::fill_n(const_cast<float*>(zeroed.data<float>()), zeroed.elements(), 0.0f);
  }
  for (int64_t image = 0; image < batch; ++image) {
    const std::vector<Detection> found =
        detect(boxes.data<float>() + image * candidates * boxes.dim(2) * 4, scores.data<float>() + image * candidates * classes,
               candidates, boxes.dim(2), classes, by);
    const int64_t kept = std::min(count, static_cast<int64_t>(found.size()));
    valid.data<int32_t>()[image] = static_cast<int32_t>(kept);
    for (int64_t i = 0; i < kept; ++i) {
      const Detection& one = found[static_cast<size_t>(i)];
      const float sides[4] = {one.box.y1, one.box.x1, one.box.y2, one.box.x2};
      for (int64_t k = 0; k < 4; ++k) {
        corners.data<float>()[(image * count + i) * 4 + k] = clip ? std::clamp(sides[k], 0.0f, 1.0f) : sides[k];
      }
      values.data<float>()[image * count + i] = one.score;
      names.data<float>()[image * count + i] = static_cast<float>(one.class_number);
    }
  }
}

constexpr OpDef kOps[] = {
    {.name = "NonMaxSuppressionV3",
     .signature = "(boxes: T, scores: T, max_output_size: int32, iou_threshold: T_threshold, score_threshold: T_threshold) -> "
                  "(selected_indices: int32); T: {half, float} = float; T_threshold: {half, float} = float",
     .shape = suppression_shape,
     .kernel = suppression_kernel,
     .js = "image.nonMaxSuppression",
     .flags = kNoGradient},
    {.name = "NonMaxSuppressionV4",
     .signature = "(boxes: T, scores: T, max_output_size: int32, iou_threshold: T_threshold, score_threshold: T_threshold) -> "
                  "(selected_indices: int32, valid_outputs: int32); T: {half, float} = float; T_threshold: {half, float} = "
                  "float; pad_to_max_output_size: bool = false",
     .shape = suppression_v4_shape,
     .kernel = suppression_kernel,
     .js = "image.nonMaxSuppressionPadded",
     .flags = kNoGradient},
    {.name = "NonMaxSuppressionV5",
     .signature = "(boxes: T, scores: T, max_output_size: int32, iou_threshold: T, score_threshold: T, soft_nms_sigma: T) -> "
                  "(selected_indices: int32, selected_scores: T, valid_outputs: int32); T: {half, float} = float; "
                  "pad_to_max_output_size: bool = false",
     .shape = suppression_v5_shape,
     .kernel = suppression_kernel,
     .js = "image.nonMaxSuppressionWithScores"},
    {.name = "CombinedNonMaxSuppression",
     .signature = "(boxes: float, scores: float, max_output_size_per_class: int32, max_total_size: int32, iou_threshold: float, "
                  "score_threshold: float) -> (nmsed_boxes: float, nmsed_scores: float, nmsed_classes: float, valid_detections: "
                  "int32); pad_per_class: bool = false; clip_boxes: bool = true",
     .shape = combined_shape,
     .kernel = combined_kernel,
     .js = "image.combinedNonMaxSuppression"},
};

}  // namespace

std::span<const OpDef> detection_ops() { return kOps; }

}  // namespace keras
