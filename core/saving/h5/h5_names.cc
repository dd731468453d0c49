// Lists of names, whole or in parts.
#include "core/saving/h5/h5_names.h"

#include <algorithm>

namespace keras {
namespace {

constexpr size_t kMaxAttributeBytes = 64512;
constexpr size_t kReferenceBytes = 16;  // what a string of variable length takes of an attribute

}  // namespace

std::vector<VariablePtr> h5_weights(const Layer& layer) {
  std::vector<VariablePtr> result = layer.trainable_weights();
  append(layer.non_trainable_weights(), result);
  return each_once(result);
}

void require_built(const Model& model) {
  if (model.is_custom() || model.knows_signature()) return;
  throw ValueError(
      "Weights for model '{}' have not yet been created. Weights are created when the model is first called on inputs "
      "or `build()` is called with an `input_shape`.",
      model.name());
}

bool is_v3_weights(const hdf5::Reader& reader) {
  const std::vector<std::pair<std::string, uint64_t>>& links = reader.root().links;
  return std::ranges::any_of(links, [](const auto& link) {
    return link.first == "layers" || link.first == "_layer_checkpoint_dependencies" || link.first == "vars";
  });
}

bool read_names(const hdf5::Reader& reader, const hdf5::Object& object, const std::string& attribute,
                std::vector<std::string>& names) {
  if (const hdf5::Attribute* whole = object.attribute(attribute)) {
    names = reader.strings(*whole);
    return true;
  }
  const int64_t limit = reader.source().size_bytes();
  int64_t total = 0;
  for (int part = 0;; ++part) {
    const hdf5::Attribute* found = object.attribute(attribute + std::to_string(part));
    if (found == nullptr) return part > 0;
    for (std::string& name : reader.strings(*found)) {
      total += static_cast<int64_t>(name.size());
      names.push_back(std::move(name));
    }
    if (total > limit) {
      throw ResourceExhaustedError("{}: the names in '{}' are longer than the file", reader.source().name(), attribute)
          .at(reader.source().name());
    }
  }
}

void write_names(hdf5::WriterGroup& group, const std::string& attribute, const std::vector<std::string>& names) {
  size_t longest = 1;
  for (const std::string& name : names) longest = std::max(longest, name.size());
  size_t parts = 1;
  while (parts < names.size() && (names.size() + parts - 1) / parts * longest > kMaxAttributeBytes) ++parts;
  if (parts == 1 && names.size() * kReferenceBytes <= kMaxAttributeBytes) {
    group.set_attribute(attribute, names);
    return;
  }
  // The first parts are one longer where the number does not divide, as numpy's array_split has it.
  auto begin = names.begin();
  for (size_t part = 0; part < parts; ++part) {
    const auto count = static_cast<ptrdiff_t>(names.size() / parts + (part < names.size() % parts ? 1 : 0));
    group.set_fixed_attribute(attribute + std::to_string(part), std::vector<std::string>(begin, begin + count), longest);
    begin += count;
  }
}

}  // namespace keras
