// Dense: output = activation(inputs · kernel + bias), over the last axis.
#include "core/keras/activations/activation.h"
#include "core/keras/layers/classes.h"

namespace keras {
namespace {

///   inputs  [batch, …, input_dim]      output  [batch, …, units]
///   kernel  [input_dim, units]         bias    [units], only with use_bias
class Dense final : public LayerBase<Dense> {
 public:
  using LayerBase::LayerBase;
  static constexpr std::string_view kClassName = "Dense";

  int64_t units = 0;
  Activation activation;
  bool use_bias = true;
  InitializerPtr kernel_initializer = make_initializer("glorot_uniform", session());
  InitializerPtr bias_initializer = make_initializer("zeros", session());
  RegularizerPtr kernel_regularizer, bias_regularizer;
  ConstraintPtr kernel_constraint, bias_constraint;

  static const ConfigTable<Dense>& table() {
    static const ConfigTable<Dense> rows = {
        required_field("units", &Dense::units),
        field("activation", &Dense::activation),
        field("use_bias", &Dense::use_bias),
        field("kernel_initializer", &Dense::kernel_initializer),
        field("bias_initializer", &Dense::bias_initializer),
        field("kernel_regularizer", &Dense::kernel_regularizer),
        field("bias_regularizer", &Dense::bias_regularizer),
        inherited_field<Dense>("activity_regularizer", &Dense::activity_regularizer),
        field("kernel_constraint", &Dense::kernel_constraint),
        field("bias_constraint", &Dense::bias_constraint),
    };
    return rows;
  }

  void take_own_config(Json& config) override {
    LayerBase::take_own_config(config);
    if (units <= 0) {
      throw ValueError("Received an invalid value for `units`, expected a positive integer. Received: units={}", units);
    }
  }
  void check_inputs(const std::vector<Shape>& inputs) const override {
    require_min_rank(*this, inputs[0], 2);
    if (kernel_) require_axis(*this, inputs[0], -1, kernel_->shape().dim(0));
  }
  void build(const std::vector<Shape>& inputs) override {
    kernel_ = add_weight("kernel", {known_dim(*this, inputs[0], -1), units}, kernel_initializer,
                         {.regularizer = kernel_regularizer, .constraint = kernel_constraint});
    if (!use_bias) return;
    bias_ = add_weight("bias", {units}, bias_initializer, {.regularizer = bias_regularizer, .constraint = bias_constraint});
  }
  Values call(CallContext& context, std::span<const Value> inputs) override {
    const Value kernel = context.builder.read(kernel_);
    const bool matrix = inputs[0].shape().rank() == 2;
    Value y = matrix ? matmul(inputs[0], kernel) : matmul(rows_of(inputs[0]), kernel);
    if (use_bias) y = bias_add(y, context.builder.read(bias_));
    if (!matrix) y = unflatten(y, inputs[0]);
    return {activation(y)};
  }

 private:
  Value rows_of(const Value& x) const { return reshape(x, {-1, x.shape().dim(-1)}); }

  /// [rows, units] → the leading dimensions of x, then units.
  Value unflatten(const Value& y, const Value& x) const {
    std::vector<int64_t> dims = x.shape().dims();
    dims.back() = units;
    if (std::count(dims.begin(), dims.end(), kUnknownDim) <= 1) return reshape(y, dims);
    Emitter& emitter = *x.emitter;
    const Value leading = emit1("StridedSlice", {shape_of(x), ints(emitter, {0}), ints(emitter, {-1}), ints(emitter, {1})},
                                {{"begin_mask", int64_t{1}}});
    const std::array parts = {leading, ints(emitter, {units})};
    return reshape(y, concat(parts, 0));
  }

  VariablePtr kernel_, bias_;
};

}  // namespace

LayerPtr make_dense(Session& session) { return std::make_shared<Dense>(session); }

}  // namespace keras
