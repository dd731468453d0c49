// ops.cond and ops.whileLoop: decided at once on values; inside a traced function, parts of its graph.
import { native } from '../engine/index.js';
import { TypeError, ValueError } from '../errors.js';
import { type Operand, toNative } from '../ops/call.js';
import { GraphTensor, SymbolicTensor, type SymbolicShape } from '../symbolic.js';
import { Tensor, tensor } from '../tensor.js';
import { Variable } from '../variable.js';
import { type Structure, flattenResults } from './structure.js';
import { known, shapeOf, symbolic, traced } from './trace.js';

/** What decides a condition. */
export type Condition = Operand | boolean;

/** What a value means as a condition: a number that is not zero, a text that is not empty. */
function truth(condition: Condition): boolean {
  if (condition instanceof SymbolicTensor) return condition.dataSync();
  const value = tensor(condition as Operand as Tensor);
  if (value.size !== 1)
    throw new ValueError(`A condition must be one value, got a ${value.dtype} tensor of shape [${value.shape}].`);
  const values = value.dataSync();
  return typeof values[0] === 'string' ? values[0] !== '' : Boolean(values[0]);
}

function isOpen(condition: Condition): boolean {
  return native().isTracing() && (condition instanceof SymbolicTensor || condition instanceof Variable);
}

/**
 * Computes one of two branches, as `tf.cond`. Where the condition is a value, that branch's function runs; where it is symbolic,
 * both run once while they are traced, and must return tensors of the same number and dtypes.
 * @example const y = keras.ops.cond(keras.ops.greater(x, 0), () => x, () => keras.ops.negative(x));
 */
export function cond<R>(condition: Condition, trueFn: () => R, falseFn: () => R): R {
  if (!isOpen(condition)) return truth(condition) ? trueFn() : falseFn();
  const structures: Structure[] = [];
  const ids: number[] = [];
  try {
    for (const [name, branch] of [
      ['cond_true', trueFn],
      ['cond_false', falseFn],
    ] as const) {
      ids.push(
        traced(name, [], false, () => {
          const { leaves, structure } = flattenResults(branch());
          structures.push(structure);
          return leaves;
        }),
      );
    }
    const [thenKey, elseKey] = structures.map(({ key }) => key);
    if (thenKey !== elseKey) throw new TypeError('The two branches of ops.cond must return the same structure of tensors.');
    const [thenId, elseId] = ids.splice(0) as [number, number];
    const results = native().condInTrace(toNative(known(condition as Operand)), thenId, elseId);
    return (structures[0] as Structure).pack(results.map((info) => new GraphTensor(info))) as R;
  } finally {
    ids.forEach((id) => native().abortTrace(id));
  }
}

export interface WhileLoopOptions {
  /** The loop ends after so many rounds at the latest. */
  maximumIterations?: number;
  /** Shapes of the loop's variables where rounds change them; null for dimensions that may be any. */
  shapeInvariants?: readonly (SymbolicShape | null)[];
}

/**
 * Repeats `body` as long as `condition` holds, as `tf.while_loop`. On values both are called in each round; inside a traced
 * function they run once.
 * @param condition  takes the loop's variables
 * @param body       takes them and returns the next ones: an array, or one tensor where there is one variable
 * @returns the variables after the last round
 * @throws {ValueError} a traced round changes the shape of a variable, and there are no `shapeInvariants`
 * @example
 * const [i, sum] = keras.ops.whileLoop((i) => keras.ops.less(i, 10), (i, sum) => [keras.ops.add(i, 1), keras.ops.add(sum, i)], [0, 0]);
 */
export function whileLoop<T extends Operand>(
  condition: (...vars: (Tensor & SymbolicTensor)[]) => Condition,
  body: (...vars: (Tensor & SymbolicTensor)[]) => Operand | readonly Operand[],
  loopVars: readonly T[],
  options: WhileLoopOptions = {},
): (Tensor & SymbolicTensor)[] {
  if (!Array.isArray(loopVars)) throw new TypeError('ops.whileLoop takes an array of loop variables.');
  const run = native().isTracing() ? tracedLoop : eagerLoop;
  return run(condition as LoopCondition, body as LoopBody, loopVars.map(known), options) as (Tensor & SymbolicTensor)[];
}

