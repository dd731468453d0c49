// Element types: names as in Python, numbers as in TensorFlow's DataType, and the typed array that holds each.

export type DType =
  | 'float32'
  | 'float64'
  | 'float16'
  | 'bfloat16'
  | 'int8'
  | 'uint8'
  | 'int16'
  | 'uint16'
  | 'int32'
  | 'uint32'
  | 'int64'
  | 'uint64'
  | 'bool'
  | 'string'
  | 'complex64'
  | 'complex128';

export type TypedArray =
  | Float32Array
  | Float64Array
  | Int8Array
  | Uint8Array
  | Uint8ClampedArray
  | Int16Array
  | Uint16Array
  | Int32Array
  | Uint32Array
  | BigInt64Array
  | BigUint64Array;

type ArrayClass =
  | typeof Float32Array
  | typeof Float64Array
  | typeof Int8Array
  | typeof Uint8Array
  | typeof Int16Array
  | typeof Uint16Array
  | typeof Int32Array
  | typeof Uint32Array
  | typeof BigInt64Array
  | typeof BigUint64Array;

interface DTypeInfo {
  /** TensorFlow's number. */
  number: number;
  /** Bytes of one element; 0 for strings. */
  bytes: number;
  /** What holds the raw elements. */
  array: ArrayClass;
}

export const DTYPES: Record<DType, DTypeInfo> = {
  float32: { number: 1, bytes: 4, array: Float32Array },
  float64: { number: 2, bytes: 8, array: Float64Array },
  int32: { number: 3, bytes: 4, array: Int32Array },
  uint8: { number: 4, bytes: 1, array: Uint8Array },
  int16: { number: 5, bytes: 2, array: Int16Array },
  int8: { number: 6, bytes: 1, array: Int8Array },
  string: { number: 7, bytes: 0, array: Uint8Array },
  complex64: { number: 8, bytes: 8, array: Float32Array },
  int64: { number: 9, bytes: 8, array: BigInt64Array },
  bool: { number: 10, bytes: 1, array: Uint8Array },
  bfloat16: { number: 14, bytes: 2, array: Uint16Array },
  uint16: { number: 17, bytes: 2, array: Uint16Array },
  complex128: { number: 18, bytes: 16, array: Float64Array },
  float16: { number: 19, bytes: 2, array: Uint16Array },
  uint32: { number: 22, bytes: 4, array: Uint32Array },
  uint64: { number: 23, bytes: 8, array: BigUint64Array },
};

const BY_NUMBER = new Map((Object.keys(DTYPES) as DType[]).map((name) => [DTYPES[name].number, name]));

export function dtypeFromNumber(number: number): DType {
  const name = BY_NUMBER.get(number);
  if (name === undefined) throw new RangeError(`${number} is no dtype`);
  return name;
}

export function isDType(name: unknown): name is DType {
  return typeof name === 'string' && Object.hasOwn(DTYPES, name);
}

export function isFloating(dtype: DType): boolean {
  return dtype === 'float32' || dtype === 'float64' || dtype === 'float16' || dtype === 'bfloat16';
}

/** The dtype whose elements a typed array holds. */
export function dtypeOfArray(array: TypedArray): DType {
  if (array instanceof Float32Array) return 'float32';
  if (array instanceof Float64Array) return 'float64';
  if (array instanceof Int32Array) return 'int32';
  if (array instanceof Uint8Array || array instanceof Uint8ClampedArray) return 'uint8';
  if (array instanceof Int8Array) return 'int8';
  if (array instanceof Int16Array) return 'int16';
  if (array instanceof Uint16Array) return 'uint16';
  if (array instanceof Uint32Array) return 'uint32';
  if (array instanceof BigInt64Array) return 'int64';
  return 'uint64';
}

const float32 = new Float32Array(1);
const bits32 = new Uint32Array(float32.buffer);

/** The value of an IEEE half. */
export function halfToNumber(half: number): number {
  const sign = half & 0x8000 ? -1 : 1;
  const exponent = (half >> 10) & 31;
  const fraction = half & 1023;
  if (exponent === 31) return fraction ? NaN : sign * Infinity;
  return exponent === 0 ? sign * fraction * 2 ** -24 : sign * (1 + fraction / 1024) * 2 ** (exponent - 15);
}

/** The half nearest to a number, ties to even. */
export function numberToHalf(value: number): number {
  float32[0] = value;
  const bits = bits32[0] as number;
  const sign = (bits >>> 16) & 0x8000;
  const magnitude = Math.abs(float32[0] as number);
  if (Number.isNaN(magnitude)) return sign | 0x7e00;
  if (magnitude >= 65520) return sign | 0x7c00;
  if (magnitude < 2 ** -14) return sign | roundToEven(magnitude * 2 ** 24);
  const exponent = Math.floor(Math.log2(magnitude));
  return sign | (((exponent + 15) << 10) + roundToEven((magnitude / 2 ** exponent - 1) * 1024));
}

export function bfloatToNumber(bfloat: number): number {
  bits32[0] = bfloat << 16;
  return float32[0] as number;
}

/** The bfloat16 nearest to a number, ties to even. */
export function numberToBfloat(value: number): number {
  float32[0] = value;
  const bits = bits32[0] as number;
  if (Number.isNaN(value)) return 0x7fc0;
  return ((bits + 0x7fff + ((bits >>> 16) & 1)) >>> 16) & 0xffff;
}

function roundToEven(value: number): number {
  const low = Math.floor(value);
  const rest = value - low;
  return rest > 0.5 || (rest === 0.5 && low % 2 === 1) ? low + 1 : low;
}
