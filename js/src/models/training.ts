// The loops over batches and epochs. What happens in one batch is the engine's.
import { CallbackList, type CallbackLike, type Logs } from '../callbacks/callback.js';
import { History, ProgbarLogger } from '../callbacks/builtin.js';
import {
  type Batch,
  type BatchLike,
  type BatchSource,
  type DataLike,
  type Slot,
  applyClassWeight,
  batchOf,
  concatRows,
  isBatchSource,
  isTensorLike,
  shuffledRows,
  takeRows,
  toSlots,
} from '../data/batches.js';
import type { DType } from '../dtype.js';
import { isFloating } from '../dtype.js';
import { native } from '../engine/index.js';
import type { NativeStructure, NativeTensor } from '../engine/native.js';
import { RuntimeError, ValueError, throwIfAborted } from '../errors.js';
import { nextTask } from '../platform.js';
import { Tensor, type TensorLike, isTensorData, isTypedArray, tensor } from '../tensor.js';
import { pythonTuple } from '../variable.js';
import type { Model } from './model.js';

export interface FitOptions {
  /** Samples of a step. Default: 32. */
  batchSize?: number;
  /** The number of the last epoch. Default: 1. */
  epochs?: number;
  initialEpoch?: number;
  /** `[x, y]` or `[x, y, sampleWeight]`, or batches. */
  validationData?: BatchLike | BatchSource;
  /** The part of the data, from its end, that is held back. */
  validationSplit?: number;
  validationBatchSize?: number;
  validationSteps?: number;
  /** Every how many epochs to validate, or at which. Default: 1. */
  validationFreq?: number | readonly number[];
  /** Default: true. */
  shuffle?: boolean;
  classWeight?: Record<number, number>;
  sampleWeight?: DataLike;
  stepsPerEpoch?: number;
  /** 0 (default) is silent, 1 draws a progress bar, 2 prints a line for each epoch. */
  verbose?: 0 | 1 | 2;
  callbacks?: CallbackLike | readonly CallbackLike[];
  signal?: AbortSignal;
}
export interface EvaluateOptions {
  batchSize?: number;
  steps?: number;
  sampleWeight?: DataLike;
  verbose?: 0 | 1 | 2;
  callbacks?: readonly CallbackLike[];
  signal?: AbortSignal;
  returnDict?: boolean;
}
export interface PredictOptions {
  batchSize?: number;
  steps?: number;
  verbose?: 0 | 1 | 2;
  callbacks?: readonly CallbackLike[];
  signal?: AbortSignal;
}

/** What a model takes and gives: names, shapes, dtypes. */
export interface Signature {
  model: string;
  /** A null dtype: any. */
  inputs: (Slot & { dtype: DType | null })[];
  outputs: Slot[];
  outputStructure: NativeStructure;
}
/** The signature of a model that is called on `x`; a model that did not know its own is built for it. */
export type SignatureOf = (x: DataLike) => Signature;

/** What a model is to be built for: the shapes and dtypes of data, the batch open, and in which structure they are. */
export function specsOf(x: DataLike): { specs: { shape: (number | null)[]; dtype: DType }[]; structure: NativeStructure } {
  const spec = (value: TensorLike): { shape: (number | null)[]; dtype: DType } => {
    const { shape, dtype } = narrowed(tensor(value));
    return { shape: [null, ...shape.slice(1)], dtype };
  };
  if (!isTensorLike(x)) {
    const structure = Object.keys(x).sort();
    return { specs: structure.map((key) => spec((x as Record<string, TensorLike>)[key] as TensorLike)), structure };
  }
  if (!isTensorList(x)) return { specs: [spec(x as TensorLike)], structure: 'single' };
  const list = x as readonly TensorLike[];
  return { specs: list.map(spec), structure: list.length === 1 ? 'single' : 'list' };
}

/** A list of inputs, as opposed to nested arrays of numbers. */
function isTensorList(x: DataLike): boolean {
  return (
    Array.isArray(x) && x.length > 0 && x.every((item) => item instanceof Tensor || isTensorData(item) || isTypedArray(item))
  );
}

function fits(shape: readonly number[], expected: readonly (number | null)[]): boolean {
  return shape.length === expected.length && expected.every((d, i) => d === null || d === shape[i]);
}

