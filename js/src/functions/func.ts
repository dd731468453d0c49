// keras.func: a JavaScript function as a function of the engine, traced once for each kind of arguments.
import { native } from '../engine/index.js';
import { InvalidArgumentError, RuntimeError, TypeError } from '../errors.js';
import type { Operand } from '../ops/call.js';
import { GraphTensor, type SymbolicTensor } from '../symbolic.js';
import { Tensor, type TensorLike, tensor } from '../tensor.js';
import { type Structure, type flatten, flattenArguments, flattenResults } from './structure.js';
import { CompiledFunction, type TensorSpec, fitsShape, isTensor, shapeOf, traced } from './trace.js';

export interface FuncOptions {
  /** One for each tensor among the arguments. The function is then traced once; unknown dimensions are null. */
  inputSignature?: readonly TensorSpec[];
  name?: string;
  /** What layers inside take for `training`, unless they are told. Default: false. */
  training?: boolean;
}

/** What a traced function returns when it runs: values instead of symbolic tensors. */
export type Concrete<R> = R extends SymbolicTensor
  ? Tensor
  : R extends readonly (infer T)[]
    ? Concrete<T>[]
    : R extends Tensor
      ? Tensor
      : R extends object
        ? { [K in keyof R]: Concrete<R[K]> }
        : R;

/** A function that the engine runs. */
export interface TracedFunction<A extends unknown[], R> {
  (...args: A): R;
  /** How often it has been traced. */
  readonly traceCount: number;
  /** Frees the traces. */
  dispose(): void;
}

interface Trace {
  compiled: CompiledFunction;
  results: Structure;
  /** Values of the graph around that it uses. */
  captured: GraphTensor[];
}

/**
 * Makes a function of the engine, as `tf.function`: `f` runs once for each kind of arguments, on symbolic tensors; then the
 * engine runs what it computed. Tensors, typed arrays and nested arrays of numbers are traced by dtype and shape; plain
 * numbers, strings and other objects are part of what is traced, so that another value is traced anew.
 * @param f  computes with `keras.ops`, layers and variables; must be synchronous
 * @example const square = keras.func((x) => keras.ops.square(x)); square([1, 2, 3]);
 */
export function func<A extends unknown[], R>(
  f: (...args: A) => R,
  options: FuncOptions = {},
): TracedFunction<{ [K in keyof A]: A[K] extends SymbolicTensor ? Operand : A[K] }, Concrete<R>> {
  const { inputSignature, training = false, name = f.name || 'func' } = options;
  const traces = new Map<string, Trace>();
  let traceCount = 0;
  let disposed = false;

  const trace = (leaves: readonly (Tensor | SymbolicTensor)[], structure: Structure): Trace => {
    let results: Structure | undefined;
    const specs = leaves.map((leaf, i) => {
      const spec = inputSignature?.[i];
      return spec ? { dtype: spec.dtype ?? 'float32', shape: spec.shape ?? null } : { dtype: leaf.dtype, shape: shapeOf(leaf) };
    });
    traceCount++;
    const id = traced(name, specs, training, (args) => {
      const flat = flattenResults(f(...(structure.pack(args) as A)));
      results = flat.structure;
      return flat.leaves;
    });
    const { function: compiled, captured } = native().compileTrace(id);
    return {
      compiled: new CompiledFunction(compiled),
      results: results as Structure,
      captured: captured.map((info) => new GraphTensor(info)),
    };
  };

  const run = (...args: unknown[]): unknown => {
    if (disposed) throw new RuntimeError(`Function '${name}' has been disposed of.`);
    const { leaves, structure } = inputSignature ? signed(name, args, inputSignature) : flattenArguments(args);
    const kinds = inputSignature ? '' : leaves.map((leaf) => `${leaf.dtype}${JSON.stringify(shapeOf(leaf))}`).join();
    const key = `${structure.key} ${kinds}`;
    const found = traces.get(key) ?? trace(leaves, structure);
    // What it took from a graph that is being traced is there only now.
    if (found.captured.length === 0) traces.set(key, found);
    return found.results.pack(found.compiled.call([...leaves, ...found.captured]));
  };
  return Object.defineProperties(run, {
    name: { value: name },
    traceCount: { get: () => traceCount },
    dispose: {
      value: () => {
        disposed = true;
        for (const { compiled } of traces.values()) compiled.dispose();
        traces.clear();
      },
    },
  }) as unknown as TracedFunction<{ [K in keyof A]: A[K] extends SymbolicTensor ? Operand : A[K] }, Concrete<R>>;
}

/** Arguments held against an input signature. */
function signed(name: string, args: unknown[], signature: readonly TensorSpec[]): ReturnType<typeof flatten> {
  if (args.length !== signature.length) {
    throw new TypeError(`${name}() takes ${signature.length} arguments by its inputSignature, got ${args.length}.`);
  }
  const leaves = args.map((arg, i) => {
    const { dtype = 'float32', shape = null } = signature[i] as TensorSpec;
    const leaf = isTensor(arg) ? arg : tensor(arg as TensorLike, undefined, dtype);
    if (leaf.dtype !== dtype || !fitsShape(shapeOf(leaf), shape)) {
      throw new InvalidArgumentError(
        `Argument ${i} of ${name}() is ${leaf.dtype} [${leaf.shape}], but its inputSignature says ${dtype} [${shape ?? '…'}].`,
      );
    }
    return leaf;
  });
  return { leaves, structure: { key: '', pack: (packed) => packed.slice() } };
}
