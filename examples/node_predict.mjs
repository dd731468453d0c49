// Loads a model that Keras saved and asks it what ten handwritten digits are.
//
//   node examples/node_predict.mjs [model: .h5 file, SavedModel folder or zip]
import { readFile } from 'node:fs/promises';
import { fileURLToPath } from 'node:url';
import * as keras from 'keras-wasm';

const here = (path) => fileURLToPath(new URL(path, import.meta.url));

const model = await keras.loadModel(process.argv[2] ?? here('models/digits.h5'));
model.summary();

// 8×8 pixels of 0 to 16, one byte each, image after image; then a byte for each label. The last fifth was not trained on.
const file = await readFile(here('data/digits.bin'));
const { count, trainCount, labelsOffset, maxValue } = JSON.parse(await readFile(here('data/digits.json'), 'utf8'));
const pixels = Float32Array.from(file.subarray(trainCount * 64, count * 64), (value) => value / maxValue);
const labels = file.subarray(labelsOffset + trainCount, labelsOffset + count);

const shown = 10;
const probabilities = await model.predict(keras.tensor(pixels.slice(0, shown * 64), [shown, 8, 8, 1]));
for (const [i, row] of probabilities.arraySync().entries()) {
  const digit = row.indexOf(Math.max(...row));
  console.log(`image ${i}: a ${digit} (${(100 * row[digit]).toFixed(1)} %), labelled ${labels[i]}`);
}
