// Calls of restored functions held against what TensorFlow traced: arguments as Python binds them, values against specs.
import type { DType } from '../dtype.js';
import { TypeError } from '../errors.js';
import { fitsShape, isTensor, shapeOf } from '../functions/trace.js';
import type { SymbolicShape, SymbolicTensor } from '../symbolic.js';
import { Tensor, type TensorLike, isTensorData, isTypedArray, tensor } from '../tensor.js';
import { Variable } from '../variable.js';

/** A tensor among the arguments or results of a function. */
export interface TensorSpecJson {
  tensor: string;
  dtype: DType;
  shape: SymbolicShape | null;
}
/** A StructuredValue: what a function takes or returns. */
export type Spec =
  | null
  | boolean
  | number
  | string
  | TensorSpecJson
  | { list: Spec[] }
  | { tuple: Spec[] }
  | { dict: [string, Spec][] }
  | { namedtuple: string; fields: [string, Spec][] }
  | { type: string };

export type Leaf = Tensor | SymbolicTensor | Variable;

/** A function's parameters, as Python's `inspect.getfullargspec` lists them. */
export interface Parameters {
  args: string[];
  varargs: string | null;
  varkw: string | null;
  defaults: unknown[];
  kwonlyargs: string[];
  kwonlydefaults: Record<string, unknown>;
}

/** Arguments as a function was traced with them. */
export interface Bound {
  positional: unknown[];
  keywords: Record<string, unknown>;
}

export function isPlainObject(value: unknown): value is Record<string, unknown> {
  if (typeof value !== 'object' || value === null || isTensorData(value)) return false;
  const prototype: unknown = Object.getPrototypeOf(value);
  return prototype === Object.prototype || prototype === null;
}

/** A spec without tensors as the JavaScript value that it stands for. */
export function plainValue(spec: Spec): unknown {
  if (typeof spec !== 'object' || spec === null) return spec;
  if ('list' in spec) return spec.list.map(plainValue);
  if ('tuple' in spec) return spec.tuple.map(plainValue);
  if ('dict' in spec) return Object.fromEntries(spec.dict.map(([key, value]) => [key, plainValue(value)]));
  if ('namedtuple' in spec) return Object.fromEntries(spec.fields.map(([key, value]) => [key, plainValue(value)]));
  return spec;
}

export function parametersOf(spec: Spec): Parameters {
  const fields = (plainValue(spec) ?? {}) as Record<string, unknown>;
  return {
    args: (fields['args'] as string[] | null) ?? [],
    varargs: (fields['varargs'] as string | null) ?? null,
    varkw: (fields['varkw'] as string | null) ?? null,
    defaults: (fields['defaults'] as unknown[] | null) ?? [],
    kwonlyargs: (fields['kwonlyargs'] as string[] | null) ?? [],
    kwonlydefaults: (fields['kwonlydefaults'] as Record<string, unknown> | null) ?? {},
  };
}

/** Binds arguments to parameters as Python does. Throws TypeError in Python's words. */
export function bind(name: string, parameters: Parameters, args: readonly unknown[], keywords: Record<string, unknown>): Bound {
  const { args: names, varargs, varkw, defaults, kwonlyargs, kwonlydefaults } = parameters;
  if (args.length > names.length && varargs === null) {
    throw new TypeError(`${name}() takes ${names.length} positional arguments but ${args.length} were given`);
  }
  const rest = new Map(Object.entries(keywords));
  const take = (key: string): unknown => {
    const value = rest.get(key);
    rest.delete(key);
    return value;
  };
  const positional = names.map((key, i) => {
    if (i < args.length) {
      if (rest.has(key)) throw new TypeError(`${name}() got multiple values for argument '${key}'`);
      return args[i];
    }
    if (rest.has(key)) return take(key);
    const fallback = i - (names.length - defaults.length);
    if (fallback < 0) throw new TypeError(`${name}() missing a required argument: '${key}'`);
    return defaults[fallback];
  });
  positional.push(...args.slice(names.length));
  const bound: Record<string, unknown> = {};
  for (const key of kwonlyargs) {
    if (rest.has(key)) bound[key] = take(key);
    else if (Object.hasOwn(kwonlydefaults, key)) bound[key] = kwonlydefaults[key];
    else throw new TypeError(`${name}() missing a required keyword-only argument: '${key}'`);
  }
  const [unknown] = rest.keys();
  if (unknown !== undefined && varkw === null) throw new TypeError(`${name}() got an unexpected keyword argument '${unknown}'`);
  return { positional, keywords: { ...bound, ...Object.fromEntries(rest) } };
}

