// What the page and the engine's worker say to each other. Each request carries an id; its answer carries the same.

/** One weight of the model, with what its picture needs. */
export interface WeightInfo {
  name: string;
  shape: number[];
  dtype: string;
  trainable: boolean;
  min: number;
  max: number;
  mean: number;
  deviation: number;
  /** Counts in equal steps from min to max. */
  histogram: number[];
}

/** A layer of the model's graph. */
export interface LayerInfo {
  name: string;
  className: string;
  outputShape: string;
  /** Names of the layers whose outputs go in. */
  inbound: string[];
}

/** A tensor that goes into or comes out of the model. */
export interface TensorInfo {
  name: string;
  shape: (number | null)[];
  dtype: string;
}

export interface ModelInfo {
  name: string;
  summary: string;
  layers: LayerInfo[];
  inputs: TensorInfo[];
  outputs: TensorInfo[];
  warnings: string[];
  compiled: boolean;
  /** Keras's name of the loss, where it is one of Keras's. */
  loss: string | null;
  learningRate: number | null;
  /** Training steps that the optimizer has done. */
  iterations: number | null;
}

export interface PredictionInfo {
  name: string;
  shape: number[];
  values: number[];
}

export interface TrainingData {
  x: Float32Array;
  xShape: number[];
  y: Float32Array;
  yShape: number[];
}

export interface TrainOptions {
  data: TrainingData;
  epochs: number;
  batchSize: number;
  learningRate: number | null;
  /** Given only for a model that was not compiled. */
  loss: string | null;
}

export type Logs = Record<string, number>;

/** A file and its path inside the folder it came in; structured clones of File lose theirs in some browsers. */
export interface NamedFile {
  path: string;
  file: File;
}

/** Requests by name: arguments and result. */
export interface Requests {
  engine: { args: []; result: string };
  openUrl: { args: [url: string]; result: ModelInfo };
  openFiles: { args: [files: NamedFile[]]; result: ModelInfo };
  openStored: { args: [name: string]; result: ModelInfo };
  listStored: { args: []; result: string[] };
  weights: { args: []; result: WeightInfo[] };
  predict: { args: [inputs: { shape: number[]; values: number[] }[]]; result: PredictionInfo[] };
  train: { args: [options: TrainOptions]; result: ModelInfo };
  stop: { args: []; result: void };
  save: { args: [format: 'h5' | 'tf']; result: Uint8Array<ArrayBuffer> };
  store: { args: [name: string]; result: void };
}

export type RequestName = keyof Requests;

export interface Request {
  id: number;
  name: RequestName;
  args: unknown[];
}

/** What the worker reports while a request is under way. */
export type Event =
  | { event: 'progress'; loaded: number; total: number | null; stage: string }
  | { event: 'batch'; epoch: number; batch: number; batches: number; logs: Logs }
  | { event: 'epoch'; epoch: number; logs: Logs };

export type Answer = { id: number; result: unknown } | { id: number; error: string };