/** A tensor in the form that an input has: its dtype, and a last axis of one where only that is missing. */
function conform(value: Tensor, { shape, dtype, name }: Signature['inputs'][number], model: string): Tensor {
  let result = value;
  if (shape !== null && value.rank === shape.length - 1 && shape.at(-1) === 1) result = result.reshape([...value.shape, 1]);
  if (shape !== null && !fits(result.shape, shape)) {
    throw new ValueError(
      `Input '${name}' of model "${model}" is incompatible with the model: expected shape=${pythonTuple(shape)}, ` +
        `found shape=${pythonTuple(value.shape)}.`,
    );
  }
  if (value.dtype === 'string' && dtype !== 'string' && dtype !== null)
    throw new ValueError(`Input '${name}' takes ${dtype}, but strings were given.`);
  if (dtype === null) return narrowed(result);
  return result.dtype === dtype ? result : tensor(result, undefined, dtype);
}

/** Data of float64 becomes float32, as Keras's data adapters make it. */
function narrowed<T extends Tensor | null>(value: T): T | Tensor {
  return value !== null && isFloating(value.dtype) && value.dtype !== 'float32' ? tensor(value, undefined, 'float32') : value;
}

function toNative(values: readonly (Tensor | null)[]): (NativeTensor | null)[] {
  return values.map((value) => value?._native() ?? null);
}

/** The batch for data as users give it. */
export function makeBatch(signatureOf: SignatureOf, x: DataLike, y?: DataLike | null, sampleWeight?: DataLike | null): Batch {
  const { inputs, outputs } = signatureOf(x);
  const nothing = outputs.map(() => null);
  const slots = (what: string, data: DataLike | null | undefined): (Tensor | null)[] =>
    data === undefined || data === null ? nothing : toSlots(what, data, outputs).map((value) => narrowed(value));
  return batchOf(toSlots('x', x, inputs), slots('y', y), slots('sampleWeight', sampleWeight), inputs);
}

function inputsOf(signature: Signature, batch: Batch): NativeTensor[] {
  return batch.x.map((value, i) => conform(value, signature.inputs[i] as Signature['inputs'][number], signature.model)._native());
}

export function trainStep(model: Model, signature: Signature, batch: Batch): Logs {
  return native().trainStep(model._id, inputsOf(signature, batch), toNative(batch.y), toNative(batch.sampleWeight));
}
export function testStep(model: Model, signature: Signature, batch: Batch): Logs {
  return native().testStep(model._id, inputsOf(signature, batch), toNative(batch.y), toNative(batch.sampleWeight));
}
export function predictStep(model: Model, signature: Signature, batch: Batch): Tensor[] {
  return native()
    .predictStep(model._id, inputsOf(signature, batch))
    .map((info) => Tensor._from(info));
}

function checkCount(name: string, value: number | undefined, least = 1): void {
  if (value !== undefined && (!Number.isInteger(value) || value < least))
    throw new ValueError(`\`${name}\` must be a whole number from ${least} on, got ${value}.`);
}

/** Batches of whole data, or those of a source. */
class Feed {
  readonly steps: number | null;
  readonly #next: () => AsyncGenerator<Batch>;

