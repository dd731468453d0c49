// keras.ops: the ops of the registry under the names of TensorFlow's Python API.
import { TypeError } from '../errors.js';
import { cond, whileLoop } from '../functions/control.js';
import * as generated from '../generated/ops.js';
import type { SymbolicTensor } from '../symbolic.js';
import type { Tensor } from '../tensor.js';
import * as adapted from './adapted.js';
import { type Operand, callOp } from './call.js';

export type { Operand, Result } from './call.js';

const math = { ...generated.math, ...adapted.math };
const linalg = { ...generated.linalg, matmul: adapted.linalg.matmul };
const nn = { ...generated.nn, ...adapted.nn };
const image = { ...generated.image, ...adapted.image };
const signal = { ...generated.signal, ...adapted.signal };
const { debugging, quantization, ragged, random, sparse, strings } = generated;

type RawOps = Record<
  keyof typeof generated.OPS,
  (inputs: readonly (Operand | readonly Operand[])[], attrs?: Record<string, unknown>) => (Tensor | SymbolicTensor)[]
>;

const makeRaw = (): RawOps =>
  Object.fromEntries(
    Object.entries(generated.OPS).map(([name, op]) => [
      name,
      (inputs: readonly (Operand | readonly Operand[])[], attrs: Record<string, unknown> = {}) => {
        if (!Array.isArray(inputs)) throw new TypeError(`ops.raw.${name} takes a list of inputs.`);
        return callOp(op, inputs, attrs);
      },
    ]),
  ) as RawOps;
let raw: RawOps | null = null;

/** Each op works on values at once, and inside the `call` of a custom layer on symbolic tensors. */
export const ops = {
  ...generated.top,
  ...adapted.top,
  ...math,
  ...linalg,
  cond,
  whileLoop,
  math,
  linalg,
  nn,
  debugging,
  image,
  quantization,
  random,
  ragged,
  signal,
  sparse,
  strings,
  /** Any op by its TensorFlow name: `ops.raw.AddV2([a, b])`. */
  get raw(): RawOps {
    raw ??= makeRaw(); // functions by the hundred, which most programs never ask for
    return raw;
  },
};
