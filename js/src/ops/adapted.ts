// Ops whose form in TensorFlow's Python API differs from that of the op itself.
import type { DType } from '../dtype.js';
import { TypeError } from '../errors.js';
import { OPS } from '../generated/ops.js';
import { SymbolicTensor } from '../symbolic.js';
import { Tensor, tensor } from '../tensor.js';
import { Variable } from '../variable.js';
import { type OpInfo, type Operand, type Result, callOp, opName } from './call.js';

type Axes = number | readonly number[];

function one<T>(op: OpInfo, operands: readonly (Operand | readonly Operand[])[], attrs?: Record<string, unknown>): Result<T> {
  return callOp(op, operands, attrs)[0] as Result<T>;
}

/** The operand as something with a shape. */
function shaped(x: Operand): Tensor | SymbolicTensor | Variable {
  return x instanceof Tensor || x instanceof SymbolicTensor || x instanceof Variable ? x : tensor(x);
}
function rankOf(x: Tensor | SymbolicTensor | Variable): number {
  return x.shape.length;
}
const ints = (values: readonly number[]): Tensor => tensor(Int32Array.from(values));
const int = (value: number): Tensor => tensor(Int32Array.of(value), []);

export interface ReduceOptions {
  /** Default: all axes. */
  axis?: Axes | null;
  keepdims?: boolean;
}
type Reduction = <T extends Operand>(x: T, options?: ReduceOptions) => Result<T>;

function reduction(op: OpInfo): Reduction {
  return <T extends Operand>(x: T, { axis = null, keepdims = false }: ReduceOptions = {}): Result<T> => {
    const value = shaped(x);
    const axes = axis === null ? Array.from({ length: rankOf(value) }, (_, i) => i) : typeof axis === 'number' ? [axis] : axis;
    return one<T>(op, [value, ints(axes)], { keep_dims: keepdims });
  };
}

export const math = {
  reduceSum: reduction(OPS.Sum),
  reduceMean: reduction(OPS.Mean),
  reduceMax: reduction(OPS.Max),
  reduceMin: reduction(OPS.Min),
  reduceProd: reduction(OPS.Prod),
  reduceEuclideanNorm: reduction(OPS.EuclideanNorm),
  reduceAll: reduction(OPS.All),
  reduceAny: reduction(OPS.Any),
  /** Index of the largest element along an axis (default 0), int64. */
  argmax: <T extends Operand>(x: T, { axis = 0, outputType = 'int64' }: { axis?: number; outputType?: DType } = {}): Result<T> =>
    one<T>(OPS.ArgMax, [x, int(axis)], { output_type: outputType }),
  /** Index of the smallest element along an axis (default 0), int64. */
  argmin: <T extends Operand>(x: T, { axis = 0, outputType = 'int64' }: { axis?: number; outputType?: DType } = {}): Result<T> =>
    one<T>(OPS.ArgMin, [x, int(axis)], { output_type: outputType }),
  cumsum: <T extends Operand>(
    x: T,
    { axis = 0, exclusive = false, reverse = false }: { axis?: number; exclusive?: boolean; reverse?: boolean } = {},
  ): Result<T> => one<T>(OPS.Cumsum, [x, int(axis)], { exclusive, reverse }),
  cumprod: <T extends Operand>(
    x: T,
    { axis = 0, exclusive = false, reverse = false }: { axis?: number; exclusive?: boolean; reverse?: boolean } = {},
  ): Result<T> => one<T>(OPS.Cumprod, [x, int(axis)], { exclusive, reverse }),
  cumulativeLogsumexp: <T extends Operand>(
    x: T,
    { axis = 0, exclusive = false, reverse = false }: { axis?: number; exclusive?: boolean; reverse?: boolean } = {},
  ): Result<T> => one<T>(OPS.CumulativeLogsumexp, [x, int(axis)], { exclusive, reverse }),
  /** The k largest elements along the last axis: values and indices. */
  topK: <T extends Operand>(
    x: T,
    { k = 1, sorted = true }: { k?: number; sorted?: boolean } = {},
  ): { values: Result<T>; indices: Result<T> } => {
    const [values, indices] = callOp(OPS.TopKV2, [x, int(k)], { sorted });
    return { values: values as Result<T>, indices: indices as Result<T> };
  },
};

