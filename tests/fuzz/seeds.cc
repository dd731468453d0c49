// fuzz_seeds FIXTURES OUT: writes the inputs that the fuzzers begin with, OUT/<format>/<name>, all made from tests/fixtures.
#include <filesystem>
#include <fstream>
#include <iterator>

#include "core/formats/hdf5/hdf5_reader.h"
#include "core/formats/tensor_bundle/bundle_reader.h"
#include "core/formats/tensor_bundle/sstable.h"
#include "proto/graph.pb.h"
#include "proto/saved_model.pb.h"
#include "tests/fuzz/fuzz.h"

namespace keras::fuzz {
namespace {

namespace fs = std::filesystem;

constexpr uintmax_t kLargestSeed = 48 << 10;  // larger ones are slow, and say nothing new

std::string contents(const fs::path& path) {
  std::ifstream stream(path, std::ios::binary);
  if (!stream) throw NotFoundError("{}", path.string());
  return {std::istreambuf_iterator<char>(stream), std::istreambuf_iterator<char>()};
}

void write(const fs::path& path, const std::string& bytes) {
  fs::create_directories(path.parent_path());
  std::ofstream(path, std::ios::binary) << bytes;
}

/// The small files of a folder, as they are.
void copy_files(const fs::path& from, const std::string& suffix, const fs::path& to) {
  for (const auto& entry : fs::directory_iterator(from)) {
    if (entry.path().extension() == suffix && entry.file_size() <= kLargestSeed)
      write(to / entry.path().filename(), contents(entry.path()));
  }
}

void write_tables(const fs::path& index, const fs::path& shard, const fs::path& out) {
  const std::string file = contents(index), name = index.stem().string();
  write(out / "sstable" / (name + "_file"), '\0' + file);
  const TableEntries entries = read_table(*source_of(std::as_bytes(std::span(file))), Limits{});
  std::string input;
  for (const auto& [key, value] : entries) {
    input += static_cast<char>(key.size());
    input += key;
    input += static_cast<char>(value.size() >> 8);
    input += static_cast<char>(value.size());
    input += value;
  }
  write(out / "bundle" / name, input + '\xFF' + contents(shard));
  // A table of one block begins with it; behind it stand its kind and checksum, 5 bytes, and then the empty metaindex.
  const size_t metaindex = file.find(std::string("\0\0\0\0\1\0\0\0\0\xC0\xF2\xA1\xB0", 13));
  if (metaindex != std::string::npos) write(out / "sstable" / (name + "_block"), '\1' + file.substr(0, metaindex - 5));
}

/// The object graphs of checkpoints.
void write_graphs(const fs::path& folder, const fs::path& out) {
  for (const auto& entry : fs::recursive_directory_iterator(folder)) {
    if (entry.path().extension() != ".index") continue;
    const std::string index = contents(entry.path());
    const BundleReader bundle = BundleReader::open(*source_of(std::as_bytes(std::span(index))), Limits{});
    const auto found = bundle.entries().find("_CHECKPOINTABLE_OBJECT_GRAPH");
    if (found == bundle.entries().end()) continue;
    const std::string shard = contents(fs::path(entry.path()).replace_extension(".data-00000-of-00001"));
    const auto stored = std::as_bytes(std::span(shard)).subspan(static_cast<size_t>(found->second.offset));
    const auto graph = bundle.decode_strings(found->first, stored.first(static_cast<size_t>(found->second.bytes)), Limits{});
    if (graph.at(0).size() <= kLargestSeed)
      write(out / (std::to_string(graph[0].size()) + "_" + entry.path().stem().string()), graph[0]);
  }
}

/// The functions with TensorFlow 1's control flow, each for itself, and those of SavedModels that are small.
void write_functions(const fs::path& fixtures, const fs::path& out) {
  tensorflow::FunctionDefLibrary library;
  if (!library.ParseFromString(contents(fixtures / "control_flow_v1/library.pb"))) throw DataLossError("library.pb");
  for (const auto& function : library.function()) {
    tensorflow::FunctionDefLibrary alone;
    *alone.add_function() = function;
    write(out / function.signature().name(), alone.SerializeAsString());
  }
  for (const auto& entry : fs::recursive_directory_iterator(fixtures / "models")) {
    if (entry.path().filename() != "saved_model.pb") continue;
    tensorflow::SavedModel model;
    if (!model.ParseFromString(contents(entry.path()))) throw DataLossError("{}", entry.path().string());
    const auto& functions = model.meta_graphs(0).graph_def().library();
    if (functions.ByteSizeLong() <= kLargestSeed)
      write(out / entry.path().parent_path().filename(), functions.SerializeAsString());
  }
}

/// The configs of the models in H5 files.
void write_configs(const fs::path& models, const fs::path& out) {
  for (const auto& entry : fs::directory_iterator(models)) {
    if (entry.path().extension() != ".h5") continue;
    const std::string file = contents(entry.path());
    const hdf5::Reader reader = hdf5::Reader::open(source_of(std::as_bytes(std::span(file))), Limits{});
    for (const char* name : {"model_config", "training_config"}) {
      const hdf5::Attribute* attribute = reader.root().attribute(name);
      if (attribute == nullptr) continue;
      const std::string text = reader.strings(*attribute).at(0);
      if (text.size() <= kLargestSeed) write(out / (entry.path().stem().string() + "_" + name), text);
    }
  }
}

}  // namespace
}  // namespace keras::fuzz

int main(int count, char** arguments) {
  using namespace keras::fuzz;
  if (count != 3) return 1;
  const fs::path fixtures = arguments[1], out = arguments[2];
  fs::remove_all(out);
  copy_files(fixtures / "zips", ".zip", out / "zip");
  copy_files(fixtures / "hdf5", ".h5", out / "hdf5");
  write_tables(fixtures / "checkpoints/all_dtypes.index", fixtures / "checkpoints/all_dtypes.data-00000-of-00002", out);
  write_tables(fixtures / "checkpoints/training/ckpt-1.index", fixtures / "checkpoints/training/ckpt-1.data-00000-of-00001", out);
  write_graphs(fixtures / "checkpoints", out / "graph");
  write_graphs(fixtures / "models/train_adam_mse", out / "graph");
  write_functions(fixtures, out / "functions");
  write_configs(fixtures / "models", out / "json");
  write(out / "json" / "literals", R"([NaN, -Infinity, Infinity, 1e-05, -0.0, "\ud83d\ude00 größe", null, true, {"": []}])");
  return 0;
}
