// From the arrays of a file to variables: everything is known to fit before anything is changed.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "core/formats/hdf5/hdf5_reader.h"
#include "core/saving/read_list.h"

namespace keras {

/// An array of a file: where it is, or, after a conversion, its values.
struct SavedArray {
  std::string path;
  const hdf5::Dataset* dataset;
  Shape shape;
  std::optional<Tensor> converted;
};

/// Throws NotFoundError, DataLossError (a group).
const hdf5::Dataset& dataset_at(const hdf5::Reader& reader, const std::string& path);
/// The values as they stand in the file. Throws UnimplementedError for elements that no weight can have.
Tensor read_saved(const hdf5::Reader& reader, const SavedArray& saved);

class H5Assignments {
 public:
  /// `reader` must outlive it.
  explicit H5Assignments(const hdf5::Reader& reader) : reader_(&reader) {}

  /// Values of another dtype are cast. Throws ValueError with Keras's text where the shapes differ. May read, and so throw
  /// NeedBytes.
  void add(SavedArray saved, const VariablePtr& variable);
  void add_all(H5Assignments&& others);
  /// Adds what is to be read and assigned to `reads`. Nothing is changed yet.
  void commit(ReadList& reads);

 private:
  const hdf5::Reader* reader_;
  std::vector<std::pair<VariablePtr, SavedArray>> direct_;  // from the file straight into the variable
  std::vector<std::pair<VariablePtr, Tensor>> copies_;
};

}  // namespace keras
