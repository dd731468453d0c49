// Symbolic tensors: what layers are called on while a model is built or a custom layer is traced. They have no values.
import type { DType } from './dtype.js';
import type { NativeGraphTensor, NativeKerasTensor, NativeShape } from './engine/native.js';
import { RuntimeError } from './errors.js';

/** A shape whose unknown dimensions are null. */
export type SymbolicShape = (number | null)[];

/** A tensor without a value: an input, or the output of a layer or op that has been called on one. */
export abstract class SymbolicTensor {
  readonly dtype: DType;
  readonly shape: SymbolicShape;

  /** @internal */
  constructor(dtype: string, shape: NativeShape) {
    this.dtype = dtype as DType;
    this.shape = shape ?? [];
  }
  get rank(): number {
    return this.shape.length;
  }
  /** Throws: there is no value yet. */
  dataSync(): never {
    throw new RuntimeError(
      'This tensor is symbolic: while a layer or model is traced there are no values to read. ' +
        'Compute with `keras.ops`, or call the layer on a real tensor.',
    );
  }
  /** Throws: there is no value yet. */
  data(): never {
    return this.dataSync();
  }
  /** Throws: there is no value yet. */
  arraySync(): never {
    return this.dataSync();
  }
}

/** A symbolic tensor of a Functional model: output of one call of one layer. */
export class KerasTensor extends SymbolicTensor {
  /** @internal */
  readonly _native: NativeKerasTensor;
  /** Keeps the layer's handle: `_native` holds its number. */
  readonly #layer: object;

  /** @internal */
  constructor(info: NativeKerasTensor) {
    super(info.dtype, info.shape);
    this._native = info;
    this.#layer = layerOf(info.layer);
  }
  /** @internal The layer whose output this is. */
  get _layer(): object {
    return this.#layer;
  }
}

let layerOf: (id: number) => object;
/** @internal Set by layers/, which knows how to make Layers. */
export function setLayerLookup(lookup: (id: number) => object): void {
  layerOf = lookup;
}

/** A symbolic tensor inside the `call` of a custom layer. */
export class GraphTensor extends SymbolicTensor {
  /** @internal */
  readonly _native: NativeGraphTensor;

  /** @internal */
  constructor(info: NativeGraphTensor) {
    super(info.dtype, info.shape);
    this._native = info;
  }
}
