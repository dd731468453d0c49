// Writes HDF5 files in the plainest form that every reader opens: superblock 0, groups as symbol tables, contiguous
// datasets whose memory is not copied, attributes of strings: of variable length, in a global heap, or of a fixed one.
#pragma once

#include <map>
#include <memory>

#include "core/base/byte_sink.h"
#include "core/formats/hdf5/hdf5_types.h"

namespace keras::hdf5 {

/// A group in the making.
class WriterGroup {
 public:
  /// The subgroup of this name, made if need be.
  WriterGroup& group(const std::string& name);
  /// The subgroup at a path of names separated by '/'.
  WriterGroup& at(std::string_view path);
  /// Strings as h5py writes them: of variable length, a scalar or a row. An empty row is float64 [0], as Keras has it.
  void set_attribute(const std::string& name, const std::string& value);
  void set_attribute(const std::string& name, std::vector<std::string> values);
  /// A row of strings of one length, as h5py writes numpy's arrays of bytes. REQUIRES: no value is longer.
  void set_fixed_attribute(const std::string& name, std::vector<std::string> values, size_t bytes);
  /// Elements of `bytes` that `owner` keeps alive. `name` may be a path.
  void add_dataset(std::string_view path, const Type& type, std::vector<int64_t> shape, std::span<const std::byte> bytes,
                   std::shared_ptr<const void> owner);

 private:
  friend class FileBuilder;
  struct StringAttribute {
    std::string name;
    std::vector<std::string> values;
    enum class Form { kScalar, kRow, kFixedRow } form;
    size_t bytes = 0;  // of each, in a kFixedRow
  };
  struct WriterDataset {
    Type type;
    std::vector<int64_t> shape;
    std::span<const std::byte> bytes;
    std::shared_ptr<const void> owner;
  };
  std::map<std::string, std::unique_ptr<WriterGroup>> groups_;
  std::map<std::string, WriterDataset> datasets_;
  std::vector<StringAttribute> attributes_;
};

/// The whole file.
OutputFile write_file(std::string path, const WriterGroup& root);

}  // namespace keras::hdf5