export interface MatmulOptions {
  transposeA?: boolean;
  transposeB?: boolean;
}

export const linalg = {
  /** The matrix product, over leading axes too. */
  matmul: <A extends Operand, B extends Operand>(
    a: A,
    b: B,
    { transposeA = false, transposeB = false }: MatmulOptions = {},
  ): Result<A | B> => {
    const [left, right] = [shaped(a), shaped(b)];
    if (rankOf(left) === 2 && rankOf(right) === 2)
      return one<A | B>(OPS.MatMul, [left, right], { transpose_a: transposeA, transpose_b: transposeB });
    return one<A | B>(OPS.BatchMatMulV2, [left, right], { adj_x: transposeA, adj_y: transposeB });
  },
};

type Padding = 'valid' | 'same';
function pair(value: Axes | undefined, fallback: Axes = 1): number[] {
  const both = value ?? fallback;
  const [height, width] = typeof both === 'number' ? [both, both] : both.length === 4 ? both.slice(1, 3) : both;
  return [1, height as number, (width ?? height) as number, 1];
}
function upper(padding: string): string {
  return padding.toUpperCase();
}

export interface Conv2dOptions {
  /** In elements. Default: 1. */
  strides?: Axes;
  dilations?: Axes;
  /** Default: `'valid'`. */
  padding?: Padding;
}
export interface Pool2dOptions {
  ksize: Axes;
  /** Default: `ksize`. */
  strides?: Axes;
  padding?: Padding;
}

/** Softmax over an axis that need not be the last one. */
function overAxis<T extends Operand>(op: OpInfo, x: T, axis: number): Result<T> {
  const value = shaped(x);
  const rank = rankOf(value);
  const at = axis < 0 ? axis + rank : axis;
  if (at === rank - 1) return one<T>(op, [value]);
  const swap = ints(Array.from({ length: rank }, (_, i) => (i === at ? rank - 1 : i === rank - 1 ? at : i)));
  return one<T>(OPS.Transpose, [one(op, [one(OPS.Transpose, [value, swap])]), swap]);
}

export const nn = {
  softmax: <T extends Operand>(x: T, { axis = -1 }: { axis?: number } = {}): Result<T> => overAxis(OPS.Softmax, x, axis),
  logSoftmax: <T extends Operand>(x: T, { axis = -1 }: { axis?: number } = {}): Result<T> => overAxis(OPS.LogSoftmax, x, axis),
  sigmoid: <T extends Operand>(x: T): Result<T> => one<T>(OPS.Sigmoid, [x]),
  tanh: <T extends Operand>(x: T): Result<T> => one<T>(OPS.Tanh, [x]),
  softplus: <T extends Operand>(x: T): Result<T> => one<T>(OPS.Softplus, [x]),
  /**
   * 2-D convolution, as `tf.nn.conv2d` (op `Conv2D`).
   * @param x        `[batch, height, width, inChannels]`, float32 or float64
   * @param filters  `[filterHeight, filterWidth, inChannels / groups, outChannels]`, dtype of `x`
   * @returns        `[batch, outHeight, outWidth, outChannels]`
   * @throws {InvalidArgumentError} the channels of `x` are no multiple of those of `filters`
   * @example const y = ops.nn.conv2d(x, filters, { strides: 2, padding: 'same' });
   */
  conv2d: <A extends Operand, B extends Operand>(
    x: A,
    filters: B,
    { strides, dilations, padding = 'valid' }: Conv2dOptions = {},
  ): Result<A | B> =>
    one<A | B>(OPS.Conv2D, [x, filters], { strides: pair(strides), dilations: pair(dilations), padding: upper(padding) }),
  /** Each channel by itself (op `DepthwiseConv2dNative`); `filters` is `[height, width, channels, multiplier]`. */
  depthwiseConv2d: <A extends Operand, B extends Operand>(
    x: A,
    filters: B,
    { strides, dilations, padding = 'valid' }: Conv2dOptions = {},
  ): Result<A | B> =>
    one<A | B>(OPS.DepthwiseConv2dNative, [x, filters], {
      strides: pair(strides),
      dilations: pair(dilations),
      padding: upper(padding),
    }),
  maxPool2d: <T extends Operand>(x: T, { ksize, strides, padding = 'valid' }: Pool2dOptions): Result<T> =>
    one<T>(OPS.MaxPool, [x], { ksize: pair(ksize), strides: pair(strides, ksize), padding: upper(padding) }),
  avgPool2d: <T extends Operand>(x: T, { ksize, strides, padding = 'valid' }: Pool2dOptions): Result<T> =>
    one<T>(OPS.AvgPool, [x], { ksize: pair(ksize), strides: pair(strides, ksize), padding: upper(padding) }),
};

