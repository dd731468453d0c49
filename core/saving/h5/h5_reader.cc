// Weights by position or by name, as Keras loads them; values of another dtype are cast.
#include "core/saving/h5/h5_reader.h"

#include "core/saving/h5/h5_assignments.h"
#include "core/saving/h5/h5_conversions.h"
#include "core/saving/h5/h5_names.h"

namespace keras {
namespace {

struct SavedLayer {
  std::string name;
  std::vector<std::string> weight_names;
};

std::string join_path(std::string_view group, const std::string& name) {
  return group.empty() ? name : std::string(group) + "/" + name;
}

[[gnu::noinline]] std::vector<SavedLayer> saved_layers(const hdf5::Reader& reader, std::string_view group) {
  std::vector<std::string> names;
  if (!read_names(reader, reader.at(group), kLayerNames, names)) {
    throw DataLossError("{}: group '/{}' has no attribute '{}'", reader.source().name(), group, kLayerNames)
        .at(reader.source().name());
  }
  int64_t left = reader.source().size_bytes();  // a sound file has each name of its own
  const auto weight_names = [&](const std::string& layer) {
    std::vector<std::string> result;
    if (left >= 0) read_names(reader, reader.at(join_path(group, layer)), kWeightNames, result);
    for (const std::string& weight : result) left -= static_cast<int64_t>(weight.size()) + 1;
    if (left >= 0) return result;
    throw ResourceExhaustedError("{}: the names of weights below '/{}' are longer than the file", reader.source().name(), group)
        .at(reader.source().name(), reader.source().size_bytes());
  };
  gather_needs(names, weight_names);
  left = reader.source().size_bytes();
  std::vector<SavedLayer> layers;
  for (const std::string& name : names) layers.push_back({name, weight_names(name)});
  gather_needs(layers, [&](const SavedLayer& layer) {
    gather_needs(layer.weight_names,
                 [&](const std::string& weight) { reader.find(join_path(group, layer.name + "/" + weight)); });
  });
  return layers;
}

/// Pairs the arrays of a file with the variables of a model. What few files need stays out of the rest: see wasm/CMakeLists.txt.
class WeightsPlan {
 public:
  WeightsPlan(const hdf5::Reader& reader, std::string_view group, const H5LoadOptions& options, ReadList& reads)
      : reader_(reader), group_(group), options_(options), reads_(reads), layers_(saved_layers(reader, group)) {
    const hdf5::Attribute* version = reader.at(group).attribute(kKerasVersion);
    const std::vector<std::string> text = version ? reader.strings(*version) : std::vector<std::string>{};
    keras_1_ = text.empty() || text[0] == "1";
  }

  void by_order(const Model& model) {
    std::vector<LayerPtr> layers;
    for (const LayerPtr& layer : model.layers()) {
      if (!layer->weights().empty()) layers.push_back(layer);
    }
    std::erase_if(layers_, [](const SavedLayer& layer) { return layer.weight_names.empty(); });
    if (layers_.size() != layers.size()) {
      throw ValueError("Layer count mismatch when loading weights from file. Model expected {} layers, found {} saved layers.",
                       layers.size(), layers_.size());
    }
    for (size_t k = 0; k < layers.size(); ++k) layer_by_order(k, *layers[k]);
  }

  [[gnu::noinline]] void by_name(const Model& model) {
    for (size_t k = 0; k < layers_.size(); ++k) {
      for (const LayerPtr& layer : model.layers()) {
        if (layer->name() == layers_[k].name) layer_by_name(k, *layer);
      }
    }
  }

  /// Variables of the model object itself.
  [[gnu::noinline]] void top_level(const Model& model) {
    const std::string path = join_path(group_, kTopLevelWeights);
    const hdf5::Object* object = reader_.find(path);
    if (object == nullptr) return;
    std::vector<std::string> names;
    read_names(reader_, *object, kWeightNames, names);
    const std::vector<VariablePtr> variables = model.own_variables();
    if (names.size() != variables.size()) {
      top_level_count_differs(variables.size(), names.size());
      return;
    }
    for (size_t i = 0; i < names.size(); ++i) {
      const std::string place = join_path(path, names[i]);
      const hdf5::Dataset& dataset = dataset_at(reader_, place);
      SavedArray saved{place, &dataset, Shape(dataset.shape), std::nullopt};
      if (options_.by_name && saved.shape != variables[i]->shape())
        top_level_shape_differs(*variables[i], saved.shape);
      else
        assignments_.add(std::move(saved), variables[i]);
    }
  }

