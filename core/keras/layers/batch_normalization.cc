// BatchNormalization: normalises with the batch's statistics in training, with moving ones in inference.
#include "core/keras/layers/classes.h"

namespace keras {
namespace {

/// (x − mean) / √(variance + ε) · gamma + beta, over one axis; gamma, beta, moving_mean, moving_variance [channels].
/// 4-D inputs over the last axis take TensorFlow's fused op, whose moving variance is the unbiased one; all others the
/// plain form, with the biased one (as Keras 2.15 does).
class BatchNormalization final : public LayerBase<BatchNormalization> {
 public:
  using LayerBase::LayerBase;
  static constexpr std::string_view kClassName = "BatchNormalization";
  Json axis = -1;  // a number until built, then a list of one
  double momentum = 0.99, epsilon = 0.001;
  bool center = true, scale = true;
  InitializerPtr beta_initializer = make_initializer("zeros", session());
  InitializerPtr gamma_initializer = make_initializer("ones", session());
  InitializerPtr moving_mean_initializer = make_initializer("zeros", session());
  InitializerPtr moving_variance_initializer = make_initializer("ones", session());
  RegularizerPtr beta_regularizer, gamma_regularizer;
  ConstraintPtr beta_constraint, gamma_constraint;

  static const ConfigTable<BatchNormalization>& table() {
    using Self = BatchNormalization;
    static const ConfigTable<Self> rows = {
        field("axis", &Self::axis),
        field("momentum", &Self::momentum),
        field("epsilon", &Self::epsilon),
        field("center", &Self::center),
        field("scale", &Self::scale),
        field("beta_initializer", &Self::beta_initializer),
        field("gamma_initializer", &Self::gamma_initializer),
        field("moving_mean_initializer", &Self::moving_mean_initializer),
        field("moving_variance_initializer", &Self::moving_variance_initializer),
        field("beta_regularizer", &Self::beta_regularizer),
        field("gamma_regularizer", &Self::gamma_regularizer),
        field("beta_constraint", &Self::beta_constraint),
        field("gamma_constraint", &Self::gamma_constraint),
    };
    return rows;
  }

  bool expects_training() const override { return true; }

  void check_inputs(const std::vector<Shape>& inputs) const override {
    if (moving_mean_) require_axis(*this, inputs[0], axis_, moving_mean_->shape().dim(0));
  }

  void build(const std::vector<Shape>& inputs) override {
    const Json& number = axis.is_array() && axis.size() == 1 ? axis[0] : axis;
    if (!number.is_number_integer()) {
      throw UnimplementedError("BatchNormalization '{}': only one axis is supported, found {}", name(), dump_json(axis));
    }
    const int64_t rank = inputs[0].rank();
    axis_ = number.get<int64_t>() < 0 ? number.get<int64_t>() + rank : number.get<int64_t>();
    if (axis_ < 0 || axis_ >= rank)
      throw ValueError("Invalid axis. Expected 0 <= axis < inputs.rank (with inputs.rank={}). Received: layer.axis={}", rank,
                       dump_json(axis));
    axis = Json::array({axis_});
    const Shape shape = {known_dim(*this, inputs[0], axis_)};
    if (scale)
      gamma_ = add_weight("gamma", shape, gamma_initializer, {.regularizer = gamma_regularizer, .constraint = gamma_constraint});
    if (center)
      beta_ = add_weight("beta", shape, beta_initializer, {.regularizer = beta_regularizer, .constraint = beta_constraint});
    moving_mean_ = add_statistic("moving_mean", shape, moving_mean_initializer);
    moving_variance_ = add_statistic("moving_variance", shape, moving_variance_initializer);
  }

  /// In Python the axis is a list once the layer is built, and lists are tracked.
  TrackedChildren tracked_children() const override {
    TrackedChildren children = Layer::tracked_children();
    if (built_)
      children.insert(children.begin(),
                      {"axis", {.container = std::make_shared<Container>(Container{"trackable_list_wrapper"})}});
    return children;
  }

