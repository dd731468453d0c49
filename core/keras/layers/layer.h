// The base of all layers and models: weights, tracking, config, symbolic calls.
#pragma once

#include <memory>
#include <optional>
#include <string>
#include <variant>
#include <vector>

#include "core/graph/builder.h"
#include "core/keras/config/object.h"
#include "core/keras/constraints/constraint.h"
#include "core/keras/initializers/initializer.h"
#include "core/keras/regularizers/regularizer.h"
#include "core/keras/session.h"
#include "core/keras/trackable.h"

namespace keras {

class Layer;
using LayerPtr = std::shared_ptr<Layer>;

/// One symbolic tensor of a Functional model: output `tensor` of call `node` of `layer`.
struct KerasTensor {
  LayerPtr layer;
  int node = 0;
  int tensor = 0;

  const Shape& shape() const;
  DType dtype() const;
  friend bool operator==(const KerasTensor&, const KerasTensor&) = default;
};

/// One call of a layer on symbolic tensors. An InputLayer's node has no inputs.
struct InboundNode {
  std::vector<KerasTensor> inputs;
  bool inputs_are_list = false;  // called on a list, even of one
  std::vector<Shape> output_shapes;
  std::vector<DType> output_dtypes;
  bool outputs_are_list = false;
  Json kwargs = Json::object();  // {"training": false} holds whatever the model is told

  /// The training flag of this call where the model is called with `outer`.
  bool training(bool outer) const;
};

/// How the user gave inputs or outputs: one tensor, a list, or a dict by these keys.
struct Structure {
  enum class Kind { kSingle, kList, kDict } kind = Kind::kSingle;
  std::vector<std::string> keys = {};
  friend bool operator==(const Structure&, const Structure&) = default;
};

/// What a call of a layer inside a graph is told, and where it leaves its losses.
struct CallContext {
  GraphBuilder& builder;
  bool training = false;
  Values losses = {};      // of activity regularizers and add_loss: scalars
  std::string scope = {};  // the layers whose calls this one is in, "model/block/": names of weights made in it begin so
};

/// A weight with what its layer said of it.
struct Weight {
  std::string attribute;  // "kernel": its edge in object graphs
  VariablePtr variable;
  RegularizerPtr regularizer;
  ConstraintPtr constraint;
};

struct WeightOptions {
  bool trainable = true;
  RegularizerPtr regularizer = nullptr;
  ConstraintPtr constraint = nullptr;
};

class Layer : public ConfigObject, public Growing, public std::enable_shared_from_this<Layer> {
 public:
  explicit Layer(Session& session) : session_(&session) {}
  Layer(const Layer&) = delete;
  Layer& operator=(const Layer&) = delete;

  // --- config
  /// The base keys (name, trainable, dtype, batch_input_shape where given), then the class's own.
  Json get_config() const override;
  /// Takes the base keys and the class's own out of `config`. An absent name becomes an automatic one.
  virtual void load_config(Json& config);
  /// "keras.layers"; models differ.
  virtual std::string_view module() const { return "keras.layers"; }
  /// "Package>Name" of a registered custom class; empty for built-ins.
  virtual std::string registered_name() const { return {}; }
  /// The config's keys of the class itself, for JS factories.
  virtual std::vector<ConfigKey> config_keys() const { return {}; }

  // --- what a class defines
  /// Makes weights. Called once, before the first call, with the shapes of the inputs (batch unknown).
  virtual void build(const std::vector<Shape>& inputs);
  /// Adds the layer's computation to the graph.
  virtual Values call(CallContext& context, std::span<const Value> inputs) = 0;
  /// Whether `call` treats training and inference differently.
  virtual bool expects_training() const { return false; }
  /// Throws ValueError with Keras's text where the inputs do not fit.
  virtual void check_inputs(const std::vector<Shape>& inputs) const;

  // --- calling
  /// Builds if need be, checks and calls, under the layer's name scope.
  Values call_in_graph(CallContext& context, std::span<const Value> inputs);
  /// A symbolic call: makes a new node and returns its outputs. Of `kwargs`, {"training": true or false} has a meaning.
  std::vector<KerasTensor> apply(const std::vector<KerasTensor>& inputs, bool inputs_are_list = false,
                                 Json kwargs = Json::object());
  /// `scope`: what names of weights begin with, before the layer's own.
  void ensure_built(const std::vector<Shape>& inputs, std::string_view scope = {});
  /// Shapes of the outputs for these inputs, found by tracing.
  std::vector<Shape> compute_output_shapes(const std::vector<Shape>& inputs, const std::vector<DType>& dtypes);
  const std::vector<InboundNode>& nodes() const { return nodes_; }
  /// Dicts only of models and of classes of the user's own, which take and give them.
  const Structure& input_structure() const { return input_structure_; }
  const Structure& output_structure() const { return output_structure_; }
  void set_input_structure(Structure structure) { input_structure_ = std::move(structure); }
  void set_output_structure(Structure structure) { output_structure_ = std::move(structure); }

