// MaxPooling2D, AveragePooling2D, GlobalAveragePooling2D, GlobalMaxPooling2D.
#include "core/keras/layers/convolution.h"

namespace keras {
namespace {

///   inputs  [batch, height, width, channels]     output  [batch, pooled height, pooled width, channels]
class Pooling2D : public Layer {
 public:
  using Layer::Layer;
  std::array<int64_t, 2> pool_size{2, 2}, strides{2, 2};
  std::string padding = "valid", data_format = "channels_last";

  void check_inputs(const std::vector<Shape>& inputs) const override { require_rank(*this, inputs[0], 4); }

 protected:
  /// Strides are the pool's size where none are given.
  void default_strides(Json& config) {
    if (json_get(config, "strides").is_null())
      config["strides"] = json_get(config, "pool_size").is_null() ? Json(2) : config["pool_size"];
  }
  Values pool(std::string_view op, const Value& input) const {
    const bool first = is_channels_first(*this, data_format);
    const Value y =
        emit1(op, {first ? to_channels_last(input) : input},
              {{"ksize", spatial_attr(pool_size)}, {"strides", spatial_attr(strides)}, {"padding", op_padding(*this, padding)}});
    return {first ? to_channels_first(y) : y};
  }
};

template <class Kind>
class PoolingLayer final : public LayerBase<PoolingLayer<Kind>, Pooling2D> {
  using Self = PoolingLayer;

 public:
  using LayerBase<PoolingLayer<Kind>, Pooling2D>::LayerBase;
  static constexpr std::string_view kClassName = Kind::kClassName;
  static const ConfigTable<Self>& table() {
    static const ConfigTable<Self> rows = {
        inherited_field<Self>("pool_size", &Self::pool_size),
        inherited_field<Self>("padding", &Self::padding),
        inherited_field<Self>("strides", &Self::strides),
        inherited_field<Self>("data_format", &Self::data_format),
    };
    return rows;
  }
  void take_own_config(Json& config) override {
    this->default_strides(config);
    LayerBase<PoolingLayer<Kind>, Pooling2D>::take_own_config(config);
    require_positive("pool_size", this->pool_size);
    require_positive("strides", this->strides);
    op_padding(*this, this->padding);
    is_channels_first(*this, this->data_format);
  }
  Values call(CallContext&, std::span<const Value> inputs) override { return this->pool(Kind::kOp, inputs[0]); }
};

struct MaxKind {
  static constexpr std::string_view kClassName = "MaxPooling2D", kOp = "MaxPool";
};
struct AverageKind {
  static constexpr std::string_view kClassName = "AveragePooling2D", kOp = "AvgPool";
};

///   inputs  [batch, height, width, channels]     output  [batch, channels], or [batch, 1, 1, channels] with keepdims
template <class Kind>
class GlobalPooling final : public LayerBase<GlobalPooling<Kind>> {
  using Self = GlobalPooling;

 public:
  using LayerBase<GlobalPooling<Kind>>::LayerBase;
  static constexpr std::string_view kClassName = Kind::kClassName;
  std::string data_format = "channels_last";
  bool keepdims = false;
  static const ConfigTable<Self>& table() {
    static const ConfigTable<Self> rows = {field("data_format", &Self::data_format), field("keepdims", &Self::keepdims)};
    return rows;
  }
  void check_inputs(const std::vector<Shape>& inputs) const override { require_rank(*this, inputs[0], 4); }
  Values call(CallContext&, std::span<const Value> inputs) override {
    const bool first = is_channels_first(*this, data_format);
    return {Kind::reduce(inputs[0], first ? std::vector<int64_t>{2, 3} : std::vector<int64_t>{1, 2}, keepdims)};
  }
};

struct GlobalAverageKind {
  static constexpr std::string_view kClassName = "GlobalAveragePooling2D";
  static Value reduce(const Value& x, const std::vector<int64_t>& axes, bool keep) { return reduce_mean(x, axes, keep); }
};
struct GlobalMaxKind {
  static constexpr std::string_view kClassName = "GlobalMaxPooling2D";
  static Value reduce(const Value& x, const std::vector<int64_t>& axes, bool keep) { return reduce_max(x, axes, keep); }
};

}  // namespace

LayerPtr make_max_pooling_2d(Session& s) { return std::make_shared<PoolingLayer<MaxKind>>(s); }
LayerPtr make_average_pooling_2d(Session& s) { return std::make_shared<PoolingLayer<AverageKind>>(s); }
LayerPtr make_global_average_pooling_2d(Session& s) { return std::make_shared<GlobalPooling<GlobalAverageKind>>(s); }
LayerPtr make_global_max_pooling_2d(Session& s) { return std::make_shared<GlobalPooling<GlobalMaxKind>>(s); }

}  // namespace keras
