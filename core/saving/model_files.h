// What the files of a source are, told by their content and by the names of files in folders, never by a suffix.
#pragma once

#include <map>
#include <string>

#include "core/saving/file_set.h"

namespace keras {

/// The members of a `.keras` archive.
constexpr const char* kArchiveConfig = "config.json";
constexpr const char* kArchiveMetadata = "metadata.json";
constexpr const char* kArchiveWeights = "model.weights.h5";

enum class FileFormat { kHdf5, kSavedModel, kKerasArchive, kCheckpoint };

struct ModelFiles {
  FileFormat format;
  std::string prefix;                        // of a checkpoint: its index is <prefix>.index
  std::map<std::string, SourcePtr> members;  // by path below the model's folder; of an HDF5 file, that file
};

/// Members of a zip that no reader asks for are left out. May throw NeedBytes; calling again then goes on.
/// Throws ValueError (nothing that we know), DataLossError (empty or broken).
ModelFiles tell_model_files(const FileSet& files, const Limits& limits);

}  // namespace keras
