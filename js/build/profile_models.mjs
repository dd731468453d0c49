// Usage: node profile_models.mjs <.wasm> <folder>: makes models of the size that people have, and prints their paths. The fixtures
// are small, and what is large takes other ways: trees of several nodes in files, blocks of matrices in kernels, long lists sorted.
import { readFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { fileURLToPath, pathToFileURL } from 'node:url';

const root = join(dirname(fileURLToPath(import.meta.url)), '..', '..');
const keras = await import(pathToFileURL(join(root, 'dist', 'package', 'index.js')).href);
const [engine, folder] = process.argv.slice(2);
await keras.ready({ variant: 'simd', wasmBinary: readFileSync(engine) });
const { layers } = keras;

/** As MobileNetV2: inverted residuals of 1 × 1 and depthwise convolutions, batch norms, classes at the end. */
function images() {
  const normalized = (x) => layers.reLU({ maxValue: 6 }).apply(layers.batchNormalization().apply(x));
  const conv = (x, filters, kernelSize, strides = 1) =>
    layers.conv2d({ filters, kernelSize, strides, padding: 'same', useBias: false }).apply(x);
  const input = keras.input({ shape: [96, 96, 3] });
  let x = normalized(conv(input, 32, 3, 2));
  for (const filters of [32, 64, 64, 96, 96, 160, 160, 320]) {
    const strides = filters === x.shape.at(-1) ? 1 : 2;
    let y = normalized(conv(x, 6 * x.shape.at(-1), 1));
    y = normalized(layers.depthwiseConv2d({ kernelSize: 3, strides, padding: 'same', useBias: false }).apply(y));
    y = layers.batchNormalization().apply(conv(y, filters, 1));
    x = strides === 1 ? layers.add().apply([x, y]) : y;
  }
  x = layers.dropout({ rate: 0.2 }).apply(layers.globalAveragePooling2d().apply(normalized(conv(x, 1280, 1))));
  return keras.model({ inputs: input, outputs: layers.dense({ units: 1000, activation: 'softmax' }).apply(x) });
}

/** As Keras's example for MNIST. */
function digits() {
  const conv = (filters, rest = {}) => layers.conv2d({ filters, kernelSize: 3, activation: 'relu', ...rest });
  return keras.sequential({
    layers: [
      conv(32, { inputShape: [28, 28, 1] }),
      layers.maxPooling2d(),
      conv(64),
      layers.maxPooling2d(),
      layers.flatten(),
      layers.dense({ units: 512, activation: 'relu' }),
      layers.dense({ units: 10, activation: 'softmax' }),
    ],
  });
}

/** The more layers, the more levels have the trees of a file's groups. */
function deep(count) {
  const model = keras.sequential({ layers: [layers.dense({ units: 1, inputShape: [1] })] });
  while (model.layers.length < count) model.add(layers.activation({ activation: 'relu' }));
  return model;
}

const models = { images: images(), digits: digits(), deep: deep(36), deeper: deep(300) };
for (const [name, model] of Object.entries(models)) {
  for (const suffix of ['.h5', '.zip']) {
    const path = join(folder, name + suffix);
    await model.save(path);
    console.log(path);
  }
}
