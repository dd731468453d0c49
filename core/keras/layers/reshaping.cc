// Flatten, Reshape, Permute, ZeroPadding2D.
#include "core/keras/layers/convolution.h"

namespace keras {
namespace {

/// [batch, …] → [batch, product of the rest].
class Flatten final : public LayerBase<Flatten> {
 public:
  using LayerBase::LayerBase;
  static constexpr std::string_view kClassName = "Flatten";
  std::string data_format = "channels_last";
  static const ConfigTable<Flatten>& table() {
    static const ConfigTable<Flatten> rows = {field("data_format", &Flatten::data_format)};
    return rows;
  }
  Values call(CallContext& context, std::span<const Value> inputs) override {
    Value x = inputs[0];
    const int64_t rank = x.shape().rank();
    if (is_channels_first(*this, data_format) && rank > 2) {
      std::vector<int64_t> order = {0};
      for (int64_t i = 2; i < rank; ++i) order.push_back(i);
      order.push_back(1);
      x = transpose(x, order);
    }
    if (rank == 1) return {reshape(x, {-1, 1})};
    int64_t size = 1;
    for (int64_t i = 1; i < rank && size >= 0; ++i) size = x.shape().dim(i) < 0 ? -1 : size * x.shape().dim(i);
    if (size > 0) return {reshape(x, {-1, size})};
    const Value batch =
        emit1("StridedSlice", {shape_of(x), ints(context.builder, {0}), ints(context.builder, {1}), ints(context.builder, {1})});
    const std::array parts = {batch, ints(context.builder, {-1})};
    return {reshape(x, concat(parts, 0))};
  }
};

/// [batch, …] → [batch, *target_shape]; one -1 in target_shape is what is left.
class Reshape final : public LayerBase<Reshape> {
 public:
  using LayerBase::LayerBase;
  static constexpr std::string_view kClassName = "Reshape";
  std::vector<int64_t> target_shape;
  static const ConfigTable<Reshape>& table() {
    static const ConfigTable<Reshape> rows = {required_field("target_shape", &Reshape::target_shape)};
    return rows;
  }
  void take_own_config(Json& config) override {
    LayerBase::take_own_config(config);
    const auto open = std::count(target_shape.begin(), target_shape.end(), -1);
    if (open > 1 || std::any_of(target_shape.begin(), target_shape.end(), [](int64_t dim) { return dim < -1; })) {
      throw ValueError("There must be at most one unknown dimension (-1) in target_shape. Received: target_shape={}.",
                       target_shape);
    }
    std::vector<int64_t> known = target_shape;
    std::replace(known.begin(), known.end(), int64_t{-1}, int64_t{1});
    tensor_bytes(DType::kUint8, Shape(std::move(known)));  // refuses what no memory could hold
  }
  Values call(CallContext& context, std::span<const Value> inputs) override {
    const Value& x = inputs[0];
    std::vector<int64_t> wanted = resolved(x.shape());
    std::vector<int64_t> dims = {x.shape().dim(0)};
    dims.insert(dims.end(), wanted.begin(), wanted.end());
    if (std::count(dims.begin(), dims.end(), kUnknownDim) <= 1) return {reshape(x, dims)};
    const Value batch =
        emit1("StridedSlice", {shape_of(x), ints(context.builder, {0}), ints(context.builder, {1}), ints(context.builder, {1})});
    const std::array parts = {batch, ints(context.builder, wanted)};
    return {reshape(x, concat(parts, 0))};
  }

