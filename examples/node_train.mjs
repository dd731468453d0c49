// Builds a small convolutional network, trains it on 1,438 handwritten digits, tests it on 359 others, and saves it in both
// formats. Python's `tf.keras.models.load_model` opens either.
//
//   node examples/node_train.mjs [folder to save in] [epochs]
import { mkdir, readFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import * as keras from 'keras-wasm';

const folder = process.argv[2] ?? join(tmpdir(), 'keras-wasm-digits');
const epochs = Number(process.argv[3] ?? 12);

const here = (path) => fileURLToPath(new URL(path, import.meta.url));
const file = await readFile(here('data/digits.bin'));
const { count, trainCount, labelsOffset, maxValue } = JSON.parse(await readFile(here('data/digits.json'), 'utf8'));
const part = (begin, end) => ({
  x: keras.tensor(
    Float32Array.from(file.subarray(begin * 64, end * 64), (value) => value / maxValue),
    [end - begin, 8, 8, 1],
  ),
  y: keras.tensor(Int32Array.from(file.subarray(labelsOffset + begin, labelsOffset + end)), [end - begin, 1]),
});
const train = part(0, trainCount);
const test = part(trainCount, count);

await keras.ready();
keras.utils.setRandomSeed(7);
const { layers } = keras;
const model = keras.sequential({
  name: 'digits',
  layers: [
    layers.conv2d({ filters: 16, kernelSize: 3, padding: 'same', activation: 'relu', inputShape: [8, 8, 1] }),
    layers.conv2d({ filters: 32, kernelSize: 3, padding: 'same', useBias: false }),
    layers.batchNormalization(),
    layers.reLU(),
    layers.maxPooling2d({ poolSize: 2 }),
    layers.flatten(),
    layers.dropout({ rate: 0.25 }),
    layers.dense({ units: 48, activation: 'relu' }),
    layers.dense({ units: 10, activation: 'softmax' }),
  ],
});
model.compile({
  optimizer: keras.optimizers.adam({ learningRate: 0.002 }),
  loss: 'sparse_categorical_crossentropy',
  metrics: ['accuracy'],
});
await model.fit(train.x, train.y, { batchSize: 32, epochs, verbose: 2 });

const [, accuracy] = await model.evaluate(test.x, test.y);
console.log(`accuracy on digits it has never seen: ${(100 * accuracy).toFixed(1)} %`);

await mkdir(folder, { recursive: true });
await model.save(join(folder, 'digits.h5'));
await model.save(join(folder, 'digits'));
console.log(`saved ${join(folder, 'digits.h5')} and the SavedModel ${join(folder, 'digits')}`);

// What was saved goes on where it stopped: weights, optimizer state and all.
const again = await keras.loadModel(join(folder, 'digits'));
console.log(`loaded again at step ${again.optimizer.iterations.read().dataSync()[0]}`);
