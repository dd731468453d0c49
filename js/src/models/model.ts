// Models: Functional, Sequential, and subclasses of the user's own.
import { type Json, type JsonObject, configValue, objectFromJson, toJson } from '../config.js';
import { type CustomObjects, getCustomObjects } from '../customs.js';
import { type BatchSource, type DataLike, applyClassWeight } from '../data/batches.js';
import type { DType } from '../dtype.js';
import { loadRest, native, ready, start } from '../engine/index.js';
import type {
  NativeCallResult,
  NativeCompiledState,
  NativeGraphTensor,
  NativeModelInfo,
  NativeShape,
  NativeSignature,
  NativeStructure,
} from '../engine/native.js';
import { InvalidArgumentError, RuntimeError, TypeError, UnimplementedError, ValueError } from '../errors.js';
import { Existing } from '../handle.js';
import type { Progress } from '../io/files.js';
import { runLoader } from '../io/load.js';
import { type SaveFormat, type SaveTarget, type Writer, formatFor, writeTo } from '../io/save.js';
import { type ModelSource, openSource } from '../io/source.js';
import type { History } from '../callbacks/builtin.js';
import type { Logs } from '../callbacks/callback.js';
import { classNameOf } from '../customs.js';
import {
  BUILTIN,
  type CallOptions,
  type Inputs,
  Layer,
  type LayerArgs,
  type Outputs,
  isBuiltin,
  layerClasses,
  layerFrom,
  makersFor,
} from '../layers/layer.js';
import type { Loss, Metric } from '../objects/base.js';
import { Optimizer, get as getOptimizer, optimizerFrom } from '../objects/optimizer.js';
import { KerasTensor, SymbolicTensor, type SymbolicShape } from '../symbolic.js';
import { Tensor } from '../tensor.js';
import { enqueue } from './queue.js';
import { type SummaryOptions, printSummary } from './summary.js';
import {
  type EvaluateOptions,
  type FitOptions,
  type PredictOptions,
  type Signature,
  type SignatureOf,
  evaluate,
  fit,
  makeBatch,
  predict,
  predictStep,
  specsOf,
  testStep,
  trainStep,
} from './training.js';
import type { CheckpointLoadStatus } from '../train/load_status.js';
import { loadWeights, type LoadWeightsOptions, saveWeights, type SaveWeightsOptions } from './weights.js';

export interface ModelArgs {
  inputs: SymbolicTensor | readonly SymbolicTensor[] | Record<string, SymbolicTensor>;
  outputs: SymbolicTensor | readonly SymbolicTensor[] | Record<string, SymbolicTensor>;
  name?: string;
}
/** Of a subclass: what its constructor hands on by `super({ name })`. */
export type SubclassArgs = Pick<LayerArgs, 'name' | 'trainable' | 'dtype'>;
/** One shape with the batch, a list of them, or a dict as the class's `call` takes it. */
export type ShapeOrShapes = SymbolicShape | SymbolicShape[] | Record<string, SymbolicShape>;
type PerOutput<T> = T | readonly (T | null)[] | Record<string, T>;
export type LossLike = string | Loss;
export type MetricLike = string | Metric;

export interface CompileOptions {
  /** A name, an object or a config. Default: `'rmsprop'`. */
  optimizer?: string | Optimizer | JsonObject;
  /** One for all outputs, or one for each. */
  loss?: PerOutput<LossLike> | null;
  metrics?: readonly (MetricLike | readonly MetricLike[])[] | Record<string, MetricLike | readonly MetricLike[]> | null;
  weightedMetrics?: CompileOptions['metrics'];
  lossWeights?: readonly number[] | Record<string, number> | null;
  /** Accepted; every step is traced once and then run by the engine. */
  runEagerly?: boolean;
  /** Accepted; changes nothing but how often callbacks would be asked in Python. */
  stepsPerExecution?: number;
}

export interface SaveOptions {
  /** Wins over the target's suffix. Default: by suffix, else SavedModel. */
  saveFormat?: SaveFormat;
  overwrite?: boolean;
  includeOptimizer?: boolean;
  /** Accepted; the traces of a model's own call are always saved. */
  saveTraces?: boolean;
  /** Of a zip: `'deflated'` makes it smaller (weights by little) and takes the time and memory. Default: `'stored'`. */
  compression?: 'stored' | 'deflated';
  onProgress?: (progress: Progress) => void;
}
/** What `predict` returns: as many tensors as the model has outputs, in the form in which it was given them. */
export type Prediction = Tensor | Tensor[] | Record<string, Tensor>;