  std::vector<std::string> commit() {
    assignments_.commit(reads_);
    return std::move(warnings_);
  }

 private:
  void mismatch(std::string warning, const std::string& error) {
    if (!options_.skip_mismatch) throw ValueError("{}", error);
    warnings_.push_back(std::move(warning));
  }

  void top_level_count_differs(size_t expected, size_t received) {
    const std::string counts =
        keras::format("Model expects {} top-level weight(s). Received {} saved top-level weight(s)", expected, received);
    if (!options_.by_name)
      throw ValueError("Weight count mismatch for top-level weights when loading weights from file. {}", counts);
    mismatch("Skipping loading top-level weights for model due to mismatch in number of weights. " + counts,
             "Weight count mismatch for top-level weights of model. " + counts);
  }

  void top_level_shape_differs(const Variable& variable, const Shape& received) {
    const std::string shapes = keras::format("weight {}:0. Weight expects shape {}. Received saved weight with shape {}",
                                             variable.name(), variable.shape(), received);
    mismatch("Skipping loading top-level weight for model due to mismatch in shape for " + shapes,
             "Shape mismatch in model for top-level " + shapes);
  }

  [[gnu::noinline]] void layer_by_order(size_t k, const Layer& layer) {
    std::vector<SavedArray> saved = weights_for(layers_[k], layer);
    const std::vector<VariablePtr> variables = h5_weights(layer);
    if (variables.size() != saved.size()) {
      throw ValueError(
          "Weight count mismatch for layer #{} (named {} in the current model, {} in the save file). Layer expects {} "
          "weight(s). Received {} saved weight(s)",
          k, layer.name(), layers_[k].name, variables.size(), saved.size());
    }
    for (size_t i = 0; i < saved.size(); ++i) assignments_.add(std::move(saved[i]), variables[i]);
  }

  void layer_by_name(size_t k, const Layer& layer) {
    std::vector<SavedArray> saved = weights_for(layers_[k], layer);
    const std::vector<VariablePtr> variables = h5_weights(layer);
    if (saved.size() != variables.size()) {
      const std::string counts =
          keras::format("Layer expects {} weight(s). Received {} saved weight(s)", variables.size(), saved.size());
      mismatch(keras::format("Skipping loading of weights for layer #{} (named {}) due to mismatch in number of weights. {}", k,
                             layer.name(), counts),
               keras::format("Weight count mismatch for layer #{} (named {}). {}", k, layer.name(), counts));
      return;
    }
    for (size_t i = 0; i < saved.size(); ++i) {
      if (saved[i].shape == variables[i]->shape()) {
        assignments_.add(std::move(saved[i]), variables[i]);
        continue;
      }
      const std::string shapes = keras::format("weight {}:0. Weight expects shape {}. Received saved weight with shape {}",
                                               variables[i]->name(), variables[i]->shape(), saved[i].shape);
      mismatch(keras::format("Skipping loading weights for layer #{} (named {}) due to mismatch in shape for {}", k, layer.name(),
                             shapes),
               keras::format("Shape mismatch in layer #{} (named {}) for {}", k, layer.name(), shapes));
    }
  }

  /// The arrays of a saved layer as `layer` wants them. Without a conversion nothing is read.
  std::vector<SavedArray> weights_for(const SavedLayer& from, const Layer& layer) const {
    std::vector<SavedArray> saved;
    for (const std::string& name : from.weight_names) {
      const std::string path = join_path(group_, from.name + "/" + name);
      const hdf5::Dataset& dataset = dataset_at(reader_, path);
      saved.push_back({path, &dataset, Shape(dataset.shape), std::nullopt});
    }
    if (may_convert(saved, layer)) saved = convert(saved, layer);
    return saved;
  }