  // --- weights
  virtual std::vector<VariablePtr> trainable_weights() const;
  virtual std::vector<VariablePtr> non_trainable_weights() const;
  /// Trainable ones first, then the others: the order of getWeights() and of HDF5 files.
  virtual std::vector<VariablePtr> weights() const;
  /// Weights of the layer itself, in order of creation.
  virtual std::vector<Weight> own_weights() const { return own_weights_; }
  /// Their variables, those that were made to be trained first: freezing the layer changes nothing.
  std::vector<VariablePtr> own_variables() const;
  /// All weights of this layer and those in it, with regularizers and constraints.
  std::vector<Weight> all_weights() const;
  /// Layers inside, by attribute name ("layer-0"), in order of tracking.
  virtual std::vector<std::pair<std::string, LayerPtr>> sublayers() const { return {}; }
  /// What object graphs show below the layer: its weights under their attributes, then the layers inside.
  virtual TrackedChildren tracked_children() const;
  int64_t count_params() const;
  /// Penalties of weight regularizers, as scalars.
  Values regularization_losses(GraphBuilder& builder) const;

  const std::string& name() const { return name_; }
  void set_name(std::string name) { name_ = std::move(name); }
  DType dtype() const { return dtype_; }
  bool trainable() const { return trainable_; }
  virtual void set_trainable(bool trainable) { trainable_ = trainable; }
  bool built() const { return built_; }
  const std::optional<Shape>& batch_input_shape() const { return batch_input_shape_; }
  void set_batch_input_shape(std::optional<Shape> shape) { batch_input_shape_ = std::move(shape); }
  /// Shapes that build() saw; empty before.
  const std::vector<Shape>& build_shapes() const { return build_shapes_; }
  bool is_model() const { return is_model_; }
  /// Whether the class is the user's: what it holds may change at any time.
  virtual bool is_custom() const { return false; }
  Session& session() const { return *session_; }

  RegularizerPtr activity_regularizer;  // of the outputs; a config key of some classes

  VariablePtr add_weight(std::string_view attribute, const Shape& shape, const InitializerPtr& initializer,
                         const WeightOptions& options = {});

 protected:
  virtual void put_own_config(Json&) const {}
  virtual void take_own_config(Json&) {}
  /// Makes the node of a symbolic call whose outputs are known (InputLayer).
  void add_source_node(const Shape& shape, DType dtype);
  virtual bool zero_based_names() const { return true; }

  Session* session_;
  std::string name_;
  DType dtype_ = DType::kFloat32;
  bool trainable_ = true;
  bool built_ = false;
  bool is_model_ = false;
  Structure input_structure_, output_structure_;

 private:
  std::optional<Shape> batch_input_shape_;
  std::vector<Shape> build_shapes_;
  std::string weight_scope_;  // "block/dense/" while weights are made in build()
  std::vector<Weight> own_weights_;
  std::vector<InboundNode> nodes_;
};

/// Wires a class's config table into Layer.
template <class Derived, class Base = Layer>
class LayerBase : public Base {
 public:
  using Base::Base;
  std::string_view class_name() const override { return Derived::kClassName; }
  std::vector<ConfigKey> config_keys() const override { return describe_table(Derived::table()); }

 protected:
  void put_own_config(Json& config) const override { put_config(static_cast<const Derived&>(*this), Derived::table(), config); }
  void take_own_config(Json& config) override {
    take_config(static_cast<Derived&>(*this), Derived::kClassName, Derived::table(), config, *this->session_);
  }
};

void append(std::vector<VariablePtr> from, std::vector<VariablePtr>& to);
/// Without those that came before.
std::vector<VariablePtr> each_once(const std::vector<VariablePtr>& variables);

/// A dimension that must be known for a layer to be built. Throws ValueError naming the layer.
int64_t known_dim(const Layer& layer, const Shape& shape, int64_t axis);
/// Throws ValueError with Keras's text unless the rank is as wanted.
void require_rank(const Layer& layer, const Shape& shape, int64_t rank);
void require_min_rank(const Layer& layer, const Shape& shape, int64_t rank);
/// Keras's text for an axis of another size than the layer was built for.
void require_axis(const Layer& layer, const Shape& shape, int64_t axis, int64_t size);

}  // namespace keras
