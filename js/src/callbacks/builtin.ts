// The callbacks of Keras.
import { TypeError, ValueError } from '../errors.js';
import { Progbar } from '../models/progbar.js';
import { nodeModules } from '../platform.js';
import type { Tensor } from '../tensor.js';
import { Callback, type Logs } from './callback.js';

/** Records the logs of every epoch. `fit` returns one. */
export class History extends Callback {
  epoch: number[] = [];
  history: Record<string, number[]> = {};

  override onTrainBegin(): void {
    this.epoch = [];
  }
  override onEpochEnd(epoch: number, logs: Logs = {}): void {
    this.epoch.push(epoch);
    for (const [key, value] of Object.entries(logs)) (this.history[key] ??= []).push(value);
  }
}

/** Text to the terminal, or, where there is none, to the console line by line. */
export function terminalWriter(): (text: string) => void {
  if (typeof process === 'object' && typeof process.stdout?.write === 'function')
    return (text) => void process.stdout.write(text);
  return (text) => {
    if (text.endsWith('\n')) console.log(text.replace(/[\b\r]/g, '').trimEnd());
  };
}

/** Prints Keras's progress bar. */
export class ProgbarLogger extends Callback {
  readonly #write: (text: string) => void;
  #bar: Progbar | null = null;
  #done = 0;
  #logs: Logs = {};
  #inFit = false;

