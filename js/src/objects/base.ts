// Initializers, regularizers, constraints, losses and metrics: a class name and arguments here, everything else in the engine.
import { type Json, type JsonObject, argsToConfig, isPlainObject, objectFromJson, toJson } from '../config.js';
import { native } from '../engine/index.js';
import { TypeError, ValueError } from '../errors.js';
import type { DType } from '../dtype.js';
import { Tensor } from '../tensor.js';

export type ObjectKind = 'initializers' | 'regularizers' | 'constraints' | 'losses' | 'metrics';

/** An object that is nothing but its class and its config. */
export abstract class ConfigObject {
  /** @internal */
  abstract readonly _kind: ObjectKind;
  readonly #config: JsonObject;

  constructor(args: object = {}) {
    const { configKeys } = this.constructor as { configKeys?: readonly string[] };
    this.#config = argsToConfig(args, configKeys ?? []);
  }
  /** The name of the class, as Python has it. */
  getClassName(): string {
    return (this.constructor as { className?: string }).className ?? this.constructor.name;
  }
  /** What Python's `get_config()` returns. */
  getConfig(): JsonObject {
    const full = objectFromJson(native().canonicalConfig(this._kind, this._text()));
    return full.config as JsonObject;
  }
  /** @internal */
  _text(): string {
    return toJson({ class_name: this.getClassName(), config: this.#config });
  }
  static fromConfig<T>(this: new (config: never) => T, config: JsonObject): T {
    return new this(config as never);
  }
}

export abstract class Initializer extends ConfigObject {
  readonly _kind = 'initializers';
  /** Values of this shape. The same seed gives the same values as in Keras. */
  call(shape: readonly number[], dtype: DType = 'float32'): Tensor {
    return Tensor._from(native().callInitializer(this._text(), [...shape], dtype));
  }
}
export abstract class Regularizer extends ConfigObject {
  readonly _kind = 'regularizers';
}
export abstract class Constraint extends ConfigObject {
  readonly _kind = 'constraints';
}
export abstract class Loss extends ConfigObject {
  readonly _kind = 'losses';
}
export abstract class Metric extends ConfigObject {
  readonly _kind = 'metrics';
}

type ObjectClass<T> = (new (args?: object) => T) & { readonly className: string };

/** serialize, deserialize and get of one namespace. */
export interface ObjectModule<T> {
  serialize(object: T): JsonObject;
  deserialize(config: Json): T;
  get(identifier: string | JsonObject | T): T;
}

/** @internal The module-level functions of a namespace with these classes. */
export function objectModule<T extends ConfigObject>(
  what: string,
  base: abstract new (...args: never[]) => T,
  classes: readonly ObjectClass<T>[],
): ObjectModule<T> {
  const simple = (name: string): string => name.replace(/_/g, '').toLowerCase();
  const deserialize = (config: Json): T => {
    const name = typeof config === 'string' ? config : isPlainObject(config) ? config.class_name : undefined;
    if (typeof name !== 'string') throw new TypeError(`This is no config of a ${what}: ${JSON.stringify(config)}`);
    const found = classes.find(({ className }) => className === name || simple(className) === simple(name));
    if (found === undefined) throw new ValueError(`Unknown ${what}: '${name}'.`);
    return new found(isPlainObject(config) && isPlainObject(config.config) ? config.config : {});
  };
  return {
    serialize: (object) => ({ class_name: object.getClassName(), config: object.getConfig() }),
    deserialize,
    get: (identifier) => (identifier instanceof base ? identifier : deserialize(identifier as Json)),
  };
}