function structureOf(tensors: ModelArgs['inputs']): { list: SymbolicTensor[]; structure: NativeStructure } {
  if (tensors instanceof SymbolicTensor) return { list: [tensors], structure: 'single' };
  if (Array.isArray(tensors)) {
    const list = tensors as SymbolicTensor[];
    return { list, structure: list.length === 1 ? 'single' : 'list' };
  }
  return { list: Object.values(tensors as Record<string, SymbolicTensor>), structure: Object.keys(tensors) };
}

function nativeTensors(what: string, list: readonly SymbolicTensor[]): KerasTensor['_native'][] {
  return list.map((item) => {
    if (!(item instanceof KerasTensor))
      throw new TypeError(`\`${what}\` of a model must come from keras.input() and layers, got ${String(item)}.`);
    return item._native;
  });
}

function createFunctional(args: ModelArgs): number {
  if (typeof args !== 'object' || !('inputs' in args) || !('outputs' in args))
    throw new TypeError('A model needs `inputs` and `outputs`.');
  const inputs = structureOf(args.inputs);
  const outputs = structureOf(args.outputs);
  return native().makeFunctional(
    nativeTensors('inputs', inputs.list),
    nativeTensors('outputs', outputs.list),
    args.name ?? '',
    inputs.structure,
    outputs.structure,
  );
}

/** What goes to Layer's constructor: an existing model, or the arguments of a subclass. */
function baseArgs(args: ModelArgs | SubclassArgs | Existing, target: { name: string }): SubclassArgs | Existing {
  if (args instanceof Existing) return args;
  if (isBuiltin(target)) return new Existing(createFunctional(args as ModelArgs));
  if ('inputs' in args || 'outputs' in args) {
    throw new UnimplementedError(
      `${target.name} hands inputs and outputs to the constructor of Model, which is not supported by this version: ` +
        'override `call`, or make the model by keras.model().',
    );
  }
  return args;
}

/**
 * A model of layers between inputs and outputs; or, as the base of a class of your own, whatever that class's `call` computes.
 * A subclass makes its layers in the constructor. Layers, models and variables that are put on `this` are tracked, also in
 * arrays, Maps and plain objects. Weights are made by `build`, by the first call or by the first data.
 * @example
 * const x = keras.input({ shape: [4] });
 * const model = keras.model({ inputs: x, outputs: keras.layers.dense({ units: 1 }).apply(x) });
 * @example
 * class Autoencoder extends keras.Model {
 *   static className = 'Autoencoder';
 *   constructor() {
 *     super();
 *     this.encoder = keras.layers.dense({ units: 2 });
 *     this.decoder = keras.layers.dense({ units: 8 });
 *   }
 *   call(x) { return this.decoder.apply(this.encoder.apply(x)); }
 * }
 */
export class Model extends Layer {
  static readonly [BUILTIN] = true;
  static readonly className: string = 'Functional';

  /** What a loaded file held that could not be restored. `fit` throws then; `predict` works. */
  warnings: string[] = [];
  /** Set by a callback: training ends after this batch. */
  stopTraining = false;
  /** Of the last `fit`. */
  history: History | null = null;

  /** What steps ask for at each batch: kept until it may have changed. */
  #known: Signature | null = null;
  /** While the engine asks for weights: calls of `super.build` do nothing then. */
  #building = false;

  constructor(args: ModelArgs | SubclassArgs | Existing = {}) {
    super(baseArgs(args, new.target));
  }
  /** @internal Whether the class's own `call` is what the model computes. */
  get _isSubclass(): boolean {
    return !isBuiltin(this.constructor);
  }
  /** @internal */
  override _hasStructures(): boolean {
    return true;
  }
  /** @internal */
  override _inputKeys(keys: string[]): string[] {
    if (this._isSubclass) {
      this._forgetSignature();
      return super._inputKeys(keys);
    }
    const { inputNames } = this.#nativeSignature();
    const missing = inputNames.find((name) => !keys.includes(name));
    if (missing !== undefined) throw new ValueError(`The call of model '${this.name}' lacks the input '${missing}'.`);
    return inputNames;
  }