export interface ResizeOptions {
  /** Default: `'bilinear'`. */
  method?: 'bilinear' | 'nearest' | 'bicubic' | 'area';
}

export const image = {
  /**
   * Images of another size, as `tf.image.resize`: places are counted from the middles of pixels.
   * @param images  `[batch, height, width, channels]`
   * @param size    height and width of the result
   * @returns       `[batch, size[0], size[1], channels]`, float32; the dtype of `images` where the method is `'nearest'`
   * @throws {InvalidArgumentError} `images` has another rank, or a size is not positive
   */
  resize: <T extends Operand>(
    images: T,
    size: readonly [number, number],
    { method = 'bilinear' }: ResizeOptions = {},
  ): Result<T> => {
    if (method === 'area') return one<T>(OPS.ResizeArea, [images, ints(size)]);
    const op = { bilinear: OPS.ResizeBilinear, nearest: OPS.ResizeNearestNeighbor, bicubic: OPS.ResizeBicubic }[method];
    return one<T>(op, [images, ints(size)], { half_pixel_centers: true });
  },
};

export interface FourierOptions {
  /** The sizes of the transform along its axes: the input is cut or filled up with zeros. Default: those of the input. */
  fftLength?: readonly number[];
}
type Fourier = <T extends Operand>(x: T, options?: FourierOptions) => Result<T>;

/** The input with its last axes of these sizes, filled up with zeros where it is smaller. */
function filledUp(x: Tensor | SymbolicTensor | Variable, sizes: readonly number[]): Operand {
  const first = rankOf(x) - sizes.length;
  const missing = x.shape.map((dim, axis) => (axis < first ? 0 : Math.max((sizes[axis - first] as number) - (dim as number), 0)));
  if (missing.every((count) => count === 0)) return x;
  const paddings = tensor(
    missing.map((count) => [0, count]),
    undefined,
    'int32',
  );
  return one<Tensor>(OPS.Pad, [x, paddings]);
}

function fourier(op: OpInfo, axes: number, inverse: boolean): Fourier {
  return <T extends Operand>(x: T, { fftLength }: FourierOptions = {}): Result<T> => {
    const value = shaped(x);
    const dims = value.shape.slice(rankOf(value) - axes);
    if (rankOf(value) < axes || dims.some((dim) => typeof dim !== 'number'))
      throw new TypeError(`${opName(op)} needs an input whose last ${axes} dimensions are known.`);
    const known = dims as number[];
    const lengths = fftLength ?? known.map((dim, i) => (inverse && i === axes - 1 ? 2 * (dim - 1) : dim));
    if (lengths.length !== axes) throw new TypeError(`${opName(op)} takes ${axes} lengths, found ${lengths.length}.`);
    const sizes = lengths.map((length, i) => (inverse && i === axes - 1 ? Math.floor(length / 2) + 1 : length));
    const double = value.dtype === 'float64' || value.dtype === 'complex128';
    const types = inverse ? { Treal: double ? 'float64' : 'float32' } : { Tcomplex: double ? 'complex128' : 'complex64' };
    return one<T>(op, [filledUp(value, sizes), ints(lengths)], types);
  };
}

/** Transforms between real numbers and the half of their spectrum that says all, as `tf.signal` has them. */
export const signal = {
  rfft: fourier(OPS.RFFT, 1, false),
  rfft2d: fourier(OPS.RFFT2D, 2, false),
  rfft3d: fourier(OPS.RFFT3D, 3, false),
  irfft: fourier(OPS.IRFFT, 1, true),
  irfft2d: fourier(OPS.IRFFT2D, 2, true),
  irfft3d: fourier(OPS.IRFFT3D, 3, true),
};

