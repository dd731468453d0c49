// Connectionist temporal classification: labels of a sequence of which nobody says when each of them is.
// A. Graves and others, "Connectionist temporal classification", 2006; formula numbers are its own.
#include <algorithm>
#include <cmath>
#include <limits>

#include "core/ops/builders.h"
#include "core/ops/elementwise.h"
#include "core/ops/seldom_families.h"
#include "core/ops/shape_functions.h"
#include "core/ops/sparse_places.h"

namespace keras {
namespace {

using Ints = std::vector<int64_t>;
using Row = std::vector<double>;

constexpr double kLogZero = -std::numeric_limits<double>::infinity();

double log_add(double a, double b) {
  const double larger = std::max(a, b);
  return larger == kLogZero ? kLogZero : larger + std::log1p(std::exp(std::min(a, b) - larger));
}

/// inputs [time, batch, classes] and how much of the time each sequence takes.
struct Sequences {
  explicit Sequences(const Tensor& inputs, const Tensor& lengths_tensor) : lengths(lengths_tensor.to_int64s()) {
    if (inputs.rank() != 3) throw InvalidArgumentError("inputs is not a 3-Tensor, found shape {}", inputs.shape());
    time = inputs.dim(0);
    batch = inputs.dim(1);
    classes = inputs.dim(2);
    if (classes < 1) throw InvalidArgumentError("inputs have no classes");
    if (lengths_tensor.rank() != 1 || lengths_tensor.dim(0) != batch) {
      throw InvalidArgumentError("len(sequence_length) != batch_size. len(sequence_length): {} batch_size: {}", lengths.size(),
                                 batch);
    }
    for (size_t b = 0; b < lengths.size(); ++b) {
      if (lengths[b] < 0 || lengths[b] > time)
        throw InvalidArgumentError("sequence_length({}) is {}, the sequence has {}", b, lengths[b], time);
    }
  }
  int64_t length(int64_t b) const { return lengths[static_cast<size_t>(b)]; }

  Ints lengths;
  int64_t time, batch, classes;
};

/// One sequence and what it is to say.
class Alignment {
 public:
  /// logs [steps, classes]: logarithms of the probabilities; the last class is the blank.
  Alignment(std::vector<Row> logs, const Ints& labels, bool merge_repeated)
      : logs_(std::move(logs)), steps_(logs_.size()), merge_repeated_(merge_repeated) {
    const auto blank = static_cast<int64_t>(logs_[0].size()) - 1;
    for (const int64_t label : labels) {
      path_.push_back(blank);
      path_.push_back(label);
    }
    path_.push_back(blank);
    forward();
    backward();
    for (size_t u = 0; u < path_.size(); ++u) total_ = log_add(total_, before_[0][u] + after_[0][u]);
  }

  double loss() const { return -total_; }

  /// d loss / d input at a step (16): what is predicted, less the share of the paths that go through each class.
  template <class T>
  void gradient(size_t step, T* to) const {
    Row paths(logs_[step].size(), kLogZero);
    for (size_t u = 0; u < path_.size(); ++u) {
      double& sum = paths[static_cast<size_t>(path_[u])];
      sum = log_add(sum, before_[step][u] + after_[step][u]);
    }
    for (size_t k = 0; k < paths.size(); ++k) {
      const double share = total_ == kLogZero ? 0 : std::exp(paths[k] - total_);
      to[k] = static_cast<T>(std::exp(logs_[step][k]) - share);
    }
  }

 private:
  double log_at(size_t step, size_t u) const { return logs_[step][static_cast<size_t>(path_[u])]; }
  bool is_blank(size_t u) const { return u % 2 == 0; }
  bool may_stay(size_t u) const { return merge_repeated_ || is_blank(u); }
  /// Whether the blank between u − 2 and u may be left out.
  bool may_skip_to(size_t u) const { return !is_blank(u) && u >= 2 && !(merge_repeated_ && path_[u] == path_[u - 2]); }

  /// before_[step][u]: all ways to be at u by then, that step included (5 to 8).
  void forward() {
    before_.assign(steps_, Row(path_.size(), kLogZero));
    before_[0][0] = log_at(0, 0);
    if (path_.size() > 1) before_[0][1] = log_at(0, 1);
    for (size_t step = 1; step < steps_; ++step) {
      const Row& last = before_[step - 1];
      for (size_t u = 0; u < path_.size(); ++u) {
        double sum = may_stay(u) ? last[u] : kLogZero;
        if (u > 0) sum = log_add(sum, last[u - 1]);
        if (may_skip_to(u)) sum = log_add(sum, last[u - 2]);
        before_[step][u] = sum + log_at(step, u);
      }
    }
  }