  /** What the model computes. A subclass overrides it; it runs when the model is traced, not for each batch. */
  override call(inputs: Inputs, options: CallOptions = {}): Outputs {
    if (!this._isSubclass) return super.call(inputs, options);
    throw new UnimplementedError(
      'Unimplemented `keras.Model.call()`: if you intend to create a `Model` with the Functional API, please provide `inputs` ' +
        'and `outputs` arguments. Otherwise, subclass `Model` with an overridden `call()` method.',
    );
  }
  /**
   * Makes the weights for inputs of these shapes, batch first, and dtype float32: of a subclass, by tracing its call.
   * @throws {ValueError} no shape, or layers that take no floats: call the model on data instead
   */
  override build(inputShape: ShapeOrShapes): void {
    if (!this._isSubclass) super.build(inputShape as SymbolicShape | SymbolicShape[]);
    else if (!this.#building && !this.#nativeSignature().isKnown) this.#buildFor(inputShape);
  }
  #buildFor(inputShape: ShapeOrShapes): void {
    const { shapes, structure } = shapesIn(inputShape);
    const specs = shapes.map((shape) => ({ shape, dtype: 'float32' }));
    try {
      native().traceModel(this._id, specs, structure, false);
    } catch (error) {
      if (!(error instanceof InvalidArgumentError || error instanceof TypeError)) throw error;
      throw new ValueError(
        'You cannot build your model by calling `build` if your layers do not support float type inputs. Instead, in order to ' +
          'instantiate and build your model, call your model on real tensor data (of the correct dtype).\n\n' +
          `The actual error from \`call\` is: ${error.message}.`,
      );
    }
  }
  /** @internal */
  override _call(inputs: NativeGraphTensor[], structure: NativeStructure, training: boolean): NativeCallResult {
    try {
      return super._call(inputs, structure, training);
    } finally {
      this._forgetSignature();
    }
  }
  /** @internal */
  override _build(shapes: NativeShape[]): void {
    if (this.build === Model.prototype.build) return; // the call that follows makes the weights
    this.#building = true;
    try {
      super._build(shapes);
    } finally {
      this.#building = false;
    }
  }
  /** @internal Whether weights can be asked for: a class with a `build` of its own makes them there. */
  get _weightsCreated(): boolean {
    return this.built || (this._isSubclass && this.build === Model.prototype.build);
  }

  /** @internal */
  get _info(): NativeModelInfo {
    const info = native().modelInfo(this._id);
    for (const id of info.layers) layerFrom(id);
    for (const [id] of info.nodes) layerFrom(id);
    return info;
  }
  /** In Keras's order: by depth; of a subclass, by assignment. A Sequential leaves its InputLayer out. */
  get layers(): Layer[] {
    return this._info.layers.map(layerFrom);
  }
  /** A layer by its name or its place in `layers`. @throws {ValueError} there is none */
  getLayer(nameOrIndex: string | number): Layer {
    const layers = this.layers;
    if (typeof nameOrIndex === 'number') {
      const layer = layers.at(nameOrIndex);
      if (layer !== undefined) return layer;
      throw new ValueError(`Was asked to retrieve layer at index ${nameOrIndex} but model only has ${layers.length} layers.`);
    }
    const found = layers.find(({ name }) => name === nameOrIndex);
    if (found !== undefined) return found;
    throw new ValueError(
      `No such layer: ${nameOrIndex}. Existing layers are: [${layers.map(({ name }) => `'${name}'`).join(', ')}].`,
    );
  }
  /** Empty for a subclass. */
  get inputs(): SymbolicTensor[] {
    return this._info.inputs.map((info) => new KerasTensor(info));
  }
  /** Empty for a subclass. */
  get outputs(): SymbolicTensor[] {
    return this._info.outputs.map((info) => new KerasTensor(info));
  }
  override get input(): SymbolicTensor | SymbolicTensor[] {
    if (this._isSubclass) return super.input;
    const { inputs } = this;
    return inputs.length === 1 ? (inputs[0] as SymbolicTensor) : inputs;
  }
  override get output(): SymbolicTensor | SymbolicTensor[] {
    if (this._isSubclass) return super.output;
    const { outputs } = this;
    return outputs.length === 1 ? (outputs[0] as SymbolicTensor) : outputs;
  }
  get inputNames(): string[] {
    return this.#nativeSignature().inputNames;
  }
  get outputNames(): string[] {
    return this.#nativeSignature().outputNames;
  }