export const top = {
  cast: <T extends Operand>(x: T, dtype: DType): Result<T> => one<T>(OPS.Cast, [x], { DstT: dtype }),
  /** Joins tensors along an axis. */
  concat: <T extends Operand>(values: readonly T[], axis: number): Result<T> => one<T>(OPS.ConcatV2, [values, int(axis)]),
  /** Cuts into equal parts, or into parts of these sizes. */
  split: <T extends Operand>(x: T, parts: number | readonly number[], { axis = 0 }: { axis?: number } = {}): Result<T>[] => {
    if (typeof parts === 'number') return callOp(OPS.Split, [int(axis), x], { num_split: parts }) as Result<T>[];
    const value = shaped(x);
    const at = axis < 0 ? axis + rankOf(value) : axis;
    let begin = 0;
    return parts.map((size) => {
      const starts = Array.from({ length: rankOf(value) }, (_, i) => (i === at ? begin : 0));
      begin += size;
      return one<T>(OPS.Slice, [value, ints(starts), ints(starts.map((_, i) => (i === at ? size : -1)))]);
    });
  },
  unstack: <T extends Operand>(x: T, { axis = 0 }: { axis?: number } = {}): Result<T>[] => {
    const value = shaped(x);
    const count = value.shape[axis < 0 ? axis + rankOf(value) : axis];
    if (typeof count !== 'number') throw new TypeError('ops.unstack needs an axis of known size.');
    return callOp(OPS.Unpack, [value], { num: count, axis }) as Result<T>[];
  },
  squeeze: <T extends Operand>(x: T, { axis = [] }: { axis?: Axes } = {}): Result<T> =>
    one<T>(OPS.Squeeze, [x], { squeeze_dims: typeof axis === 'number' ? [axis] : axis }),
  expandDims: <T extends Operand>(x: T, axis: number): Result<T> => one<T>(OPS.ExpandDims, [x, int(axis)]),
  /** Permutes the axes; reverses them where no order is given. */
  transpose: <T extends Operand>(x: T, perm?: readonly number[]): Result<T> => {
    const value = shaped(x);
    return one<T>(OPS.Transpose, [value, ints(perm ?? Array.from({ length: rankOf(value) }, (_, i) => rankOf(value) - 1 - i))]);
  },
  gather: <T extends Operand, I extends Operand>(
    params: T,
    indices: I,
    { axis = 0, batchDims = 0 }: { axis?: number; batchDims?: number } = {},
  ): Result<T | I> => one<T | I>(OPS.GatherV2, [params, indices, int(axis)], { batch_dims: batchDims }),
  oneHot: <T extends Operand>(
    indices: T,
    depth: number,
    options: { onValue?: number; offValue?: number; axis?: number; dtype?: DType } = {},
  ): Result<T> => {
    const { onValue = 1, offValue = 0, axis = -1, dtype = 'float32' } = options;
    return one<T>(OPS.OneHot, [indices, int(depth), tensor(onValue, [], dtype), tensor(offValue, [], dtype)], { axis });
  },
  /** Pads with a constant (default 0), or by mirroring. `paddings` has a pair for each axis. */
  pad: <T extends Operand>(
    x: T,
    paddings: readonly (readonly [number, number])[],
    { mode = 'constant', constantValues = 0 }: { mode?: 'constant' | 'reflect' | 'symmetric'; constantValues?: number } = {},
  ): Result<T> => {
    const amounts = tensor(paddings, undefined, 'int32');
    if (mode !== 'constant') return one<T>(OPS.MirrorPad, [x, amounts], { mode: upper(mode) });
    return constantValues === 0 ? one<T>(OPS.Pad, [x, amounts]) : one<T>(OPS.PadV2, [x, amounts, constantValues]);
  },
  /** Numbers from `start` on, below `limit`. */
  range: (start: number, limit: number, delta = 1, dtype: DType = 'int32'): Tensor =>
    one<Tensor>(OPS.Range, [tensor(start, [], dtype), tensor(limit, [], dtype), tensor(delta, [], dtype)]) as Tensor,
};
