// Conv2D and DepthwiseConv2D. Images are [batch, height, width, channels] inside; channels_first is transposed.
#include "core/keras/layers/convolution.h"

namespace keras {

std::string op_padding(const Layer& layer, std::string_view padding) {
  if (padding == "valid") return "VALID";
  if (padding == "same") return "SAME";
  throw ValueError("Layer '{}': the `padding` argument must be one of \"valid\", \"same\". Received: {}", layer.name(), padding);
}

bool is_channels_first(const Layer& layer, std::string_view data_format) {
  if (data_format != "channels_first" && data_format != "channels_last") {
    throw ValueError("Layer '{}': the `data_format` argument must be one of \"channels_first\", \"channels_last\". Received: {}",
                     layer.name(), data_format);
  }
  return data_format == "channels_first";
}

void require_positive(std::string_view key, const std::array<int64_t, 2>& values) {
  if (values[0] > 0 && values[1] > 0) return;
  throw ValueError(
      "The `{}` argument must be a tuple of 2 integers. Received: {} including values that do not satisfy the "
      "requirement `> 0`.",
      key, tuple_text(values));
}

void require_positive(std::string_view key, int64_t value) {
  if (value > 0) return;
  throw ValueError("Invalid value for argument `{}`. Expected a strictly positive value. Received {}={}.", key, key, value);
}

Value to_channels_last(const Value& x) { return transpose(x, {0, 2, 3, 1}); }
Value to_channels_first(const Value& x) { return transpose(x, {0, 3, 1, 2}); }
std::vector<int64_t> spatial_attr(const std::array<int64_t, 2>& v) { return {1, v[0], v[1], 1}; }

namespace {

/// Members and checks that both classes have. `Derived` adds its table.
class Convolution : public Layer {
 public:
  using Layer::Layer;
  std::array<int64_t, 2> kernel_size{1, 1}, strides{1, 1}, dilation_rate{1, 1};
  std::string padding = "valid", data_format = "channels_last";
  int64_t groups = 1;
  Activation activation;
  bool use_bias = true;
  InitializerPtr bias_initializer = make_initializer("zeros", session());
  RegularizerPtr bias_regularizer;
  ConstraintPtr bias_constraint;

  void check_inputs(const std::vector<Shape>& inputs) const override {
    require_min_rank(*this, inputs[0], 4);
    require_rank(*this, inputs[0], 4);  // Keras also takes several batch dimensions
    if (channels_ > 0) require_axis(*this, inputs[0], channel_axis(), channels_);
  }

 protected:
  void check_config() const {
    require_positive("kernel_size", kernel_size);
    require_positive("strides", strides);
    require_positive("dilation_rate", dilation_rate);
    require_positive("groups", groups);
    op_padding(*this, padding);
    channels_first();
  }
  bool channels_first() const { return is_channels_first(*this, data_format); }
  int64_t channel_axis() const { return channels_first() ? 1 : -1; }

  void make_bias(int64_t size) {
    if (!use_bias) return;
    bias_ = add_weight("bias", {size}, bias_initializer, {.regularizer = bias_regularizer, .constraint = bias_constraint});
  }
  Value finish(CallContext& context, Value y) const {
    if (use_bias) y = bias_add(y, context.builder.read(bias_));
    y = activation(y);
    return channels_first() ? to_channels_first(y) : y;
  }
  Attrs op_attrs() const {
    return {
        {"strides", spatial_attr(strides)}, {"padding", op_padding(*this, padding)}, {"dilations", spatial_attr(dilation_rate)}};
  }

  int64_t channels_ = 0;  // of the inputs, once built
  VariablePtr bias_;
};

///   inputs  [batch, height, width, channels]     output  [batch, new height, new width, filters]
///   kernel  [*kernel_size, channels / groups, filters]    bias  [filters]
class Conv2D final : public LayerBase<Conv2D, Convolution> {
 public:
  using LayerBase::LayerBase;
  static constexpr std::string_view kClassName = "Conv2D";
  int64_t filters = 0;
  InitializerPtr kernel_initializer = make_initializer("glorot_uniform", session());
  RegularizerPtr kernel_regularizer;
  ConstraintPtr kernel_constraint;

  static const ConfigTable<Conv2D>& table() {
    static const ConfigTable<Conv2D> rows = {
        required_field("filters", &Conv2D::filters),
        field<Conv2D>("kernel_size", static_cast<std::array<int64_t, 2> Conv2D::*>(&Conv2D::kernel_size), true),
        inherited_field<Conv2D>("strides", &Conv2D::strides),
        inherited_field<Conv2D>("padding", &Conv2D::padding),
        inherited_field<Conv2D>("data_format", &Conv2D::data_format),
        inherited_field<Conv2D>("dilation_rate", &Conv2D::dilation_rate),
        inherited_field<Conv2D>("groups", &Conv2D::groups),
        inherited_field<Conv2D>("activation", &Conv2D::activation),
        inherited_field<Conv2D>("use_bias", &Conv2D::use_bias),
        field("kernel_initializer", &Conv2D::kernel_initializer),
        inherited_field<Conv2D>("bias_initializer", &Conv2D::bias_initializer),
        field("kernel_regularizer", &Conv2D::kernel_regularizer),
        inherited_field<Conv2D>("bias_regularizer", &Conv2D::bias_regularizer),
        inherited_field<Conv2D>("activity_regularizer", &Conv2D::activity_regularizer),
        field("kernel_constraint", &Conv2D::kernel_constraint),
        inherited_field<Conv2D>("bias_constraint", &Conv2D::bias_constraint),
    };
    return rows;
  }

