// Gradients of JavaScript functions: traced, differentiated and run by the engine.
import { native } from '../engine/index.js';
import type { NativeGraphTensor, NativeOperand } from '../engine/native.js';
import { ValueError } from '../errors.js';
import { type Operand, type Result, toNative } from '../ops/call.js';
import { GraphTensor, type SymbolicTensor } from '../symbolic.js';
import type { Tensor } from '../tensor.js';
import { Variable, variableFrom } from '../variable.js';
import { CompiledFunction, known, symbolic, traced } from './trace.js';

/** Runs what `body` adds to a graph: there, if one is being traced, else at once in one of its own. */
function evaluate(
  name: string,
  inputs: readonly (Tensor | SymbolicTensor | Variable)[],
  body: (args: GraphTensor[]) => Operand[],
): (Tensor | SymbolicTensor)[] {
  if (native().isTracing()) return body(inputs.map(symbolic)) as SymbolicTensor[];
  const specs = inputs.map(({ dtype, shape }) => ({ dtype, shape }));
  const compiled = new CompiledFunction(native().compileTrace(traced(name, specs, false, body)).function);
  try {
    return compiled.call(inputs);
  } finally {
    compiled.dispose();
  }
}

function differentiate(y: Operand, xs: NativeOperand[]): (GraphTensor | null)[] {
  return native()
    .traceGradients([toNative(known(y))], xs)
    .map((info: NativeGraphTensor | null) => info && new GraphTensor(info));
}

/**
 * The derivative of a function: `grad(f)(x)` is df/dx, of the sum of f's elements where it has several. `f` is run once, on
 * a symbolic tensor. Works on values and, inside a traced function, on symbolic tensors; `grad(grad(f))` is the second
 * derivative.
 * @throws {ValueError} f(x) does not depend on x
 * @throws {UnimplementedError} an op on the way has no gradient
 * @example keras.grad((x) => keras.ops.square(x))(3).arraySync(); // 6
 */
export function grad(f: (x: SymbolicTensor) => Operand): <T extends Operand>(x: T) => Result<T> {
  return <T extends Operand>(x: T): Result<T> => {
    const [gradient] = evaluate('grad', [known(x)], ([arg]) => {
      const [found] = differentiate(f(arg as GraphTensor), [toNative(arg as GraphTensor)]);
      if (!found) {
        throw new ValueError(
          'Cannot compute gradient of y=f(x) with respect to x: y does not depend on x, or through integers only.',
        );
      }
      return [found];
    });
    return gradient as Result<T>;
  };
}

export interface ValueAndGrads<V, G> {
  /** What the function returned. */
  value: V;
  grads: G;
}

/**
 * A function's value and its gradients by variables. Inside a traced function (`keras.func`) both are symbolic, so that a
 * whole training step can be traced.
 * @param f          computes the loss with `keras.ops`, layers and variables; synchronous
 * @param variables  by which to differentiate. Default: the trainable ones that `f` uses
 * @returns gradients in order of `variables`, null where the value does not depend on one; without `variables` a Map
 * @example
 * const w = keras.variable([1, 2]);
 * const { value, grads } = keras.valueAndGrads(() => keras.ops.reduceSum(keras.ops.square(w)), [w]); // 5, [[2, 4]]
 */
export function valueAndGrads(f: () => Operand, variables: readonly Variable[]): ValueAndGrads<Tensor, (Tensor | null)[]>;
export function valueAndGrads(f: () => Operand): ValueAndGrads<Tensor, Map<Variable, Tensor>>;
export function valueAndGrads(f: () => Operand, variables?: readonly Variable[]): ValueAndGrads<unknown, unknown> {
  let chosen: readonly Variable[] = [];
  let depends: boolean[] = [];
  const [value, ...found] = evaluate('value_and_grads', [], () => {
    const y = known(f());
    chosen =
      variables ??
      native()
        .tracedVariables()
        .map(variableFrom)
        .filter(({ trainable }) => trainable);
    const gradients = differentiate(
      y,
      chosen.map((variable) => ({ variable: variable._id })),
    );
    depends = gradients.map((gradient) => gradient !== null);
    return [y, ...gradients.filter((gradient) => gradient !== null)];
  });
  let at = 0;
  const grads = depends.map((is) => (is ? (found[at++] as Tensor) : null));
  if (variables) return { value, grads };
  return { value, grads: new Map(chosen.map((variable, i) => [variable, grads[i]] as const).filter(([, gradient]) => gradient)) };
}
