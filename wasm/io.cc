// Loading and saving: loaders that ask for ranges of files, and written files that are pulled piece by piece.
#include <emscripten/bind.h>

#include <algorithm>
#include <variant>

#include "core/formats/zip/zip_writer.h"
#include "core/saving/checkpoint/checkpoint_loader.h"
#include "core/saving/checkpoint/checkpoint_writer.h"
#include "core/saving/checkpoint/checkpoint_zip.h"
#include "core/saving/h5/h5_v3.h"
#include "core/saving/h5/h5_writer.h"
#include "core/saving/model_loader.h"
#include "core/saving/saved_model/saved_graph.h"
#include "core/saving/saved_model/saved_model_writer.h"
#include "wasm/convert.h"
#include "wasm/jobs.h"
#include "wasm/layers.h"
#include "wasm/tracking.h"

namespace keras {
namespace {

using Loader = std::variant<ModelLoader, WeightsLoader, CheckpointLoader, CheckpointZip, GraphLoader>;
using Files = std::vector<OutputFile>;

Jobs<Loader>& loaders() {
  static Jobs<Loader> jobs;
  return jobs;
}
Jobs<Files>& writers() {
  static Jobs<Files> jobs;
  return jobs;
}

int model_loader(const val& custom_objects, bool compile) {
  return guarded([&] {
    return loaders().add(std::make_unique<Loader>(std::in_place_type<ModelLoader>, engine().session,
                                                  custom_objects_from_js(custom_objects), compile));
  });
}

int weights_loader(int model, bool by_name, bool skip_mismatch) {
  return guarded([&] {
    const H5LoadOptions options{by_name, skip_mismatch};
    const Trainer& trainer = engine().trainer(model);
    return loaders().add(
        std::make_unique<Loader>(std::in_place_type<WeightsLoader>, trainer.model(), options, trainer.optimizer()));
  });
}

int checkpoint_loader(int bundle, const val& tree) {
  return guarded([&] {
    return loaders().add(std::make_unique<Loader>(std::in_place_type<CheckpointLoader>, engine().bundles.get(bundle),
                                                  tracked_root_from_js(tree), engine().session.limits));
  });
}

int checkpoint_zip() {
  return guarded(
      [&] { return loaders().add(std::make_unique<Loader>(std::in_place_type<CheckpointZip>, engine().session.limits)); });
}

int graph_loader(const val& tags, bool allow_missing_ops) {
  return guarded([&] {
    SavedGraphOptions options{emscripten::vecFromJSArray<std::string>(tags), allow_missing_ops};
    return loaders().add(std::make_unique<Loader>(std::in_place_type<GraphLoader>, engine().session.limits, std::move(options)));
  });
}

int loader_add_file(int id, const std::string& path, double size) {
  return guarded([&] {
    return std::visit([&](auto& loader) { return loader.add_file(path, static_cast<int64_t>(size)); }, loaders().get(id));
  });
}

void loader_add_bytes(int id, int file, double offset, const val& bytes) {
  guarded([&] {
    const auto count = bytes["length"].as<size_t>();
    const auto copy = std::make_unique_for_overwrite<std::byte[]>(count);
    val(emscripten::typed_memory_view(count, reinterpret_cast<uint8_t*>(copy.get()))).call<void>("set", bytes);
    std::visit([&](auto& loader) { loader.add_bytes(file, static_cast<int64_t>(offset), {copy.get(), count}); },
               loaders().get(id));
  });
}

val loader_prepare(int id) {
  return guarded([&] { return wanted_to_js(std::visit([](auto& loader) { return loader.prepare(); }, loaders().get(id))); });
}

ReadBatches& reads_of(int id) {
  return std::visit([](auto& loader) -> ReadBatches& { return loader.reads(); }, loaders().get(id));
}

/// What loaderReads() is going to ask for, in bytes.
double loader_bytes(int id) {
  return guarded([&] { return static_cast<double>(reads_of(id).total_bytes()); });
}

/// [file, offset, count] of every range of the next batch, one after the other; none when all has been read.
val loader_reads(int id, bool in_memory) {
  return guarded([&] {
    std::vector<double> numbers;
    for (const FileRange& range : reads_of(id).next(in_memory)) {
      numbers.push_back(range.file);
      numbers.push_back(static_cast<double>(range.offset));
      numbers.push_back(static_cast<double>(range.bytes));
    }
    return val::global("Float64Array").new_(val(emscripten::typed_memory_view(numbers.size(), numbers.data())));
  });
}

/// Copies bytes into range `index` of the batch, from byte `at` of it on.
void loader_fill(int id, int index, double at, const val& bytes) {
  guarded([&] {
    ReadBatches& reads = reads_of(id);
    const auto range = static_cast<size_t>(index);
    const std::span<std::byte> target = reads.target(range, static_cast<int64_t>(at), bytes["length"].as<int>());
    if (target.empty()) return;
    val(emscripten::typed_memory_view(target.size(), reinterpret_cast<uint8_t*>(target.data()))).call<void>("set", bytes);
    reads.filled(range);
  });
}

val finish(ModelLoader& loader) {
  LoadedModel loaded = loader.finish();
  const int number = engine().layers.add(loaded.model);
  if (loaded.compile_config && loaded.optimizer) engine().trainer(number).compile(*loaded.compile_config, loaded.optimizer);
  val result = val::object();
  result.set("model", number);
  result.set("warnings", val::array(loaded.warnings));
  return result;
}
val finish(WeightsLoader& loader) {
  val result = val::object();
  result.set("warnings", val::array(loader.warnings()));
  return result;
}
val finish(CheckpointLoader& loader) {
  val result = val::object();
  result.set("restoration", engine().restorations.add(loader.finish()));
  return result;
}

val finish(GraphLoader& loader) {
  const std::shared_ptr<SavedGraph> graph = loader.finish();
  val variables = val::array();
  for (const VariablePtr& variable : graph->variables()) {
    variables.call<void>("push", variable != nullptr ? variable_to_js(variable) : val::null());
  }
  val result = val::object();
  result.set("graph", engine().graphs.add(graph));
  result.set("description", graph->description().dump());
  result.set("variables", variables);
  return result;
}

val finish(CheckpointZip& zip) {
  val members = val::array();
  for (const CheckpointMember& member : zip.members()) {
    val object = val::object();
    object.set("path", member.path);
    object.set("size", static_cast<double>(member.size_bytes));
    if (member.offset)
      object.set("offset", static_cast<double>(*member.offset));
    else
      object.set("bytes", bytes_to_js(member.inflated->read(0, member.size_bytes)));
    members.call<void>("push", object);
  }
  val result = val::object();
  result.set("members", members);
  result.set("savedModel", zip.is_saved_model());
  return result;
}

/// {model, warnings}; of weights, the warnings alone; of a checkpoint, {restoration}; of a zip, {members: [{path, size, offset |
/// bytes}], savedModel}; of a graph, {graph, description, variables}.
val loader_finish(int id) {
  return guarded([&] { return std::visit([](auto& loader) { return finish(loader); }, loaders().get(id)); });
}

/// What Python's assertion of that name says against a restored checkpoint, "" where it holds. What has come to the tree since
/// is matched first.
std::string check_restoration(int id, const val& tree, const std::string& assertion) {
  return guarded([&] {
    Restoration& restoration = *engine().restorations.get(id);
    const TrackedRoot root = tracked_root_from_js(tree);
    restoration.match_again(root);
    if (assertion == "consumed") return restoration.why_not_consumed(root);
    if (assertion == "existingObjectsMatched") return restoration.why_not_existing_matched(root);
    return restoration.why_trivial(root);
  });
}

void release_restoration(int id) { engine().restorations.release(id); }

void release_loader(int id) { loaders().release(id); }

/// {id, files: [{path, size, pieces: sizes}]}
val files_to_js(Files files) {
  val list = val::array();
  for (const OutputFile& file : files) {
    std::vector<double> pieces;
    for (const FilePiece& piece : file.pieces) pieces.push_back(static_cast<double>(piece.bytes().size()));
    val object = val::object();
    object.set("path", file.path);
    object.set("size", static_cast<double>(file.size_bytes()));
    object.set("pieces", val::array(pieces));
    list.call<void>("push", object);
  }
  val result = val::object();
  result.set("files", list);
  result.set("id", writers().add(std::make_unique<Files>(std::move(files))));
  return result;
}

/// `zip`: "stored" or "deflated" makes one zip of the files, "" does not.
val write_model(int model, const std::string& format, bool include_optimizer, const std::string& zip) {
  return guarded([&] {
    const Trainer& trainer = engine().trainer(model);
    Files files;
    if (format == "h5")
      files.push_back(write_h5_model(trainer, include_optimizer, "model.h5"));
    else if (format == "tf")
      files = write_saved_model(trainer, include_optimizer);
    else
      throw UnimplementedError("Saving as '{}' is not supported by this version.", format);
    if (!zip.empty()) {
      const ZipCompression compression = zip == "deflated" ? ZipCompression::kDeflated : ZipCompression::kStored;
      OutputFile archive = zip_files("model.zip", std::move(files), compression);
      files.clear();
      files.push_back(std::move(archive));
    }
    return files_to_js(std::move(files));
  });
}

/// `format`: "h5" or "weights.h5", Keras's v3 layout.
val write_weights(int model, const std::string& format) {
  return guarded([&] {
    const Trainer& trainer = engine().trainer(model);
    Files files;
    if (format == "weights.h5")
      files.push_back(write_v3_weights(trainer, "model.weights.h5"));
    else
      files.push_back(write_h5_weights(*trainer.model(), "weights.h5"));
    return files_to_js(std::move(files));
  });
}

/// `state`: the text of the `checkpoint` file to go with it, or "".
val write_checkpoint_files(const val& tree, const std::string& prefix, const std::string& state, bool as_zip) {
  return guarded([&] {
    Files files = write_checkpoint(tracked_root_from_js(tree), prefix);
    if (!state.empty()) {
      OutputFile& file = files.emplace_back();
      file.path = "checkpoint";
      const auto bytes = std::as_bytes(std::span(state));
      file.add(std::vector<std::byte>(bytes.begin(), bytes.end()));
    }
    if (as_zip) {
      OutputFile zip = zip_files("checkpoint.zip", std::move(files));
      files.clear();
      files.push_back(std::move(zip));
    }
    return files_to_js(std::move(files));
  });
}

/// Copies a part of a piece into an Uint8Array, as many bytes as it has.
void writer_read(int id, int file, int piece, double offset, const val& into) {
  guarded([&] {
    const std::span<const std::byte> bytes =
        writers().get(id).at(static_cast<size_t>(file)).pieces.at(static_cast<size_t>(piece)).bytes();
    const size_t start = static_cast<size_t>(offset), count = into["length"].as<size_t>();
    if (start > bytes.size() || count > bytes.size() - start) throw RuntimeError("More bytes were asked for than are written.");
    if (count == 0) return;
    into.call<void>("set", emscripten::typed_memory_view(count, reinterpret_cast<const uint8_t*>(bytes.data() + start)));
  });
}

void release_writer(int id) { writers().release(id); }

}  // namespace

EMSCRIPTEN_BINDINGS(keras_io) {
  emscripten::function("modelLoader", &model_loader);
  emscripten::function("weightsLoader", &weights_loader);
  emscripten::function("checkpointLoader", &checkpoint_loader);
  emscripten::function("checkpointZip", &checkpoint_zip);
  emscripten::function("graphLoader", &graph_loader);
  emscripten::function("loaderAddFile", &loader_add_file);
  emscripten::function("loaderAddBytes", &loader_add_bytes);
  emscripten::function("loaderPrepare", &loader_prepare);
  emscripten::function("loaderBytes", &loader_bytes);
  emscripten::function("loaderReads", &loader_reads);
  emscripten::function("loaderFill", &loader_fill);
  emscripten::function("loaderFinish", &loader_finish);
  emscripten::function("releaseLoader", &release_loader);
  emscripten::function("writeModel", &write_model);
  emscripten::function("writeWeights", &write_weights);
  emscripten::function("writeCheckpoint", &write_checkpoint_files);
  emscripten::function("checkRestoration", &check_restoration);
  emscripten::function("releaseRestoration", &release_restoration);
  emscripten::function("writerRead", &writer_read);
  emscripten::function("releaseWriter", &release_writer);
}

}  // namespace keras