  void take_own_config(Json& config) override {
    LayerBase::take_own_config(config);
    require_positive("filters", filters);
    check_config();
  }
  void build(const std::vector<Shape>& inputs) override {
    channels_ = known_dim(*this, inputs[0], channel_axis());
    if (channels_ % groups != 0 || filters % groups != 0) {
      throw ValueError("The number of input channels ({}) and of filters ({}) must be evenly divisible by groups ({}).",
                       channels_, filters, groups);
    }
    kernel_ = add_weight("kernel", {kernel_size[0], kernel_size[1], channels_ / groups, filters}, kernel_initializer,
                         {.regularizer = kernel_regularizer, .constraint = kernel_constraint});
    make_bias(filters);
  }
  Values call(CallContext& context, std::span<const Value> inputs) override {
    const Value x = channels_first() ? to_channels_last(inputs[0]) : inputs[0];
    return {finish(context, emit1("Conv2D", {x, context.builder.read(kernel_)}, op_attrs()))};
  }

 private:
  VariablePtr kernel_;
};

///   inputs  [batch, height, width, channels]     output  [batch, new height, new width, channels · depth_multiplier]
///   depthwise_kernel  [*kernel_size, channels, depth_multiplier]     bias  [channels · depth_multiplier]
class DepthwiseConv2D final : public LayerBase<DepthwiseConv2D, Convolution> {
 public:
  using LayerBase::LayerBase;
  static constexpr std::string_view kClassName = "DepthwiseConv2D";
  int64_t depth_multiplier = 1;
  InitializerPtr depthwise_initializer = make_initializer("glorot_uniform", session());
  RegularizerPtr depthwise_regularizer;
  ConstraintPtr depthwise_constraint;

  static const ConfigTable<DepthwiseConv2D>& table() {
    using Self = DepthwiseConv2D;
    static const ConfigTable<Self> rows = {
        field<Self>("kernel_size", static_cast<std::array<int64_t, 2> Self::*>(&Self::kernel_size), true),
        inherited_field<Self>("strides", &Self::strides),
        inherited_field<Self>("padding", &Self::padding),
        inherited_field<Self>("data_format", &Self::data_format),
        inherited_field<Self>("dilation_rate", &Self::dilation_rate),
        inherited_field<Self>("groups", &Self::groups),
        inherited_field<Self>("activation", &Self::activation),
        inherited_field<Self>("use_bias", &Self::use_bias),
        inherited_field<Self>("bias_initializer", &Self::bias_initializer),
        inherited_field<Self>("bias_regularizer", &Self::bias_regularizer),
        inherited_field<Self>("activity_regularizer", &Self::activity_regularizer),
        inherited_field<Self>("bias_constraint", &Self::bias_constraint),
        field("depth_multiplier", &Self::depth_multiplier),
        field("depthwise_initializer", &Self::depthwise_initializer),
        field("depthwise_regularizer", &Self::depthwise_regularizer),
        field("depthwise_constraint", &Self::depthwise_constraint),
    };
    return rows;
  }

  void build(const std::vector<Shape>& inputs) override {
    channels_ = known_dim(*this, inputs[0], channel_axis());
    kernel_ = add_weight("depthwise_kernel", {kernel_size[0], kernel_size[1], channels_, depth_multiplier}, depthwise_initializer,
                         {.regularizer = depthwise_regularizer, .constraint = depthwise_constraint});
    make_bias(channels_ * depth_multiplier);
  }
  void take_own_config(Json& config) override {
    // Written by Keras because its class derives from Conv2D; without meaning here.
    for (const char* key : {"kernel_initializer", "kernel_regularizer", "kernel_constraint"}) config.erase(key);
    LayerBase::take_own_config(config);
    require_positive("depth_multiplier", depth_multiplier);
    check_config();
  }
  Values call(CallContext& context, std::span<const Value> inputs) override {
    const Value x = channels_first() ? to_channels_last(inputs[0]) : inputs[0];
    return {finish(context, emit1("DepthwiseConv2dNative", {x, context.builder.read(kernel_)}, op_attrs()))};
  }

 private:
  VariablePtr kernel_;
};

}  // namespace

LayerPtr make_conv_2d(Session& session) { return std::make_shared<Conv2D>(session); }
LayerPtr make_depthwise_conv_2d(Session& session) { return std::make_shared<DepthwiseConv2D>(session); }

}  // namespace keras