  /// after_[step][u]: all ways from u to the end, that step left out (9 to 12).
  void backward() {
    after_.assign(steps_, Row(path_.size(), kLogZero));
    after_.back().back() = 0;
    if (path_.size() > 1) after_.back()[path_.size() - 2] = 0;
    for (size_t step = steps_ - 1; step-- > 0;) {
      const auto from = [&](size_t u) { return after_[step + 1][u] + log_at(step + 1, u); };
      for (size_t u = 0; u < path_.size(); ++u) {
        double sum = may_stay(u) ? from(u) : kLogZero;
        if (u + 1 < path_.size()) sum = log_add(sum, from(u + 1));
        if (u + 2 < path_.size() && may_skip_to(u + 2)) sum = log_add(sum, from(u + 2));
        after_[step][u] = sum;
      }
    }
  }

  std::vector<Row> logs_;
  size_t steps_;
  bool merge_repeated_;
  Ints path_;  // the labels with blanks around each
  std::vector<Row> before_, after_;
  double total_ = kLogZero;
};

/// The labels of each sequence. Those from the blank on end it.
std::vector<Ints> labels_of(KernelContext& c, const Sequences& sequences) {
  const Tensor &indices = c.input(1), &values = c.input(2);
  const Ints classes = values.to_int64s();
  const Ints shape = {sequences.batch, std::numeric_limits<int64_t>::max()};
  const Places places(indices, Tensor::vector(shape));
  check_values(values, places.count);
  const bool collapse = c.attrs().get_bool("preprocess_collapse_repeated");
  std::vector<Ints> all(static_cast<size_t>(sequences.batch));
  std::vector<bool> ended(all.size(), false), given(all.size(), false);
  for (int64_t i = 0; i < places.count; ++i) {
    const auto b = static_cast<size_t>(places(i, 0));
    const int64_t label = classes[static_cast<size_t>(i)];
    const bool is_first = i == 0 || places(i - 1, 0) != places(i, 0);
    if (i > 0 && places(i, 0) < places(i - 1, 0)) throw InvalidArgumentError("labels_indices must be in order");
    given[b] = true;
    if (collapse && !is_first && label == classes[static_cast<size_t>(i) - 1]) continue;
    if (label < 0) throw InvalidArgumentError("All labels must be nonnegative integers, batch: {}, found {}", b, label);
    if (label >= sequences.classes - 1) {
      ended[b] = true;
    } else {
      if (ended[b]) {
        throw InvalidArgumentError("Saw a non-null label (index >= num_classes - 1) following a null label, batch: {}", b);
      }
      all[b].push_back(label);
    }
  }
  const auto none = std::find(given.begin(), given.end(), false);
  if (none != given.end()) throw InvalidArgumentError("Labels length is zero in batch {}", none - given.begin());
  return all;
}

template <class T>
Row log_softmax(const T* x, int64_t count) {
  const auto largest = static_cast<double>(*std::max_element(x, x + count));
  double sum = 0;
  for (int64_t i = 0; i < count; ++i) sum += std::exp(static_cast<double>(x[i]) - largest);
  Row logs;
  for (int64_t i = 0; i < count; ++i) logs.push_back(static_cast<double>(x[i]) - largest - std::log(sum));
  return logs;
}

void loss_shape(ShapeContext& c) {
  const Shape& inputs = c.input(0);
  shape::require_rank(inputs, 3, "inputs");
  shape::require_rank(c.input(1), 2, "labels_indices");
  shape::require_rank(c.input(2), 1, "labels_values");
  shape::require_rank(c.input(3), 1, "sequence_length");
  shape::same_dim(shape::dim_or_unknown(c.input(1), 0), shape::dim_or_unknown(c.input(2), 0), "Labels and their places");
  const int64_t batch =
      shape::same_dim(shape::dim_or_unknown(inputs, 1), shape::dim_or_unknown(c.input(3), 0), "The batch and sequence_length");
  c.set_output(0, {batch});
  Shape gradient = inputs.known_rank() ? inputs : Shape::unknown(3);
  gradient.set_dim(1, batch);
  c.set_output(1, gradient);
}

/// inputs, labels (sparse), sequence_length → the loss of each sequence and its gradient by the inputs
void loss_kernel(KernelContext& c) {
  const Tensor inputs = c.input(0);
  const Sequences sequences(inputs, c.input(3));
  const std::vector<Ints> labels = labels_of(c, sequences);
  const bool merge = c.attrs().get_bool("ctc_merge_repeated");
  Tensor &loss = c.output(0, {sequences.batch}), &gradient = c.output(1, inputs.shape());
  with_float_type(inputs.dtype(), "CTCLoss", [&]<class T>(T) {
    std::fill_n(loss.data<T>(), loss.elements(), T(0));
    std::fill_n(gradient.data<T>(), gradient.elements(), T(0));
    for (int64_t b = 0; b < sequences.batch; ++b) {
      const Ints& wanted = labels[static_cast<size_t>(b)];
      const int64_t length = sequences.length(b), needed = static_cast<int64_t>(wanted.size());
      if (needed > length && !c.attrs().get_bool("ignore_longer_outputs_than_inputs")) {
        throw InvalidArgumentError("Not enough time for target transition sequence (required: {}, available: {}) in batch {}",
                                   needed, length, b);
      }
      if (needed > length || length == 0) continue;
      if (length > c.limits().tensor_bytes / (32 * (2 * needed + 1))) {
        throw ResourceExhaustedError("A sequence of {} steps with {} labels is too long", length, needed);
      }
      const auto at = [&](int64_t step) { return (step * sequences.batch + b) * sequences.classes; };
      std::vector<Row> logs;
      for (int64_t step = 0; step < length; ++step) logs.push_back(log_softmax(inputs.data<T>() + at(step), sequences.classes));
      const Alignment alignment(std::move(logs), wanted, merge);
      loss.data<T>()[b] = static_cast<T>(alignment.loss());
      for (int64_t step = 0; step < length; ++step) {
        alignment.gradient(static_cast<size_t>(step), gradient.data<T>() + at(step));
      }
    }
  });
}

// The kernel has computed it; no second one, as in TensorFlow.
Values loss_grad(GradContext& g) {
  if (!g.upstream(0).valid()) return {Value(), Value(), Value(), Value()};
  const Value once = emit1("PreventGradient", {g.output(1)},
                           {{"message", std::string("Currently there is no way to take the second derivative of ctc_loss")}});
  return {mul(expand_dims(expand_dims(g.upstream(0), -1), 0), once), Value(), Value(), Value()};
}

void greedy_shape(ShapeContext& c) {
  shape::require_rank(c.input(0), 3, "inputs");
  shape::require_rank(c.input(1), 1, "sequence_length");
  c.set_output(0, {kUnknownDim, 2});
  c.set_output(1, {kUnknownDim});
  c.set_output(2, {2});
  c.set_output(3, {shape::same_dim(shape::dim_or_unknown(c.input(0), 1), shape::dim_or_unknown(c.input(1), 0),
                                   "The batch and sequence_length"),
                   1});
}

/// The most likely class of each step, without blanks: a sparse tensor, and the negated sum of what was taken.
void greedy_kernel(KernelContext& c) {
  const Tensor& inputs = c.input(0);
  const Sequences sequences(inputs, c.input(1));
  int64_t blank = c.attrs().get_int("blank_index");
  if (blank < 0) blank += sequences.classes;
  if (blank < 0 || blank >= sequences.classes) {
    throw InvalidArgumentError("blank_index expected to be between {} and {} but was {}", -sequences.classes,
                               sequences.classes - 1, c.attrs().get_int("blank_index"));
  }
  const bool merge = c.attrs().get_bool("merge_repeated");
  Tensor& score = c.output(3, {sequences.batch, 1});
  Ints places, values;
  int64_t longest = 0;
  with_float_type(inputs.dtype(), "CTCGreedyDecoder", [&]<class T>(T) {
    for (int64_t b = 0; b < sequences.batch; ++b) {
      T sum = 0;
      int64_t last = -1, count = 0;
      for (int64_t step = 0; step < sequences.length(b); ++step) {
        const T* row = inputs.data<T>() + (step * sequences.batch + b) * sequences.classes;
        const int64_t best = std::max_element(row, row + sequences.classes) - row;
        sum -= row[best];
        if (best != blank && !(merge && best == last)) {
          places.insert(places.end(), {b, count++});
          values.push_back(best);
        }
        last = best;
      }
      longest = std::max(longest, count);
      score.data<T>()[b] = sum;
    }
  });
  const auto count = static_cast<int64_t>(values.size());
  std::copy(places.begin(), places.end(), c.output(0, {count, 2}).data<int64_t>());
  std::copy(values.begin(), values.end(), c.output(1, {count}).data<int64_t>());
  int64_t* shape = c.output(2, {2}).data<int64_t>();
  shape[0] = sequences.batch;
  shape[1] = longest;
}

constexpr OpDef kOps[] = {
    {.name = "CTCLoss",
     .signature = "(inputs: T, labels_indices: int64, labels_values: int32, sequence_length: int32) -> (loss: T, gradient: T); "
                  "preprocess_collapse_repeated: bool = false; ctc_merge_repeated: bool = true; "
                  "ignore_longer_outputs_than_inputs: bool = false; T: {float, double} = float",
     .shape = loss_shape,
     .kernel = loss_kernel,
     .gradient = loss_grad},
    {.name = "CTCGreedyDecoder",
     .signature = "(inputs: T, sequence_length: int32) -> (decoded_indices: int64, decoded_values: int64, decoded_shape: int64, "
                  "log_probability: T); merge_repeated: bool = false; blank_index: int = -1; T: {float, double} = float",
     .shape = greedy_shape,
     .kernel = greedy_kernel,
     .flags = kNoGradient},
};

}  // namespace

std::span<const OpDef> ctc_ops() { return kOps; }

}  // namespace keras
