// Stages as in model_loader.cc; each may stop for missing bytes and is then run again.
#include "core/saving/inspect/inspector.h"

#include <algorithm>
#include <map>

#include "core/base/crc32c.h"
#include "core/base/sha256.h"
#include "core/saving/inspect/inspection.h"
#include "core/saving/model_files.h"
#include "core/saving/saved_model/saved_model_reader.h"

namespace keras {
namespace {

constexpr int64_t kHeldBytes = 16 << 20;  // of the files, before they are let go

/// The digest of one array, as far as it has come.
struct Digesting {
  Sha256 sha;
  uint32_t crc = 0;
  int64_t done = 0;
};

}  // namespace

int64_t ArrayValues::piece_bytes(int64_t offset) const {
  constexpr int64_t kPieceBytes = 8 << 20;
  return std::min(size_bytes() - offset, kPieceBytes);
}

struct Inspector::State {
  explicit State(const Limits& l) : limits(l) {}

  const Limits& limits;
  FileSet files;
  std::optional<ModelFiles> found;
  std::shared_ptr<const hdf5::Reader> h5;
  std::shared_ptr<const BundleReader> bundle;
  std::optional<Inspection> inspection;
  std::vector<std::pair<InspectedArray*, std::string>> digests;  // of both tables, in order
  size_t current = 0;
  Digesting digesting;
  int64_t held_bytes = 0;

