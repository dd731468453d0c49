// Layers: building, calling, weights.
#include "core/keras/layers/layer.h"

#include <algorithm>
#include <set>

namespace keras {
namespace {

Json dtype_config(DType dtype) { return std::string(dtype_name(dtype)); }

/// "float32", or a policy object of that name. Mixed policies compute in another dtype than they store: not supported.
DType parse_policy(std::string_view layer, const Json& json) {
  const Json& name = json.is_object() ? json_get(json_get(json, "config"), "name") : json;
  if (name.is_null()) return DType::kFloat32;
  const DType dtype = name.is_string() ? parse_dtype(name.get<std::string>()) : DType::kInvalid;
  if (dtype == DType::kInvalid) {
    throw UnimplementedError("Layer '{}': the dtype policy {} is not supported", layer, dump_json(name));
  }
  return dtype;
}

/// While it lives, names of weights begin with one part more.
class WeightScope {
 public:
  WeightScope(std::string& scope, const std::string& part) : scope_(scope), previous_size_(scope.size()) { scope_ += part; }
  ~WeightScope() { scope_.resize(previous_size_); }
  WeightScope(const WeightScope&) = delete;
  WeightScope& operator=(const WeightScope&) = delete;

 private:
  std::string& scope_;
  size_t previous_size_;
};

}  // namespace

void append(std::vector<VariablePtr> from, std::vector<VariablePtr>& to) { std::ranges::move(from, std::back_inserter(to)); }

std::vector<VariablePtr> each_once(const std::vector<VariablePtr>& variables) {
  std::vector<VariablePtr> result;
  std::set<const Variable*> seen;
  for (const VariablePtr& variable : variables) {
    if (seen.insert(variable.get()).second) result.push_back(variable);
  }
  return result;
}

const Shape& KerasTensor::shape() const {
  return layer->nodes()[static_cast<size_t>(node)].output_shapes[static_cast<size_t>(tensor)];
}

DType KerasTensor::dtype() const { return layer->nodes()[static_cast<size_t>(node)].output_dtypes[static_cast<size_t>(tensor)]; }

bool InboundNode::training(bool outer) const {
  const Json& flag = json_get(kwargs, "training");
  if (flag.is_boolean()) return flag.get<bool>();
  return flag.is_number_integer() ? flag.get<int64_t>() != 0 : outer;
}

Json Layer::get_config() const {
  Json config = {{"name", name_}, {"trainable", trainable_}, {"dtype", dtype_config(dtype_)}};
  if (batch_input_shape_) config["batch_input_shape"] = ConfigValue<Shape>::to_json(*batch_input_shape_);
  put_own_config(config);
  return config;
}

void Layer::load_config(Json& config) {
  const auto take = [&](const char* key) {
    const Json value = json_get(config, key);
    config.erase(key);
    return value;
  };
  const Json name = take("name"), trainable = take("trainable"), dtype = take("dtype");
  if (name.is_string())
    name_ = name.get<std::string>();
  else
    name_ = session_->unique_name(class_name(), zero_based_names());
  if (trainable.is_boolean()) trainable_ = trainable.get<bool>();
  dtype_ = parse_policy(name_, dtype);
  const Json batch_shape = take("batch_input_shape"), shape = take("input_shape"), dim = take("input_dim");
  const Json batch_size = take("batch_size");
  take("batch_shape");
  if (!batch_shape.is_null()) {
    batch_input_shape_ = ConfigValue<Shape>::from_json("batch_input_shape", batch_shape, *session_);
  } else if (!shape.is_null() || dim.is_number_integer()) {
    std::vector<int64_t> dims = {batch_size.is_number_integer() ? batch_size.get<int64_t>() : kUnknownDim};
    if (!shape.is_null()) {
      const Shape sample = ConfigValue<Shape>::from_json("input_shape", shape, *session_);
      dims.insert(dims.end(), sample.dims().begin(), sample.dims().end());
    } else {
      dims.push_back(dim.get<int64_t>());
    }
    batch_input_shape_ = Shape(std::move(dims));
  }
  take_own_config(config);
  const auto activity = config.find("activity_regularizer");
  if (activity != config.end() && activity->is_null()) config.erase(activity);
  take("autocast");
  take("dynamic");
}

void Layer::build(const std::vector<Shape>&) {}

void Layer::check_inputs(const std::vector<Shape>&) const {}

void Layer::ensure_built(const std::vector<Shape>& inputs, std::string_view scope) {
  check_inputs(inputs);
  if (built_) return;
  const WeightScope weight_scope(weight_scope_, std::string(scope) + name_ + "/");
  try {
    build(inputs);
  } catch (Error& error) {
    error.set_path(name_);
    throw;
  }
  build_shapes_ = inputs;
  built_ = true;
  grew();
}

Values Layer::call_in_graph(CallContext& context, std::span<const Value> inputs) {
  std::vector<Shape> shapes;
  for (const Value& input : inputs) shapes.push_back(input.shape());
  ensure_built(shapes, context.scope);
  const GraphBuilder::NameScope scope(context.builder, name_);
  const WeightScope weight_scope(context.scope, name_ + "/");
  Values cast_inputs;
  for (const Value& input : inputs) {
    // Floating inputs are cast to the layer's dtype, as Keras's autocast does.
    const bool autocast = !is_model_ && is_floating(input.dtype()) && is_floating(dtype_);
    cast_inputs.push_back(autocast ? cast(input, dtype_) : input);
  }
  try {
    Values outputs = call(context, cast_inputs);
    if (activity_regularizer) {
      for (const Value& output : outputs) {
        // The penalty is that of a mean sample: divided by the batch size.
        const Value batch =
            cast(emit1("StridedSlice",
                       {shape_of(output), ints(context.builder, {0}), ints(context.builder, {1}), ints(context.builder, {1})},
                       {{"shrink_axis_mask", int64_t{1}}}),
                 output.dtype());
        context.losses.push_back(div(activity_regularizer->call(output), batch));
      }
    }
    return outputs;
  } catch (Error& error) {
    error.set_path(name_);
    throw;
  }
}

std::vector<KerasTensor> Layer::apply(const std::vector<KerasTensor>& inputs, bool inputs_are_list, Json kwargs) {
  std::vector<Shape> shapes;
  std::vector<DType> dtypes;
  for (const KerasTensor& input : inputs) {
    shapes.push_back(input.shape());
    dtypes.push_back(input.dtype());
  }
  GraphBuilder builder("shapes_of_" + name_, session_->limits);
  Values args;
  for (size_t i = 0; i < inputs.size(); ++i) args.push_back(builder.arg("input", dtypes[i], shapes[i]));
  InboundNode node;
  node.inputs = inputs;
  node.kwargs = std::move(kwargs);
  CallContext context{builder, node.training(false), {}};
  const Values outputs = call_in_graph(context, args);
  node.inputs_are_list = inputs_are_list || inputs.size() > 1;
  node.outputs_are_list = outputs.size() > 1;
  for (const Value& output : outputs) {
    node.output_shapes.push_back(output.shape());
    node.output_dtypes.push_back(output.dtype());
  }
  nodes_.push_back(std::move(node));
  std::vector<KerasTensor> results;
  for (size_t i = 0; i < outputs.size(); ++i) {
    results.push_back({shared_from_this(), static_cast<int>(nodes_.size()) - 1, static_cast<int>(i)});
  }
  return results;
}

std::vector<Shape> Layer::compute_output_shapes(const std::vector<Shape>& inputs, const std::vector<DType>& dtypes) {
  GraphBuilder builder("shapes_of_" + name_, session_->limits);
  Values args;
  for (size_t i = 0; i < inputs.size(); ++i) args.push_back(builder.arg("input", dtypes[i], inputs[i]));
  CallContext context{builder, false, {}};
  std::vector<Shape> shapes;
  for (const Value& output : call_in_graph(context, args)) shapes.push_back(output.shape());
  return shapes;
}

void Layer::add_source_node(const Shape& shape, DType dtype) {
  InboundNode node;
  node.output_shapes = {shape};
  node.output_dtypes = {dtype};
  nodes_.push_back(std::move(node));
  built_ = true;
}

VariablePtr Layer::add_weight(std::string_view attribute, const Shape& shape, const InitializerPtr& initializer,
                              const WeightOptions& options) {
  const int64_t bytes = tensor_bytes(dtype_, shape);
  if (bytes > session_->limits.tensor_bytes) {
    throw ResourceExhaustedError("Layer '{}': the weight '{}' of shape {} takes {} bytes, more than limits.tensorBytes ({})",
                                 name_, attribute, shape, bytes, session_->limits.tensor_bytes);
  }
  if (session_->loading && (session_->loading_bytes_left -= bytes) < 0) {
    throw ResourceExhaustedError("Layer '{}': the weight '{}' of shape {} is more than the file can hold", name_, attribute,
                                 shape);
  }
  Tensor value = session_->loading ? Tensor::allocate(dtype_, shape)  // the loader fills it
                 : initializer     ? initializer->call(shape, dtype_, *session_)
                                   : Tensor::zeros(dtype_, shape);
  // Outside of build(), as in a constructor, a weight has no scope: so Keras names it.
  auto variable = std::make_shared<Variable>(weight_scope_ + std::string(attribute), std::move(value), options.trainable);
  own_weights_.push_back({std::string(attribute), variable, options.regularizer, options.constraint});
  return variable;
}

std::vector<VariablePtr> Layer::own_variables() const {
  std::vector<VariablePtr> result;
  const std::vector<Weight> weights = own_weights();
  for (const bool trainable : {true, false}) {
    for (const Weight& weight : weights) {
      if (weight.variable->trainable == trainable) result.push_back(weight.variable);
    }
  }
  return result;
}

std::vector<VariablePtr> Layer::trainable_weights() const {
  std::vector<VariablePtr> result;
  if (!trainable_) return result;
  for (VariablePtr& variable : own_variables()) {
    if (variable->trainable) result.push_back(std::move(variable));
  }
  for (const auto& [name, layer] : sublayers()) append(layer->trainable_weights(), result);
  return each_once(result);
}

std::vector<VariablePtr> Layer::non_trainable_weights() const {
  std::vector<VariablePtr> result;
  // A frozen layer's trainable weights come first, in their own order.
  for (VariablePtr& variable : own_variables()) {
    if (!variable->trainable || !trainable_) result.push_back(std::move(variable));
  }
  for (const auto& [name, layer] : sublayers()) append(trainable_ ? layer->non_trainable_weights() : layer->weights(), result);
  return each_once(result);
}

std::vector<VariablePtr> Layer::weights() const {
  std::vector<VariablePtr> result = trainable_weights();
  append(non_trainable_weights(), result);
  return each_once(result);
}

std::vector<Weight> Layer::all_weights() const {
  std::vector<Weight> result = own_weights();
  for (const auto& [name, layer] : sublayers()) {
    for (Weight& weight : layer->all_weights()) result.push_back(std::move(weight));
  }
  return result;
}

TrackedChildren Layer::tracked_children() const {
  TrackedChildren children;
  for (const Weight& weight : own_weights()) children.emplace_back(weight.attribute, Trackable{.variable = weight.variable});
  for (const auto& [name, layer] : sublayers()) children.emplace_back(name, Trackable{.layer = layer});
  return children;
}

int64_t Layer::count_params() const {
  int64_t count = 0;
  for (const VariablePtr& variable : weights()) count += variable->shape().elements();
  return count;
}

Values Layer::regularization_losses(GraphBuilder& builder) const {
  Values losses;
  std::set<const Variable*> seen;
  for (const Weight& weight : all_weights()) {
    if (!weight.regularizer || !seen.insert(weight.variable.get()).second) continue;
    losses.push_back(weight.regularizer->call(builder.read(weight.variable)));
  }
  return losses;
}

int64_t known_dim(const Layer& layer, const Shape& shape, int64_t axis) {
  if (!shape.known_rank() || shape.dim(axis) < 0) {
    throw ValueError("Layer '{}': axis {} of the inputs to `{}` should be defined. The layer got shape {}.", layer.name(), axis,
                     layer.class_name(), shape);
  }
  return shape.dim(axis);
}

void require_rank(const Layer& layer, const Shape& shape, int64_t rank) {
  if (!shape.known_rank() || shape.rank() == rank) return;
  throw ValueError(
      "Input 0 of layer \"{}\" is incompatible with the layer: expected ndim={}, found ndim={}. Full shape "
      "received: {}",
      layer.name(), rank, shape.rank(), shape);
}

void require_min_rank(const Layer& layer, const Shape& shape, int64_t rank) {
  if (!shape.known_rank() || shape.rank() >= rank) return;
  throw ValueError(
      "Input 0 of layer \"{}\" is incompatible with the layer: expected min_ndim={}, found ndim={}. Full shape "
      "received: {}",
      layer.name(), rank, shape.rank(), shape);
}

void require_axis(const Layer& layer, const Shape& shape, int64_t axis, int64_t size) {
  if (!shape.known_rank() || shape.dim(axis) < 0 || shape.dim(axis) == size) return;
  throw ValueError(
      "Input 0 of layer \"{}\" is incompatible with the layer: expected axis {} of input shape to have value {}, "
      "but received input with shape {}",
      layer.name(), axis, size, shape);
}

}  // namespace keras
