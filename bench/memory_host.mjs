// One load in a process of its own, for memory.mjs: node memory_host.mjs PACKAGE SMALL.h5 {"kind", "from", "folder", "file"}
import { openAsBlob } from 'node:fs';
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';

const [, , url, small, text] = process.argv;
const { kind, from, folder, file } = JSON.parse(text);
const keras = await import(url);
const path = join(folder, file);

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

if (kind === 'make') await (await keras.loadModel(join(folder, 'large.h5'))).saveWeights(path);
process.send(kind === 'make' ? null : await measure());
