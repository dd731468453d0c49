// The engine in a worker of the page's own: whatever it computes, the page goes on reacting.
import * as keras from 'keras-wasm';
import { describeModel, describeWeights } from './describe';
import type { Answer, Event, ModelInfo, NamedFile, PredictionInfo, Request, Requests, TrainOptions } from './protocol';

const VALIDATION_SPLIT = 0.1;

let model: keras.Model | null = null;
/** The training under way. */
let running: Promise<unknown> = Promise.resolve();

function report(event: Event): void {
  self.postMessage(event);
}

function opened(): keras.Model {
  if (model === null) throw new Error('Open a model first.');
  return model;
}

async function open(source: string | File | Map<string, File>): Promise<ModelInfo> {
  // Calls queue in the engine, so a model opened during a training would wait for its last epoch.
  if (model) model.stopTraining = true;
  await running;
  const loaded = await keras.loadModel(source, {
    onProgress: ({ loaded: bytes, total, stage }) => report({ event: 'progress', loaded: bytes, total: total ?? null, stage }),
  });
  model?.dispose();
  model = loaded;
  return describeModel(loaded);
}

/** A folder arrives as many files, everything else as one. */
function openFiles(files: NamedFile[]): Promise<ModelInfo> {
  const [only] = files;
  return open(files.length === 1 && only ? only.file : new Map(files.map(({ path, file }) => [path, file])));
}

async function predict(inputs: { shape: number[]; values: number[] }[]): Promise<PredictionInfo[]> {
  const current = opened();
  const tensors = inputs.map(({ shape, values }) => keras.tensor(values, shape));
  const result = await current.predict(tensors.length === 1 ? (tensors[0] as keras.Tensor) : tensors);
  const outputs = result instanceof keras.Tensor ? [result] : Object.values<keras.Tensor>(result);
  return outputs.map((output, i) => ({
    name: current.outputNames[i] ?? `output ${i + 1}`,
    shape: output.shape,
    values: Array.from(output.dataSync() as ArrayLike<number>, Number),
  }));
}

async function train({ data, epochs, batchSize, learningRate, loss }: TrainOptions): Promise<ModelInfo> {
  const current = opened();
  if (loss !== null) current.compile({ optimizer: 'adam', loss, metrics: ['accuracy'] });
  if (learningRate !== null && current.optimizer) current.optimizer.learningRate = learningRate;
  // As Keras splits: the first part is trained on, rounded down.
  const batches = Math.ceil(Math.floor((data.xShape[0] as number) * (1 - VALIDATION_SPLIT)) / batchSize);
  let epochNow = 0;
  const fitting = current.fit(keras.tensor(data.x, data.xShape), keras.tensor(data.y, data.yShape), {
    epochs,
    batchSize,
    validationSplit: VALIDATION_SPLIT,
    callbacks: [
      new keras.callbacks.LambdaCallback({
        onEpochBegin: (epoch: number) => {
          epochNow = epoch;
        },
        onTrainBatchEnd: (batch: number, logs?: keras.Logs) =>
          report({ event: 'batch', epoch: epochNow, batch, batches, logs: { ...logs } }),
        onEpochEnd: (epoch: number, logs?: keras.Logs) => report({ event: 'epoch', epoch, logs: { ...logs } }),
      }),
    ],
  });
  running = fitting.catch(() => undefined);
  await fitting;
  return describeModel(current);
}

const handlers: { [Name in keyof Requests]: (...args: Requests[Name]['args']) => Promise<Requests[Name]['result']> } = {
  engine: async () => {
    await keras.ready();
    const { variant, threads } = keras.engine();
    return `Engine ${keras.version}: ${variant}, ${threads === 1 ? 'one thread' : `${threads} threads`}`;
  },
  openUrl: (url) => open(url),
  openFiles,
  openStored: (name) => open(`indexeddb://${name}`),
  listStored: async () => Object.keys(await keras.io.listModels()).map((url) => url.replace('indexeddb://', '')),
  weights: async () => describeWeights(opened()),
  predict,
  train,
  stop: async () => {
    opened().stopTraining = true;
  },
  save: async (format) => (await opened().save(undefined, { saveFormat: format })) as Uint8Array<ArrayBuffer>,
  store: async (name) => {
    await opened().save(`indexeddb://${name}`);
  },
};

self.onmessage = async ({ data: { id, name, args } }: MessageEvent<Request>) => {
  let answer: Answer;
  try {
    const handler = handlers[name] as (...args: unknown[]) => Promise<unknown>;
    answer = { id, result: await handler(...args) };
  } catch (error) {
    answer = { id, error: error instanceof Error ? error.message : String(error) };
  }
  self.postMessage(answer);
};
