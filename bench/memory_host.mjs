// One load or prediction in a process of its own, for memory.mjs: node memory_host.mjs PACKAGE SMALL.h5 {"kind", …}
import { openAsBlob } from 'node:fs';
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';

const [, , url, small, text] = process.argv;
const options = JSON.parse(text);
const { kind, from, folder, file } = options;
const keras = await import(url);
const path = join(folder, file);
const elements = (shape) => shape.reduce((product, size) => product * size, 1);

/** The model, with all its weights. */
async function load() {
  if (kind === 'h5') return keras.loadModel(from === 'path' ? path : await openAsBlob(path));
  const model = keras.modelFromJSON(await readFile(join(folder, 'large.json'), 'utf8'));
  const status = await model.loadWeights(path);
  status.assertConsumed().dispose();
  return model;
}

async function measure() {
  (await keras.loadModel(small)).dispose(); // what is compiled and allocated once is no part of a load
  const before = { process: process.memoryUsage.rss(), engine: keras.engine().memory.peakBytes };
  const start = performance.now();
  const model = await load();
  const seconds = (performance.now() - start) / 1000;
  const weights = 4 * model.countParams();
  return {
    weights,
    seconds,
    process: process.resourceUsage().maxRSS * 1024 - before.process - weights,
    engine: keras.engine().memory.peakBytes - before.engine - weights,
  };
}

/** Two predictions of a model that nothing else is done with. */
async function predict({ graph, shape, dtype }) {
  const x = keras.tensor(new (dtype === 'int32' ? Int32Array : Float32Array)(elements(shape)).fill(1), shape);
  const model = graph ? await keras.savedModel.load(path) : await keras.loadModel(path);
  const weights = 4 * (graph ? model.variables : model.weights).reduce((sum, variable) => sum + elements(variable.shape), 0);
  for (let i = 0; i < 2; ++i) {
    const outputs = graph ? Object.values(model.signatures.serving_default(x)) : [await model.predictOnBatch(x)];
    for (const output of outputs) output.dispose();
  }
  const { bytes, peakBytes, activationBytes } = keras.engine().memory;
  return { weights, activations: activationBytes, engine: bytes - weights, peak: peakBytes - weights };
}

if (kind === 'make') await (await keras.loadModel(join(folder, 'large.h5'))).saveWeights(path);
process.send(kind === 'make' ? null : await (kind === 'predict' ? predict(options) : measure()));
