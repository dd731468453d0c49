// One file is HDF5 or a zip; several are a SavedModel's folder or a checkpoint.
#include "core/saving/model_files.h"

#include <algorithm>

#include "core/base/error.h"
#include "core/formats/hdf5/hdf5_reader.h"
#include "core/formats/zip/zip_reader.h"
#include "core/saving/saved_model/saved_model_reader.h"

namespace keras {
namespace {

constexpr int64_t kMagicBytes = 8;
constexpr std::string_view kIndexSuffix = ".index";

std::string_view file_name(std::string_view path) {
  const size_t slash = path.rfind('/');
  return path.substr(slash == std::string_view::npos ? 0 : slash + 1);
}

/// The folder ("" or "a/b/") of the least deep `name`; false if there is none.
bool find_folder_with(const std::map<std::string, SourcePtr>& files, std::string_view name, std::string& folder) {
  bool found = false;
  for (const auto& [path, source] : files) {
    if (file_name(path) != name || path.starts_with("__MACOSX/")) continue;
    const std::string parent = path.substr(0, path.size() - name.size());
    if (!found || parent.size() < folder.size()) folder = parent;
    found = true;
  }
  return found;
}

ModelFiles tell_folder(std::map<std::string, SourcePtr> files) {
  std::string folder;
  if (!find_folder_with(files, kSavedModelFile, folder)) {
    for (const auto& [path, source] : files) {
      if (path.ends_with(kIndexSuffix))
        return {FileFormat::kCheckpoint, path.substr(0, path.size() - kIndexSuffix.size()), std::move(files)};
    }
    throw ValueError("There is no '{}' among the {} files: not a SavedModel", kSavedModelFile, files.size());
  }
  ModelFiles result{FileFormat::kSavedModel, {}, {}};
  for (const auto& [path, source] : files) {
    if (path.starts_with(folder)) result.members[path.substr(folder.size())] = source;
  }
  return result;
}

bool is_wanted(FileFormat format, const std::string& path) {
  if (format == FileFormat::kKerasArchive) return path == kArchiveConfig || path == kArchiveMetadata || path == kArchiveWeights;
  return path == kMetadataFile || path == kSavedModelFile || path.starts_with(kVariablesPrefix) ||
         path.starts_with(kAssetsFolder);
}

ModelFiles tell_zip(const SourcePtr& source, const Limits& limits) {
  const ZipArchive archive = ZipArchive::open(source, limits);
  std::string folder;
  ModelFiles result{FileFormat::kSavedModel, {}, {}};
  if (!archive.find_folder_with(kSavedModelFile, folder)) {
    std::string weights_folder;
    if (!archive.find_folder_with(kArchiveConfig, folder) || !archive.find_folder_with(kArchiveWeights, weights_folder)) {
      const bool is_checkpoint =
          std::ranges::any_of(archive.members(), [](const ZipMember& member) { return member.name.ends_with(kIndexSuffix); });
      throw ValueError(
          "{}: there is no model in this zip: no '{}' in any folder{}", source->name(), kSavedModelFile,
          is_checkpoint ? ". It holds a checkpoint, which has values only: `keras.train.loadCheckpoint(…)` reads it." : "")
          .at(source->name());
    }
    result.format = FileFormat::kKerasArchive;
  }
  for (const ZipMember& member : archive.members()) {
    if (!member.name.starts_with(folder) || member.name.ends_with('/')) continue;
    const std::string path = member.name.substr(folder.size());
    if (!is_wanted(result.format, path)) continue;
    if (path == kMetadataFile || path == kArchiveConfig || path == kArchiveMetadata) archive.verify(member);
    result.members[path] = archive.open_member(member);
  }
  return result;
}

}  // namespace

ModelFiles tell_model_files(const FileSet& files, const Limits& limits) {
  if (files.size() == 0) throw ValueError("No file to load a model from");
  if (files.size() > 1) {
    std::map<std::string, SourcePtr> sources;
    for (size_t i = 0; i < files.size(); ++i) sources[files.path(i)] = files.file(i);
    return tell_folder(std::move(sources));
  }
  const SourcePtr source = files.file(0);
  if (source->size_bytes() == 0) throw DataLossError("{}: the file is empty", source->name()).at(source->name(), 0);
  const std::vector<std::byte> start = source->read(0, std::min(kMagicBytes, source->size_bytes()));
  if (looks_like_zip(start)) return tell_zip(source, limits);
  if (hdf5::looks_like_hdf5(*source)) return {FileFormat::kHdf5, {}, {{files.path(0), source}}};
  if (source->name().ends_with(kIndexSuffix)) {
    const std::string& path = files.path(0);
    return {FileFormat::kCheckpoint, path.substr(0, path.size() - kIndexSuffix.size()), {{path, source}}};
  }
  throw ValueError("{}: not a model. It is neither an HDF5 file, nor a zip, nor a SavedModel folder.", source->name())
      .at(source->name(), 0);
}

}  // namespace keras
