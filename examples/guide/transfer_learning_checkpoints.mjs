// The guide's "Transfer learning example" with checkpoints: as long as two models have the same structure, they can share one.
// Usage: node examples/guide/transfer_learning_checkpoints.mjs
import assert from 'node:assert/strict';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import * as keras from 'keras-wasm';

const folder = await mkdtemp(join(tmpdir(), 'keras-wasm-guide-'));
await keras.ready();
const { dense } = keras.layers;

/** The layers up to the second dense one. */
function stem() {
  const inputs = keras.input({ shape: [784], name: 'digits' });
  const x = dense({ units: 64, activation: 'relu', name: 'dense_1' }).apply(inputs);
  return { inputs, x: dense({ units: 64, activation: 'relu', name: 'dense_2' }).apply(x) };
}
function assertSameWeights(a, b) {
  for (const [i, weight] of a.entries()) assert.deepEqual(weight.read().dataSync(), b[i].read().dataSync());
}

const { inputs, x } = stem();
const functional = keras.model({ inputs, outputs: dense({ units: 10, name: 'predictions' }).apply(x), name: '3_layer_mlp' });

// The part without the last layer; with values as if it had been trained.
const pretrained = keras.model({ inputs: functional.inputs, outputs: functional.layers.at(-1).input, name: 'pretrained_model' });
const random = keras.initializers.randomNormal();
for (const weight of pretrained.weights) weight.assign(random.call(weight.shape));
await pretrained.saveWeights(join(folder, 'pretrained_ckpt'));

// Another program, which has nothing but the checkpoint, makes a model with another output.
const own = stem();
const model = keras.model({
  inputs: own.inputs,
  outputs: dense({ units: 5, name: 'predictions' }).apply(own.x),
  name: 'new_model',
});
await model.loadWeights(join(folder, 'pretrained_ckpt'));
assertSameWeights(pretrained.weights, model.weights);
model.summary();

// Example 2: the pretrained model as the first layer of a Sequential model.
const again = stem();
const pretrainedModel = keras.model({ inputs: again.inputs, outputs: again.x, name: 'pretrained' });
const sequential = keras.sequential({ layers: [pretrainedModel, dense({ units: 5, name: 'predictions' })] });
sequential.summary();
await pretrainedModel.loadWeights(join(folder, 'pretrained_ckpt'));
assertSameWeights(pretrained.weights, pretrainedModel.weights);

// `sequential.loadWeights('pretrained_ckpt')` will not do: there the whole pretrained model is the first layer with weights.
await assert.rejects(sequential.loadWeights(join(folder, 'pretrained_ckpt')), keras.ValueError);
await rm(folder, { recursive: true });
