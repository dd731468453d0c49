// The base of all callbacks, and the list that fit, evaluate and predict tell what happens.
import type { Model } from '../models/model.js';
import { runHook } from '../models/queue.js';

/** Metric values by name. */
export type Logs = Record<string, number>;
export interface CallbackParams {
  epochs: number;
  /** Batches of an epoch; null where it is not known. */
  steps: number | null;
  verbose: number;
}
type Hook = void | Promise<void>;

/** Hears of what training does. Override what you need; a hook may be asynchronous. */
export class Callback {
  /** The model that is trained. */
  model!: Model;
  params: CallbackParams = { epochs: 1, steps: null, verbose: 0 };

  setModel(model: Model): void {
    this.model = model;
  }
  setParams(params: CallbackParams): void {
    this.params = params;
  }
  onTrainBegin(_logs?: Logs): Hook {}
  onTrainEnd(_logs?: Logs): Hook {}
  onEpochBegin(_epoch: number, _logs?: Logs): Hook {}
  onEpochEnd(_epoch: number, _logs?: Logs): Hook {}
  onTrainBatchBegin(_batch: number, _logs?: Logs): Hook {}
  onTrainBatchEnd(_batch: number, _logs?: Logs): Hook {}
  onTestBegin(_logs?: Logs): Hook {}
  onTestEnd(_logs?: Logs): Hook {}
  onTestBatchBegin(_batch: number, _logs?: Logs): Hook {}
  onTestBatchEnd(_batch: number, _logs?: Logs): Hook {}
  onPredictBegin(_logs?: Logs): Hook {}
  onPredictEnd(_logs?: Logs): Hook {}
  onPredictBatchBegin(_batch: number, _logs?: Logs): Hook {}
  onPredictBatchEnd(_batch: number, _logs?: Logs): Hook {}
}

/** The hooks of a callback; a plain object with some of them is a callback too. */
export type CallbackLike = Callback | Partial<Omit<Callback, 'model' | 'params'>>;

type HookName = Exclude<keyof Callback, 'model' | 'params' | 'setModel' | 'setParams'>;

/** Callbacks in the order in which they hear. */
export class CallbackList {
  readonly #callbacks: CallbackLike[];

  constructor(callbacks: readonly CallbackLike[], model: Model, params: CallbackParams) {
    this.#callbacks = [...callbacks];
    for (const callback of callbacks) {
      callback.setModel?.(model);
      callback.setParams?.(params);
    }
  }
  async call(hook: HookName, ...args: (number | Logs | undefined)[]): Promise<void> {
    for (const callback of this.#callbacks) {
      const method = callback[hook] as ((...args: (number | Logs | undefined)[]) => Hook) | undefined;
      if (method !== undefined) await runHook(() => method.apply(callback, args));
    }
  }
}