type Known = Tensor | SymbolicTensor | Variable;
type LoopCondition = (...vars: Known[]) => Condition;
type LoopBody = (...vars: Known[]) => Operand | readonly Operand[];

function nextOf(body: LoopBody, vars: readonly Known[]): Known[] {
  const result = body(...vars);
  const list =
    Array.isArray(result) && (vars.length !== 1 || result.length === 1) ? (result as readonly Operand[]) : [result as Operand];
  if (list.length !== vars.length) {
    throw new ValueError(`The body of ops.whileLoop takes ${vars.length} variables, but returns ${list.length}.`);
  }
  return list.map(known);
}

function eagerLoop(
  condition: LoopCondition,
  body: LoopBody,
  loopVars: Known[],
  { maximumIterations = Infinity }: WhileLoopOptions,
): Known[] {
  let vars: Known[] = loopVars.map((v) => (v instanceof Variable ? v.read() : v));
  for (let round = 0; round < maximumIterations && truth(condition(...vars)); round++) vars = nextOf(body, vars);
  return vars;
}

function tracedLoop(condition: LoopCondition, body: LoopBody, loopVars: Known[], options: WhileLoopOptions): Known[] {
  const { maximumIterations, shapeInvariants } = options;
  const counted = maximumIterations !== undefined;
  const start = loopVars.map(symbolic);
  if (counted) start.unshift(symbolic(tensor(0, [], 'int32')));
  const specs = start.map((value, i) => {
    const invariant = shapeInvariants?.[counted ? i - 1 : i];
    return { dtype: value.dtype, shape: invariant === undefined ? shapeOf(value) : invariant };
  });
  const emit = (op: string, a: Known, b: Known): GraphTensor =>
    new GraphTensor(native().emitOp(op, [toNative(a), toNative(b)], {})[0] as GraphTensor['_native']);
  const ids: number[] = [];
  try {
    ids.push(
      traced('while_cond', specs, false, (args) => {
        const goOn = condition(...(counted ? args.slice(1) : args)) as Operand;
        if (!counted) return [goOn];
        const inTime = emit('Less', args[0] as GraphTensor, tensor(maximumIterations, [], 'int32'));
        return [emit('LogicalAnd', inTime, known(goOn))];
      }),
    );
    ids.push(
      traced('while_body', specs, false, (args) => {
        const next = nextOf(body, counted ? args.slice(1) : args);
        if (counted) next.unshift(emit('AddV2', args[0] as GraphTensor, tensor(1, [], 'int32')));
        next.forEach((value, i) => checkRound(args[i] as GraphTensor, value, counted ? i - 1 : i));
        return next;
      }),
    );
    const [conditionId, bodyId] = ids.splice(0) as [number, number];
    const results = native().whileInTrace(conditionId, bodyId, start.map(toNative));
    return results.slice(counted ? 1 : 0).map((info) => new GraphTensor(info));
  } finally {
    ids.forEach((id) => native().abortTrace(id));
  }
}

function checkRound(before: GraphTensor, after: Known, index: number): void {
  if (before.dtype !== after.dtype) {
    throw new TypeError(`Loop variable ${index} enters the loop as ${before.dtype}, but is ${after.dtype} after one round.`);
  }
  const [wanted, found] = [shapeOf(before), shapeOf(after)];
  const fits =
    wanted === null || (found !== null && found.length === wanted.length && wanted.every((d, i) => d === null || d === found[i]));
  if (!fits) {
    throw new ValueError(
      `Loop variable ${index} enters the loop with shape [${wanted}], but has shape [${found ?? 'unknown'}] after one round. ` +
        'To let the shape vary, pass `shapeInvariants`.',
    );
  }
}
