// Activations: functions of a tensor that carry the name under which configs know them.
import { native } from '../engine/index.js';
import { ValueError } from '../errors.js';
import { type Operand, type Result, toNative } from '../ops/call.js';
import { GraphTensor, SymbolicTensor } from '../symbolic.js';
import { Tensor, tensor } from '../tensor.js';
import { Variable } from '../variable.js';

export interface Activation {
  <T extends Operand>(x: T): Result<T>;
  /** The name in configs: `relu`. */
  readonly kerasName: string;
}

/** @internal The engine computes it by an Activation layer of that name, made at first use. */
export function namedActivation(name: string): Activation {
  let layer: number | null = null;
  const call = (x: Operand): Tensor | SymbolicTensor => {
    layer ??= native().createLayer('Activation', JSON.stringify({ activation: name, name: `activation_function_${name}` }));
    if (native().isTracing()) {
      const operand = x instanceof SymbolicTensor || x instanceof Variable ? x : tensor(x);
      const [output] = native().callInTrace(layer, [toNative(operand)], null);
      return new GraphTensor(output as NonNullable<typeof output>);
    }
    const value = x instanceof Variable ? x.read() : x instanceof SymbolicTensor ? x.dataSync() : tensor(x);
    const [output] = native().callEagerly(layer, [value._native()], false);
    return Tensor._from(output as NonNullable<typeof output>);
  };
  return Object.assign(call, { kerasName: name }) as Activation;
}

/** An activation from its name. */
export function findActivation(all: readonly Activation[], identifier: string | Activation | null): Activation {
  if (typeof identifier === 'function') return identifier;
  const found = all.find(({ kerasName }) => kerasName === (identifier ?? 'linear'));
  if (found === undefined) throw new ValueError(`Unknown activation function: '${String(identifier)}'.`);
  return found;
}
