// Inputs of Functional models.
import type { DType } from '../dtype.js';
import { native } from '../engine/index.js';
import { TypeError, UnimplementedError } from '../errors.js';
import { KerasTensor, type SymbolicTensor } from '../symbolic.js';

export interface InputArgs {
  /** Without the batch; null for an unknown dimension. */
  shape?: readonly (number | null)[];
  /** With the batch. */
  batchShape?: readonly (number | null)[];
  batchSize?: number;
  /** Default: `'float32'`. */
  dtype?: DType;
  name?: string;
  sparse?: boolean;
  ragged?: boolean;
}

/**
 * An input of a Functional model, as `keras.Input`.
 * @example const x = keras.input({ shape: [32] });
 */
export function input({ shape, batchShape, batchSize, dtype = 'float32', name, sparse, ragged }: InputArgs): SymbolicTensor {
  if (sparse || ragged) throw new UnimplementedError('Sparse and ragged inputs are not supported by this version.');
  if (shape === undefined && batchShape === undefined) throw new TypeError('keras.input needs a `shape` (or a `batchShape`).');
  const full = batchShape ?? [batchSize ?? null, ...(shape as readonly (number | null)[])];
  return new KerasTensor(native().makeInput([...full], dtype, name ?? null));
}
