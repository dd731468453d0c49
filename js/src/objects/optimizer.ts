// Optimizers: a handle to the engine's, which holds the iteration count, the learning rate and the slots.
import { type JsonObject, argsToConfig, isConfigured, objectFromJson, toJson } from '../config.js';
import { native } from '../engine/index.js';
import type { NativeOptimizerState } from '../engine/native.js';
import { TypeError, UnimplementedError } from '../errors.js';
import { Existing, Handle, wrapperOf } from '../handle.js';
import { type TensorLike, tensor } from '../tensor.js';
import { type Variable, variableFrom } from '../variable.js';

export interface OptimizerArgs {
  learningRate?: number;
  name?: string;
  weightDecay?: number | null;
  clipnorm?: number | null;
  clipvalue?: number | null;
  globalClipnorm?: number | null;
}

/** @internal Classes by Keras's name, for optimizers that came out of a file. */
export const optimizerClasses = new Map<string, new (existing: Existing) => Optimizer>();

export class Optimizer implements Disposable {
  readonly #handle: Handle;

  constructor(args: object = {}) {
    this.#handle = new Handle(this, 'optimizer', args instanceof Existing ? args.id : create(args, new.target));
  }
  /** @internal */
  get _id(): number {
    return this.#handle.id;
  }
  /** @internal */
  _trackedNode(): { optimizer: number } {
    return { optimizer: this._id };
  }
  get #state(): NativeOptimizerState {
    return native().optimizerState(this._id);
  }
  getClassName(): string {
    return this.#state.className;
  }
  getConfig(): JsonObject {
    return objectFromJson(this.#state.config);
  }
  /** In Keras's order: the iteration, then the slots. There are no slots before the first training step. */
  get variables(): Variable[] {
    return this.#state.variables.map(variableFrom);
  }
  /** Makes the slots for these variables, as the first training step would. */
  build(variables: readonly Variable[]): void {
    native().optimizerBuild(
      this._id,
      variables.map(({ _id }) => _id),
    );
  }
  /** How many training steps have been done. */
  get iterations(): Variable {
    return this.variables[0] as Variable;
  }
  get learningRate(): number {
    return Number(variableFrom(this.#state.learningRate).dataSync()[0]);
  }
  set learningRate(value: number) {
    variableFrom(this.#state.learningRate).assign(value);
  }
  /** Sets the values of `variables`. */
  setWeights(values: readonly TensorLike[]): void {
    native().optimizerSetWeights(
      this._id,
      values.map((value) => tensor(value)._native()),
    );
  }
  dispose(): void {
    this.#handle.dispose();
  }
  [Symbol.dispose](): void {
    this.dispose();
  }
  static fromConfig<T extends Optimizer>(this: new (config: never) => T, config: JsonObject): T {
    return new this(config as never);
  }
}

function create(args: object, target: object): number {
  const { className, configKeys } = target as {
    className?: string;
    configKeys?: readonly string[];
  };
  if (className === undefined || configKeys === undefined) {
    throw new UnimplementedError('Optimizer classes of your own are not supported by this version.');
  }
  return native().createOptimizer(toJson({ class_name: className, config: argsToConfig(args, configKeys) }));
}

/** @internal */
export function optimizerFrom(id: number): Optimizer {
  const existing = wrapperOf('optimizer', id);
  if (existing instanceof Optimizer) return existing;
  const optimizerClass = optimizerClasses.get(native().optimizerState(id).className) ?? Optimizer;
  return new optimizerClass(new Existing(id));
}

/** `{class_name, config}` of an optimizer. */
export function serialize(optimizer: Optimizer): JsonObject {
  return { class_name: optimizer.getClassName(), config: optimizer.getConfig() };
}
/** An optimizer from its config. */
export function deserialize(config: JsonObject | string): Optimizer {
  return optimizerFrom(native().createOptimizer(toJson(config)));
}
/** An optimizer from its name (`'adam'`), its config, or itself. */
export function get(identifier: string | JsonObject | Optimizer): Optimizer {
  if (identifier instanceof Optimizer) return identifier;
  if (isConfigured(identifier) || typeof identifier === 'function') throw new TypeError('This is no optimizer.');
  return deserialize(identifier);
}
