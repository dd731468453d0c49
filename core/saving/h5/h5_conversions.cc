// Each conversion moves whole elements, whatever their dtype; only LSTM's biases are added or halved.
#include "core/saving/h5/h5_conversions.h"

#include <algorithm>
#include <iterator>

#include "core/keras/models/functional.h"

namespace keras {
namespace {

using Arrays = std::vector<Tensor>;

/// An array of `shape` whose element i is element `from(i)` of `source`.
template <class From>
Tensor gather(const Tensor& source, const Shape& shape, From from) {
  Tensor result = Tensor::allocate(source.dtype(), shape);
  const int64_t bytes = dtype_bytes(source.dtype());
  for (int64_t i = 0; i < result.elements(); ++i) std::copy_n(source.raw() + from(i) * bytes, bytes, result.raw() + i * bytes);
  return result;
}

Tensor transpose(const Tensor& source, const std::vector<int64_t>& axes) {
  if (source.rank() != static_cast<int64_t>(axes.size())) return source;
  std::vector<int64_t> strides(axes.size(), 1), dims, steps;
  for (size_t i = axes.size() - 1; i > 0; --i) strides[i - 1] = strides[i] * source.dim(static_cast<int64_t>(i));
  for (int64_t axis : axes) {
    dims.push_back(source.dim(axis));
    steps.push_back(strides[static_cast<size_t>(axis)]);
  }
  return gather(source, Shape(dims), [&](int64_t index) {
    int64_t from = 0;
    for (size_t i = dims.size(); i-- > 0; index /= dims[i]) from += index % dims[i] * steps[i];
    return from;
  });
}

/// Concatenates along the last axis. Arrays that do not fit stay apart: nothing is returned.
Tensor concat_last(const Arrays& saved, std::initializer_list<size_t> which) {
  int64_t width = 0;
  const Tensor& first = saved[*which.begin()];
  if (first.rank() == 0) return {};
  const int64_t last = first.dim(first.rank() - 1), rows = last == 0 ? 0 : first.elements() / last;
  for (size_t i : which) {
    if (saved[i].shape() != first.shape() || saved[i].dtype() != first.dtype()) return {};
    width += last;
  }
  std::vector<int64_t> dims = first.shape().dims();
  dims.back() = width;
  Tensor result = Tensor::allocate(first.dtype(), Shape(dims));
  const int64_t bytes = last * dtype_bytes(first.dtype());
  std::byte* to = result.raw();
  for (int64_t row = 0; row < rows; ++row) {
    for (size_t i : which) to = std::copy_n(saved[i].raw() + row * bytes, bytes, to);
  }
  return result;
}

std::string text_of(const Json& config, const char* key) {
  return config.contains(key) && config[key].is_string() ? config[key].get<std::string>() : std::string();
}

int64_t number_of(const Json& value) {
  if (value.is_array() && !value.empty()) return number_of(value[0]);
  return value.is_number_integer() ? value.get<int64_t>() : -1;
}

// --- Keras 1

void convert_conv_1d(const Json& config, Tensor& kernel) {
  if (kernel.rank() != 4) return;
  const int64_t size = config.contains("kernel_size") ? number_of(config["kernel_size"]) : -1;
  const int64_t filters = config.contains("filters") ? number_of(config["filters"]) : -1;
  if (kernel.dim(0) != size || kernel.dim(1) != 1 || kernel.dim(3) != filters) kernel = transpose(kernel, {2, 3, 1, 0});
  if (kernel.dim(1) == 1) kernel = kernel.reshaped({kernel.dim(0), kernel.dim(2), kernel.dim(3)});
}

void convert_gate_lists(const ConversionTarget& target, Arrays& saved) {
  Arrays merged;
  if (target.class_name == "GRU" && saved.size() == 9) {
    merged = {concat_last(saved, {0, 3, 6}), concat_last(saved, {1, 4, 7}), concat_last(saved, {2, 5, 8})};
  } else if ((target.class_name == "LSTM" || target.class_name == "ConvLSTM2D") && saved.size() == 12) {
    // From i, c, f, o to i, f, c, o.
    merged = {concat_last(saved, {0, 6, 3, 9}), concat_last(saved, {1, 7, 4, 10}), concat_last(saved, {2, 8, 5, 11})};
  }
  if (merged.empty() || !std::ranges::all_of(merged, &Tensor::valid)) return;
  if (target.class_name == "ConvLSTM2D" && text_of(target.config, "data_format") == "channels_first") {
    merged[0] = transpose(merged[0], {2, 3, 1, 0});
    merged[1] = transpose(merged[1], {2, 3, 1, 0});
  }
  saved = std::move(merged);
}

void convert_keras_1(const ConversionTarget& target, Arrays& saved) {
  const bool channels_first = text_of(target.config, "data_format") == "channels_first";
  const std::string& name = target.class_name;
  if (name == "Conv1D") convert_conv_1d(target.config, saved[0]);
  if (name == "Conv2D" && channels_first) saved[0] = transpose(saved[0], {2, 3, 1, 0});
  if (name == "Conv2DTranspose")
    saved[0] = transpose(saved[0], channels_first ? std::vector<int64_t>{2, 3, 0, 1} : std::vector<int64_t>{0, 1, 3, 2});
  if (name == "Conv3D" && channels_first) saved[0] = transpose(saved[0], {2, 3, 4, 1, 0});
  convert_gate_lists(target, saved);
}

/// Kernels of Theano, told by their shape.
void convert_kernel_order(const ConversionTarget& target, Arrays& saved) {
  constexpr std::string_view kClasses[] = {"Conv1D", "Conv2D", "Conv3D", "Conv2DTranspose", "ConvLSTM2D"};
  if (std::ranges::find(kClasses, target.class_name) == std::end(kClasses)) return;
  if (target.weights.empty() || target.weights[0] == saved[0].shape()) return;
  saved[0] = transpose(saved[0], {3, 2, 0, 1});
  if (target.class_name == "ConvLSTM2D" && saved.size() > 1) saved[1] = transpose(saved[1], {3, 2, 0, 1});
}

// --- cuDNN

/// Every gate's kernel [in, units]: the elements in C order laid out in Fortran order, or back.
Tensor convert_input_kernel(const Tensor& kernel, int64_t gates, bool from_cudnn) {
  const int64_t rows = kernel.dim(0), width = kernel.dim(1), units = width / gates;
  return gather(kernel, kernel.shape(), [&](int64_t index) {
    const int64_t row = index / width, gate = index % width / units, column = index % width % units;
    const int64_t flat = from_cudnn ? row + column * rows : row * units + column;
    const int64_t from_row = from_cudnn ? flat / units : flat % rows;
    const int64_t from_column = from_cudnn ? flat % units : flat / rows;
    return from_row * width + gate * units + from_column;
  });
}

/// Every gate's recurrent kernel [units, units], transposed.
Tensor convert_recurrent_kernel(const Tensor& kernel) {
  const int64_t units = kernel.dim(0), width = kernel.dim(1);
  return gather(kernel, kernel.shape(), [&](int64_t index) {
    const int64_t row = index / width, gate = index % width / units, column = index % width % units;
    return column * width + gate * units + row;
  });
}

template <class T>
void convert_lstm_values(const Tensor& bias, bool from_cudnn, Tensor& result) {
  const int64_t half = from_cudnn ? result.elements() : bias.elements();
  for (int64_t i = 0; i < result.elements(); ++i) {
    const T* values = bias.data<T>();
    result.data<T>()[i] = from_cudnn ? values[i] + values[i + half] : static_cast<T>(0.5) * values[i % half];
  }
}

/// cuDNN has two biases that are added; a single one is split in halves.
Tensor convert_lstm_bias(const Tensor& bias, bool from_cudnn) {
  Tensor result = Tensor::allocate(bias.dtype(), {from_cudnn ? bias.elements() / 2 : bias.elements() * 2});
  if (bias.dtype() == DType::kFloat32)
    convert_lstm_values<float>(bias, from_cudnn, result);
  else if (bias.dtype() == DType::kFloat64)
    convert_lstm_values<double>(bias, from_cudnn, result);
  else
    throw UnimplementedError("Weights of an LSTM of dtype {} cannot be converted from or to cuDNN's form", bias.dtype());
  return result;
}

/// What the arrays [kernel, recurrent kernel, bias] were saved by.
std::string rnn_kind(const Arrays& saved, bool is_lstm) {
  const int64_t units = saved[1].dim(0), gates = is_lstm ? 4 : 3;
  const Shape& bias = saved[2].shape();
  if (bias == Shape{2 * units * gates}) return is_lstm ? "CuDNNLSTM" : "CuDNNGRU";
  if (bias == Shape{units * gates}) return is_lstm ? "LSTM" : "GRU(reset_after=False)";
  if (!is_lstm && bias == Shape{2, units * gates}) return "GRU(reset_after=True)";
  throw ValueError("Invalid bias shape: {}", bias);
}

std::string target_kind(const ConversionTarget& target) {
  if (target.class_name != "GRU") return target.class_name;
  const Json& config = target.config;
  const bool reset_after = config.contains("reset_after") && config["reset_after"].is_boolean() && config["reset_after"];
  return reset_after ? "GRU(reset_after=True)" : "GRU(reset_after=False)";
}

void convert_rnn(const ConversionTarget& target, Arrays& saved) {
  const bool is_lstm = target.class_name == "LSTM" || target.class_name == "CuDNNLSTM";
  if (!is_lstm && target.class_name != "GRU" && target.class_name != "CuDNNGRU") return;
  const int64_t gates = is_lstm ? 4 : 3;
  if (saved.size() != 3 || saved[0].rank() != 2 || saved[1].rank() != 2) return;
  const std::string source = rnn_kind(saved, is_lstm), wanted = target_kind(target);
  if (source == wanted) return;
  if (source == "GRU(reset_after=False)" || wanted == "GRU(reset_after=False)")
    throw ValueError("{} is not compatible with {}", source, wanted);
  const int64_t width = saved[1].dim(0) * gates;
  if (saved[0].dim(1) != width || saved[1].dim(1) != width) return;
  const bool from_cudnn = source.starts_with("CuDNN");
  saved[0] = convert_input_kernel(saved[0], gates, from_cudnn);
  saved[1] = convert_recurrent_kernel(saved[1]);
  if (is_lstm)
    saved[2] = convert_lstm_bias(saved[2], from_cudnn);
  else
    saved[2] = saved[2].reshaped(from_cudnn ? Shape{2, width} : Shape{2 * width});
}

// --- layers that hold others

Arrays convert_halves(const ConversionTarget& target, const Arrays& saved, bool keras_1) {
  const auto middle = saved.begin() + static_cast<ptrdiff_t>(saved.size() / 2);
  Arrays result = convert_saved_weights(target.layers[0], Arrays(saved.begin(), middle), keras_1);
  std::ranges::move(convert_saved_weights(target.layers[1], Arrays(middle, saved.end()), keras_1), std::back_inserter(result));
  return result;
}

/// A model's list is all trainable weights, then all others: every layer takes its share of both.
Arrays convert_model(const ConversionTarget& target, const Arrays& saved, bool keras_1) {
  size_t trainable = 0, other = target.trainable;
  Arrays result_trainable, result_other;
  for (const ConversionTarget& layer : target.layers) {
    const size_t others = layer.weights.size() - layer.trainable;
    if (trainable + layer.trainable > target.trainable || other + others > saved.size()) return saved;
    Arrays share(saved.begin() + static_cast<ptrdiff_t>(trainable),
                 saved.begin() + static_cast<ptrdiff_t>(trainable + layer.trainable));
    share.insert(share.end(), saved.begin() + static_cast<ptrdiff_t>(other),
                 saved.begin() + static_cast<ptrdiff_t>(other + others));
    trainable += layer.trainable;
    other += others;
    const Arrays converted = convert_saved_weights(layer, std::move(share), keras_1);
    const auto split = converted.begin() + static_cast<ptrdiff_t>(std::min(layer.trainable, converted.size()));
    result_trainable.insert(result_trainable.end(), converted.begin(), split);
    result_other.insert(result_other.end(), split, converted.end());
  }
  // A model's layers may share weights; what is left over shows in the count.
  result_trainable.insert(result_trainable.end(), saved.begin() + static_cast<ptrdiff_t>(trainable),
                          saved.begin() + static_cast<ptrdiff_t>(std::min(target.trainable, saved.size())));
  result_other.insert(result_other.end(), saved.begin() + static_cast<ptrdiff_t>(std::min(other, saved.size())), saved.end());
  std::ranges::move(result_other, std::back_inserter(result_trainable));
  return result_trainable;
}

bool is_model_class(const std::string& name) { return name == "Model" || name == "Sequential" || name == "Functional"; }

}  // namespace

ConversionTarget conversion_target(const Layer& layer) {
  ConversionTarget target{std::string(layer.class_name())};
  const std::vector<VariablePtr> trainable = layer.trainable_weights();
  target.trainable = trainable.size();
  for (const VariablePtr& variable : trainable) target.weights.push_back(variable->shape());
  for (const VariablePtr& variable : layer.non_trainable_weights()) target.weights.push_back(variable->shape());
  if (const auto* model = dynamic_cast<const Functional*>(&layer)) {
    for (const LayerPtr& inner : model->layers()) target.layers.push_back(conversion_target(*inner));
  } else {
    target.config = layer.get_config();
    for (const auto& [attribute, inner] : layer.sublayers()) target.layers.push_back(conversion_target(*inner));
  }
  return target;
}

bool has_conversions(const ConversionTarget& target) {
  constexpr std::string_view kClasses[] = {"Conv1D", "Conv2D", "Conv3D",    "Conv2DTranspose", "ConvLSTM2D",
                                           "LSTM",   "GRU",    "CuDNNLSTM", "CuDNNGRU"};
  return std::ranges::find(kClasses, target.class_name) != std::end(kClasses) ||
         std::ranges::any_of(target.layers, has_conversions);
}

std::vector<Tensor> convert_saved_weights(const ConversionTarget& target, std::vector<Tensor> saved, bool keras_1) {
  if (saved.empty()) return saved;
  if (target.class_name == "Bidirectional" && target.layers.size() == 2) return convert_halves(target, saved, keras_1);
  if (target.class_name == "TimeDistributed" && target.layers.size() == 1) {
    // Keras 1's files go through the layer's conversion twice, as in Keras itself.
    if (keras_1) saved = convert_saved_weights(target.layers[0], std::move(saved), keras_1);
    return convert_saved_weights(target.layers[0], std::move(saved), keras_1);
  }
  if (is_model_class(target.class_name)) return convert_model(target, saved, keras_1);
  if (keras_1) convert_keras_1(target, saved);
  convert_kernel_order(target, saved);
  convert_rnn(target, saved);
  return saved;
}

}  // namespace keras
