// The guide's "HDF5 format": how `trainable` reorders the weights of nested layers, and transfer learning from an H5 file.
// Usage: node examples/guide/h5_nested_trainable.mjs
import assert from 'node:assert/strict';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import * as keras from 'keras-wasm';

const folder = await mkdtemp(join(tmpdir(), 'keras-wasm-guide-'));
await keras.ready();
const { dense, inputLayer } = keras.layers;

class NestedDenseLayer extends keras.Layer {
  static className = 'NestedDenseLayer';
  constructor({ units, name }) {
    super({ name });
    this.dense_1 = dense({ units, name: 'dense_1' });
    this.dense_2 = dense({ units, name: 'dense_2' });
  }
  call(inputs) {
    return this.dense_2.apply(this.dense_1.apply(inputs));
  }
}
const nestedModel = keras.sequential({
  layers: [inputLayer({ inputShape: [784] }), new NestedDenseLayer({ units: 10, name: 'nested' })],
});
const variableNames = nestedModel.weights.map(({ name }) => name);
assert.deepEqual(variableNames, [
  'nested/dense_1/kernel:0',
  'nested/dense_1/bias:0',
  'nested/dense_2/kernel:0',
  'nested/dense_2/bias:0',
]);

// Changing the trainable status of one of the nested layers changes the order in which an H5 file holds them.
nestedModel.getLayer('nested').dense_1.trainable = false;
const variableNames2 = nestedModel.weights.map(({ name }) => name);
assert.deepEqual(variableNames2, [
  'nested/dense_2/kernel:0',
  'nested/dense_2/bias:0',
  'nested/dense_1/kernel:0',
  'nested/dense_1/bias:0',
]);
console.log('variable ordering changed:', String(variableNames) !== String(variableNames2));

// Transfer learning: load the weights into the original model, then take its layers into a new one.
function createFunctionalModel() {
  const inputs = keras.input({ shape: [784], name: 'digits' });
  let x = dense({ units: 64, activation: 'relu', name: 'dense_1' }).apply(inputs);
  x = dense({ units: 64, activation: 'relu', name: 'dense_2' }).apply(x);
  return keras.model({ inputs, outputs: dense({ units: 10, name: 'predictions' }).apply(x), name: '3_layer_mlp' });
}
const functionalModel = createFunctionalModel();
await functionalModel.saveWeights(join(folder, 'pretrained_weights.h5'));

// In a separate program:
const pretrainedModel = createFunctionalModel();
await pretrainedModel.loadWeights(join(folder, 'pretrained_weights.h5'));
const extractedLayers = pretrainedModel.layers.slice(0, -1);
const model = keras.sequential({ layers: [...extractedLayers, dense({ units: 5, name: 'dense_3' })] });
model.summary();
functionalModel.weights.slice(0, -2).forEach((weight, i) => assert.deepEqual(model.weights[i].dataSync(), weight.dataSync()));
await rm(folder, { recursive: true });
