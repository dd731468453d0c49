// Stages: tell the format, read the config, make the model, plan the reads. Each stage may stop for missing bytes and is then
// run again; what earlier stages made is kept.
#include "core/saving/model_loader.h"

#include <algorithm>

#include "core/formats/hdf5/hdf5_reader.h"
#include "core/saving/h5/h5_names.h"
#include "core/saving/h5/h5_reader.h"
#include "core/saving/h5/h5_v3.h"
#include "core/saving/h5/keras_1_config.h"
#include "core/saving/model_files.h"
#include "core/saving/saved_model/saved_model_reader.h"

namespace keras {
namespace {

/// While it lives, the weights of new layers have no values, and take no more than `bytes` together.
class LoadingScope {
 public:
  LoadingScope(Session& session, int64_t bytes) : session_(session) {
    session_.loading = true;
    session_.loading_bytes_left = bytes;
  }
  ~LoadingScope() { session_.loading = false; }
  LoadingScope(const LoadingScope&) = delete;
  LoadingScope& operator=(const LoadingScope&) = delete;

 private:
  Session& session_;
};

/// Weights that no range and no array of the file goes into are zeros.
void fill_others(const Functional& model) {
  for (const VariablePtr& variable : model.weights()) {
    if (variable->version() == 0) std::ranges::fill(variable->mutable_value().bytes(), std::byte{0});
  }
}

}  // namespace

struct ModelLoader::State {
  State(Session& s, CustomObjects objects, bool do_compile)
      : session(s), custom_objects(std::move(objects)), compile(do_compile) {}

  Session& session;
  CustomObjects custom_objects;
  bool compile;
  FileSet files;
  std::map<std::string, SourcePtr> members;  // of a SavedModel, by path below its folder
  std::optional<hdf5::Reader> h5;
  std::optional<VariablesBundle> bundle;
  LoadedModel loaded;
  ReadBatches reads;
  bool told = false;
  std::optional<std::string> optimizer_warning;

