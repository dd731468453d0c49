// The base of all layers: a handle to the engine's layer, and, for classes written in JavaScript, what the engine calls back.
import { type Json, type JsonObject, argsToConfig, configValue, objectFromJson, snakeCase, toJson } from '../config.js';
import { type CustomClass, type CustomObjects, classNameOf, nativeMakers, registeredNameOf } from '../customs.js';
import type { DType } from '../dtype.js';
import { native } from '../engine/index.js';
import type {
  NativeCallResult,
  NativeGraphTensor,
  NativeLayerState,
  NativeNode,
  NativeOperand,
  NativeShape,
  NativeStructure,
  NativeTrackedTree,
} from '../engine/native.js';
import { RuntimeError, TypeError, UnimplementedError, ValueError } from '../errors.js';
import { Existing, Handle, wrapperOf } from '../handle.js';
import { type Operand, isOptions, toNative } from '../ops/call.js';
import { GraphTensor, KerasTensor, type SymbolicShape, SymbolicTensor, setLayerLookup } from '../symbolic.js';
import { Tensor, type TensorLike, tensor } from '../tensor.js';
import { treeOfProperties } from '../train/tracking.js';
import { Variable, pythonTuple, variableFrom } from '../variable.js';

export interface LayerArgs {
  name?: string;
  trainable?: boolean;
  dtype?: DType;
  /** Of a first layer: the shape of its input without the batch. */
  inputShape?: readonly (number | null)[];
  /** Of a first layer: the shape of its input with the batch. */
  batchInputShape?: readonly (number | null)[];
  batchSize?: number;
}

export interface CallOptions {
  /** Whether the call is part of training. */
  training?: boolean;
  mask?: Operand | null;
}

export interface WeightArgs {
  name: string;
  shape: readonly number[];
  dtype?: DType;
  /** A name or an object. Default: `'glorot_uniform'`. */
  initializer?: unknown;
  regularizer?: unknown;
  constraint?: unknown;
  trainable?: boolean;
}

/** One tensor or a list of them. */
export type OneOrMany<T> = T | T[];
export type Operands = Operand | readonly Operand[];
/** What a class of your own may take: one, a list, or a dict by names of your choice. */
export type Inputs = Operands | Readonly<Record<string, Operand>>;
/** What it may give. */
export type Outputs = OneOrMany<Tensor | SymbolicTensor> | Record<string, Tensor | SymbolicTensor>;

/** Marks the classes that the engine itself has. */
export const BUILTIN: unique symbol = Symbol('builtin');

interface BuiltinClass {
  readonly [BUILTIN]: true;
  readonly className: string;
  readonly configKeys: readonly string[];
}

const BASE_KEYS = ['name', 'trainable', 'dtype', 'input_shape', 'batch_input_shape', 'batch_size', 'input_dim'];

/** @internal Classes by Keras's name, for layers that the engine made. */
export const layerClasses = new Map<string, new (existing: Existing) => Layer>();

/** @internal Whether a class is the engine's own, not the user's. */
export function isBuiltin(target: object): target is BuiltinClass {
  return Object.hasOwn(target, BUILTIN);
}

/**
 * A layer. Classes of your own extend it: make weights in `build`, compute with `keras.ops` in `call`, return the
 * constructor's arguments from `getConfig`. Layers and variables that are put on `this` are tracked.
 * @example
 * class Scale extends keras.Layer {
 *   static className = 'Scale';
 *   build(inputShape) { this.scale = this.addWeight({ name: 'scale', shape: [inputShape.at(-1)], initializer: 'ones' }); }
 *   call(x) { return keras.ops.multiply(x, this.scale); }
 * }
 */
export class Layer implements Disposable {
  readonly #handle: Handle;
  /** Weights by the attribute under which addWeight made them, of custom classes. */
  readonly #ownVariables = new Set<Variable>();

  constructor(args: LayerArgs | Existing = {}) {
    this.#handle = new Handle(this, 'layer', args instanceof Existing ? args.id : this.#create(args, new.target));
  }

