// The guide's "TF Checkpoint format": weights saved and loaded back, and what the files hold.
// Usage: node examples/guide/tf_checkpoint_format.mjs
import assert from 'node:assert/strict';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import * as keras from 'keras-wasm';

const folder = await mkdtemp(join(tmpdir(), 'keras-wasm-guide-'));
await keras.ready();

// A runnable example: three layers, saved as ckpt.index and ckpt.data-00000-of-00001.
const sequential = keras.sequential({
  layers: [
    keras.layers.dense({ units: 64, activation: 'relu', name: 'dense_1', inputShape: [784] }),
    keras.layers.dense({ units: 64, activation: 'relu', name: 'dense_2' }),
    keras.layers.dense({ units: 10, name: 'predictions' }),
  ],
});
await sequential.saveWeights(join(folder, 'ckpt'));
const status = await sequential.loadWeights(join(folder, 'ckpt'));
status.assertConsumed(); // every value of the checkpoint was restored

// Format details: a value is named by the attributes that lead to it, not by its variable's name.
class CustomLayer extends keras.Layer {
  static className = 'CustomLayer';
  constructor(a) {
    super({});
    this.var = keras.variable(a, { name: 'var_a', dtype: 'int32' });
  }
}
const layer = new CustomLayer(5);
const path = await new keras.train.Checkpoint({ layer }).save(join(folder, 'custom_layer'));
const reader = await keras.train.loadCheckpoint(path);
assert.deepEqual(reader.getVariableToDtypeMap(), {
  _CHECKPOINTABLE_OBJECT_GRAPH: 'string',
  'layer/var/.ATTRIBUTES/VARIABLE_VALUE': 'int32',
  'save_counter/.ATTRIBUTES/VARIABLE_VALUE': 'int64',
});
console.log(reader.getVariableToShapeMap());
await rm(folder, { recursive: true });