  void tell_format();
  void make_model(const Json& model_config, const Json& training_config);
  void restore_compile(const Json& training_config);
  void prepare_h5();
  void prepare_saved_model();
};

/// Opens what the files are, if a model can be in it.
void ModelLoader::State::tell_format() {
  ModelFiles found = tell_model_files(files, session.limits);
  members = std::move(found.members);
  switch (found.format) {
    case FileFormat::kHdf5: h5 = hdf5::Reader::open(files.file(0), session.limits); return;
    case FileFormat::kSavedModel: return;
    case FileFormat::kKerasArchive:
      throw UnimplementedError("{}: a .keras archive of Keras's v3 format, which is not supported yet; save as H5 or SavedModel.",
                               files.path(0))
          .at(files.path(0));
    case FileFormat::kCheckpoint:
      throw ValueError(
          "There is no '{}' among the {} files: not a SavedModel. They are a checkpoint, which holds values only: "
          "`keras.train.loadCheckpoint(…)` reads it.",
          kSavedModelFile, files.size());
  }
}

void ModelLoader::State::make_model(const Json& model_config, const Json& training_config) {
  if (loaded.model) return;
  const LoadingScope scope(session, files.most_weight_bytes(session.limits));
  LayerPtr layer = deserialize_layer(model_config, {session, custom_objects});
  loaded.model = std::dynamic_pointer_cast<Functional>(layer);
  if (!loaded.model && layer->is_model()) {
    throw UnimplementedError(
        "{} is a subclass of Model, and this version reads the weights of such models only: make the model, then call "
        "`model.loadWeights(…)`; `savedModel.load` runs what the file has traced.",
        layer->class_name())
        .at(layer->name());
  }
  if (!loaded.model) throw ValueError("The file holds a layer ({}), not a model", layer->class_name());
  if (!loaded.model->is_graph_network()) {
    throw UnimplementedError("Model '{}' has no input shape; models that were never built cannot be loaded yet",
                             loaded.model->name())
        .at(loaded.model->name());
  }
  if (compile && !training_config.is_null()) restore_compile(training_config);
}

/// What is unknown does not keep the model from loading: it is told in warnings.
void ModelLoader::State::restore_compile(const Json& training_config) {
  CompileConfig config{json_get(training_config, "loss"), json_get(training_config, "metrics"),
                       json_get(training_config, "weighted_metrics"), json_get(training_config, "loss_weights"),
                       json_get(training_config, "optimizer_config")};
  const auto attempt = [&](std::string_view what, auto&& action) {
    try {
      action();
    } catch (const Error& error) {
      loaded.warnings.push_back(
          keras::format("The {} could not be restored: {} Training needs `model.compile(…)`.", what, error.message()));
    }
  };
  attempt("optimizer", [&] { loaded.optimizer = make_optimizer(config.optimizer, session); });
  attempt("loss or metrics", [&] {
    const CompiledLosses check(*loaded.model, config);
    loaded.compile_config = config;
  });
}

void ModelLoader::State::prepare_h5() {
  if (!loaded.model) {
    const H5Config config = read_h5_config(*h5);
    const Json training = config.training_config.empty()
                              ? Json()
                              : parse_json(config.training_config, h5->source().name() + " (training_config)", session.limits);
    Json model_config = parse_json(config.model_config, h5->source().name() + " (model_config)", session.limits);
    if (config.keras_1) model_config = convert_keras_1_config(model_config);
    make_model(model_config, training);
  }
  ReadList planned{.in_place = true};
  plan_h5_weights(*h5, kModelWeights, *loaded.model, {}, planned);
  optimizer_warning.reset();
  if (loaded.optimizer) optimizer_warning = plan_h5_optimizer(*h5, *loaded.optimizer, loaded.model->trainable_weights(), planned);
  reads = ReadBatches(files, std::move(planned));
}

void ModelLoader::State::prepare_saved_model() {
  if (!members.contains(kMetadataFile)) {
    throw ValueError("The SavedModel has no '{}': it holds functions, but no Keras model. `savedModel.load` loads those.",
                     kMetadataFile)
        .at(kMetadataFile);
  }
  const Json metadata = read_root_metadata(*member_of(members, kMetadataFile), session.limits);
  if (!bundle) bundle = open_variables(members, session.limits);
  make_model(metadata, json_get(metadata, "training_config"));
  ReadList planned{.in_place = true};
  plan_bundle(bundle->reader, bundle->shards, loaded.model, loaded.optimizer, session.limits, planned);
  reads = ReadBatches(files, std::move(planned));
}

ModelLoader::ModelLoader(Session& session, CustomObjects custom_objects, bool compile)
    : state_(std::make_unique<State>(session, std::move(custom_objects), compile)) {}
ModelLoader::~ModelLoader() = default;

int ModelLoader::add_file(std::string path, int64_t size_bytes) { return state_->files.add(std::move(path), size_bytes); }
void ModelLoader::add_bytes(int file, int64_t offset, std::span<const std::byte> bytes) {
  state_->files.add_bytes(file, offset, bytes);
}
ReadBatches& ModelLoader::reads() { return state_->reads; }

std::vector<BytesWanted> ModelLoader::prepare() {
  State& s = *state_;
  try {
    if (!s.told) s.tell_format();
    s.told = true;
    if (s.h5)
      s.prepare_h5();
    else
      s.prepare_saved_model();
    s.files.forget_bytes();  // of metadata
    return {};
  } catch (const NeedBytes& need) {
    return s.files.wanted(need);
  }
}

LoadedModel ModelLoader::finish() {
  fill_others(*state_->loaded.model);
  if (state_->optimizer_warning) state_->loaded.warnings.push_back(*state_->optimizer_warning);
  return std::move(state_->loaded);
}

struct WeightsLoader::State {
  ModelPtr model;
  OptimizerPtr optimizer;
  H5LoadOptions options;
  std::vector<std::string> warnings;
  FileSet files;
  std::optional<hdf5::Reader> h5;
  ReadBatches reads;
};

WeightsLoader::WeightsLoader(ModelPtr model, H5LoadOptions options, OptimizerPtr optimizer) : state_(std::make_unique<State>()) {
  state_->model = std::move(model);
  state_->optimizer = std::move(optimizer);
  state_->options = options;
}
WeightsLoader::~WeightsLoader() = default;
int WeightsLoader::add_file(std::string path, int64_t size_bytes) { return state_->files.add(std::move(path), size_bytes); }
void WeightsLoader::add_bytes(int file, int64_t offset, std::span<const std::byte> bytes) {
  state_->files.add_bytes(file, offset, bytes);
}
ReadBatches& WeightsLoader::reads() { return state_->reads; }
const std::vector<std::string>& WeightsLoader::warnings() const { return state_->warnings; }

namespace {

/// The HDF5 file itself, or the one in a `.keras` archive.
SourcePtr weights_file(const FileSet& files, const Limits& limits) {
  const ModelFiles found = tell_model_files(files, limits);
  if (found.format == FileFormat::kHdf5) return files.file(0);
  if (found.format == FileFormat::kKerasArchive) return found.members.at(kArchiveWeights);
  throw ValueError("{}: weights are loaded from an HDF5 file, a .keras archive or a TensorFlow checkpoint, and this is none",
                   files.path(0))
      .at(files.path(0));
}

}  // namespace

std::vector<BytesWanted> WeightsLoader::prepare() {
  State& s = *state_;
  try {
    if (!s.h5) s.h5 = hdf5::Reader::open(weights_file(s.files, s.model->session().limits), s.model->session().limits);
    const Model& model = *s.model;
    if (model.is_custom() && !model.built()) {
      throw ValueError(
          "Unable to load weights saved in HDF5 format into a subclassed Model which has not created its variables yet. Call the "
          "Model first, then load the weights.")
          .at(model.name());
    }
    ReadList planned;
    const bool whole_model = s.h5->root().attribute(kModelConfig) != nullptr;
    if (!whole_model && is_v3_weights(*s.h5))
      s.warnings = plan_v3_weights(*s.h5, model, s.optimizer.get(), s.options, planned);
    else
      s.warnings = plan_h5_weights(*s.h5, whole_model ? kModelWeights : "", model, s.options, planned);
    s.reads = ReadBatches(s.files, std::move(planned));
    s.files.forget_bytes();  // of metadata
    return {};
  } catch (const NeedBytes& need) {
    return s.files.wanted(need);
  }
}

}  // namespace keras