  #create(args: LayerArgs, target: CustomClass): number {
    if (typeof args !== 'object' || args === null) {
      throw new TypeError(`The constructor of ${classNameOf(target)} takes one object of arguments, got ${String(args)}.`);
    }
    if (isBuiltin(target)) {
      const { weights, ...rest } = args as LayerArgs & { weights?: TensorLike[] };
      if (weights !== undefined) throw new UnimplementedError(`Argument 'weights' of ${target.className}: use setWeights().`);
      return native().createLayer(target.className, toJson(argsToConfig(rest, [...BASE_KEYS, ...target.configKeys])));
    }
    const base = builtinBase(target);
    if (base !== null && base.className !== 'Functional') {
      throw new UnimplementedError(
        `${classNameOf(target)} extends ${base.className}: extending built-in layers is not supported by this version. ` +
          'Hold one as a sublayer instead.',
      );
    }
    const known: JsonObject = {};
    for (const [key, value] of Object.entries(args)) {
      const snake = snakeCase(key);
      if (BASE_KEYS.includes(snake) && value !== undefined) known[snake] = configValue(key, value);
    }
    const [className, registeredName, config] = [classNameOf(target), registeredNameOf(target), toJson(known)];
    return base === null
      ? native().createCustomLayer(this, className, registeredName, config)
      : native().createSubclassed(this, className, registeredName, config);
  }

  /** @internal */
  get _id(): number {
    return this.#handle.id;
  }
  get #state(): NativeLayerState {
    return native().layerState(this._id);
  }
  get name(): string {
    return this.#state.name;
  }
  get dtype(): DType {
    return this.#state.dtype as DType;
  }
  get trainable(): boolean {
    return this.#state.trainable;
  }
  /** Setting it on a model sets it on all of its layers. Takes effect at the next `compile`. */
  set trainable(value: boolean) {
    native().setTrainable(this._id, value);
  }
  get built(): boolean {
    return this.#state.built;
  }
  /** The name of the class, as Python has it. */
  getClassName(): string {
    return this.#state.className;
  }

  /** Trainable ones first. */
  get weights(): Variable[] {
    return native().layerWeights(this._id, 'all').map(variableFrom);
  }
  get trainableWeights(): Variable[] {
    return native().layerWeights(this._id, 'trainable').map(variableFrom);
  }
  get nonTrainableWeights(): Variable[] {
    return native().layerWeights(this._id, 'nonTrainable').map(variableFrom);
  }
  /** The values of `weights`, as copies. */
  getWeights(): Tensor[] {
    return this.weights.map((weight) => weight.read());
  }
  /** Sets the values of `weights`. @throws {ValueError} another number of tensors, or another shape */
  setWeights(values: readonly TensorLike[]): void {
    const weights = this.weights;
    if (values.length !== weights.length) {
      throw new ValueError(
        `You called \`set_weights(weights)\` on layer "${this.name}" with a weight list of length ${values.length}, ` +
          `but the layer was expecting ${weights.length} weights.`,
      );
    }
    const tensors = values.map((value) => tensor(value));
    weights.forEach((weight, i) => {
      const { shape } = tensors[i] as Tensor;
      if (String(shape) !== String(weight.shape)) {
        throw new ValueError(
          `Layer ${this.name} weight shape ${pythonTuple(weight.shape)} is not compatible with provided weight shape ${pythonTuple(
            shape,
          )}.`,
        );
      }
    });
    weights.forEach((weight, i) => weight.assign(tensors[i] as Tensor));
  }
  /** Number of elements of all weights. */
  countParams(): number {
    return this.weights.reduce((total, { shape }) => total + shape.reduce((a, b) => a * b, 1), 0);
  }

  /** Makes a weight; called in `build`. */
  addWeight({
    name,
    shape,
    dtype,
    initializer = 'glorot_uniform',
    regularizer,
    constraint,
    trainable = true,
  }: WeightArgs): Variable {
    if (dtype !== undefined && dtype !== this.dtype) {
      throw new UnimplementedError(
        `Layer '${this.name}' is of dtype ${this.dtype}: a weight of ${dtype} is not supported by this version.`,
      );
    }
    const text = (value: unknown): string | null =>
      value === undefined || value === null ? null : toJson(configValue(name, value));
    const made = variableFrom(
      native().addWeight(this._id, name, {
        shape: [...shape],
        dtype: dtype ?? this.dtype,
        initializer: text(initializer) ?? 'null',
        regularizer: text(regularizer),
        constraint: text(constraint),
        trainable,
      }),
    );
    this.#ownVariables.add(made);
    return made;
  }
  /** Adds a scalar to the loss; inside `call` only. */
  addLoss(loss: Operand): void {
    native().addLoss(toNative(loss instanceof SymbolicTensor || loss instanceof Variable ? loss : tensor(loss)));
  }

  /**
   * Makes the layer's weights. Classes of your own override it. `inputShape` has the batch as null; several inputs give a list.
   */
  build(inputShape: SymbolicShape | SymbolicShape[]): void {
    if (!isBuiltin(this.constructor)) return;
    const shapes = isShapeList(inputShape) ? inputShape : [inputShape];
    native().buildLayer(this._id, shapes);
  }
  /** What the layer computes. Classes of your own override it; it runs when a model is traced, not for each batch. */
  call(inputs: Inputs, options: CallOptions = {}): Outputs {
    if (!isBuiltin(this.constructor)) throw new UnimplementedError(`Layer ${this.getClassName()} has no method \`call\`.`);
    return this.apply<Outputs>(inputs, options);
  }
  /**
   * Calls the layer: on symbolic tensors to build a model, on values to compute.
   * @returns a tensor, or a list of them where the layer has several outputs, or what the class's `call` returns
   * @example const y = keras.layers.dense({ units: 3 }).apply(x);
   */
  apply(inputs: SymbolicTensor | readonly SymbolicTensor[], options?: CallOptions): SymbolicTensor;
  apply(inputs: Tensor | readonly Tensor[], options?: CallOptions): Tensor;
  apply<R extends Outputs = SymbolicTensor>(inputs: Inputs, options?: CallOptions): R;
  apply(inputs: Inputs, options: CallOptions = {}): Outputs {
    const list = this.#flat(inputs);
    let outputs: (Tensor | SymbolicTensor)[];
    if (list.length > 0 && list.every((input) => input instanceof KerasTensor)) {
      const tensors = list.map((input) => (input as KerasTensor)._native);
      outputs = native()
        .applyLayer(this._id, tensors, isOperandList(inputs))
        .map((info) => new KerasTensor(info));
    } else if (native().isTracing()) {
      const operands = list.map((input) =>
        toNative(input instanceof SymbolicTensor || input instanceof Variable ? input : tensor(input)),
      );
      outputs = native()
        .callInTrace(this._id, operands, options.training ?? null)
        .map((info) => new GraphTensor(info));
    } else {
      const values = list.map((input) => {
        if (input instanceof SymbolicTensor) return input.dataSync();
        return (input instanceof Variable ? input.read() : tensor(input))._native();
      });
      outputs = native()
        .callEagerly(this._id, values, options.training ?? false)
        .map((info) => Tensor._from(info));
    }
    const structure = this._hasStructures() ? native().layerStructures(this._id).output : 'single';
    return packed(outputs, structure);
  }
  #flat(inputs: Inputs): Operand[] {
    if (!isOptions(inputs)) return isOperandList(inputs) ? [...inputs] : [inputs];
    const dict = inputs as Readonly<Record<string, Operand>>;
    return this._inputKeys(Object.keys(dict)).map((key) => dict[key] as Operand);
  }
  /** @internal Whether calls may take and give dicts. */
  _hasStructures(): boolean {
    return !isBuiltin(this.constructor);
  }
  /** @internal The keys of a dict in the order in which the engine takes its tensors. */
  _inputKeys(keys: string[]): string[] {
    if (!this._hasStructures())
      throw new TypeError(`Layer '${this.name}' is called on a tensor or a list of them, not on a dict.`);
    const sorted = keys.sort();
    const known = native().layerStructures(this._id).input;
    if (this.built && String(known) !== String(sorted)) {
      const first = Array.isArray(known) ? `a dict of ${known.join(', ')}` : 'tensors without names';
      throw new UnimplementedError(
        `'${this.name}' was first called on ${first}, and now on a dict of ${sorted.join(', ')}: all calls must take the same.`,
      );
    }
    native().setInputStructure(this._id, sorted);
    return sorted;
  }
  /** The shape of the output for an input of this shape. */
  computeOutputShape(inputShape: SymbolicShape | SymbolicShape[]): SymbolicShape | SymbolicShape[] {
    const shapes = isShapeList(inputShape) ? inputShape : [inputShape];
    const outputs = native().computeOutputShapes(this._id, shapes) as SymbolicShape[];
    return outputs.length === 1 ? (outputs[0] as SymbolicShape) : outputs;
  }

  /** @internal Calls on symbolic tensors. */
  get _nodes(): NativeNode[] {
    return native().layerNodes(this._id);
  }
  /** The input of the layer's first call in a model. */
  get input(): OneOrMany<SymbolicTensor> {
    const { inputs } = this.#onlyNode();
    const tensors = inputs.length > 0 ? inputs.map((info) => new KerasTensor(info)) : this.#outputsOf(0);
    return tensors.length === 1 ? (tensors[0] as SymbolicTensor) : tensors;
  }
  /** The output of the layer's first call in a model. */
  get output(): OneOrMany<SymbolicTensor> {
    this.#onlyNode();
    const tensors = this.#outputsOf(0);
    return tensors.length === 1 ? (tensors[0] as SymbolicTensor) : tensors;
  }
  get inputShape(): SymbolicShape | SymbolicShape[] {
    const input = this.input;
    return Array.isArray(input) ? input.map(({ shape }) => shape) : input.shape;
  }
  get outputShape(): SymbolicShape | SymbolicShape[] {
    const output = this.output;
    return Array.isArray(output) ? output.map(({ shape }) => shape) : output.shape;
  }
  #onlyNode(): NativeNode {
    const nodes = this._nodes;
    if (nodes.length === 0) throw new RuntimeError(`The layer ${this.name} has never been called and thus has no defined input.`);
    return nodes[0] as NativeNode;
  }
  #outputsOf(node: number): SymbolicTensor[] {
    const { shapes, dtypes } = this._nodes[node] as NativeNode;
    return shapes.map((shape, i) => new KerasTensor({ layer: this._id, node, tensor: i, shape, dtype: dtypes[i] as string }));
  }

  /** What Python's `get_config()` returns: keys in snake_case. Classes of your own add their arguments to `super.getConfig()`. */
  getConfig(): JsonObject {
    return objectFromJson(isBuiltin(this.constructor) ? native().layerConfig(this._id) : native().baseConfig(this._id));
  }
  /** Makes a layer of this class from its config. */
  static fromConfig<T extends Layer>(this: new (config: never) => T, config: JsonObject): T {
    return new this(config as never);
  }

  /** Frees the layer in the engine's memory as soon as no model uses it. Any other use afterwards throws. */
  dispose(): void {
    this.#handle.dispose();
  }
  [Symbol.dispose](): void {
    this.dispose();
  }

  /** @internal The engine asks a custom layer to make its weights. */
  _build(shapes: NativeShape[]): void {
    const known = shapes.map((shape) => shape ?? []);
    this.build(packed<SymbolicShape>(known, native().layerStructures(this._id).input) as SymbolicShape | SymbolicShape[]);
  }
  /** @internal The engine traces a custom layer's call. */
  _call(inputs: NativeGraphTensor[], structure: NativeStructure, training: boolean): NativeCallResult {
    const tensors = inputs.map((info) => new GraphTensor(info));
    const result: unknown = this.call(packed<SymbolicTensor>(tensors, structure), { training, mask: null });
    if (result instanceof Promise)
      throw new TypeError(`The call of layer '${this.name}' returned a Promise: it must be synchronous.`);
    if (Array.isArray(result)) return { outputs: result.map((output) => this.#operand(output)), structure: 'list' };
    if (!isOptions(result)) return { outputs: [this.#operand(result)], structure: 'single' };
    const keys = Object.keys(result).sort();
    return { outputs: keys.map((key) => this.#operand(result[key])), structure: keys };
  }
  #operand(output: unknown): NativeOperand {
    if (output instanceof GraphTensor || output instanceof Variable || output instanceof Tensor) return toNative(output);
    throw new TypeError(`The call of layer '${this.name}' returned ${String(output)}, which is no tensor.`);
  }
  /** @internal */
  _configText(): string {
    return toJson(configValue('config', this.getConfig()));
  }
  /** @internal */
  _expectsTraining(): boolean {
    return this.call.length > 1;
  }
  /** @internal What the object holds as own properties, in order of assignment. */
  _tracked(): NativeTrackedTree {
    return treeOfProperties(Object.entries(this));
  }
  /** @internal */
  _trackedNode(): { layer: number } {
    return { layer: this._id };
  }
}

/** Tensors in the structure in which a class takes or gives them. */
function packed<T>(list: T[], structure: NativeStructure): OneOrMany<T> | Record<string, T> {
  if (Array.isArray(structure)) return Object.fromEntries(structure.map((key, i) => [key, list[i] as T]));
  return structure === 'single' && list.length === 1 ? (list[0] as T) : list;
}

/** The engine's class that a user's class extends; null for Layer itself. */
function builtinBase(target: CustomClass): BuiltinClass | null {
  for (let p = target.prototype as object; p !== Layer.prototype; p = Object.getPrototypeOf(p) as object) {
    if (isBuiltin(p.constructor)) return p.constructor;
  }
  return null;
}

function isShapeList(shape: SymbolicShape | SymbolicShape[]): shape is SymbolicShape[] {
  return Array.isArray(shape[0]);
}

/** A list of tensors, as opposed to nested arrays of numbers. */
function isOperandList(inputs: Inputs): inputs is readonly Operand[] {
  return (
    Array.isArray(inputs) &&
    inputs.length > 0 &&
    inputs.every((item) => item instanceof SymbolicTensor || item instanceof Tensor || item instanceof Variable)
  );
}

/** @internal The Layer for a number of the engine's. */
export function layerFrom(id: number): Layer {
  const existing = wrapperOf('layer', id);
  if (existing instanceof Layer) return existing;
  const { className } = native().layerState(id);
  const layerClass = layerClasses.get(className);
  if (layerClass === undefined) throw new RuntimeError(`The engine made a ${className}, which the API does not know.`);
  return new layerClass(new Existing(id));
}

setLayerLookup(layerFrom);

function makeCustomLayer(customClass: CustomClass, config: JsonObject): number {
  const made = customClass.fromConfig
    ? customClass.fromConfig(config)
    : new (customClass as new (config: JsonObject) => object)(config);
  if (!(made instanceof Layer)) throw new TypeError(`${classNameOf(customClass)} in customObjects makes no Layer.`);
  return made._id;
}

/** @internal */
export function makersFor(objects: CustomObjects | undefined): ReturnType<typeof nativeMakers> {
  return nativeMakers(objects, makeCustomLayer);
}

/** `{class_name, config, …}`, as `keras.layers.serialize`. */
export function serialize(layer: Layer): JsonObject {
  return objectFromJson(native().serializeLayer(layer._id, 'v3'));
}
/** A layer from what `serialize` returned, or from a file's config. */
export function deserialize(config: JsonObject, options: { customObjects?: CustomObjects } = {}): Layer {
  return layerFrom(native().deserializeLayer(toJson(config as Json), makersFor(options.customObjects)));
}
