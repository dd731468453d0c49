// Tensors: plain JavaScript memory with a dtype and a shape. They are copied into the engine where an op uses them.
import {
  type DType,
  DTYPES,
  type TypedArray,
  bfloatToNumber,
  dtypeFromNumber,
  dtypeOfArray,
  halfToNumber,
  isDType,
  numberToBfloat,
  numberToHalf,
} from './dtype.js';
import { TypeError, ValueError } from './errors.js';
import type { NativeTensor } from './engine/native.js';

export type Scalar = number | bigint | boolean | string | Uint8Array;
export type NestedArray<T> = T | readonly NestedArray<T>[];
/** A plain object that holds a tensor. */
export interface TensorData {
  data: TypedArray | readonly Scalar[];
  shape: readonly number[];
  dtype?: DType;
}
/** Everything that is taken where a tensor is asked for. */
export type TensorLike = Tensor | TensorData | TypedArray | NestedArray<Scalar> | { read(): Tensor };
/** What `data()` and `dataSync()` return; strings that are no UTF-8 come as bytes. */
export type TensorValues = Exclude<TypedArray, Uint8ClampedArray> | (string | Uint8Array)[];

const encoder = new TextEncoder();
const strictDecoder = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true });

/**
 * An array of numbers, booleans or strings. Its memory is an ordinary `ArrayBuffer` that the garbage collector frees:
 * nothing has to be disposed of.
 */
export class Tensor implements Disposable {
  readonly dtype: DType;
  readonly shape: number[];
  /** Number of elements. */
  readonly size: number;
  #bytes: Uint8Array;
  #strings: Uint8Array[] | undefined;

  /** @internal Use `tensor()`. `bytes` are the raw elements; of strings, `strings` are. */
  constructor(dtype: DType, shape: readonly number[], bytes: Uint8Array, strings?: Uint8Array[]) {
    this.dtype = dtype;
    this.shape = [...shape];
    this.size = sizeOf(shape);
    this.#bytes = bytes;
    this.#strings = strings;
  }

