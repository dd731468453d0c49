// Calling ops: eagerly on values, or, inside the call of a custom layer, into its graph.
import type { DType } from '../dtype.js';
import { native } from '../engine/index.js';
import type { NativeOperand } from '../engine/native.js';
import { TypeError, UnimplementedError } from '../errors.js';
import { GraphTensor, KerasTensor, SymbolicTensor } from '../symbolic.js';
import { Tensor, type TensorLike, isTensorData, isTypedArray, tensor } from '../tensor.js';
import { Variable } from '../variable.js';

/** What ops take: values, variables, symbolic tensors, and everything a tensor can be made from. */
export type Operand = TensorLike | SymbolicTensor | Variable;
/** Symbolic if one of the operands may be, else a value. */
export type Result<T> = [Extract<T, SymbolicTensor>] extends [never] ? Tensor : SymbolicTensor;

/**
 * An op's name and inputs, as text, which takes less to download than objects: `Name input:typeAttribute=dtype list*:typeAttribute`.
 * The dtype is what values without one become.
 */
export type OpInfo = string;

interface OpInput {
  name: string;
  list: boolean;
  typeAttr: string | undefined;
  dtype: DType | undefined;
}

/** @internal */
export function opName(op: OpInfo): string {
  return op.slice(0, `${op} `.indexOf(' '));
}

function inputsOf(op: OpInfo): OpInput[] {
  return op
    .split(' ')
    .slice(1)
    .map((input) => {
      const [, name = '', star, typeAttr, dtype] = /^(\w+)(\*?)(?::(\w+))?(?:=(\w+))?$/.exec(input) ?? [];
      return { name, list: star === '*', typeAttr, dtype: dtype as DType | undefined };
    });
}

/** Whether a last argument is the op's options rather than an operand. */
export function isOptions(value: unknown): value is Record<string, unknown> {
  return (
    typeof value === 'object' &&
    value !== null &&
    !Array.isArray(value) &&
    !isTypedArray(value) &&
    !isTensorData(value) &&
    !(value instanceof Tensor) &&
    !(value instanceof SymbolicTensor) &&
    !(value instanceof Variable) &&
    !('read' in value)
  );
}

function dtypeOf(operand: Operand): DType | undefined {
  if (operand instanceof Tensor || operand instanceof SymbolicTensor || operand instanceof Variable) return operand.dtype;
  if (isTypedArray(operand)) return tensor(operand).dtype;
  if (isTensorData(operand)) return tensor(operand).dtype;
  return undefined;
}

/**
 * Runs an op by its TensorFlow name, or adds it to the graph that is being traced.
 * @param operands  one entry for each input of the op; a list for an input that takes several tensors
 * @param attrs     attributes, in TensorFlow's spelling or in camelCase
 */
export function callOp(
  op: OpInfo,
  operands: readonly (Operand | readonly Operand[])[],
  attrs: Record<string, unknown> = {},
): (Tensor | SymbolicTensor)[] {
  const name = opName(op);
  const inputs = inputsOf(op);
  const types = new Map<string, DType>(); // of the type attributes, from operands that have a dtype
  inputs.forEach((input, i) => {
    const entry = operands[i];
    const list = input.list && Array.isArray(entry) ? (entry as readonly Operand[]) : [entry as Operand];
    for (const operand of list) {
      const dtype = operand === undefined ? undefined : dtypeOf(operand);
      if (dtype !== undefined && input.typeAttr && !types.has(input.typeAttr)) types.set(input.typeAttr, dtype);
    }
  });
  const flat: (Tensor | SymbolicTensor | Variable)[] = [];
  inputs.forEach((input, i) => {
    const entry = operands[i];
    if (entry === undefined) throw new TypeError(`${name} needs ${inputs.length} inputs; '${input.name}' is missing.`);
    const dtype = (input.typeAttr && types.get(input.typeAttr)) || input.dtype;
    const take = (operand: Operand): void => {
      const known = operand instanceof Tensor || operand instanceof SymbolicTensor || operand instanceof Variable;
      flat.push(known ? operand : tensor(operand, undefined, dtypeOf(operand) ?? dtype));
    };
    if (input.list) (entry as readonly Operand[]).forEach(take);
    else take(entry as Operand);
  });
  return run(name, flat, attrs);
}

function run(
  name: string,
  operands: (Tensor | SymbolicTensor | Variable)[],
  attrs: Record<string, unknown>,
): (Tensor | SymbolicTensor)[] {
  if (operands.some((operand) => operand instanceof KerasTensor)) {
    throw new UnimplementedError(
      `ops.${name} on a tensor of a Functional model is not supported by this version: call it inside a custom layer.`,
    );
  }
  if (native().isTracing())
    return native()
      .emitOp(name, operands.map(toNative), attrs)
      .map((info) => new GraphTensor(info));
  return native()
    .runOp(name, operands.map(toValue), attrs)
    .map((info) => Tensor._from(info));
}

function toValue(operand: Tensor | SymbolicTensor | Variable): ReturnType<Tensor['_native']> {
  if (operand instanceof SymbolicTensor) return operand.dataSync();
  return (operand instanceof Variable ? operand.read() : operand)._native();
}

/** @internal An operand inside a traced call. */
export function toNative(operand: Tensor | SymbolicTensor | Variable): NativeOperand {
  if (operand instanceof Variable) return { variable: operand._id };
  if (operand instanceof GraphTensor) return operand._native;
  if (operand instanceof Tensor) return operand._native();
  throw new TypeError('A tensor of a Functional model cannot be used inside the call of a layer.');
}
