// Loads a model from files of any readable kind, told by their content: a Keras HDF5 file, a SavedModel folder, or a zip of
// one. The files' bytes come from outside, piece by piece: see ByteSource.
#pragma once

#include <map>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "core/keras/models/serialization.h"
#include "core/keras/training/trainer.h"
#include "core/saving/file_set.h"
#include "core/saving/h5/h5_reader.h"
#include "core/saving/read_batches.h"

namespace keras {

struct LoadedModel {
  FunctionalPtr model;
  std::optional<CompileConfig> compile_config;  // if the file has one and everything in it is known
  OptimizerPtr optimizer;
  std::vector<std::string> warnings;  // what could not be restored
};

class ModelLoader {
 public:
  ModelLoader(Session& session, CustomObjects custom_objects, bool compile);
  ~ModelLoader();

  /// A file of the model by its path below the model's folder; a single file by its name. Returns its number.
  int add_file(std::string path, int64_t size_bytes);
  /// Answers BytesWanted. Offsets and counts are those that were asked for.
  void add_bytes(int file, int64_t offset, std::span<const std::byte> bytes);

  /// Reads metadata and makes the model. Returns bytes that are needed; call again when they have been added. None: the
  /// model exists, and reads() are to be done. Throws typed errors that name the file.
  std::vector<BytesWanted> prepare();
  ReadBatches& reads();
  /// After all reads.
  LoadedModel finish();

 private:
  struct State;
  std::unique_ptr<State> state_;
};

/// Reads weights alone into a model that exists, from an HDF5 file of any layout or a `.keras` archive.
class WeightsLoader {
 public:
  /// `optimizer`, which may be null, is restored from files in the v3 layout, as Keras does it.
  explicit WeightsLoader(ModelPtr model, H5LoadOptions options = {}, OptimizerPtr optimizer = nullptr);
  ~WeightsLoader();
  int add_file(std::string path, int64_t size_bytes);
  void add_bytes(int file, int64_t offset, std::span<const std::byte> bytes);
  /// As ModelLoader's. No variable has changed when it throws.
  std::vector<BytesWanted> prepare();
  ReadBatches& reads();
  /// What was skipped, in Keras's words.
  const std::vector<std::string>& warnings() const;

 private:
  struct State;
  std::unique_ptr<State> state_;
};

}  // namespace keras
