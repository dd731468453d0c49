// The public names of the package. What is not here is private.
/// <reference lib="esnext.disposable" preserve="true" />
import * as callbacksModule from './callbacks/index.js';
import { type CustomObjects, customObjectScope, getCustomObjects, registerKerasSerializable } from './customs.js';
import { native } from './engine/index.js';
import * as activationList from './generated/activations.js';
import * as constraints from './generated/constraints.js';
import * as initializers from './generated/initializers.js';
import * as layerClasses from './generated/layers.js';
import * as losses from './generated/losses.js';
import * as metrics from './generated/metrics.js';
import * as optimizers from './generated/optimizers.js';
import * as regularizers from './generated/regularizers.js';
import { func } from './functions/func.js';
import { grad, valueAndGrads } from './functions/grad.js';
import * as io from './io/index.js';
import { input } from './layers/input.js';
import { Layer, deserialize, serialize } from './layers/layer.js';
import { type Activation, findActivation } from './objects/activation.js';
import * as savedModelModule from './saved_model/index.js';
import { Checkpoint } from './train/checkpoint.js';
import { latestCheckpoint } from './train/checkpoint_files.js';
import { CheckpointManager } from './train/checkpoint_manager.js';
import { listVariables, loadCheckpoint } from './train/checkpoint_reader.js';
import { VERSION } from './version.js';

export const version: string = VERSION;

export { engine, ready, type EngineInfo, type Limits, type ReadyOptions } from './engine/index.js';
export {
  AbortError,
  AssertionError,
  DataLossError,
  FailedPreconditionError,
  IOError,
  InvalidArgumentError,
  KerasError,
  NotFoundError,
  OutOfMemoryError,
  ResourceExhaustedError,
  RuntimeError,
  TypeError,
  UnimplementedError,
  ValueError,
} from './errors.js';
export type { DType, TypedArray } from './dtype.js';
export { Tensor, tensor, type NestedArray, type Scalar, type TensorData, type TensorLike, type TensorValues } from './tensor.js';
export { Variable, variable, type VariableOptions } from './variable.js';
export { SymbolicTensor, type SymbolicShape } from './symbolic.js';
export { ops, type Operand, type Result } from './ops/index.js';
export {
  Layer,
  type CallOptions,
  type Inputs,
  type LayerArgs,
  type Operands,
  type Outputs,
  type WeightArgs,
} from './layers/layer.js';
export { input, type InputArgs } from './layers/input.js';
export {
  Model,
  Sequential,
  cloneModel,
  loadModel,
  model,
  modelFromJSON,
  sequential,
  type CompileOptions,
  type LoadOptions,
  type LossLike,
  type MetricLike,
  type ModelArgs,
  type Prediction,
  type SaveOptions,
  type ShapeOrShapes,
  type StepOptions,
  type SubclassArgs,
} from './models/model.js';
export type { LoadWeightsOptions, SaveWeightsOptions } from './models/weights.js';
export type { EvaluateOptions, FitOptions, PredictOptions } from './models/training.js';
export type { SummaryOptions } from './models/summary.js';
export type { BatchLike, BatchSource, DataLike } from './data/batches.js';
export type { Callback, CallbackLike, CallbackParams, Logs } from './callbacks/callback.js';
export type { History } from './callbacks/builtin.js';
export type { CustomClass, CustomObjects } from './customs.js';
export type { Json, JsonObject } from './config.js';
export {
  inspect,
  type InspectOptions,
  type InspectedArray,
  type InspectedSignature,
  type InspectedTensor,
  type Inspection,
} from './io/inspect.js';
export type { CustomSource, CustomTarget, ModelSource, Progress, SaveFormat, SaveTarget, StoredModelInfo } from './io/index.js';
export type { Initializer, Loss, Metric, Regularizer, Constraint } from './objects/base.js';
export type { Optimizer } from './objects/optimizer.js';
export type { Activation } from './objects/activation.js';
export type { Checkpoint, CheckpointWriteOptions } from './train/checkpoint.js';
export type { CheckpointManager, CheckpointManagerOptions } from './train/checkpoint_manager.js';
export type { CheckpointLoadStatus } from './train/load_status.js';
export type { Concrete, FuncOptions, TracedFunction } from './functions/func.js';
export type { ValueAndGrads } from './functions/grad.js';
export type { Condition, WhileLoopOptions } from './functions/control.js';
export type { TensorSpec } from './functions/trace.js';
export type { LoadedGraph, LoadGraphOptions, RestoredFunction } from './saved_model/index.js';
export type { CheckpointDType, CheckpointReader, ReadCheckpointOptions } from './train/checkpoint_reader.js';

export { constraints, initializers, io, losses, metrics, optimizers, regularizers };
export const callbacks = callbacksModule;
/** Layers: a class and a factory for each of Keras's. */
export const layers = { ...layerClasses, Layer, input, serialize, deserialize };
/** Activations: functions of a tensor. */
export const activations = {
  ...activationList,
  get: (identifier: string | Activation | null): Activation => findActivation(activationList.ALL, identifier),
  serialize: (activation: Activation): string => activation.kerasName,
  deserialize: (name: string): Activation => findActivation(activationList.ALL, name),
};

export { func, grad, valueAndGrads };
/** SavedModels as graphs, without Keras's classes. */
export const savedModel = savedModelModule;
/** Checkpoints. */
export const train = { Checkpoint, CheckpointManager, latestCheckpoint, listVariables, loadCheckpoint };

export const backend = {
  /** Starts automatic names anew: `dense`, `dense_1`, … */
  clearSession: (): void => native().clearSession(),
};
export const utils = {
  registerKerasSerializable,
  customObjectScope,
  getCustomObjects: (): CustomObjects => getCustomObjects(),
  /** Seeds initializers, random ops and the order of batches, as `tf.keras.utils.set_random_seed`. */
  setRandomSeed: (seed: number): void => native().setRandomSeed(seed),
};