  Values call(CallContext& context, std::span<const Value> inputs) override {
    // A frozen layer runs in inference mode.
    const bool training = context.training && trainable_;
    const Value& x = inputs[0];
    const bool fused = x.shape().rank() == 4 && axis_ == 3;
    return {fused ? call_fused(context.builder, x, training) : call_plain(context.builder, x, training)};
  }

 private:
  VariablePtr add_statistic(std::string_view attribute, const Shape& shape, const InitializerPtr& initializer) {
    VariablePtr variable = add_weight(attribute, shape, initializer, {.trainable = false});
    variable->synchronization = VariableSynchronization::kOnRead;
    variable->aggregation = VariableAggregation::kMean;
    return variable;
  }

  /// moving ← moving − (moving − batch)·(1 − momentum)
  void update(GraphBuilder& b, const VariablePtr& moving, const Value& batch) const {
    b.assign_sub(moving, mul(sub(b.read(moving), batch), 1 - momentum));
  }

  Value call_fused(GraphBuilder& b, const Value& x, bool training) const {
    const Value gamma = scale ? b.read(gamma_) : b.constant(ones());
    const Value beta = center ? b.read(beta_) : b.constant(Tensor::zeros(dtype_, moving_mean_->shape()));
    Value mean = b.read(moving_mean_), variance = b.read(moving_variance_);
    if (training) mean = variance = b.constant(Tensor::zeros(DType::kFloat32, {0}));
    const Values outputs = emit_all("FusedBatchNormV3", {x, gamma, beta, mean, variance},
                                    {{"epsilon", static_cast<float>(epsilon)}, {"is_training", training}});
    if (training) {
      update(b, moving_mean_, outputs[1]);
      update(b, moving_variance_, outputs[2]);
    }
    return outputs[0];
  }

  Value call_plain(GraphBuilder& b, const Value& x, bool training) const {
    const Value moving_mean = b.read(moving_mean_), moving_variance = b.read(moving_variance_);
    if (!training) return normalise(b, x, spread(x, moving_mean), spread(x, moving_variance));
    std::vector<int64_t> axes;
    for (int64_t i = 0; i < x.shape().rank(); ++i) {
      if (i != axis_) axes.push_back(i);
    }
    const Value mean = reduce_mean(x, axes, true);
    const Value variance = reduce_mean(emit1("SquaredDifference", {x, emit1("StopGradient", {mean})}), axes, true);
    update(b, moving_mean_, reshape(mean, {-1}));
    update(b, moving_variance_, reshape(variance, {-1}));
    return normalise(b, x, mean, variance);
  }

  // As tf.nn.batch_normalization: x·inv + (beta − mean·inv), inv = gamma / √(variance + ε)
  Value normalise(GraphBuilder& b, const Value& x, const Value& mean, const Value& variance) const {
    Value inverse = rsqrt(add(variance, epsilon));
    if (scale) inverse = mul(inverse, spread(x, b.read(gamma_)));
    Value shift = neg(mul(mean, inverse));
    if (center) shift = add(spread(x, b.read(beta_)), shift);
    return add(mul(x, inverse), shift);
  }

  /// [channels] in the shape that broadcasts over the other axes of x.
  Value spread(const Value& x, const Value& v) const {
    if (axis_ == x.shape().rank() - 1) return v;
    std::vector<int64_t> dims(static_cast<size_t>(x.shape().rank()), 1);
    dims[static_cast<size_t>(axis_)] = moving_mean_->shape().dim(0);
    return reshape(v, dims);
  }

  Tensor ones() const {
    Tensor tensor = Tensor::allocate(DType::kFloat32, moving_mean_->shape());
    std::fill_n(tensor.data<float>(), tensor.elements(), 1.0f);
    return tensor;
  }

  int64_t axis_ = -1;
  VariablePtr gamma_, beta_, moving_mean_, moving_variance_;
};

}  // namespace

LayerPtr make_batch_normalization(Session& session) { return std::make_shared<BatchNormalization>(session); }

}  // namespace keras
