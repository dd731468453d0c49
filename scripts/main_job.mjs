// The main job, on the example models in both formats: load, look, predict, train on, save, and check what was saved.
import { readFileSync } from 'node:fs';
import { mkdtemp, readdir, rm, stat } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join, relative } from 'node:path';
import * as keras from 'keras-wasm';
import { ROOT } from './lib/paths.mjs';

const MODELS = join(ROOT, 'examples', 'models');
const DATA = join(ROOT, 'examples', 'data');
const EPOCHS = 3;
const SHOWN = 8;

/** The digits: {train, test}, each {x: [count, 8, 8, 1], y: [count, 1], labels}. */
function readDigits() {
  const bytes = readFileSync(join(DATA, 'digits.bin'));
  const { count, height, width, labelsOffset, trainCount, maxValue } = JSON.parse(
    readFileSync(join(DATA, 'digits.json'), 'utf8'),
  );
  const pixels = height * width;
  const part = (begin, end) => {
    const labels = bytes.subarray(labelsOffset + begin, labelsOffset + end);
    const values = Float32Array.from(bytes.subarray(begin * pixels, end * pixels), (value) => value / maxValue);
    return {
      labels,
      x: keras.tensor(values, [end - begin, height, width, 1]),
      y: keras.tensor(Int32Array.from(labels), [end - begin, 1]),
    };
  };
  return { train: part(0, trainCount), test: part(trainCount, count) };
}

/** Every number that a save has to keep: weights, then the optimizer's variables. */
const stateOf = (model) => [...model.weights, ...model.optimizer.variables].map((variable) => variable.read().dataSync());
const sameBits = (a, b) =>
  Buffer.from(a.buffer, a.byteOffset, a.byteLength).equals(Buffer.from(b.buffer, b.byteOffset, b.byteLength));

function assertSame(what, got, wanted) {
  const same = got.length === wanted.length && got.every((values, i) => sameBits(values, wanted[i]));
  if (!same) throw new Error(`${what} of the saved file differ from those of the model`);
}

async function printPredictions(model, { x, labels }) {
  const { accuracy } = await model.evaluate(x, keras.tensor(Int32Array.from(labels), [labels.length, 1]), { returnDict: true });
  const rows = (await model.predict(x)).arraySync();
  console.log(`${(100 * accuracy).toFixed(1)} % of ${labels.length} held-back digits are told right; the first ${SHOWN}:`);
  for (const [index, row] of rows.slice(0, SHOWN).entries()) {
    const digit = row.indexOf(Math.max(...row));
    console.log(`  a ${labels[index]}, taken for a ${digit} (${(100 * row[digit]).toFixed(1)} %)`);
  }
}

async function listFiles(path) {
  if ((await stat(path)).isFile()) return [path];
  const entries = await readdir(path, { recursive: true, withFileTypes: true });
  return entries.filter((entry) => entry.isFile()).map((entry) => join(entry.parentPath ?? entry.path, entry.name));
}

/** Saves, tells what was written, loads it again and holds it to the model. */
async function saveAndCheck(model, target, what, x) {
  await model.save(target);
  console.log(`\nSaved as ${what}:`);
  for (const file of await listFiles(target)) {
    console.log(`  ${relative(join(target, '..'), file)} (${(await stat(file)).size} bytes)`);
  }
  const again = await keras.loadModel(target);
  assertSame('weights or optimizer state', stateOf(again), stateOf(model));
  assertSame('predictions', [(await again.predict(x)).dataSync()], [(await model.predict(x)).dataSync()]);
  console.log('  loaded again: weights, optimizer state and predictions are the same, bit for bit');
  again.dispose();
}

async function demonstrate(path, what, { train, test }, folder) {
  console.log(`\n── ${relative(ROOT, path)}: ${what} ──\n`);
  const model = await keras.loadModel(path);
  for (const warning of model.warnings) console.log(`warning: ${warning}`);
  model.summary();
  await printPredictions(model, test);
  const steps = model.optimizer.iterations.read().dataSync()[0];
  console.log(`\nTraining on from step ${steps}, for ${EPOCHS} epochs:`);
  await model.fit(train.x, train.y, { batchSize: 32, epochs: EPOCHS, verbose: 1 });
  await saveAndCheck(model, join(folder, 'digits.h5'), 'an H5 file', test.x);
  await saveAndCheck(model, join(folder, 'digits'), 'a SavedModel folder', test.x);
  model.dispose();
}

export async function runMainJob() {
  const { variant } = await keras.ready().then(() => keras.engine());
  console.log(`\nkeras-wasm ${keras.version} in Node ${process.version}, engine: ${variant}`);
  const digits = readDigits();
  const folder = await mkdtemp(join(tmpdir(), 'keras-wasm-'));
  try {
    await demonstrate(join(MODELS, 'digits.h5'), 'a model in an H5 file, as Keras in Python saved it', digits, folder);
    await demonstrate(join(MODELS, 'digits'), 'the same as a SavedModel folder', digits, folder);
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
}
