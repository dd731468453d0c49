// The guide's ContrivedModel: layers taken out of one model, saved by a Checkpoint, and restored into another with other names.
// Usage: node examples/guide/extracted_layers.mjs
import assert from 'node:assert/strict';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import * as keras from 'keras-wasm';

const folder = await mkdtemp(join(tmpdir(), 'keras-wasm-guide-'));
await keras.ready();
const { dense } = keras.layers;

const inputs = keras.input({ shape: [784], name: 'digits' });
const hidden = dense({ units: 64, activation: 'relu', name: 'dense_1' }).apply(inputs);
const functional = keras.model({ inputs, outputs: dense({ units: 10, name: 'predictions' }).apply(hidden) });

// The first dense layer as a whole; of the last one its two variables.
const first = functional.layers[1];
const [kernel, bias] = functional.layers.at(-1).weights;
const path = await new keras.train.Checkpoint({ dense: first, kernel, bias }).save(join(folder, 'ckpt'));

class ContrivedModel extends keras.Model {
  static className = 'ContrivedModel';
  constructor() {
    super();
    this.firstDense = dense({ units: 64, activation: 'relu' });
    this.kernel = this.addWeight({ name: 'kernel', shape: [64, 10] });
    this.bias = this.addWeight({ name: 'bias', shape: [10] });
  }
  call(x) {
    return keras.ops.add(keras.ops.matmul(this.firstDense.apply(x), this.kernel), this.bias);
  }
}
const model = new ContrivedModel();
const x = keras.tensor(new Float32Array(784).fill(1), [1, 784]);
model.apply(x); // makes the variables

// A Checkpoint of the same structure as before restores all of it.
const checkpoint = new keras.train.Checkpoint({ dense: model.firstDense, kernel: model.kernel, bias: model.bias });
(await checkpoint.read(path)).assertExistingObjectsMatched();
(await checkpoint.restore(path)).assertConsumed();

const expected = (await functional.predict(x)).dataSync();
const computed = (await model.predict(x)).dataSync();
computed.forEach((value, i) => assert.ok(Math.abs(value - expected[i]) < 1e-5));
console.log('The extracted layers compute what the whole model computes.');
await rm(folder, { recursive: true });
