// One table of arguments for each class. Source: keras/legacy/interfaces.py and the conversions of Keras 2.0's release notes.
#include "core/saving/h5/keras_1_config.h"

#include <algorithm>
#include <initializer_list>

#include "core/base/error.h"

namespace keras {
namespace {

/// Old argument → new one; an empty new one: the argument is left out.
struct Renamed {
  std::string_view from, to;
};
using Table = std::initializer_list<Renamed>;

constexpr Table kEveryLayer = {{"input_dtype", "dtype"}};
constexpr Table kDense = {{"output_dim", "units"}, {"input_dim", ""}};
constexpr Table kConv = {
    {"nb_filter", "filters"},        {"border_mode", "padding"},       {"subsample", "strides"}, {"filter_length", "kernel_size"},
    {"subsample_length", "strides"}, {"atrous_rate", "dilation_rate"}, {"input_dim", ""},        {"input_length", ""}};
constexpr Table kPooling = {{"border_mode", "padding"}, {"pool_length", "pool_size"}, {"stride", "strides"}};
constexpr Table kDropout = {{"p", "rate"}, {"sigma", "stddev"}};
constexpr Table kNormalization = {{"mode", ""}, {"gamma_init", "gamma_initializer"}, {"beta_init", "beta_initializer"}};
constexpr Table kUpSampling1D = {{"length", "size"}};
constexpr Table kPRelu = {{"init", "alpha_initializer"}};
constexpr Table kEmbedding = {{"init", "embeddings_initializer"},
                              {"W_regularizer", "embeddings_regularizer"},
                              {"W_constraint", "embeddings_constraint"},
                              {"dropout", ""}};
constexpr Table kRecurrent = {{"output_dim", "units"},
                              {"inner_init", "recurrent_initializer"},
                              {"inner_activation", "recurrent_activation"},
                              {"U_regularizer", "recurrent_regularizer"},
                              {"dropout_W", "dropout"},
                              {"dropout_U", "recurrent_dropout"},
                              {"consume_less", ""},
                              {"input_dim", ""},
                              {"input_length", ""}};
constexpr Table kWeights = {{"init", "kernel_initializer"},        {"W_regularizer", "kernel_regularizer"},
                            {"b_regularizer", "bias_regularizer"}, {"W_constraint", "kernel_constraint"},
                            {"b_constraint", "bias_constraint"},   {"bias", "use_bias"}};

struct ClassTable {
  std::string_view class_name, new_name;
  Table arguments;
  bool weights;  // kWeights too
};

constexpr ClassTable kClasses[] = {
    {"Dense", "Dense", kDense, true},
    {"Convolution1D", "Conv1D", kConv, true},
    {"Convolution2D", "Conv2D", kConv, true},
    {"Convolution3D", "Conv3D", kConv, true},
    {"AtrousConvolution1D", "Conv1D", kConv, true},
    {"AtrousConvolution2D", "Conv2D", kConv, true},
    {"Deconvolution2D", "Conv2DTranspose", kConv, true},
    {"SeparableConvolution2D", "SeparableConv2D", kConv, true},
    {"MaxPooling1D", "MaxPooling1D", kPooling, false},
    {"MaxPooling2D", "MaxPooling2D", kPooling, false},
    {"MaxPooling3D", "MaxPooling3D", kPooling, false},
    {"AveragePooling1D", "AveragePooling1D", kPooling, false},
    {"AveragePooling2D", "AveragePooling2D", kPooling, false},
    {"AveragePooling3D", "AveragePooling3D", kPooling, false},
    {"Dropout", "Dropout", kDropout, false},
    {"SpatialDropout1D", "SpatialDropout1D", kDropout, false},
    {"SpatialDropout2D", "SpatialDropout2D", kDropout, false},
    {"SpatialDropout3D", "SpatialDropout3D", kDropout, false},
    {"UpSampling1D", "UpSampling1D", kUpSampling1D, false},
    {"PReLU", "PReLU", kPRelu, false},
    {"GaussianDropout", "GaussianDropout", kDropout, false},
    {"GaussianNoise", "GaussianNoise", kDropout, false},
    {"BatchNormalization", "BatchNormalization", kNormalization, false},
    {"Embedding", "Embedding", kEmbedding, false},
    {"SimpleRNN", "SimpleRNN", kRecurrent, true},
    {"GRU", "GRU", kRecurrent, true},
    {"LSTM", "LSTM", kRecurrent, true},
};

const ClassTable* table_of(std::string_view class_name) {
  const auto* found = std::ranges::find(kClasses, class_name, &ClassTable::class_name);
  return found == std::end(kClasses) ? nullptr : found;
}

std::string text(const Json& value) { return value.is_string() ? value.get<std::string>() : std::string(); }

/// {"name": "WeightRegularizer", "l1": 0, "l2": 0.01} → {"class_name": "L1L2", "config": {…}}; constraints likewise.
Json penalty(const Json& value) {
  if (!value.is_object() || !value.contains("name") || value.contains("class_name")) return value;
  const std::string name = text(value["name"]);
  Json config = value;
  config.erase("name");
  if (name.ends_with("Regularizer")) return {{"class_name", "L1L2"}, {"config", config}};
  if (config.contains("m")) {
    config["max_value"] = config["m"];
    config.erase("m");
  }
  return {{"class_name", name}, {"config", config}};
}

Json value_of(std::string_view key, const Json& value) {
  if (key == "data_format") return text(value) == "th" ? "channels_first" : text(value) == "tf" ? "channels_last" : value;
  if (key.ends_with("_initializer") && (value == "zero" || value == "one")) return text(value) + "s";
  if (key.ends_with("_regularizer") || key.ends_with("_constraint")) return penalty(value);
  return value;
}

std::string renamed(const Table& table, const std::string& key, bool& left_out) {
  for (const Renamed& row : table) {
    if (row.from != key) continue;
    left_out = row.to.empty();
    return std::string(row.to);
  }
  return key;
}

Json convert_layer(const Json& layer);

/// Modes other than 0 normalize in other ways, for which there is nothing in Keras 2.
void check_normalization(const Json& config) {
  const Json& mode = json_get(config, "mode");
  if (mode.is_null() || mode == 0) return;
  throw UnimplementedError("A BatchNormalization layer of Keras 1 of mode {} has no counterpart in Keras 2", dump_json(mode))
      .at(text(json_get(config, "name")));
}

Json convert_arguments(const ClassTable* table, const Json& config) {
  Json result = Json::object();
  for (const auto& [old_key, value] : config.items()) {
    std::string key = old_key == "dim_ordering" ? "data_format" : old_key;
    bool left_out = false;
    if (key == old_key) key = renamed(kEveryLayer, old_key, left_out);
    if (table != nullptr && key == old_key) key = renamed(table->arguments, old_key, left_out);
    if (table != nullptr && table->weights && key == old_key) key = renamed(kWeights, old_key, left_out);
    if (left_out || (key == "data_format" && text(value) == "default")) continue;
    result[key] = value_of(key, value);
  }
  return result;
}

/// What takes more than other names.
void convert_special(const std::string& class_name, Json& config) {
  const auto pair = [&](const char* first, const char* second, const char* third = nullptr) {
    if (!config.contains(first)) return;
    Json size = {config[first], config[second]};
    if (third != nullptr) size = {config[first], config[second], config[third]};
    for (const char* key : {first, second, third}) {
      if (key != nullptr) config.erase(key);
    }
    config["kernel_size"] = std::move(size);
  };
  if (config.contains("nb_row")) pair("nb_row", "nb_col");
  if (config.contains("kernel_dim1")) pair("kernel_dim1", "kernel_dim2", "kernel_dim3");
  if (class_name == "Deconvolution2D") config.erase("output_shape");
  if (class_name == "SeparableConvolution2D" && config.contains("kernel_initializer")) {
    config["depthwise_initializer"] = config["kernel_initializer"];
    config["pointwise_initializer"] = config["kernel_initializer"];
    config.erase("kernel_initializer");
  }
  if (class_name == "GRU") config["reset_after"] = false;  // Keras 1 knows no other; Keras 2's default is true
  if (class_name == "LSTM" && config.contains("forget_bias_init")) {
    config["unit_forget_bias"] = text(config["forget_bias_init"]) == "one";
    config.erase("forget_bias_init");
  }
  if (class_name == "ZeroPadding2D" && json_get(config, "padding").is_array() && config["padding"].size() == 4) {
    const Json sides = config["padding"];  // top, bottom, left, right
    config["padding"] = {{sides[0], sides[1]}, {sides[2], sides[3]}};
  }
}

/// A Merge of Keras 1 is one of several layers of Keras 2.
Json convert_merge(Json layer) {
  const Json& config = json_get(layer, "config");
  const std::string mode = text(json_get(config, "mode"));
  constexpr std::pair<std::string_view, std::string_view> kModes[] = {
      {"sum", "Add"}, {"mul", "Multiply"}, {"ave", "Average"}, {"max", "Maximum"}, {"concat", "Concatenate"}};
  for (const auto& [name, class_name] : kModes) {
    if (mode != name || config.contains("layers")) continue;
    Json converted = {{"name", json_get(config, "name")}};
    if (class_name == "Concatenate") converted["axis"] = json_get(config, "concat_axis");
    layer["class_name"] = std::string(class_name);
    layer["config"] = std::move(converted);
    return layer;
  }
  throw UnimplementedError("A Merge layer of Keras 1 of mode '{}' has no counterpart in Keras 2", mode)
      .at(text(json_get(config, "name")));
}

Json convert_layers(const Json& layers) {
  Json result = Json::array();
  for (const Json& layer : layers) result.push_back(convert_layer(layer));
  return result;
}

Json convert_layer(const Json& layer) {
  if (!layer.is_object() || !layer.contains("config")) return layer;
  const std::string class_name = text(json_get(layer, "class_name"));
  if (class_name == "Merge") return convert_merge(layer);
  const Json& config = layer["config"];
  Json result = layer;
  if (config.is_array()) {  // a Sequential
    result["config"] = convert_layers(config);
    return result;
  }
  if (class_name == "BatchNormalization") check_normalization(config);
  const ClassTable* table = table_of(class_name);
  if (table != nullptr) result["class_name"] = std::string(table->new_name);
  Json converted = convert_arguments(table, config);
  convert_special(class_name, converted);
  if (converted.contains("layers") && converted["layers"].is_array()) converted["layers"] = convert_layers(converted["layers"]);
  if (converted.contains("layer")) converted["layer"] = convert_layer(converted["layer"]);
  result["config"] = std::move(converted);
  return result;
}

}  // namespace

Json convert_keras_1_config(const Json& model_config) { return convert_layer(model_config); }

}  // namespace keras