  /** Prints the layers, their shapes and numbers of parameters: the text of Keras 2.15. */
  summary(options: SummaryOptions = {}): void {
    if (!this.built) {
      throw new ValueError(
        'This model has not yet been built. Build the model first by calling `build()` or by calling the model on a batch of data.',
      );
    }
    printSummary(this, options);
  }
  /** The model's config as JSON, as Python's `to_json()` writes it. */
  toJSON(): string {
    return native().modelToJSON(this._id);
  }
  /**
   * Of a subclass, name, trainable and dtype. One that overrides it to return the constructor's arguments begins with an empty
   * one, as in Keras: `{ ...super.getConfig(), units: this.units }`.
   */
  override getConfig(): JsonObject {
    if (!this._isSubclass) return objectFromJson(native().layerConfig(this._id));
    return this.getConfig === Model.prototype.getConfig ? super.getConfig() : {};
  }
  static override fromConfig<T extends Layer>(
    this: new (config: never) => T,
    config: JsonObject,
    options: { customObjects?: CustomObjects } = {},
  ): T {
    if (!isBuiltin(this)) return revive(this, config);
    const { className } = this;
    return layerFrom(native().deserializeLayer(toJson({ class_name: className, config }), makersFor(options.customObjects))) as T;
  }

  // --- training

