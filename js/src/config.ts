// Keras's configs are snake_case, JavaScript's arguments camelCase: both are taken, snake_case is what goes on.
import { TypeError } from './errors.js';
import { isTypedArray } from './tensor.js';

export type Json = null | boolean | number | string | Json[] | { [key: string]: Json };
export type JsonObject = { [key: string]: Json };

/** An object with a class name and a config: initializers, losses, optimizers… */
export interface Configured {
  getClassName(): string;
  getConfig(): JsonObject;
}

/** `kernel_size` → `kernelSize`, `beta_1` → `beta1`. */
export function camelCase(key: string): string {
  return key.replace(/(?<=.)_+([a-z0-9])/g, (_, letter: string) => letter.toUpperCase());
}
/** `kernelSize` → `kernel_size`; digits stay where they are. */
export function snakeCase(key: string): string {
  return key.replace(/[A-Z]/g, (letter) => `_${letter.toLowerCase()}`);
}

export function isConfigured(value: unknown): value is Configured {
  return typeof value === 'object' && value !== null && 'getClassName' in value && 'getConfig' in value;
}

export function isPlainObject(value: unknown): value is Record<string, unknown> {
  if (typeof value !== 'object' || value === null) return false;
  const prototype: unknown = Object.getPrototypeOf(value);
  return prototype === Object.prototype || prototype === null;
}

/** A value of a config as JSON: objects by class name and config, named functions by their name. */
export function configValue(key: string, value: unknown): Json {
  if (value === null || value === undefined) return null;
  if (typeof value === 'boolean' || typeof value === 'string' || typeof value === 'number') return value;
  if (typeof value === 'bigint') return Number(value);
  if (typeof value === 'function') {
    const name = (value as { kerasName?: string }).kerasName;
    if (name !== undefined) return name;
    throw new TypeError(
      `Argument '${key}' is a function that has no name in Keras. Functions of your own belong into a custom layer.`,
    );
  }
  if (isConfigured(value)) return { class_name: value.getClassName(), config: value.getConfig() };
  if (Array.isArray(value)) return value.map((item) => configValue(key, item));
  if (isTypedArray(value)) return Array.from(value as Iterable<number>, Number);
  if (isPlainObject(value)) {
    // {className, config} as well as Python's {class_name, config}.
    if ('className' in value && 'config' in value)
      return { class_name: value.className as Json, config: configObject(value.config as object) };
    return configObject(value);
  }
  throw new TypeError(`Argument '${key}' cannot be part of a config: ${String(value)}`);
}

/** A config as it stands, keys unchanged. */
export function configObject(config: object): JsonObject {
  const result: JsonObject = {};
  for (const [key, value] of Object.entries(config)) {
    if (value !== undefined) result[key] = configValue(key, value);
  }
  return result;
}

/**
 * The arguments of a class as its config: each key in snake_case. `keys` are the class's own; a key that is given in both
 * forms, or that is none of the class's, is the engine's to complain about.
 */
export function argsToConfig(args: object, keys: readonly string[]): JsonObject {
  const bySpelling = new Map(keys.map((key) => [camelCase(key), key]));
  const result: JsonObject = {};
  for (const [key, value] of Object.entries(args)) {
    if (value === undefined) continue;
    const known = keys.includes(key) ? key : (bySpelling.get(key) ?? snakeCase(key));
    result[known] = configValue(key, value);
  }
  return result;
}

/** JSON as Python reads it: NaN and infinities as literals. */
export function toJson(value: Json): string {
  if (typeof value === 'number' && !Number.isFinite(value))
    return Number.isNaN(value) ? 'NaN' : value > 0 ? 'Infinity' : '-Infinity';
  if (value === null || typeof value !== 'object') return JSON.stringify(value);
  if (Array.isArray(value)) return `[${value.map(toJson).join(',')}]`;
  return `{${Object.entries(value)
    .map(([key, item]) => `${JSON.stringify(key)}:${toJson(item)}`)
    .join(',')}}`;
}

/** Reads JSON with Python's literals NaN, Infinity and -Infinity. */
export function fromJson(text: string): Json {
  if (!/NaN|Infinity/.test(text)) return JSON.parse(text) as Json;
  const marked = text.replace(
    /("(?:[^"\\]|\\.)*")|(-?Infinity|NaN)/g,
    (_, quoted: string | undefined, literal: string | undefined) => quoted ?? `{"__number__":"${literal}"}`,
  );
  return JSON.parse(marked, (_, value: unknown) =>
    isPlainObject(value) && typeof value.__number__ === 'string' ? Number(value.__number__) : value,
  ) as Json;
}

export function objectFromJson(text: string): JsonObject {
  return fromJson(text) as JsonObject;
}
