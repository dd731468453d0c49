// HDF5: what Keras's attributes say, and every dataset below.
#include <algorithm>
#include <set>

#include "core/saving/h5/h5_names.h"
#include "core/saving/h5/h5_types.h"
#include "core/saving/inspect/inspection.h"

namespace keras {
namespace {

/// In chunks, they are read as many rows at once as a chunk has.
class DatasetValues final : public ArrayValues {
 public:
  DatasetValues(std::shared_ptr<const hdf5::Reader> reader, const hdf5::Dataset& dataset, std::string path)
      : reader_(std::move(reader)), dataset_(dataset), path_(std::move(path)) {
    for (const hdf5::Chunk& chunk : dataset.chunks) chunks_.push_back(&chunk);
    std::ranges::stable_sort(chunks_, {}, &first_row);
  }
  int64_t size_bytes() const override { return dataset_.size_bytes(); }

  int64_t piece_bytes(int64_t offset) const override {
    const int64_t left = size_bytes() - offset;
    if (dataset_.layout == hdf5::Dataset::Layout::kCompact) return left;
    if (dataset_.layout != hdf5::Dataset::Layout::kChunked) return ArrayValues::piece_bytes(offset);
    return std::min(left, dataset_.chunk_shape[0] * row_bytes());
  }

  std::vector<std::byte> read(int64_t offset, int64_t count) const override {
    hdf5::Dataset piece = dataset_.layout == hdf5::Dataset::Layout::kChunked ? rows(offset, count) : elements(offset, count);
    std::vector<std::byte> bytes(static_cast<size_t>(count));
    reader_->read(piece, path_, bytes);
    return bytes;
  }

 private:
  static int64_t first_row(const hdf5::Chunk* chunk) { return chunk->start[0]; }
  int64_t row_bytes() const { return size_bytes() / dataset_.shape[0]; }

  hdf5::Dataset elements(int64_t offset, int64_t count) const {
    hdf5::Dataset piece = dataset_;
    piece.shape = {count / dataset_.type.bytes};
    piece.offset += offset;
    return piece;
  }

  hdf5::Dataset rows(int64_t offset, int64_t count) const {
    hdf5::Dataset piece{.type = dataset_.type, .shape = dataset_.shape, .layout = dataset_.layout};
    piece.chunk_shape = dataset_.chunk_shape;
    piece.filters = dataset_.filters;
    piece.fill = dataset_.fill;
    piece.shape[0] = count / row_bytes();
    for (const hdf5::Chunk* chunk : std::ranges::equal_range(chunks_, offset / row_bytes(), {}, &first_row)) {
      piece.chunks.push_back(*chunk);
      piece.chunks.back().start[0] = 0;
    }
    return piece;
  }

  std::shared_ptr<const hdf5::Reader> reader_;
  const hdf5::Dataset& dataset_;
  std::string path_;
  std::vector<const hdf5::Chunk*> chunks_;  // by rows
};

class H5Inspector {
 public:
  H5Inspector(std::shared_ptr<const hdf5::Reader> reader, const Limits& limits)
      : reader_(std::move(reader)), limits_(limits), names_left_(reader_->source().size_bytes()) {}

  /// Adds the array at a path. What cannot be read is told in its row.
  void add(const std::string& path, std::string name, std::vector<InspectedArray>& rows) const {
    InspectedArray row;
    row.path = path;
    row.name = std::move(name);
    row.dtype = "unknown";
    try {
      const hdf5::Object* object = reader_->find(path);
      if (object == nullptr || !object->dataset)
        row.problem = object == nullptr ? "It does not exist in the file." : "It is no dataset.";
      else
        describe(*object->dataset, row);
    } catch (const UnimplementedError& error) {
      row.problem = error.message();
    }
    rows.push_back(std::move(row));
  }

  /// All datasets below a group, in the order of the file. `names` begin below it.
  void walk(const std::string& group, const std::string& prefix, std::vector<InspectedArray>& rows, int64_t depth = 0) {
    if (depth > limits_.nesting_depth) {
      throw ResourceExhaustedError("{}: groups are nested more than {} deep (limits.nestingDepth)", reader_->source().name(),
                                   limits_.nesting_depth)
          .at(reader_->source().name());
    }
    const hdf5::Object& object = reader_->at(group);
    for (const auto& [name, address] : object.links) {
      const std::string path = group.empty() ? name : group + "/" + name;
      const std::string shown = prefix.empty() ? name : prefix + "/" + name;
      if (is_group(path)) {
        if (seen_.insert(address).second) walk(path, shown, rows, depth + 1);  // hard links can make a loop
      } else {
        add(path, shown, rows);
      }
    }
  }