  /** Says what to train with. The optimizer's state begins anew; metrics too. */
  compile({
    optimizer = 'rmsprop',
    loss = null,
    metrics = null,
    weightedMetrics = null,
    lossWeights = null,
  }: CompileOptions = {}): void {
    const chosen = getOptimizer(optimizer);
    const text = toJson({
      loss: configValue('loss', loss),
      metrics: configValue('metrics', metrics),
      weighted_metrics: configValue('weightedMetrics', weightedMetrics),
      loss_weights: configValue('lossWeights', lossWeights),
    });
    native().compileModel(this._id, text, chosen._id);
    this.warnings = [];
  }
  get #compiled(): NativeCompiledState | null {
    return native().compiledState(this._id);
  }
  /** Null before `compile`. */
  get optimizer(): Optimizer | null {
    const compiled = this.#compiled;
    return compiled === null ? null : optimizerFrom(compiled.optimizer);
  }
  /** What `compile` was given. */
  get loss(): Json {
    const compiled = this.#compiled;
    return compiled === null ? null : (objectFromJson(compiled.config).loss ?? null);
  }
  /** `loss`, then the metrics; metrics whose form depends on the data appear after the first batch. */
  get metricsNames(): string[] {
    return this.#compiled?.metricsNames ?? [];
  }
  /** Sets all metrics to the beginning. */
  resetMetrics(): void {
    native().resetMetrics(this._id);
  }
  /** Sets the states of stateful layers to the beginning; the layers of this version have none. */
  resetStates(): void {}

  #requireCompiled(): void {
    if (this.#compiled !== null) return;
    const why = this.warnings.length > 0 ? ` What the file held could not be restored: ${this.warnings.join(' ')}` : '';
    throw new RuntimeError(`You must compile your model before training/testing. Use \`model.compile(optimizer, loss)\`.${why}`);
  }

  /** Names, shapes and dtypes; a model that does not know them yet is built for the first data. */
  #signature: SignatureOf = (x) => {
    if (this.#known !== null) return this.#known;
    if (!this.#nativeSignature().isKnown) this.#buildForData(x);
    const { inputs, inputNames, outputNames, outputStructure } = this.#nativeSignature();
    this.#known = {
      model: this.name,
      // A subclass takes whatever its call can do with.
      inputs: inputNames.map((name, i) => ({
        name,
        shape: inputs[i]?.shape ?? null,
        dtype: (inputs[i]?.dtype ?? null) as DType | null,
      })),
      outputs: outputNames.map((name) => ({ name, shape: null })),
      outputStructure,
    };
    return this.#known;
  };
  /** @internal Layers, or what a class's call takes and gives, may be others from now on. */
  _forgetSignature(): void {
    this.#known = null;
  }
  #nativeSignature(): NativeSignature {
    return JSON.parse(native().modelSignature(this._id)) as NativeSignature;
  }
  #buildForData(x: DataLike): void {
    const { specs, structure } = specsOf(x);
    if (this._isSubclass) native().traceModel(this._id, specs, structure, true);
    else native().buildLayer(this._id, specs.map(({ shape }) => shape)); // prettier-ignore
  }

  /**
   * Trains the model.
   * @param x  tensors or array-likes: one, a list, or a dict by input name; or an iterable of batches `[x, y, sampleWeight?]`
   * @param y  targets, in the same forms
   * @returns the losses and metrics of every epoch
   * @throws {RuntimeError} the model is not compiled
   * @throws {AbortError} `signal` fired
   * @example const { history } = await model.fit(x, y, { epochs: 3, validationSplit: 0.2 });
   */
  async fit(x: DataLike | BatchSource, y?: DataLike | null, options: FitOptions = {}): Promise<History> {
    await ready();
    return enqueue(async () => {
      this.#requireCompiled();
      return fit(this, this.#signature, x, y, options);
    });
  }
  /** Loss and metrics on data: a number, a list in the order of `metricsNames`, or, with `returnDict`, by name. */
  async evaluate(
    x: DataLike | BatchSource,
    y?: DataLike | null,
    options: EvaluateOptions = {},
  ): Promise<number | number[] | Logs> {
    await ready();
    return enqueue(async () => {
      this.#requireCompiled();
      return shaped(await evaluate(this, this.#signature, x, y, options), options.returnDict);
    });
  }
  /**
   * The model's outputs on data, batch by batch.
   * @example const probabilities = await model.predict(images);
   */
  async predict(x: DataLike | BatchSource, options: PredictOptions = {}): Promise<Tensor & Tensor[] & Record<string, Tensor>> {
    await start();
    return enqueue(async () => this.#structured(await predict(this, this.#signature, x, options)));
  }
  /** One training step. */
  async trainOnBatch(x: DataLike, y?: DataLike | null, options: StepOptions = {}): Promise<number | number[] | Logs> {
    await ready();
    return enqueue(async () => {
      this.#requireCompiled();
      if (options.resetMetrics ?? true) this.resetMetrics();
      let batch = makeBatch(this.#signature, x, y, options.sampleWeight);
      if (options.classWeight) batch = applyClassWeight(batch, options.classWeight);
      return shaped(trainStep(this, this.#signature(x), batch), options.returnDict);
    });
  }
  /** Loss and metrics of one batch. */
  async testOnBatch(x: DataLike, y?: DataLike | null, options: StepOptions = {}): Promise<number | number[] | Logs> {
    await ready();
    return enqueue(async () => {
      this.#requireCompiled();
      if (options.resetMetrics ?? true) this.resetMetrics();
      const batch = makeBatch(this.#signature, x, y, options.sampleWeight);
      return shaped(testStep(this, this.#signature(x), batch), options.returnDict);
    });
  }
  /** The outputs for one batch. */
  async predictOnBatch(x: DataLike): Promise<Tensor & Tensor[] & Record<string, Tensor>> {
    await start();
    return enqueue(async () => {
      const batch = makeBatch(this.#signature, x);
      return this.#structured(predictStep(this, this.#signature(x), batch));
    });
  }
  #structured(tensors: Tensor[]): Tensor & Tensor[] & Record<string, Tensor> {
    const { outputStructure } = this.#known ?? this.#nativeSignature(); // a subclass's may have been traced by this very call
    let result: Prediction = tensors;
    if (Array.isArray(outputStructure)) result = Object.fromEntries(outputStructure.map((key, i) => [key, tensors[i] as Tensor]));
    else if (outputStructure === 'single' && tensors.length === 1) result = tensors[0] as Tensor;
    // Which of the three it is depends on the model; callers know theirs.
    return result as Tensor & Tensor[] & Record<string, Tensor>;
  }

  // --- files

  /**
   * Saves the model.
   * @param target  a path (Node), `indexeddb://name`, `downloads://file`, a stream, a folder's handle, an object with
   *                `write()`; or nothing: the bytes are returned (a SavedModel as a zip)
   * @throws {IOError} the target cannot be written; what was there before is still there
   * @example await model.save('model.h5');
   */
  async save(target?: undefined, options?: SaveOptions): Promise<Uint8Array>;
  async save(target: SaveTarget, options?: SaveOptions): Promise<undefined>;
  async save(target?: SaveTarget, options: SaveOptions = {}): Promise<Uint8Array | undefined> {
    const { overwrite = true, includeOptimizer = true, compression, onProgress } = options;
    const format = formatFor(target, options.saveFormat);
    if (![undefined, 'stored', 'deflated'].includes(compression))
      throw new TypeError(`compression must be 'stored' or 'deflated', got '${String(compression)}'.`);
    const write: Writer = (asZip) => {
      if (!asZip && compression !== undefined) throw new ValueError('`compression` is for zips; this target becomes none.');
      return native().writeModel(this._id, format, includeOptimizer, asZip ? (compression ?? 'stored') : '');
    };
    return enqueue(() => writeTo(target, format, write, { overwrite, onProgress }));
  }
  /**
   * Saves the weights alone: as a TensorFlow checkpoint, with the state of the optimizer where there is one, or, where the
   * target's name ends in .h5, .hdf5 or .keras, as HDF5; in .weights.h5, in the layout of Keras's v3 format.
   * @param target  what `save` takes; for a checkpoint in Node the prefix of its files
   * @throws {ValueError} the weights have not been made yet
   * @example await model.saveWeights('weights/epoch-1'); // epoch-1.index, epoch-1.data-00000-of-00001, checkpoint
   */
  async saveWeights(target?: undefined, options?: SaveWeightsOptions): Promise<Uint8Array>;
  async saveWeights(target: SaveTarget, options?: SaveWeightsOptions): Promise<undefined>;
  async saveWeights(target?: SaveTarget, options: SaveWeightsOptions = {}): Promise<Uint8Array | undefined> {
    return saveWeights(this, target, options);
  }
  /**
   * Loads weights. From a TensorFlow checkpoint: along the structure, layers that it lacks stay as they are, and the status
   * that is returned tells; also into a model that is not built yet. From a file in the layout of Keras's v3 format (also in a
   * `.keras` archive): by classes and their order. From another HDF5 file, whole models included: by position,
   * or, with `byName`, into the layers of the same names; with `skipMismatch`, what does not fit is left as it is and told by
   * `console.warn`; null is returned.
   * @throws {ValueError} layers, numbers or shapes do not fit
   * @throws {AssertionError} nothing in the checkpoint belongs to this model
   * @example (await model.loadWeights('weights/epoch-1')).assertConsumed();
   */
  async loadWeights(source: ModelSource, options: LoadWeightsOptions = {}): Promise<CheckpointLoadStatus | null> {
    return loadWeights(this, source, options);
  }
}

export interface StepOptions {
  sampleWeight?: DataLike;
  classWeight?: Record<number, number>;
  /** Whether the metrics are of this batch alone. Default: true. */
  resetMetrics?: boolean;
  returnDict?: boolean;
}

/** The shapes that `build` is given, and how. */
function shapesIn(inputShape: ShapeOrShapes): { shapes: SymbolicShape[]; structure: NativeStructure } {
  if (inputShape === null || inputShape === undefined)
    throw new ValueError('Input shape must be defined when calling `build()` on a `Model` subclass.');
  if (Array.isArray(inputShape)) {
    if (inputShape.some((entry) => Array.isArray(entry))) return { shapes: inputShape as SymbolicShape[], structure: 'list' };
    return { shapes: [inputShape as SymbolicShape], structure: 'single' };
  }
  if (typeof inputShape !== 'object') {
    throw new ValueError(
      'Specified input shape is not one of the valid types. Please specify a batch input shape of type tuple or list of input ' +
        `shapes. User provided input type: ${typeof inputShape}.`,
    );
  }
  const structure = Object.keys(inputShape).sort();
  return { shapes: structure.map((key) => inputShape[key] as SymbolicShape), structure };
}

/** A subclass from its config, by its constructor. */
function revive<T extends object>(subclass: new (config: never) => T, config: JsonObject): T {
  try {
    return new subclass(config as never);
  } catch (error) {
    if (!(error instanceof globalThis.TypeError)) throw error;
    throw new TypeError(
      'Unable to revive model from config. When overriding the `getConfig()` method, make sure that the returned config contains ' +
        `all items used as arguments in the constructor to ${classNameOf(subclass)}, which is the default behavior. You can ` +
        'override this default behavior by defining a static `fromConfig(config)` method to specify how to create an instance of ' +
        `${classNameOf(subclass)} from its config.\n\nReceived config=${JSON.stringify(config)}\n\n` +
        `Error encountered during deserialization: ${error.message}`,
    );
  }
}

function shaped(logs: Logs, returnDict: boolean | undefined): number | number[] | Logs {
  if (returnDict) return logs;
  const values = Object.values(logs);
  return values.length === 1 ? (values[0] as number) : values;
}

/** A stack of layers. */
export class Sequential extends Model {
  static override readonly [BUILTIN] = true;
  static override readonly className: string = 'Sequential';

  constructor(args: { layers?: readonly Layer[]; name?: string } | Existing = {}) {
    if (args instanceof Existing) {
      super(args);
      return;
    }
    super(new Existing(native().makeSequential(args.name ?? '')));
    for (const layer of args.layers ?? []) this.add(layer);
  }
  /** @internal */
  override get _isSubclass(): boolean {
    return false;
  }
  /** Puts a layer on top. */
  add(layer: Layer): void {
    if (!(layer instanceof Layer)) throw new TypeError('The added layer must be an instance of class Layer.');
    native().sequentialAdd(this._id, layer._id);
    this._forgetSignature();
  }
  /** Takes the top layer off. */
  pop(): void {
    native().sequentialPop(this._id);
    this._forgetSignature();
  }
  /** Makes the weights for an input of this shape, batch first. */
  override build(inputShape: SymbolicShape): void {
    if (!this._info.isGraph) native().buildLayer(this._id, [[null, ...inputShape.slice(1)]]);
  }
}

layerClasses.set('Functional', Model);
layerClasses.set('Sequential', Sequential);

/** A Functional model. */
export function model(args: ModelArgs): Model {
  return new Model(args);
}
/** A Sequential model. @example keras.sequential({ layers: [keras.layers.dense({ units: 1, inputShape: [4] })] }) */
export function sequential(args: { layers?: readonly Layer[]; name?: string } = {}): Sequential {
  return new Sequential(args);
}
/** A model from what `toJSON()` or Python's `to_json()` returned. */
export function modelFromJSON(json: string, options: { customObjects?: CustomObjects } = {}): Model {
  return layerFrom(native().modelFromJSON(json, makersFor(options.customObjects))) as Model;
}
/** A model of the same layers with weights of its own. */
export function cloneModel<T extends Model>(source: T): T {
  const { constructor } = source as { constructor: unknown };
  const ofClass = constructor as { new (config: never): T; fromConfig(config: JsonObject): T };
  if (!isBuiltin(ofClass)) return ofClass.fromConfig(source.getConfig());
  const copy = native().deserializeLayer(native().serializeLayer(source._id, 'v3'), makersFor(undefined));
  return layerFrom(copy) as T;
}

export interface LoadOptions {
  /** Classes of your own by the name that the file has. */
  customObjects?: CustomObjects;
  /** Whether to restore optimizer, loss and metrics. Default: true. */
  compile?: boolean;
  /** Accepted; Python bytecode is never run. */
  safeMode?: boolean;
  onProgress?: (progress: Progress) => void;
  signal?: AbortSignal;
  /** Passed on to `fetch`. */
  fetch?: RequestInit;
}

/**
 * Loads a model: a Keras SavedModel (folder or zip) or an HDF5 file, told by its content.
 * @throws {ValueError} no model, or an unknown layer; {DataLossError} a damaged file; {IOError} it cannot be read
 * @example const model = await keras.loadModel('model.h5');
 */
export async function loadModel(source: ModelSource, options: LoadOptions = {}): Promise<Model> {
  const customs = { ...getCustomObjects(), ...options.customObjects };
  await (Object.keys(customs).length > 0 ? ready() : start()); // classes of the user's may call anything
  const opened = await openSource(source, options);
  try {
    return await enqueue(async () => {
      const loader = native().modelLoader(makersFor(options.customObjects), options.compile ?? true);
      try {
        await runLoader(loader, opened, options);
        const { model: id, warnings } = native().loaderFinish(loader);
        const loaded = layerFrom(id as number) as Model;
        loaded.warnings = warnings ?? [];
        return loaded;
      } finally {
        native().releaseLoader(loader);
      }
    });
  } finally {
    loadRest();
    await opened.close?.();
  }
}
