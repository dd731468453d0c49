// The train, test and predict steps of a model: each a Function, traced once per kind of batch. Loops over batches and
// epochs are the caller's.
#pragma once

#include <memory>
#include <vector>

#include "core/graph/executor.h"
#include "core/keras/optimizers/optimizer.h"
#include "core/keras/training/compiled_losses.h"

namespace keras {

/// One batch. `y` and `sample_weight` by output; entries that are not valid() are absent.
struct Batch {
  std::vector<Tensor> x, y, sample_weight;
};

/// Metric names and values, in Keras's order.
using Logs = std::vector<std::pair<std::string, double>>;

class Trainer {
 public:
  explicit Trainer(ModelPtr model) : model_(std::move(model)) {}

  /// Throws ValueError, UnimplementedError for what it does not know; the model then is as before.
  void compile(const CompileConfig& config);
  void compile(CompileConfig config, OptimizerPtr optimizer);
  bool compiled() const { return compiled_; }

  /// One training step; the metrics so far. Throws RuntimeError if not compiled, ValueError for data that does not fit.
  Logs train_step(const Batch& batch, Runtime& runtime);
  Logs test_step(const Batch& batch, Runtime& runtime);
  std::vector<Tensor> predict_step(std::span<const Tensor> x, Runtime& runtime);
  void reset_metrics();

  /// The model's call as a Function of its inputs: in inference mode, or as training sees it. REQUIRES: knows_signature().
  FunctionPtr trace_call(bool training, const std::string& function_name) const {
    return trace_call(training, function_name, model_->input_specs());
  }

  const ModelPtr& model() const { return model_; }
  const OptimizerPtr& optimizer() const { return model_->optimizer(); }
  const CompileConfig& config() const { return config_; }
  /// Null if not compiled, and as long as the model's outputs are not known.
  const CompiledLosses* losses() const { return losses_.get(); }
  /// What a saved model's training_config holds. Null if not compiled.
  Json training_config() const;

 private:
  /// A step that has been traced, and for which batches: dtypes and shapes without the number of samples.
  struct Step {
    std::vector<TensorSpec> batch;
    std::unique_ptr<Executor> executor;
  };
  /// The step for such a batch, made by `trace` where there is none.
  template <class Trace>
  static Executor& find_or_trace(std::vector<Step>& steps, std::vector<TensorSpec> batch, Trace&& trace);

  Executor& step(bool training, const Batch& batch);
  Logs run_step(bool training, const Batch& batch, Runtime& runtime);
  FunctionPtr trace_step(bool training, const Batch& batch);
  FunctionPtr trace_call(bool training, const std::string& function_name, const std::vector<TensorSpec>& inputs) const;
  /// Drops what was made for layers that the model, or one inside, no longer consists of.
  void follow_layers();
  std::vector<TensorSpec> inputs_for(std::span<const Tensor> x) const;
  void make_losses();

  ModelPtr model_;
  bool compiled_ = false;
  CompileConfig config_;
  std::unique_ptr<CompiledLosses> losses_;
  std::vector<Step> train_steps_, test_steps_, predict_steps_;
  uint64_t layers_version_ = 0;  // for which they hold
};

}  // namespace keras