  /// The arrays that the attribute `weight_names` of a group names.
  void named(const std::string& group, std::vector<InspectedArray>& rows) {
    std::vector<std::string> names;
    const hdf5::Object* object = reader_->find(group);
    if (object == nullptr || !read_names(*reader_, *object, kWeightNames, names)) return;
    for (const std::string& name : names) {
      if ((names_left_ -= static_cast<int64_t>(name.size()) + 1) < 0) {
        throw ResourceExhaustedError("{}: the names of weights below '/{}' are longer than the file", reader_->source().name(),
                                     group)
            .at(reader_->source().name());
      }
      add(group + "/" + name, name, rows);
    }
  }

 private:
  bool is_group(const std::string& path) const {
    try {
      return !reader_->at(path).dataset;
    } catch (const UnimplementedError&) {
      return false;  // told in its row
    }
  }

  void describe(const hdf5::Dataset& dataset, InspectedArray& row) const {
    const DType dtype = dtype_of(dataset.type);
    row.shape = dataset.shape;
    if (dtype != DType::kInvalid) row.dtype = std::string(dtype_name(dtype));
    if (dtype_bytes(dtype) == 0) return;
    row.bytes = dataset.size_bytes();
    row.values = std::make_shared<DatasetValues>(reader_, dataset, row.path);
  }

  std::shared_ptr<const hdf5::Reader> reader_;
  const Limits& limits_;
  std::set<uint64_t> seen_;
  int64_t names_left_;  // bytes: a sound file has each name of its own
};

std::string text_attribute(const hdf5::Reader& reader, const hdf5::Object& object, const char* name) {
  const hdf5::Attribute* attribute = object.attribute(name);
  const std::vector<std::string> values = attribute != nullptr ? reader.strings(*attribute) : std::vector<std::string>{};
  return values.empty() ? std::string() : values[0];
}

void put_versions(const hdf5::Reader& reader, const hdf5::Object& group, Json& versions) {
  for (const auto& [key, attribute] : {std::pair{"keras", kKerasVersion}, {"backend", kBackend}}) {
    const std::string text = text_attribute(reader, group, attribute);
    if (!text.empty() && !versions.contains(key)) versions[key] = text;
  }
}

void put_json(const hdf5::Reader& reader, const char* attribute, const char* key, const Limits& limits, Json& about) {
  const std::string text = text_attribute(reader, reader.root(), attribute);
  if (!text.empty()) about[key] = parse_json(text, reader.source().name() + " (" + attribute + ")", limits);
}

/// The arrays of the group that has `layer_names`, layer by layer.
void inspect_layers(const hdf5::Reader& reader, H5Inspector& inspector, const std::string& group, Inspection& inspection) {
  std::vector<std::string> layers;
  const hdf5::Object* object = reader.find(group);
  if (object == nullptr) return;
  put_versions(reader, *object, inspection.about["versions"]);
  if (!read_names(reader, *object, kLayerNames, layers)) return;
  inspection.about["layerNames"] = layers;
  layers.emplace_back(kTopLevelWeights);
  for (const std::string& layer : layers) inspector.named(group.empty() ? layer : group + "/" + layer, inspection.weights);
}

}  // namespace

void inspect_h5_v3(const std::shared_ptr<const hdf5::Reader>& reader, const Limits& limits, Inspection& inspection) {
  H5Inspector inspector(reader, limits);
  for (const auto& [name, address] : reader->root().links)
    inspector.walk(name, name, name == "optimizer" ? inspection.optimizer_weights : inspection.weights);
}

Inspection inspect_h5(const std::shared_ptr<const hdf5::Reader>& reader, const Limits& limits) {
  Inspection inspection;
  H5Inspector inspector(reader, limits);
  const hdf5::Object& root = reader->root();
  Json attributes = Json::array();
  for (const hdf5::Attribute& attribute : root.attributes) attributes.push_back(attribute.name);
  put_versions(*reader, root, inspection.about["versions"]);
  inspection.about["attributes"] = std::move(attributes);
  std::vector<std::string> names;
  if (root.attribute(kModelConfig) != nullptr) {
    inspection.format = "h5";
    put_json(*reader, kModelConfig, "config", limits, inspection.about);
    put_json(*reader, kTrainingConfig, "compile", limits, inspection.about);
    inspect_layers(*reader, inspector, kModelWeights, inspection);
    inspector.named(kOptimizerWeights, inspection.optimizer_weights);
  } else if (read_names(*reader, root, kLayerNames, names)) {
    inspection.format = "h5-weights";
    inspect_layers(*reader, inspector, "", inspection);
  } else if (is_v3_weights(*reader)) {
    inspection.format = "weights.h5";
    inspect_h5_v3(reader, limits, inspection);
  } else {
    inspection.format = "hdf5";
    inspector.walk("", "", inspection.weights);
  }
  return inspection;
}

}  // namespace keras
