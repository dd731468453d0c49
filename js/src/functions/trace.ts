// Tracing: running JavaScript code once on symbolic tensors, so that the engine has it as a function.
import type { DType } from '../dtype.js';
import { native } from '../engine/index.js';
import type { NativeGraphTensor } from '../engine/native.js';
import { TypeError } from '../errors.js';
import { Handle } from '../handle.js';
import { type Operand, toNative } from '../ops/call.js';
import { GraphTensor, KerasTensor, type SymbolicShape, SymbolicTensor } from '../symbolic.js';
import { Tensor, isTensorData, isTypedArray, tensor } from '../tensor.js';
import { Variable } from '../variable.js';

/** What a traced function takes: dtype and shape of a tensor; null where a dimension may be any. */
export interface TensorSpec {
  shape?: SymbolicShape | null;
  dtype?: DType;
  name?: string;
}

/** Whether a value is a tensor of some kind by itself: not a number, not an array of numbers. */
export function isTensor(value: unknown): value is Tensor | SymbolicTensor {
  return value instanceof Tensor || value instanceof SymbolicTensor;
}

/** The shape as far as it is known; null where even the rank is not. */
export function shapeOf(value: Tensor | SymbolicTensor | Variable): SymbolicShape | null {
  return value instanceof GraphTensor ? value._native.shape : value.shape;
}

/** Whether a shape can be one that the other describes. */
export function fitsShape(shape: SymbolicShape | null, wanted: SymbolicShape | null): boolean {
  if (shape === null || wanted === null) return true;
  return shape.length === wanted.length && wanted.every((d, axis) => d === null || shape[axis] === null || d === shape[axis]);
}

/** Runs `body` on symbolic arguments. Returns the number of the trace, to be compiled or made part of another. */
export function traced(
  name: string,
  specs: readonly Required<Pick<TensorSpec, 'shape' | 'dtype'>>[],
  training: boolean,
  body: (args: GraphTensor[]) => readonly Operand[],
): number {
  const engine = native();
  const id = engine.beginTrace(name, training);
  try {
    const args = specs.map(({ dtype, shape }, i) => new GraphTensor(engine.traceArg(`arg_${i}`, dtype, shape)));
    engine.endTrace(
      id,
      body(args).map((result) => toNative(known(result))),
    );
    return id;
  } catch (error) {
    engine.abortTrace(id);
    throw error;
  }
}

/** An operand as something with a dtype and a shape. */
export function known(operand: Operand): Tensor | SymbolicTensor | Variable {
  if (operand instanceof Promise) throw new TypeError('A traced function returned a Promise: it must be synchronous.');
  return isTensor(operand) || operand instanceof Variable ? operand : tensor(operand);
}

/** An operand as a value of its own in the graph that is being traced. */
export function symbolic(operand: Operand): GraphTensor {
  const [info] = native().emitOp('Identity', [toNative(known(operand))], {});
  return new GraphTensor(info as NativeGraphTensor);
}

/** A function that the engine runs. */
export class CompiledFunction {
  readonly #handle: Handle;

  constructor(id: number) {
    this.#handle = new Handle(this, 'function', id);
  }
  /** Runs it; while another function is traced, calls it from there. */
  call(inputs: readonly (Tensor | SymbolicTensor | Variable)[]): (Tensor | SymbolicTensor)[] {
    if (native().isTracing()) {
      return native()
        .callFunction(this.#handle.id, inputs.map(toNative))
        .map((info) => new GraphTensor(info));
    }
    return native()
      .runFunction(this.#handle.id, inputs.map(value))
      .map((info) => Tensor._from(info));
  }
  dispose(): void {
    this.#handle.dispose();
  }
}

function value(input: Tensor | SymbolicTensor | Variable): ReturnType<Tensor['_native']> {
  if (input instanceof KerasTensor || input instanceof GraphTensor) return input.dataSync();
  return (input instanceof Variable ? input.read() : (input as Tensor))._native();
}

/** Whether a value is a tensor or can only be meant as one: nested arrays of numbers, typed arrays, `{data, shape}`. */
export function isTensorLike(candidate: unknown): boolean {
  if (isTensor(candidate) || isTypedArray(candidate) || isTensorData(candidate)) return true;
  if (!Array.isArray(candidate) || candidate.length === 0) return false;
  return candidate.every(
    (item) => typeof item === 'number' || typeof item === 'bigint' || (Array.isArray(item) && isTensorLike(item)),
  );
}
