// keras.callbacks: classes, and a factory for each.
import {
  CSVLogger,
  EarlyStopping,
  type EarlyStoppingArgs,
  History,
  LambdaCallback,
  LearningRateScheduler,
  ModelCheckpoint,
  type ModelCheckpointArgs,
  ProgbarLogger,
  ReduceLROnPlateau,
  type ReduceLROnPlateauArgs,
  TerminateOnNaN,
} from './builtin.js';

export { Callback, type CallbackLike, type CallbackParams, type Logs } from './callback.js';
export {
  CSVLogger,
  EarlyStopping,
  type EarlyStoppingArgs,
  History,
  LambdaCallback,
  LearningRateScheduler,
  ModelCheckpoint,
  type ModelCheckpointArgs,
  ProgbarLogger,
  ReduceLROnPlateau,
  type ReduceLROnPlateauArgs,
  TerminateOnNaN,
};

export const history = (): History => new History();
export const progbarLogger = (write?: (text: string) => void): ProgbarLogger => new ProgbarLogger(write);
export const earlyStopping = (args?: EarlyStoppingArgs): EarlyStopping => new EarlyStopping(args);
export const modelCheckpoint = (args: ModelCheckpointArgs): ModelCheckpoint => new ModelCheckpoint(args);
export const reduceLROnPlateau = (args?: ReduceLROnPlateauArgs): ReduceLROnPlateau => new ReduceLROnPlateau(args);
export const learningRateScheduler = (schedule: LearningRateScheduler['schedule']): LearningRateScheduler =>
  new LearningRateScheduler(schedule);
export const terminateOnNaN = (): TerminateOnNaN => new TerminateOnNaN();
export const lambdaCallback = (hooks?: ConstructorParameters<typeof LambdaCallback>[0]): LambdaCallback =>
  new LambdaCallback(hooks);
export const csvLogger = (filename: string, options?: { separator?: string; append?: boolean }): CSVLogger =>
  new CSVLogger(filename, options);
