// Nested arrays and plain objects of tensors: taken apart for the engine, put together again for the user.
import type { Operand } from '../ops/call.js';
import type { SymbolicTensor } from '../symbolic.js';
import { Tensor, type TensorLike, tensor } from '../tensor.js';
import { Variable } from '../variable.js';
import { isTensor, isTensorLike } from './trace.js';

/** A structure without its tensors: `pack` puts others in their places. `key` tells it from other structures. */
export interface Structure {
  key: string;
  pack(leaves: readonly unknown[]): unknown;
}

const identities = new WeakMap<object, number>();
let lastIdentity = 0;
function identityOf(object: object): number {
  let id = identities.get(object);
  if (id === undefined) identities.set(object, (id = ++lastIdentity));
  return id;
}

function isPlainObject(value: unknown): value is Record<string, unknown> {
  if (typeof value !== 'object' || value === null) return false;
  const prototype: unknown = Object.getPrototypeOf(value);
  return prototype === Object.prototype || prototype === null;
}

/**
 * Takes a value apart. Tensors, typed arrays and nested arrays of numbers are leaves; other arrays and plain objects are
 * structure; numbers, strings and all else belong to the structure as they are.
 */
export function flatten(value: unknown): { leaves: (Tensor | SymbolicTensor)[]; structure: Structure } {
  const leaves: (Tensor | SymbolicTensor)[] = [];
  return { structure: visit(value, leaves), leaves };
}

/** The same for a list of arguments, which is no tensor itself. */
export function flattenArguments(args: readonly unknown[]): ReturnType<typeof flatten> {
  const leaves: (Tensor | SymbolicTensor)[] = [];
  const items = args.map((arg) => visit(arg, leaves));
  return {
    leaves,
    structure: { key: items.map(({ key }) => key).join(), pack: (packed) => items.map((item) => item.pack(packed)) },
  };
}

function visit(value: unknown, leaves: (Tensor | SymbolicTensor)[]): Structure {
  if (isTensorLike(value)) {
    const at = leaves.length;
    leaves.push(isTensor(value) ? value : tensor(value as TensorLike));
    return { key: '*', pack: (packed) => packed[at] };
  }
  if (Array.isArray(value)) {
    const items = value.map((item: unknown) => visit(item, leaves));
    return { key: `[${items.map(({ key }) => key).join()}]`, pack: (packed) => items.map((item) => item.pack(packed)) };
  }
  if (isPlainObject(value)) {
    const items = Object.keys(value)
      .sort()
      .map((name) => [name, visit(value[name], leaves)] as const);
    return {
      key: `{${items.map(([name, { key }]) => `${JSON.stringify(name)}:${key}`).join()}}`,
      pack: (packed) => Object.fromEntries(items.map(([name, item]) => [name, item.pack(packed)])),
    };
  }
  const isObject = (typeof value === 'object' && value !== null) || typeof value === 'function';
  const key = isObject
    ? `#${identityOf(value)}`
    : `${typeof value} ${typeof value === 'string' ? JSON.stringify(value) : String(value)}`;
  return { key, pack: () => value };
}

/** Results of a traced function: variables and numbers are tensors, too. */
export function flattenResults(value: unknown): { leaves: Operand[]; structure: Structure } {
  if (value instanceof Variable || typeof value === 'number' || typeof value === 'boolean') {
    return { leaves: [value], structure: { key: '*', pack: (packed) => packed[0] } };
  }
  return flatten(value);
}