  /** Number of dimensions. */
  get rank(): number {
    return this.shape.length;
  }
  /** The raw bytes, little-endian and row by row. Empty for strings. */
  bytes(): Uint8Array {
    return this.#bytes;
  }
  /**
   * The elements, row by row. `int64` and `uint64` come as BigInts; `float16` and `bfloat16` as `Float32Array`; `bool` as
   * 0 and 1 in a `Uint8Array`; complex numbers as pairs.
   */
  dataSync(): TensorValues {
    if (this.dtype === 'string') return (this.#strings ?? []).map(decodeString);
    if (this.dtype === 'float16') return Float32Array.from(this.#raw() as Uint16Array, halfToNumber);
    if (this.dtype === 'bfloat16') return Float32Array.from(this.#raw() as Uint16Array, bfloatToNumber);
    return this.#raw();
  }
  /** As `dataSync`. */
  async data(): Promise<TensorValues> {
    return this.dataSync();
  }
  /** The elements as nested arrays; a scalar as itself. */
  arraySync(): NestedArray<Scalar> {
    const data = this.dataSync();
    const isBool = this.dtype === 'bool';
    let at = 0;
    const level = (axis: number): NestedArray<Scalar> => {
      if (axis < this.shape.length) return Array.from({ length: this.shape[axis] as number }, () => level(axis + 1));
      const value = data[at++] as Scalar;
      return isBool ? value !== 0 : value;
    };
    return level(0);
  }
  /** As `arraySync`. */
  async array(): Promise<NestedArray<Scalar>> {
    return this.arraySync();
  }
  /** The same elements under another shape; one dimension may be -1. */
  reshape(shape: readonly number[]): Tensor {
    const known = shape.filter((d) => d !== -1).reduce((a, b) => a * b, 1);
    const full = shape.map((d) => (d === -1 ? this.size / known : d));
    if (sizeOf(full) !== this.size || !full.every(Number.isInteger)) {
      throw new ValueError(`Cannot reshape a tensor of shape [${this.shape}] to [${shape}].`);
    }
    return new Tensor(this.dtype, full, this.#bytes, this.#strings);
  }
  /** Lets go of the memory. Never needed: there for code written for other libraries. */
  dispose(): void {}
  [Symbol.dispose](): void {}

  toString(): string {
    return `Tensor(${this.dtype} [${this.shape}])`;
  }

  #raw(): Exclude<TypedArray, Uint8ClampedArray> {
    const { array, bytes } = DTYPES[this.dtype];
    const source = this.#bytes;
    const aligned = source.byteOffset % Math.min(bytes, 8) === 0 ? source : source.slice();
    return new array(aligned.buffer as ArrayBuffer, aligned.byteOffset, aligned.byteLength / array.BYTES_PER_ELEMENT);
  }

  /** @internal Rows `begin` to `end` of the first axis, sharing memory. */
  _rows(begin: number, end: number): Tensor {
    const shape = [end - begin, ...this.shape.slice(1)];
    const row = sizeOf(this.shape.slice(1));
    const width = row * DTYPES[this.dtype].bytes;
    return new Tensor(
      this.dtype,
      shape,
      this.#bytes.subarray(begin * width, end * width),
      this.#strings?.slice(begin * row, end * row),
    );
  }
  /** @internal The rows of these numbers, copied. */
  _gather(rows: ArrayLike<number>): Tensor {
    const shape = [rows.length, ...this.shape.slice(1)];
    const row = sizeOf(this.shape.slice(1));
    if (this.#strings) {
      const strings: Uint8Array[] = [];
      for (let i = 0; i < rows.length; i++) {
        const from = (rows[i] as number) * row;
        strings.push(...this.#strings.slice(from, from + row));
      }
      return new Tensor(this.dtype, shape, this.#bytes, strings);
    }
    const width = row * DTYPES[this.dtype].bytes;
    const bytes = new Uint8Array(rows.length * width);
    for (let i = 0; i < rows.length; i++) {
      const from = (rows[i] as number) * width;
      bytes.set(this.#bytes.subarray(from, from + width), i * width);
    }
    return new Tensor(this.dtype, shape, bytes);
  }
  /** @internal The form in which it crosses into the engine. */
  _native(): NativeTensor {
    const dtype = DTYPES[this.dtype].number;
    if (!this.#strings) return { dtype, shape: this.shape, data: this.#bytes };
    return { dtype, shape: this.shape, data: concatBytes(this.#strings), lengths: this.#strings.map((s) => s.length) };
  }
  /** @internal */
  static _from({ dtype, shape, data, lengths }: NativeTensor): Tensor {
    const name = dtypeFromNumber(dtype);
    if (!lengths) return new Tensor(name, shape, data);
    let at = 0;
    const strings = Array.from(lengths, (count) => data.subarray(at, (at += count)));
    return new Tensor(name, shape, new Uint8Array(0), strings);
  }
}

/** @internal */
export function sizeOf(shape: readonly number[]): number {
  return shape.reduce((a, b) => a * b, 1);
}

/** @internal Joins arrays of bytes. */
export function concatBytes(parts: readonly Uint8Array[]): Uint8Array<ArrayBuffer> {
  const result = new Uint8Array(parts.reduce((total, part) => total + part.length, 0));
  let at = 0;
  for (const part of parts) {
    result.set(part, at);
    at += part.length;
  }
  return result;
}

function decodeString(bytes: Uint8Array): string | Uint8Array {
  try {
    return strictDecoder.decode(bytes);
  } catch {
    return bytes;
  }
}

export function isTypedArray(value: unknown): value is TypedArray {
  return ArrayBuffer.isView(value) && !(value instanceof DataView);
}

/**
 * Makes a tensor.
 * @param data   nested arrays, a typed array, numbers, BigInts, booleans or strings; or another tensor
 * @param shape  defaults to the shape of `data`; needed for a flat array that has more dimensions
 * @param dtype  defaults to float32 for numbers, int64 for BigInts, bool, string, or the kind of the typed array
 * @throws {ValueError} the arrays are ragged, or `shape` asks for another number of elements
 * @example const t = keras.tensor([[1, 2], [3, 4]]);   // float32 [2, 2]
 */
export function tensor(data: TensorLike, shape?: readonly number[], dtype?: DType): Tensor {
  if (dtype !== undefined && !isDType(dtype)) throw new TypeError(`'${String(dtype)}' is no dtype.`);
  if (data instanceof Tensor) return convert(data, shape, dtype);
  if (isReadable(data)) return convert(data.read(), shape, dtype);
  if (isTypedArray(data)) return fromTyped(data, shape ?? [data.length], dtype);
  if (isTensorData(data)) {
    const whole = isTypedArray(data.data)
      ? fromTyped(data.data, data.shape, data.dtype)
      : fromFlat(data.data, data.shape, data.dtype);
    return convert(whole, shape, dtype);
  }
  return fromNested(data as NestedArray<Scalar>, shape, dtype);
}

/** Whether a plain object is `{data, shape}`. */
export function isTensorData(value: unknown): value is TensorData {
  return typeof value === 'object' && value !== null && 'data' in value && 'shape' in value && Array.isArray(value.shape);
}

function isReadable(value: unknown): value is { read(): Tensor } {
  return typeof value === 'object' && value !== null && 'read' in value && typeof value.read === 'function';
}

function checkSize(count: number, shape: readonly number[]): void {
  if (shape.some((d) => !Number.isInteger(d) || d < 0)) throw new ValueError(`[${shape}] is no shape of a tensor.`);
  if (sizeOf(shape) !== count) throw new ValueError(`Shape [${shape}] holds ${sizeOf(shape)} elements, but ${count} were given.`);
}

const FAST_CASTS = { float32: Float32Array, float64: Float64Array, int32: Int32Array };

function convert(value: Tensor, shape: readonly number[] | undefined, dtype: DType | undefined): Tensor {
  const shaped = shape === undefined ? value : value.reshape(shape);
  if (dtype === undefined || dtype === value.dtype) return shaped;
  const data = shaped.dataSync();
  if (
    (dtype === 'float32' || dtype === 'float64' || dtype === 'int32') &&
    !Array.isArray(data) &&
    !(data instanceof BigInt64Array) &&
    !(data instanceof BigUint64Array) &&
    !shaped.dtype.startsWith('complex')
  ) {
    const array = new FAST_CASTS[dtype](data); // the common casts, without a list of values in between
    return new Tensor(dtype, shaped.shape, new Uint8Array(array.buffer as ArrayBuffer));
  }
  return fromFlat(Array.isArray(data) ? data : Array.from(data as Iterable<Scalar>), shaped.shape, dtype);
}

function fromTyped(array: TypedArray, shape: readonly number[], dtype: DType | undefined): Tensor {
  const own = dtypeOfArray(array);
  const perElement = dtype === 'complex64' || dtype === 'complex128' ? 2 : 1;
  checkSize(array.length / perElement, shape);
  const same =
    dtype === undefined ||
    dtype === own ||
    (dtype === 'bool' && own === 'uint8') ||
    (dtype === 'complex64' && own === 'float32') ||
    (dtype === 'complex128' && own === 'float64');
  if (same) {
    // A copy: what the caller does with the array later does not change the tensor.
    return new Tensor(dtype ?? own, shape, new Uint8Array(array.buffer, array.byteOffset, array.byteLength).slice());
  }
  return fromFlat(Array.from(array as Iterable<number | bigint>), shape, dtype);
}

function fromNested(value: NestedArray<Scalar>, shape: readonly number[] | undefined, dtype: DType | undefined): Tensor {
  const own: number[] = [];
  for (let level: NestedArray<Scalar> = value; Array.isArray(level); level = level[0] as NestedArray<Scalar>) {
    own.push(level.length);
    if (level.length === 0) break;
  }
  // The innermost level may be typed arrays or whole tensors.
  const flat: Scalar[] = [];
  let inner: readonly number[] | null = null;
  const collect = (level: unknown, axis: number): void => {
    if (axis < own.length) {
      if (!Array.isArray(level) || level.length !== own[axis]) {
        throw new ValueError('The nested arrays do not all have the same length: they make no tensor.');
      }
      for (const item of level) collect(item, axis + 1);
    } else if (level instanceof Uint8Array && dtype === 'string') {
      flat.push(level);
    } else if (isTypedArray(level) || level instanceof Tensor || isTensorData(level)) {
      const part = tensor(level);
      if (inner !== null && String(inner) !== String(part.shape)) throw new ValueError('The parts of the array differ in shape.');
      inner = part.shape;
      for (const item of part.dataSync()) flat.push(item as Scalar);
    } else {
      if (Array.isArray(level)) throw new ValueError('The nested arrays do not all have the same depth: they make no tensor.');
      flat.push(level as Scalar);
    }
  };
  collect(value, 0);
  return fromFlat(flat, shape ?? [...own, ...(inner ?? [])], dtype);
}

function defaultDType(values: readonly Scalar[]): DType {
  if (values[0] instanceof Uint8Array) return 'string';
  switch (typeof values[0]) {
    case 'string':
      return 'string';
    case 'boolean':
      return 'bool';
    case 'bigint':
      return 'int64';
    default:
      return 'float32';
  }
}

function fromFlat(values: readonly Scalar[], shape: readonly number[], dtype: DType = defaultDType(values)): Tensor {
  if (dtype === 'complex64' || dtype === 'complex128') {
    throw new TypeError(`Complex tensors are made from a typed array of pairs, not from ${typeof values[0]} values.`);
  }
  checkSize(values.length, shape);
  if (dtype === 'string') {
    return new Tensor(
      dtype,
      shape,
      new Uint8Array(0),
      values.map((v) => (v instanceof Uint8Array ? v : encoder.encode(checkedString(v)))),
    );
  }
  for (const value of values) {
    if (typeof value !== 'number' && typeof value !== 'boolean' && typeof value !== 'bigint') {
      throw new TypeError(`A ${dtype} tensor cannot hold ${value === null ? 'null' : `a value of type ${typeof value}`}.`);
    }
  }
  const array = new DTYPES[dtype].array(values.length);
  if (array instanceof BigInt64Array || array instanceof BigUint64Array) {
    values.forEach((v, i) => (array[i] = toBigInt(v)));
  } else if (dtype === 'float16' || dtype === 'bfloat16') {
    const encode = dtype === 'float16' ? numberToHalf : numberToBfloat;
    values.forEach((v, i) => (array[i] = encode(Number(v))));
  } else if (dtype === 'bool') {
    values.forEach((v, i) => (array[i] = v ? 1 : 0));
  } else {
    values.forEach((v, i) => (array[i] = Number(v)));
  }
  return new Tensor(dtype, shape, new Uint8Array(array.buffer));
}

function checkedString(value: Scalar): string {
  if (typeof value === 'string') return value;
  throw new TypeError(`A string tensor cannot hold ${value === null ? 'null' : `a value of type ${typeof value}`}.`);
}

function toBigInt(value: Scalar): bigint {
  if (typeof value === 'bigint') return value;
  const number = Math.trunc(Number(value));
  if (!Number.isSafeInteger(number)) throw new ValueError(`${String(value)} is no safe integer: give it as a BigInt.`);
  return BigInt(number);
}