function matchTensor({ dtype, shape }: TensorSpecJson, value: unknown, convert: boolean, leaves: Leaf[]): boolean {
  let leaf: Leaf;
  if (isTensor(value) || value instanceof Variable) {
    leaf = value;
  } else {
    if (!convert || value === null || value === undefined || isPlainObject(value) || typeof value === 'function') return false;
    try {
      leaf = tensor(value as TensorLike, undefined, dtype);
    } catch {
      return false;
    }
  }
  if (leaf.dtype !== dtype || !fitsShape(shapeOf(leaf), shape)) return false;
  leaves.push(leaf);
  return true;
}

/**
 * Whether a value is what a spec describes; its tensors go to `leaves` in TensorFlow's order. `convert` makes tensors of
 * numbers and arrays.
 */
export function matches(spec: Spec, value: unknown, convert: boolean, leaves: Leaf[]): boolean {
  if (spec === null) return value === null || value === undefined;
  if (typeof spec !== 'object') return spec === value;
  if ('tensor' in spec) return matchTensor(spec, value, convert, leaves);
  const items = 'list' in spec ? spec.list : 'tuple' in spec ? spec.tuple : null;
  if (items !== null) {
    if (!Array.isArray(value) || value.length !== items.length) return false;
    return items.every((item, i) => matches(item, value[i], convert, leaves));
  }
  const fields = 'dict' in spec ? spec.dict : 'fields' in spec ? spec.fields : null;
  if (fields === null || !isPlainObject(value) || Object.keys(value).length !== fields.length) return false;
  return fields.every(([key, item]) => Object.hasOwn(value, key) && matches(item, value[key], convert, leaves));
}

/** Puts results into the structure that a spec describes. */
export function pack(spec: Spec, leaves: readonly unknown[]): unknown {
  let at = 0;
  const visit = (part: Spec): unknown => {
    if (typeof part !== 'object' || part === null) return part;
    if ('tensor' in part) return leaves[at++];
    if ('list' in part) return part.list.map(visit);
    if ('tuple' in part) return part.tuple.map(visit);
    if ('dict' in part) return Object.fromEntries(part.dict.map(([key, item]) => [key, visit(item)]));
    if ('fields' in part) return Object.fromEntries(part.fields.map(([key, item]) => [key, visit(item)]));
    return null;
  };
  return visit(spec);
}

/** A spec or a value as error messages show it. */
export function describe(value: unknown): string {
  if (value instanceof Variable || isTensor(value))
    return `Tensor(${value.dtype} [${shapeOf(value)?.map((d) => d ?? 'null') ?? '…'}])`;
  if (isTypedArray(value)) return `${value.constructor.name}(${value.length})`;
  if (Array.isArray(value)) return `[${value.slice(0, 8).map(describe).join(', ')}${value.length > 8 ? ', …' : ''}]`;
  if (!isPlainObject(value)) return typeof value === 'string' ? JSON.stringify(value) : String(value);
  const spec = value as Spec & object;
  if ('tensor' in spec) return `${spec.dtype} [${spec.shape?.map((d) => d ?? 'null') ?? '…'}]`;
  if ('list' in spec) return `[${spec.list.map(describe).join(', ')}]`;
  if ('tuple' in spec) return `[${spec.tuple.map(describe).join(', ')}]`;
  if ('dict' in spec || 'fields' in spec) {
    const fields = 'dict' in spec ? spec.dict : spec.fields;
    return `{${fields.map(([key, item]) => `${key}: ${describe(item)}`).join(', ')}}`;
  }
  return `{${Object.entries(value)
    .map(([key, item]) => `${key}: ${describe(item)}`)
    .join(', ')}}`;
}