 private:
  /// target_shape with its -1 replaced, where the input's size is known.
  std::vector<int64_t> resolved(const Shape& input) const {
    int64_t total = 1, known = 1;
    for (int64_t i = 1; i < input.rank(); ++i) total = input.dim(i) < 0 || total < 0 ? -1 : total * input.dim(i);
    for (const int64_t dim : target_shape) known *= dim == -1 ? 1 : dim;
    std::vector<int64_t> result = target_shape;
    if (total < 0) return result;
    const auto open = std::find(result.begin(), result.end(), -1);
    if (open != result.end() && known > 0 && total % known == 0)
      *open = total / known;
    else if (open != result.end() || known != total) {
      throw ValueError("total size of new array must be unchanged, input_shape = {}, output_shape = {}", input, target_shape);
    }
    return result;
  }
};

/// Axes reordered; `dims` counts from 1, the batch stays.
class Permute final : public LayerBase<Permute> {
 public:
  using LayerBase::LayerBase;
  static constexpr std::string_view kClassName = "Permute";
  std::vector<int64_t> dims;
  static const ConfigTable<Permute>& table() {
    static const ConfigTable<Permute> rows = {required_field("dims", &Permute::dims)};
    return rows;
  }
  void take_own_config(Json& config) override {
    LayerBase::take_own_config(config);
    std::vector<int64_t> sorted = dims;
    std::sort(sorted.begin(), sorted.end());
    for (size_t i = 0; i < sorted.size(); ++i) {
      if (sorted[i] == static_cast<int64_t>(i) + 1) continue;
      throw ValueError(
          "Invalid permutation argument `dims` for Permute Layer. The set of indices in `dims` must be consecutive "
          "and start from 1. Received dims={}",
          dims);
    }
  }
  void check_inputs(const std::vector<Shape>& inputs) const override {
    require_rank(*this, inputs[0], static_cast<int64_t>(dims.size()) + 1);
  }
  Values call(CallContext&, std::span<const Value> inputs) override {
    std::vector<int64_t> order = {0};
    order.insert(order.end(), dims.begin(), dims.end());
    return {transpose(inputs[0], order)};
  }
};

/// Zeros around [batch, height, width, channels]. padding: p, (p, q) or ((top, bottom), (left, right)).
class ZeroPadding2D final : public LayerBase<ZeroPadding2D> {
 public:
  using LayerBase::LayerBase;
  static constexpr std::string_view kClassName = "ZeroPadding2D";
  Json padding = Json::array({Json::array({1, 1}), Json::array({1, 1})});
  std::string data_format = "channels_last";
  static const ConfigTable<ZeroPadding2D>& table() {
    static const ConfigTable<ZeroPadding2D> rows = {field("padding", &ZeroPadding2D::padding),
                                                    field("data_format", &ZeroPadding2D::data_format)};
    return rows;
  }
  void take_own_config(Json& config) override {
    LayerBase::take_own_config(config);
    if (padding.is_object()) padding = json_get(padding, "items");
    if (padding.is_number_integer()) padding = Json::array({padding, padding});
    if (!padding.is_array() || padding.size() != 2) config_mismatch("padding", padding, "an integer, 2 integers or 2 pairs");
    for (Json& side : padding) {
      if (side.is_object()) side = json_get(side, "items");
      if (side.is_number_integer()) side = Json::array({side, side});
      if (!side.is_array() || side.size() != 2 || !side[0].is_number_integer() || !side[1].is_number_integer() ||
          side[0].get<int64_t>() < 0 || side[1].get<int64_t>() < 0) {
        config_mismatch("padding", padding, "an integer, 2 integers or 2 pairs");
      }
    }
  }
  void check_inputs(const std::vector<Shape>& inputs) const override { require_rank(*this, inputs[0], 4); }
  Values call(CallContext&, std::span<const Value> inputs) override {
    std::vector<std::pair<int64_t, int64_t>> sides(4, {0, 0});
    const size_t first = is_channels_first(*this, data_format) ? 2 : 1;
    for (size_t i = 0; i < 2; ++i) sides[first + i] = {padding[i][0].get<int64_t>(), padding[i][1].get<int64_t>()};
    return {pad(inputs[0], sides)};
  }
};

}  // namespace

LayerPtr make_flatten(Session& s) { return std::make_shared<Flatten>(s); }
LayerPtr make_reshape(Session& s) { return std::make_shared<Reshape>(s); }
LayerPtr make_permute(Session& s) { return std::make_shared<Permute>(s); }
LayerPtr make_zero_padding_2d(Session& s) { return std::make_shared<ZeroPadding2D>(s); }

}  // namespace keras
