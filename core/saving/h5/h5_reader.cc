// Weights by position, as Keras loads them; values of another dtype are cast.
#include "core/saving/h5/h5_reader.h"

#include <bit>

#include "core/saving/h5/h5_names.h"

namespace keras {
namespace {

struct SavedLayer {
  std::string name;
  std::vector<std::string> weight_names;
};

DType dtype_of(const hdf5::Type& type, const std::string& where) {
  using hdf5::TypeClass;
  if (type.type_class == TypeClass::kFloat) {
    if (type.bytes == 2) return DType::kFloat16;
    if (type.bytes == 4) return DType::kFloat32;
    if (type.bytes == 8) return DType::kFloat64;
  } else if (type.type_class == TypeClass::kInteger) {
    switch (type.bytes) {
      case 1: return type.is_signed ? DType::kInt8 : DType::kUint8;
      case 2: return type.is_signed ? DType::kInt16 : DType::kUint16;
      case 4: return type.is_signed ? DType::kInt32 : DType::kUint32;
      case 8: return type.is_signed ? DType::kInt64 : DType::kUint64;
      default: break;
    }
  }
  throw UnimplementedError("HDF5: '{}' has an element type that no weight can have", where);
}

/// IEEE binary16 → float.
float half_to_float(uint16_t half) {
  const uint32_t sign = static_cast<uint32_t>(half >> 15) << 31, exponent = half >> 10 & 31, mantissa = half & 1023;
  if (exponent == 0) {
    const float value = static_cast<float>(mantissa) * 0x1p-24f;
    return sign != 0 ? -value : value;
  }
  const uint32_t bits = sign | (exponent == 31 ? 0x7F800000u : (exponent + 112) << 23) | mantissa << 13;
  return std::bit_cast<float>(bits);
}

double element(const Tensor& tensor, int64_t index) {
  if (tensor.dtype() == DType::kFloat16) {
    return static_cast<double>(half_to_float(reinterpret_cast<const uint16_t*>(tensor.raw())[index]));
  }
  return tensor.number_at(index);
}

void copy_cast(const Tensor& from, Tensor& to) {
  const auto bytes = static_cast<size_t>(dtype_bytes(to.dtype()));
  for (int64_t i = 0; i < from.elements(); ++i) {
    const Tensor value = Tensor::number(to.dtype(), element(from, i));
    std::copy_n(value.raw(), bytes, to.raw() + static_cast<size_t>(i) * bytes);
  }
}

/// Reads a dataset into a variable: straight, where form and dtype are the same, else through a copy.
void plan_variable(const hdf5::Reader& reader, const hdf5::Dataset& dataset, const std::string& path, const VariablePtr& variable,
                   ReadList& reads) {
  const Shape saved(dataset.shape);
  if (saved != variable->shape()) {
    throw ValueError(
        "Cannot assign value to variable ' {}:0': Shape mismatch.The variable shape {}, and the assigned value shape "
        "{} are incompatible.",
        variable->name(), variable->shape(), saved)
        .at(path);
  }
  const DType dtype = dtype_of(dataset.type, path);
  const auto offset = reader.plain_offset(dataset);
  if (dtype == variable->dtype() && offset) {
    reads.items.push_back({&reader.source(), *offset, variable_bytes(*variable)});
    return;
  }
  Tensor values = Tensor::allocate(dtype, saved);
  reader.read(dataset, path, values.bytes());
  if (dtype == variable->dtype())
    variable->assign(std::move(values));
  else
    copy_cast(values, variable->mutable_value());
}

const hdf5::Dataset& dataset_at(const hdf5::Reader& reader, const std::string& path) {
  const hdf5::Object& object = reader.at(path);
  if (!object.dataset) throw DataLossError("{}: '{}' is no dataset", reader.source().name(), path).at(reader.source().name());
  return *object.dataset;
}

std::string join_path(std::string_view group, const std::string& name) {
  return group.empty() ? name : std::string(group) + "/" + name;
}

std::vector<SavedLayer> saved_layers(const hdf5::Reader& reader, std::string_view group) {
  std::vector<std::string> names;
  if (!read_names(reader, reader.at(group), kLayerNames, names)) {
    throw DataLossError("{}: group '/{}' has no attribute '{}'", reader.source().name(), group, kLayerNames)
        .at(reader.source().name());
  }
  std::vector<SavedLayer> layers;
  for (const std::string& name : names) {
    SavedLayer layer{name, {}};
    read_names(reader, reader.at(join_path(group, name)), kWeightNames, layer.weight_names);
    if (!layer.weight_names.empty()) layers.push_back(std::move(layer));
  }
  return layers;
}

}  // namespace

H5Config read_h5_config(const hdf5::Reader& reader) {
  const hdf5::Object& root = reader.root();
  const auto text = [&](const char* name) {
    const hdf5::Attribute* attribute = root.attribute(name);
    const std::vector<std::string> values = attribute ? reader.strings(*attribute) : std::vector<std::string>{};
    return values.empty() ? std::string() : values[0];
  };
  H5Config config{text(kModelConfig), text(kTrainingConfig)};
  if (!config.model_config.empty()) return config;
  const std::string& file = reader.source().name();
  if (root.attribute(kLayerNames) != nullptr || reader.find("layers") != nullptr ||
      reader.find("_layer_checkpoint_dependencies") != nullptr) {
    throw ValueError(
        "No model config found in the file at {}. It holds weights only: make the model first, then call "
        "`model.loadWeights(…)`.",
        file)
        .at(file);
  }
  throw ValueError("No model config found in the file at {}. It is an HDF5 file, but not one that Keras wrote.", file).at(file);
}

void plan_h5_weights(const hdf5::Reader& reader, std::string_view group, const Functional& model, ReadList& reads) {
  std::vector<LayerPtr> layers;
  for (const LayerPtr& layer : model.layers()) {
    if (!layer->weights().empty()) layers.push_back(layer);
  }
  const std::vector<SavedLayer> saved = saved_layers(reader, group);
  if (saved.size() != layers.size()) {
    throw ValueError("Layer count mismatch when loading weights from file. Model expected {} layers, found {} saved layers.",
                     layers.size(), saved.size());
  }
  for (size_t i = 0; i < layers.size(); ++i) {
    const std::vector<VariablePtr> weights = h5_weights(*layers[i]);
    if (weights.size() != saved[i].weight_names.size()) {
      throw ValueError(
          "Weight count mismatch for layer #{} (named {} in the current model, {} in the save file). Layer expects {} "
          "weight(s). Received {} saved weight(s)",
          i, layers[i]->name(), saved[i].name, weights.size(), saved[i].weight_names.size());
    }
    for (size_t w = 0; w < weights.size(); ++w) {
      const std::string path = join_path(group, saved[i].name + "/" + saved[i].weight_names[w]);
      plan_variable(reader, dataset_at(reader, path), path, weights[w], reads);
    }
  }
}

void plan_h5_optimizer(const hdf5::Reader& reader, Optimizer& optimizer, const std::vector<VariablePtr>& trainable,
                       ReadList& reads) {
  const hdf5::Object* group = reader.find(kOptimizerWeights);
  std::vector<std::string> names;
  if (group == nullptr || !read_names(reader, *group, kWeightNames, names) || names.empty()) return;
  // A model that was compiled but never trained has the iteration alone.
  if (names.size() > 1) optimizer.build(trainable);
  const std::vector<VariablePtr> variables = optimizer.variables();
  if (names.size() != variables.size()) {
    throw ValueError("The optimizer's state in the file has {} values, but {} of this model has {}", names.size(),
                     optimizer.class_name(), variables.size())
        .at(kOptimizerWeights);
  }
  for (size_t i = 0; i < names.size(); ++i) {
    const std::string path = join_path(kOptimizerWeights, names[i]);
    plan_variable(reader, dataset_at(reader, path), path, variables[i], reads);
  }
}

}  // namespace keras
