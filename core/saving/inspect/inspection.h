// What there is to tell of a file without making anything of it.
#pragma once

#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "core/base/byte_source.h"
#include "core/formats/hdf5/hdf5_reader.h"
#include "core/formats/tensor_bundle/bundle_reader.h"
#include "core/keras/config/json.h"

namespace keras {

using SourcePtr = std::shared_ptr<const ByteSource>;

/// The values of an array, read piece by piece. Reading may throw NeedBytes; nothing is lost then.
class ArrayValues {
 public:
  virtual ~ArrayValues() = default;
  virtual int64_t size_bytes() const = 0;
  /// How many bytes can be read at once from `offset` on, where the last piece ended.
  virtual int64_t piece_bytes(int64_t offset) const;
  /// Such a piece, little-endian and row-major.
  virtual std::vector<std::byte> read(int64_t offset, int64_t count) const = 0;
  /// Throws DataLossError where the file has a checksum of the values that differs. `crc` is that of all bytes.
  virtual void check(uint32_t crc) const { static_cast<void>(crc); }
};

/// A row of the table of weights.
struct InspectedArray {
  std::string name;   // the variable's: "dense/kernel:0"; of a checkpoint the key
  std::string path;   // in the file, where it has one that differs
  std::string dtype;  // TensorFlow's name; "unknown" for what no tensor has
  std::vector<int64_t> shape;
  int64_t bytes = 0;                    // of the values in memory
  std::string problem;                  // why it cannot be read; empty: it can
  std::shared_ptr<ArrayValues> values;  // null: there is nothing to digest (strings, unknown elements)
};

struct Inspection {
  std::string format;           // "h5", "h5-weights", "weights.h5", "hdf5", "saved_model", "checkpoint", "keras"
  Json about = Json::object();  // versions, config, compile, signatures, …: what the format has
  std::vector<InspectedArray> weights, optimizer_weights;
};

/// Keras's HDF5 files, whole models and weights; of others every dataset.
Inspection inspect_h5(const std::shared_ptr<const hdf5::Reader>& reader, const Limits& limits);
/// The arrays of a `.weights.h5` in Keras's v3 layout, alone or in a `.keras` archive.
void inspect_h5_v3(const std::shared_ptr<const hdf5::Reader>& reader, const Limits& limits, Inspection& inspection);
/// The keys of a checkpoint. Shards that are missing (null) leave their arrays without values.
void inspect_bundle(const std::shared_ptr<const BundleReader>& bundle, const std::vector<SourcePtr>& shards,
                    Inspection& inspection);
/// Versions, tags, signatures and functions of a saved_model.pb.
void inspect_graphs(const ByteSource& saved_model, const Limits& limits, Json& about);

}  // namespace keras