  constructor(write: (text: string) => void = terminalWriter()) {
    super();
    this.#write = write;
  }
  #begin(): void {
    this.#bar = new Progbar(this.params.steps, this.params.verbose, this.#write);
    this.#done = 0;
    this.#logs = {};
  }
  #step(batch: number, logs: Logs = {}): void {
    this.#done = batch + 1;
    this.#logs = logs;
    this.#bar?.update(this.#done, Object.entries(logs));
  }
  #end(logs: Logs = this.#logs): void {
    this.#bar?.update(this.#done, Object.entries(logs), true);
    this.#bar = null;
  }
  override onTrainBegin(): void {
    this.#inFit = true;
  }
  override onTrainEnd(): void {
    this.#inFit = false;
  }
  override onEpochBegin(epoch: number): void {
    if (this.params.epochs > 1 && this.params.verbose) this.#write(`Epoch ${epoch + 1}/${this.params.epochs}\n`);
    this.#begin();
  }
  override onTrainBatchEnd(batch: number, logs?: Logs): void {
    this.#step(batch, logs);
  }
  override onEpochEnd(_epoch: number, logs?: Logs): void {
    this.#end(logs);
  }
  override onTestBegin(): void {
    if (!this.#inFit) this.#begin();
  }
  override onTestBatchEnd(batch: number, logs?: Logs): void {
    if (!this.#inFit) this.#step(batch, logs);
  }
  override onTestEnd(logs?: Logs): void {
    if (!this.#inFit) this.#end(logs);
  }
  override onPredictBegin(): void {
    this.#begin();
  }
  override onPredictBatchEnd(batch: number): void {
    this.#step(batch);
  }
  override onPredictEnd(): void {
    this.#end();
  }
}

type Mode = 'auto' | 'min' | 'max';

/** Whether a value of a monitored metric is better than another. */
function improvement(
  monitor: string,
  mode: Mode,
  minDelta = 0,
): { isBetter: (value: number, best: number) => boolean; worst: number } {
  if (!['auto', 'min', 'max'].includes(mode)) throw new ValueError(`mode must be 'auto', 'min' or 'max', got '${String(mode)}'.`);
  const up =
    mode === 'max' || (mode === 'auto' && (monitor.endsWith('acc') || monitor.endsWith('accuracy') || monitor.endsWith('auc')));
  const delta = Math.abs(minDelta);
  return up
    ? { isBetter: (value, best) => value - delta > best, worst: -Infinity }
    : { isBetter: (value, best) => value + delta < best, worst: Infinity };
}

/** The value to watch; a missing one is told once and then ignored, as Keras does. */
function monitored(callback: Callback, monitor: string, logs: Logs): number | undefined {
  const value = logs[monitor];
  if (value === undefined) {
    console.warn(
      `${callback.constructor.name}: conditioned on metric \`${monitor}\` which is not available. Available metrics are: ${Object.keys(logs).join(',')}`,
    );
  }
  return value;
}

export interface EarlyStoppingArgs {
  monitor?: string;
  minDelta?: number;
  patience?: number;
  mode?: Mode;
  baseline?: number;
  restoreBestWeights?: boolean;
  startFromEpoch?: number;
  verbose?: number;
}

/** Stops training when a metric no longer improves. */
export class EarlyStopping extends Callback {
  readonly #args: Required<Omit<EarlyStoppingArgs, 'baseline'>> & { baseline: number | undefined };
  #best = 0;
  #bestEpoch = 0;
  #bestWeights: Tensor[] | null = null;
  #wait = 0;
  /** The epoch at which training was stopped; 0 if it was not. */
  stoppedEpoch = 0;

  constructor(args: EarlyStoppingArgs = {}) {
    super();
    this.#args = {
      monitor: 'val_loss',
      minDelta: 0,
      patience: 0,
      mode: 'auto',
      baseline: undefined,
      restoreBestWeights: false,
      startFromEpoch: 0,
      verbose: 0,
      ...args,
    };
  }
  override onTrainBegin(): void {
    this.#wait = 0;
    this.stoppedEpoch = 0;
    this.#best = improvement(this.#args.monitor, this.#args.mode).worst;
    this.#bestWeights = null;
    this.#bestEpoch = 0;
  }
  override onEpochEnd(epoch: number, logs: Logs = {}): void {
    const { monitor, mode, minDelta, patience, baseline, restoreBestWeights, startFromEpoch, verbose } = this.#args;
    const current = monitored(this, monitor, logs);
    if (current === undefined || epoch < startFromEpoch) return;
    const { isBetter } = improvement(monitor, mode, minDelta);
    if (restoreBestWeights && this.#bestWeights === null) {
      this.#bestWeights = this.model.getWeights();
      this.#bestEpoch = epoch;
    }
    this.#wait++;
    if (isBetter(current, this.#best)) {
      this.#best = current;
      this.#bestEpoch = epoch;
      if (restoreBestWeights) this.#bestWeights = this.model.getWeights();
      if (baseline === undefined || isBetter(current, baseline)) this.#wait = 0;
      return;
    }
    if (this.#wait < patience || epoch === 0) return;
    this.stoppedEpoch = epoch;
    this.model.stopTraining = true;
    if (restoreBestWeights && this.#bestWeights) {
      if (verbose > 0) console.log(`Restoring model weights from the end of the best epoch: ${this.#bestEpoch + 1}.`);
      this.model.setWeights(this.#bestWeights);
    }
  }
  override onTrainEnd(): void {
    if (this.stoppedEpoch > 0 && this.#args.verbose > 0) console.log(`Epoch ${this.stoppedEpoch + 1}: early stopping`);
  }
}

export interface ModelCheckpointArgs {
  /** Any target of `model.save`; `{epoch}` and `{val_loss}` in a name are filled in. */
  filepath: string;
  monitor?: string;
  saveBestOnly?: boolean;
  mode?: Mode;
  initialValueThreshold?: number;
}

/** Saves the model after every epoch, or after those that are the best so far. */
export class ModelCheckpoint extends Callback {
  readonly #args: Required<Omit<ModelCheckpointArgs, 'initialValueThreshold'>>;
  #best: number;

  constructor({ initialValueThreshold, ...args }: ModelCheckpointArgs) {
    super();
    if (typeof args.filepath !== 'string') throw new TypeError('ModelCheckpoint needs a `filepath`.');
    this.#args = { monitor: 'val_loss', saveBestOnly: false, mode: 'auto', ...args };
    this.#best = initialValueThreshold ?? improvement(this.#args.monitor, this.#args.mode).worst;
  }
  override async onEpochEnd(epoch: number, logs: Logs = {}): Promise<void> {
    const { filepath, monitor, saveBestOnly, mode } = this.#args;
    if (saveBestOnly) {
      const current = monitored(this, monitor, logs);
      if (current === undefined || !improvement(monitor, mode).isBetter(current, this.#best)) return;
      this.#best = current;
    }
    const values: Logs = { ...logs, epoch: epoch + 1 };
    await this.model.save(
      filepath.replace(/\{(\w+)(?::(?:0?(\d+)d|\.(\d+)f))?\}/g, (whole, key: string, width?: string, digits?: string) => {
        const value = values[key];
        if (value === undefined) return whole;
        return digits === undefined ? String(value).padStart(Number(width ?? 0), '0') : value.toFixed(Number(digits));
      }),
    );
  }
}

export interface ReduceLROnPlateauArgs {
  monitor?: string;
  factor?: number;
  patience?: number;
  mode?: Mode;
  minDelta?: number;
  cooldown?: number;
  minLr?: number;
}

/** Lowers the learning rate when a metric no longer improves. */
export class ReduceLROnPlateau extends Callback {
  readonly #args: Required<ReduceLROnPlateauArgs>;
  #best = 0;
  #wait = 0;
  #cooldown = 0;

  constructor(args: ReduceLROnPlateauArgs = {}) {
    super();
    this.#args = { monitor: 'val_loss', factor: 0.1, patience: 10, mode: 'auto', minDelta: 1e-4, cooldown: 0, minLr: 0, ...args };
    if (this.#args.factor >= 1)
      throw new ValueError(`ReduceLROnPlateau does not support a factor >= 1.0. Got ${this.#args.factor}`);
  }
  override onTrainBegin(): void {
    this.#best = improvement(this.#args.monitor, this.#args.mode).worst;
    this.#wait = 0;
    this.#cooldown = 0;
  }
  override onEpochEnd(_epoch: number, logs: Logs = {}): void {
    const { monitor, mode, minDelta, patience, factor, cooldown, minLr } = this.#args;
    const optimizer = this.model.optimizer;
    if (optimizer === null) return;
    logs.lr = optimizer.learningRate;
    const current = monitored(this, monitor, logs);
    if (current === undefined) return;
    if (this.#cooldown > 0) {
      this.#cooldown--;
      this.#wait = 0;
    }
    if (improvement(monitor, mode, minDelta).isBetter(current, this.#best)) {
      this.#best = current;
      this.#wait = 0;
    } else if (this.#cooldown <= 0 && ++this.#wait >= patience && optimizer.learningRate > Math.fround(minLr)) {
      optimizer.learningRate = Math.max(optimizer.learningRate * factor, minLr);
      this.#cooldown = cooldown;
      this.#wait = 0;
    }
  }
}

/** Sets the learning rate of each epoch. */
export class LearningRateScheduler extends Callback {
  constructor(readonly schedule: (epoch: number, learningRate: number) => number) {
    super();
  }
  override onEpochBegin(epoch: number): void {
    const optimizer = this.model.optimizer;
    if (optimizer === null) return;
    const rate = this.schedule(epoch, optimizer.learningRate);
    if (typeof rate !== 'number')
      throw new ValueError(`The output of the "schedule" function should be a number. Got: ${String(rate)}`);
    optimizer.learningRate = rate;
  }
  override onEpochEnd(_epoch: number, logs: Logs = {}): void {
    if (this.model.optimizer) logs.lr = this.model.optimizer.learningRate;
  }
}

/** Stops training when the loss is no number. */
export class TerminateOnNaN extends Callback {
  override onTrainBatchEnd(batch: number, logs: Logs = {}): void {
    if (logs.loss === undefined || Number.isFinite(logs.loss)) return;
    console.warn(`Batch ${batch}: Invalid loss, terminating training`);
    this.model.stopTraining = true;
  }
}

/** A callback from functions. */
export class LambdaCallback extends Callback {
  constructor(hooks: Partial<Omit<Callback, 'model' | 'params' | 'setModel' | 'setParams'>> = {}) {
    super();
    Object.assign(this, hooks);
  }
}

/** Writes the logs of every epoch to a CSV file (Node). */
export class CSVLogger extends Callback {
  #keys: string[] | null = null;

  constructor(
    readonly filename: string,
    readonly options: { separator?: string; append?: boolean } = {},
  ) {
    super();
  }
  override onTrainBegin(): void {
    this.#keys = null;
  }
  override async onEpochEnd(epoch: number, logs: Logs = {}): Promise<void> {
    const { fs } = await nodeModules();
    const { separator = ',', append = false } = this.options;
    const line = (cells: readonly (string | number)[]): string => cells.join(separator) + '\n';
    if (this.#keys === null) {
      this.#keys = Object.keys(logs).sort();
      const isNew = !append || !fs.existsSync(this.filename) || fs.statSync(this.filename).size === 0;
      if (isNew) await fs.promises.writeFile(this.filename, line(['epoch', ...this.#keys]));
    }
    await fs.promises.appendFile(this.filename, line([epoch, ...this.#keys.map((key) => logs[key] ?? 'NA')]));
  }
}