  Inspection inspect();
  Inspection inspect_saved_model();
  Inspection inspect_archive();
  void inspect_variables(const std::string& prefix, Inspection& result);
  SourcePtr member(const std::string& path) const;
  const std::shared_ptr<const hdf5::Reader>& open_h5(const SourcePtr& source);
  void plan_digests();
  void digest_piece(const ArrayValues& values);
  void let_go();
};

SourcePtr Inspector::State::member(const std::string& path) const {
  const auto it = found->members.find(path);
  return it == found->members.end() ? nullptr : it->second;
}

const std::shared_ptr<const hdf5::Reader>& Inspector::State::open_h5(const SourcePtr& source) {
  if (!h5) h5 = std::make_shared<const hdf5::Reader>(hdf5::Reader::open(source, limits));
  return h5;
}

void Inspector::State::inspect_variables(const std::string& prefix, Inspection& result) {
  const SourcePtr index = member(prefix + ".index");
  if (index == nullptr) return;
  if (!bundle) bundle = std::make_shared<const BundleReader>(BundleReader::open(*index, limits));
  std::vector<SourcePtr> shards;
  std::vector<int64_t> sizes;
  bool complete = true;
  for (int i = 0; i < bundle->shard_count(); ++i) {
    shards.push_back(member(shard_name(prefix, i, bundle->shard_count())));
    complete = complete && shards.back() != nullptr;
    sizes.push_back(shards.back() != nullptr ? shards.back()->size_bytes() : 0);
  }
  if (complete) bundle->check_shards(sizes);
  inspect_bundle(bundle, shards, result);
}

Inspection Inspector::State::inspect_saved_model() {
  Inspection result;
  result.format = "saved_model";
  result.about["versions"] = Json::object();
  inspect_graphs(*member(kSavedModelFile), limits, result.about);
  if (const SourcePtr metadata = member(kMetadataFile)) {
    const Json root = read_root_metadata(*metadata, limits);
    for (const auto& [key, name] : {std::pair{"keras_version", "keras"}, {"backend", "backend"}}) {
      if (json_get(root, key).is_string()) result.about["versions"][name] = root[key];
    }
    result.about["config"] = {{"class_name", json_get(root, "class_name")}, {"config", json_get(root, "config")}};
    const Json& compile = json_get(root, "training_config");
    if (!compile.is_null()) result.about["compile"] = compile;
  }
  inspect_variables(kVariablesPrefix, result);
  return result;
}

Inspection Inspector::State::inspect_archive() {
  Inspection result;
  result.format = "keras";
  const auto read = [&](const char* path) {
    const SourcePtr source = member(path);
    if (source == nullptr) return Json();
    if (source->size_bytes() > limits.json_bytes)
      throw ResourceExhaustedError("{}: larger than limits.jsonBytes ({})", path, limits.json_bytes).at(path);
    const std::vector<std::byte> text = source->read(0, source->size_bytes());
    return parse_json({reinterpret_cast<const char*>(text.data()), text.size()}, path, limits);
  };
  const Json metadata = read(kArchiveMetadata);
  result.about["versions"] = Json::object();
  if (json_get(metadata, "keras_version").is_string()) result.about["versions"]["keras"] = metadata["keras_version"];
  if (json_get(metadata, "date_saved").is_string()) result.about["dateSaved"] = metadata["date_saved"];
  result.about["config"] = read(kArchiveConfig);
  const Json& compile = json_get(result.about["config"], "compile_config");
  if (!compile.is_null()) result.about["compile"] = compile;
  inspect_h5_v3(open_h5(member(kArchiveWeights)), limits, result);
  return result;
}

Inspection Inspector::State::inspect() {
  if (!found) found = tell_model_files(files, limits);
  switch (found->format) {
    case FileFormat::kHdf5: return inspect_h5(open_h5(files.file(0)), limits);
    case FileFormat::kSavedModel: return inspect_saved_model();
    case FileFormat::kKerasArchive: return inspect_archive();
    case FileFormat::kCheckpoint: break;
  }
  Inspection result;
  result.format = "checkpoint";
  inspect_variables(found->prefix, result);
  return result;
}

/// Many rows may name one array: together they are held to what the files can hold.
void Inspector::State::plan_digests() {
  int64_t left = files.most_weight_bytes(limits);
  for (auto* table : {&inspection->weights, &inspection->optimizer_weights}) {
    for (InspectedArray& row : *table) {
      if (row.values == nullptr) continue;
      if (row.bytes > left || (row.bytes > 0 && row.values->piece_bytes(0) > limits.tensor_bytes)) {
        row.problem = "Its values are larger than the limits allow (limits.tensorBytes, limits.totalBytes).";
        row.values = nullptr;
        continue;
      }
      left -= row.bytes;
      digests.emplace_back(&row, std::string());
    }
  }
}

void Inspector::State::digest_piece(const ArrayValues& values) {
  const std::vector<std::byte> piece = values.read(digesting.done, values.piece_bytes(digesting.done));
  digesting.sha.update(piece);
  digesting.crc = crc32c(piece, digesting.crc);
  digesting.done += static_cast<int64_t>(piece.size());
}

void Inspector::State::let_go() {
  if (held_bytes < kHeldBytes) return;
  files.forget_bytes();
  held_bytes = 0;
}

Inspector::Inspector(const Limits& limits) : state_(std::make_unique<State>(limits)) {}
Inspector::~Inspector() = default;

int Inspector::add_file(std::string path, int64_t size_bytes) { return state_->files.add(std::move(path), size_bytes); }
void Inspector::add_bytes(int file, int64_t offset, std::span<const std::byte> bytes) {
  state_->files.add_bytes(file, offset, bytes);
  state_->held_bytes += static_cast<int64_t>(bytes.size());
}

std::vector<BytesWanted> Inspector::prepare() {
  State& s = *state_;
  try {
    s.inspection = s.inspect();
  } catch (const NeedBytes& need) {
    return s.files.wanted(need);
  }
  s.plan_digests();
  return {};
}

std::vector<BytesWanted> Inspector::digest() {
  State& s = *state_;
  try {
    for (; s.current < s.digests.size(); ++s.current, s.digesting = {}) {
      auto& [row, digest] = s.digests[s.current];
      while (s.digesting.done < row->values->size_bytes()) {
        s.digest_piece(*row->values);
        s.let_go();
      }
      row->values->check(s.digesting.crc);
      digest = s.digesting.sha.finish();
    }
    return {};
  } catch (const NeedBytes& need) {
    return s.files.wanted(need);
  }
}

std::string Inspector::report() const {
  const State& s = *state_;
  Json report = {{"format", s.inspection->format}};
  report.update(s.inspection->about);
  std::map<const InspectedArray*, const std::string*> digests;
  for (const auto& [row, digest] : s.digests) digests[row] = &digest;
  const auto table = [&](const std::vector<InspectedArray>& rows) {
    Json list = Json::array();
    for (const InspectedArray& row : rows) {
      Json json = {{"name", row.name}, {"dtype", row.dtype}, {"shape", row.shape}, {"bytes", row.bytes}};
      if (!row.path.empty()) json["path"] = row.path;
      const auto digest = digests.find(&row);
      if (digest != digests.end() && !digest->second->empty()) json["digest"] = *digest->second;
      if (!row.problem.empty()) json["problem"] = row.problem;
      list.push_back(std::move(json));
    }
    return list;
  };
  report["weights"] = table(s.inspection->weights);
  report["optimizerWeights"] = table(s.inspection->optimizer_weights);
  return dump_json(report);
}

}  // namespace keras
