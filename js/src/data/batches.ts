// What fit, evaluate and predict take as data, cut into batches.
import { TypeError, ValueError } from '../errors.js';
import { ops } from '../ops/index.js';
import { Tensor, type TensorData, type TensorLike, isTensorData, isTypedArray, sizeOf, tensor } from '../tensor.js';

/** Tensors of one or more inputs: one, a list, or a dict by name. */
export type DataLike = TensorLike | readonly TensorLike[] | Record<string, TensorLike>;
/** `x`, or `[x]`, `[x, y]`, `[x, y, sampleWeight]`. */
export type BatchLike = readonly [x: DataLike, y?: DataLike, sampleWeight?: DataLike];
/** Batches one after the other. */
export type BatchSource = Iterable<BatchLike> | AsyncIterable<BatchLike>;

export interface Slot {
  name: string;
  /** The shape that the model expects, batch first; null where it is not known. */
  shape: readonly (number | null)[] | null;
}
/** One batch: a tensor, or null, for each slot. */
export interface Batch {
  x: Tensor[];
  y: (Tensor | null)[];
  sampleWeight: (Tensor | null)[];
  /** Number of samples. */
  size: number;
}

export function isTensorLike(value: unknown): value is TensorLike {
  return (
    value instanceof Tensor ||
    isTypedArray(value) ||
    isTensorData(value) ||
    typeof value === 'number' ||
    typeof value === 'boolean' ||
    typeof value === 'bigint' ||
    typeof value === 'string' ||
    Array.isArray(value) ||
    (typeof value === 'object' && value !== null && 'read' in value && typeof value.read === 'function')
  );
}

/** Whether data is a source of batches rather than tensors. */
export function isBatchSource(value: unknown): value is BatchSource {
  if (typeof value !== 'object' || value === null || isTensorLike(value)) return false;
  return Symbol.iterator in value || Symbol.asyncIterator in value;
}

/**
 * A tensor for each slot. One slot takes an array as its data, several take a list of as many; a plain object is a dict by
 * name, unless it is `{data, shape}`.
 */
export function toSlots(what: string, data: DataLike, slots: readonly Slot[]): (Tensor | null)[] {
  if (!isTensorLike(data)) {
    if (typeof data !== 'object' || data === null)
      throw new TypeError(`${what} must be a tensor or something a tensor can be made from, got ${String(data)}.`);
    const dict = data as Record<string, TensorLike>;
    for (const key of Object.keys(dict)) {
      if (!slots.some(({ name }) => name === key)) {
        throw new ValueError(
          `${what} holds '${key}', which the model does not have. It has: ${slots.map(({ name }) => `'${name}'`).join(', ')}.`,
        );
      }
    }
    return slots.map((slot) => (dict[slot.name] === undefined ? null : fitted(what, dict[slot.name] as TensorLike, slot)));
  }
  if (slots.length === 1) return [fitted(what, unwrapSingle(data), slots[0] as Slot)];
  if (!Array.isArray(data))
    throw new ValueError(
      `${what} must be a list of ${slots.length} tensors: the model has ${slots.map(({ name }) => `'${name}'`).join(', ')}.`,
    );
  if (data.length !== slots.length) {
    throw new ValueError(
      `${what} is a list of ${data.length}, but the model expects ${slots.length} tensors: ${slots.map(({ name }) => `'${name}'`).join(', ')}.`,
    );
  }
  return slots.map((slot, i) => fitted(what, data[i] as TensorLike, slot));
}

/** `[tensor]` for a model with one input is that tensor. */
function unwrapSingle(data: TensorLike): TensorLike {
  if (Array.isArray(data) && data.length === 1) {
    const [only] = data as readonly unknown[];
    if (only instanceof Tensor || isTensorData(only)) return only as Tensor | TensorData;
  }
  return data;
}

/** A typed array of a model's input is cut by the shape that the model knows. */
function fitted(what: string, value: TensorLike, { shape, name }: Slot): Tensor {
  if (!isTypedArray(value) || shape === null || shape.length <= 1) return tensor(value);
  const inner = shape.slice(1);
  if (inner.some((d) => d === null)) return tensor(value);
  const row = sizeOf(inner as number[]);
  if (row === 1 || value.length % row !== 0) {
    if (row === 1) return tensor(value, [value.length, ...(inner as number[])]);
    throw new ValueError(`${what} for '${name}' has ${value.length} values, which is no multiple of the ${row} of one sample.`);
  }
  return tensor(value, [value.length / row, ...(inner as number[])]);
}

