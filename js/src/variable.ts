// Variables: named values in the engine's memory that layers and optimizers share.
import { type DType, dtypeFromNumber } from './dtype.js';
import { native } from './engine/index.js';
import type { NativeGraphTensor, NativeVariable } from './engine/native.js';
import { ValueError } from './errors.js';
import { Handle, wrapperOf } from './handle.js';
import { GraphTensor, SymbolicTensor } from './symbolic.js';
import { Tensor, type TensorLike, type TensorValues, tensor } from './tensor.js';

/** A variable that lives in the engine's memory. Freed by `dispose()`, by `using`, or, late, when it is collected. */
export class Variable implements Disposable {
  readonly #handle: Handle;
  /** As Keras names it: `dense/kernel:0`. */
  readonly name: string;
  readonly dtype: DType;
  readonly shape: number[];
  readonly trainable: boolean;

  /** @internal Use `variable()`. */
  constructor({ id, name, dtype, shape, trainable }: NativeVariable) {
    this.#handle = new Handle(this, 'variable', id);
    this.name = `${name}:0`;
    this.dtype = dtypeFromNumber(dtype);
    this.shape = shape;
    this.trainable = trainable;
  }
  /** The value, as a copy; inside a traced function, symbolic: what the variable holds at that point of each run. */
  read<R extends Tensor | SymbolicTensor = Tensor>(): R {
    if (native().isTracing()) {
      const [info] = native().emitOp('Identity', [{ variable: this.#handle.id }], {});
      return new GraphTensor(info as NativeGraphTensor) as unknown as R;
    }
    return Tensor._from(native().readVariable(this.#handle.id)) as unknown as R;
  }
  dataSync(): TensorValues {
    return this.read().dataSync();
  }
  /** Sets the value; inside a traced function, at each run. Throws ValueError for another shape. */
  assign(value: TensorLike | SymbolicTensor): this {
    if (native().isTracing()) return this.#assignInTrace('Assign', value);
    if (value instanceof SymbolicTensor) return value.dataSync();
    const given = tensor(value);
    if (String(given.shape) !== String(this.shape)) {
      throw new ValueError(
        `Cannot assign value to variable ' ${this.name}': Shape mismatch.The variable shape ` +
          `${pythonTuple(this.shape)}, and the assigned value shape ${pythonTuple(given.shape)} are incompatible.`,
      );
    }
    native().assignVariable(this.#handle.id, tensor(given, undefined, this.dtype)._native());
    return this;
  }
  /** Adds to the value; inside a traced function, at each run. */
  assignAdd(value: TensorLike | SymbolicTensor): this {
    if (native().isTracing()) return this.#assignInTrace('AssignAdd', value);
    if (value instanceof SymbolicTensor) return value.dataSync();
    const own = this.read()._native();
    const [sum] = native().runOp('AddV2', [own, tensor(value, undefined, this.dtype)._native()], {});
    return this.assign(Tensor._from(sum as NonNullable<typeof sum>));
  }
  /** Subtracts from the value; inside a traced function, at each run. */
  assignSub(value: TensorLike | SymbolicTensor): this {
    if (native().isTracing()) return this.#assignInTrace('AssignSub', value);
    if (value instanceof SymbolicTensor) return value.dataSync();
    const own = this.read()._native();
    const [difference] = native().runOp('Sub', [own, tensor(value, undefined, this.dtype)._native()], {});
    return this.assign(Tensor._from(difference as NonNullable<typeof difference>));
  }
  #assignInTrace(kind: 'Assign' | 'AssignAdd' | 'AssignSub', value: TensorLike | SymbolicTensor): this {
    const operand = value instanceof GraphTensor ? value._native : tensor(value as TensorLike, undefined, this.dtype)._native();
    native().assignInTrace(kind, this.#handle.id, operand);
    return this;
  }
  /** Lets go of the handle. The value stays as long as a layer or an optimizer uses it. */
  dispose(): void {
    this.#handle.dispose();
  }
  [Symbol.dispose](): void {
    this.dispose();
  }
  /** @internal */
  get _id(): number {
    return this.#handle.id;
  }
  /** @internal */
  _trackedNode(): { variable: number } {
    return { variable: this._id };
  }
}

export interface VariableOptions {
  name?: string;
  trainable?: boolean;
  dtype?: DType;
}

/**
 * Makes a variable, as `tf.Variable`.
 * @example const step = keras.variable(0, { name: 'step', dtype: 'int64', trainable: false });
 */
export function variable(value: TensorLike, { name = 'Variable', trainable = true, dtype }: VariableOptions = {}): Variable {
  return new Variable(native().makeVariable(name, tensor(value, undefined, dtype)._native(), trainable));
}

/** @internal The Variable for what the engine returned. */
export function variableFrom(info: NativeVariable): Variable {
  const existing = wrapperOf('variable', info.id);
  return existing instanceof Variable && existing.trainable === info.trainable ? existing : new Variable(info);
}

/** @internal "(3,)" as Python prints a tuple; null is None. */
export function pythonTuple(shape: readonly (number | null)[]): string {
  const items = shape.map((d) => (d === null ? 'None' : String(d)));
  return items.length === 1 ? `(${items[0]},)` : `(${items.join(', ')})`;
}