  [[gnu::noinline]] std::vector<SavedArray> convert(const std::vector<SavedArray>& saved, const Layer& layer) const {
    std::vector<Tensor> values;
    for (const SavedArray& weight : saved) values.push_back(read_saved(reader_, weight));
    std::vector<Tensor> converted = convert_saved_weights(conversion_target(layer), values, keras_1_);
    std::vector<SavedArray> result;
    for (size_t i = 0; i < converted.size(); ++i) {
      // Most stay as they are: those are read when they are assigned, so that no more than a layer is held here.
      const auto same = std::ranges::find_if(values, [&](const Tensor& value) {
        return std::as_const(value).raw() == std::as_const(converted[i]).raw() && value.elements() == converted[i].elements();
      });
      if (same != values.end()) {
        const SavedArray& place = saved[static_cast<size_t>(same - values.begin())];
        result.push_back({place.path, place.dataset, converted[i].shape(), std::nullopt});
        continue;
      }
      const SavedArray& place = saved[std::min(i, saved.size() - 1)];
      result.push_back({place.path, place.dataset, converted[i].shape(), std::move(converted[i])});
    }
    return result;
  }

  /// Whether these arrays may be of an old form of the layer's weights. No conversion more than doubles or halves them, so
  /// that a file cannot ask for much more memory than the model has.
  bool may_convert(const std::vector<SavedArray>& saved, const Layer& layer) const {
    int64_t room = 0;
    const std::vector<VariablePtr> variables = h5_weights(layer);
    for (const VariablePtr& variable : variables) room += 2 * variable->shape().elements();
    bool differs = saved.size() != variables.size();
    for (size_t i = 0; i < saved.size(); ++i) {
      const int64_t elements = saved[i].shape.elements();
      if (elements > room) return false;
      room -= elements;
      differs = differs || saved[i].shape != variables[i]->shape();
    }
    return !saved.empty() && (differs || keras_1_) && has_conversions(conversion_target(layer));
  }

  const hdf5::Reader& reader_;
  std::string_view group_;
  H5LoadOptions options_;
  ReadList& reads_;
  std::vector<SavedLayer> layers_;
  bool keras_1_ = false;
  H5Assignments assignments_{reader_};
  std::vector<std::string> warnings_;
};

}  // namespace

H5Config read_h5_config(const hdf5::Reader& reader) {
  const hdf5::Object& root = reader.root();
  const auto text = [&](const char* name) {
    const hdf5::Attribute* attribute = root.attribute(name);
    const std::vector<std::string> values = attribute ? reader.strings(*attribute) : std::vector<std::string>{};
    return values.empty() ? std::string() : values[0];
  };
  const std::string version = text(kKerasVersion);
  H5Config config{text(kModelConfig), text(kTrainingConfig), version.empty() || version.starts_with("1.")};
  if (!config.model_config.empty()) return config;
  const std::string& file = reader.source().name();
  if (root.attribute(kLayerNames) != nullptr || root.attribute("layer_names0") != nullptr || is_v3_weights(reader)) {
    throw ValueError(
        "No model config found in the file at {}. It holds weights only: make the model first, then call "
        "`model.loadWeights(…)`.",
        file)
        .at(file);
  }
  throw ValueError("No model config found in the file at {}. It is an HDF5 file, but not one that Keras wrote.", file).at(file);
}

std::vector<std::string> plan_h5_weights(const hdf5::Reader& reader, std::string_view group, const Model& model,
                                         const H5LoadOptions& options, ReadList& reads) {
  if (options.skip_mismatch && !options.by_name)
    throw ValueError("When calling model.load_weights, skip_mismatch can only be set to True when by_name is True.");
  WeightsPlan plan(reader, group, options, reads);
  if (options.by_name)
    plan.by_name(model);
  else
    plan.by_order(model);
  plan.top_level(model);
  return plan.commit();
}

}  // namespace keras