  private constructor(steps: number | null, next: () => AsyncGenerator<Batch>) {
    [this.steps, this.#next] = [steps, next];
  }
  static ofData(data: Batch, batchSize: number, shuffle: boolean, limit?: number): Feed {
    const steps = Math.min(Math.ceil(data.size / batchSize), limit ?? Infinity);
    return new Feed(steps, async function* () {
      const order = shuffle ? shuffledRows(data.size) : null;
      for (let step = 0; step < steps; step++) {
        const [begin, end] = [step * batchSize, Math.min((step + 1) * batchSize, data.size)];
        yield takeRows(data, order === null ? { begin, end } : order.subarray(begin, end));
      }
    });
  }
  /** An endless iterator goes on where it stopped in the epoch before; an iterable begins anew. */
  static ofSource(source: BatchSource, make: (batch: BatchLike) => Batch, limit?: number): Feed {
    let iterator: AsyncIterator<BatchLike> | Iterator<BatchLike> | null = null;
    return new Feed(limit ?? null, async function* () {
      for (let step = 0; limit === undefined || step < limit; step++) {
        iterator ??= Symbol.asyncIterator in source ? source[Symbol.asyncIterator]() : source[Symbol.iterator]();
        const { done, value } = await iterator.next();
        if (done) {
          iterator = null;
          return;
        }
        yield make(Array.isArray(value) ? (value as BatchLike) : [value as unknown as DataLike]);
      }
    });
  }
  batches(): AsyncGenerator<Batch> {
    return this.#next();
  }
}

function feedFor(
  signatureOf: SignatureOf,
  x: DataLike | BatchSource,
  y: DataLike | null | undefined,
  sampleWeight: DataLike | undefined,
  batchSize: number | undefined,
  steps: number | undefined,
): Feed {
  checkCount('batchSize', batchSize);
  checkCount('steps', steps);
  if (isBatchSource(x)) return Feed.ofSource(x, (batch) => makeBatch(signatureOf, ...batch), steps);
  return Feed.ofData(makeBatch(signatureOf, x, y, sampleWeight), batchSize ?? 32, false, steps);
}

/** What is set on a hooks' list for one run. */
function withBar(callbacks: readonly CallbackLike[], verbose: number): CallbackLike[] {
  return verbose > 0 ? [...callbacks, new ProgbarLogger()] : [...callbacks];
}

interface FitData {
  train: Feed;
  validation: Feed | null;
}

function splitData(
  signatureOf: SignatureOf,
  x: DataLike | BatchSource,
  y: DataLike | null | undefined,
  options: FitOptions,
): FitData {
  const { batchSize = 32, validationSplit = 0, validationData, shuffle = true, classWeight, stepsPerEpoch } = options;
  const validationBatch = options.validationBatchSize ?? batchSize;
  const weighted = (batch: Batch): Batch => (classWeight === undefined ? batch : applyClassWeight(batch, classWeight));
  let validation: Feed | null = null;
  if (validationData !== undefined) {
    if (isBatchSource(validationData)) {
      validation = Feed.ofSource(validationData, (batch) => makeBatch(signatureOf, ...batch), options.validationSteps);
    } else {
      const [valX, valY, valWeight] = validationData as BatchLike;
      validation = feedFor(signatureOf, valX, valY, valWeight, validationBatch, options.validationSteps);
    }
  }
  if (isBatchSource(x)) {
    if (validationSplit > 0)
      throw new ValueError('`validationSplit` is only supported for tensors, not for batches that are iterated over.');
    return { train: Feed.ofSource(x, (batch) => weighted(makeBatch(signatureOf, ...batch)), stepsPerEpoch), validation };
  }
  let data = makeBatch(signatureOf, x, y, options.sampleWeight);
  if (validationSplit > 0 && validationData === undefined) {
    const at = Math.floor(data.size * (1 - validationSplit));
    if (!(validationSplit < 1) || at === 0 || at === data.size) {
      throw new ValueError(
        `Training data contains ${data.size} samples, which is not sufficient to split it into a validation and training set as specified by \`validationSplit=${validationSplit}\`.`,
      );
    }
    validation = Feed.ofData(takeRows(data, { begin: at, end: data.size }), validationBatch, false, options.validationSteps);
    data = takeRows(data, { begin: 0, end: at });
  }
  return { train: Feed.ofData(weighted(data), batchSize, shuffle, stepsPerEpoch), validation };
}

function validatesAt(epoch: number, frequency: number | readonly number[] = 1): boolean {
  return typeof frequency === 'number' ? (epoch + 1) % frequency === 0 : frequency.includes(epoch + 1);
}

/** model.fit */
export async function fit(
  model: Model,
  signatureOf: SignatureOf,
  x: DataLike | BatchSource,
  y: DataLike | null | undefined,
  options: FitOptions,
): Promise<History> {
  const { epochs = 1, initialEpoch = 0, verbose = 0, callbacks = [], signal } = options;
  checkCount('epochs', epochs);
  checkCount('initialEpoch', initialEpoch, 0);
  checkCount('batchSize', options.batchSize);
  checkCount('validationBatchSize', options.validationBatchSize);
  checkCount('stepsPerEpoch', options.stepsPerEpoch);
  const { train, validation } = splitData(signatureOf, x, y, options);
  const history = new History();
  const given = Array.isArray(callbacks) ? (callbacks as readonly CallbackLike[]) : [callbacks as CallbackLike];
  const hooks = new CallbackList([...withBar(given, verbose), history], model, { epochs, steps: train.steps, verbose });
  model.stopTraining = false;
  model.history = history;
  await hooks.call('onTrainBegin', {});
  let logs: Logs = {};
  try {
    for (let epoch = initialEpoch; epoch < epochs && !model.stopTraining; epoch++) {
      native().resetMetrics(model._id);
      await hooks.call('onEpochBegin', epoch, {});
      let step = 0;
      for await (const batch of train.batches()) {
        throwIfAborted(signal, 'Training');
        await hooks.call('onTrainBatchBegin', step, {});
        logs = trainStep(model, signatureOf(batch.x), batch);
        await hooks.call('onTrainBatchEnd', step, logs);
        step++;
        if (model.stopTraining) break;
        await nextTask();
      }
      if (step === 0) throw new ValueError('Unexpected result of training: there was no batch. Is the data empty?');
      throwIfAborted(signal, 'Training');
      logs = { ...logs };
      if (validation !== null && validatesAt(epoch, options.validationFreq)) {
        const results = await runTest(model, signatureOf, validation, hooks, signal);
        for (const [name, value] of Object.entries(results)) logs[`val_${name}`] = value;
      }
      await hooks.call('onEpochEnd', epoch, logs);
    }
  } finally {
    await hooks.call('onTrainEnd', logs);
  }
  return history;
}

async function runTest(
  model: Model,
  signatureOf: SignatureOf,
  feed: Feed,
  hooks: CallbackList,
  signal: AbortSignal | undefined,
): Promise<Logs> {
  native().resetMetrics(model._id);
  await hooks.call('onTestBegin', {});
  let logs: Logs | null = null;
  let step = 0;
  for await (const batch of feed.batches()) {
    throwIfAborted(signal, 'Evaluation');
    await hooks.call('onTestBatchBegin', step, {});
    logs = testStep(model, signatureOf(batch.x), batch);
    await hooks.call('onTestBatchEnd', step++, logs);
    await nextTask();
  }
  if (logs === null) throw new ValueError('Unexpected result of evaluation: there was no batch. Is the data empty?');
  await hooks.call('onTestEnd', logs);
  return logs;
}

/** model.evaluate */
export async function evaluate(
  model: Model,
  signatureOf: SignatureOf,
  x: DataLike | BatchSource,
  y: DataLike | null | undefined,
  options: EvaluateOptions,
): Promise<Logs> {
  const { verbose = 0, callbacks = [], signal } = options;
  const feed = feedFor(signatureOf, x, y, options.sampleWeight, options.batchSize, options.steps);
  const hooks = new CallbackList(withBar(callbacks, verbose), model, { epochs: 1, steps: feed.steps, verbose });
  return runTest(model, signatureOf, feed, hooks, signal);
}

/** model.predict: outputs of all batches, joined. */
export async function predict(
  model: Model,
  signatureOf: SignatureOf,
  x: DataLike | BatchSource,
  options: PredictOptions,
): Promise<Tensor[]> {
  const { verbose = 0, callbacks = [], signal } = options;
  const feed = feedFor(signatureOf, x, null, undefined, options.batchSize, options.steps);
  const hooks = new CallbackList(withBar(callbacks, verbose), model, { epochs: 1, steps: feed.steps, verbose });
  const parts: Tensor[][] = [];
  await hooks.call('onPredictBegin', {});
  for await (const batch of feed.batches()) {
    throwIfAborted(signal, 'Prediction');
    await hooks.call('onPredictBatchBegin', parts.length, {});
    parts.push(predictStep(model, signatureOf(batch.x), batch));
    await hooks.call('onPredictBatchEnd', parts.length - 1, {});
    await nextTask();
  }
  await hooks.call('onPredictEnd', {});
  const [first] = parts;
  if (first === undefined) throw new RuntimeError('Unexpected result of prediction: there was no batch. Is the data empty?');
  return first.map((_, output) => concatRows(parts.map((part) => part[output] as Tensor)));
}