export function batchOf(
  x: (Tensor | null)[],
  y: (Tensor | null)[],
  sampleWeight: (Tensor | null)[],
  slots: readonly Slot[],
): Batch {
  const inputs = x.map((value, i) => {
    if (value === null) throw new ValueError(`Input '${slots[i]?.name ?? i}' is missing.`);
    return value;
  });
  const size = samples('x', inputs);
  for (const [what, list] of [
    ['y', y],
    ['sampleWeight', sampleWeight],
  ] as const) {
    const present = list.filter((value) => value !== null);
    const count = present.length > 0 ? samples(what, present) : size;
    if (count !== size)
      throw new ValueError(
        `Data cardinality is ambiguous: x has ${size} samples, ${what} has ${count}. Make sure all arrays contain the same number of samples.`,
      );
  }
  return { x: inputs, y, sampleWeight, size };
}

function samples(what: string, tensors: readonly Tensor[]): number {
  const counts = tensors.map(({ shape }) => shape[0]);
  const [first] = counts;
  if (first === undefined || counts.some((count) => count === undefined))
    throw new ValueError(`${what} must have a first dimension that counts samples.`);
  if (counts.some((count) => count !== first)) {
    throw new ValueError(
      `Data cardinality is ambiguous: the tensors of ${what} have ${counts.join(', ')} samples. Make sure all arrays contain the same number of samples.`,
    );
  }
  return first;
}

/** Rows of every tensor of a batch. */
export function takeRows(batch: Batch, rows: ArrayLike<number> | { begin: number; end: number }): Batch {
  const take = <T extends Tensor | null>(value: T): T => {
    if (value === null) return value;
    return ('begin' in rows ? value._rows(rows.begin, rows.end) : value._gather(rows)) as T;
  };
  const size = 'begin' in rows ? rows.end - rows.begin : rows.length;
  return { x: batch.x.map(take), y: batch.y.map(take), sampleWeight: batch.sampleWeight.map(take), size };
}

const DRAWS = 2 ** 31 - 1;

/** The numbers 0 … count − 1 in random order (Fisher-Yates), drawn by the engine: `setRandomSeed` makes it repeat itself. */
export function shuffledRows(count: number): Uint32Array {
  const rows = Uint32Array.from({ length: count }, (_, i) => i);
  const int32 = (value: number[] | number): Tensor => tensor(value, undefined, 'int32');
  const draws = ops.random.uniformInt(int32([count]), int32(0), int32(DRAWS)).dataSync() as Int32Array;
  for (let i = count - 1; i > 0; i--) {
    const j = Math.floor(((draws[i] as number) / DRAWS) * (i + 1));
    [rows[i], rows[j]] = [rows[j] as number, rows[i] as number];
  }
  return rows;
}

/** Weights for each sample from weights for each class, multiplied with those that are there already. */
export function applyClassWeight(batch: Batch, classWeight: Record<number, number>): Batch {
  const [y] = batch.y;
  if (batch.y.length !== 1 || y === undefined || y === null)
    throw new ValueError('`classWeight` is only supported for models with a single output.');
  const classes = batch.size === 0 ? 0 : y.size / batch.size;
  const values = y.dataSync();
  const own = batch.sampleWeight[0]?.dataSync();
  const weights = Float32Array.from({ length: batch.size }, (_, sample) => {
    let label = Number(values[sample * classes]);
    if (classes > 1) {
      for (let c = 0, best = -Infinity; c < classes; c++) {
        const value = Number(values[sample * classes + c]);
        if (value > best) [best, label] = [value, c];
      }
    }
    return (classWeight[label] ?? 1) * (own ? Number(own[sample]) : 1);
  });
  return { ...batch, sampleWeight: [tensor(weights)] };
}

/** Joins the outputs of batches. */
export function concatRows(parts: readonly Tensor[]): Tensor {
  const [first] = parts as readonly [Tensor, ...Tensor[]];
  if (parts.length === 1) return first;
  const total = parts.reduce((rows, { shape }) => rows + (shape[0] ?? 1), 0);
  const shape = [total, ...first.shape.slice(1)];
  if (first.dtype === 'string') {
    return tensor(
      parts.flatMap((part) => [...(part.dataSync() as string[])]),
      shape,
      'string',
    );
  }
  const bytes = new Uint8Array(parts.reduce((size, part) => size + part.bytes().length, 0));
  let at = 0;
  for (const part of parts) {
    bytes.set(part.bytes(), at);
    at += part.bytes().length;
  }
  return new Tensor(first.dtype, shape, bytes);
}
