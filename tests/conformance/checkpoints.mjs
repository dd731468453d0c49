// Checkpoints between Keras and us: weights and optimizers' state both ways bit for bit, and training that goes on.
import assert from 'node:assert/strict';
import { join } from 'node:path';
import { describe, test } from 'node:test';

import * as keras from 'keras-wasm';

import { assertLogsClose, assertSameBits, fixture } from '../support.mjs';
import { load, takeSteps } from './read.mjs';

const format = (model) => (model.path('h5') ? 'h5' : 'savedModel');

/** Keras makes the slots of an optimizer when it loads a compiled model, we at the first step. */
async function loadBuilt(model) {
  const loaded = await load(model, format(model));
  loaded.optimizer?.build(loaded.trainableWeights);
  return loaded;
}

/** The model with all values gone, so that whatever it has afterwards was restored. */
async function emptied(model) {
  const loaded = await loadBuilt(model);
  for (const variable of [...loaded.weights, ...(loaded.optimizer?.variables ?? [])]) {
    const { dtype, shape } = variable;
    variable.assign(keras.tensor(new Array(shape.reduce((a, b) => a * b, 1)).fill(0), shape, dtype));
  }
  return loaded;
}

/** Slots that the recording has not are those of a model that was never trained. */
function assertSame(variables, expected, what) {
  assert.ok(variables.length >= expected.length);
  expected.forEach((tensor, i) => assertSameBits(variables[i], tensor, `${what} ${i}`));
}

function bothWays(tf, model) {
  test(`${model.name}: what Keras's save_weights writes is restored here`, async () => {
    const prefix = join(tf.subfolder(`keras_${model.name}`), 'ckpt');
    await tf.saveWeights(model.path(format(model)), prefix);
    const loaded = await emptied(model);
    (await loaded.loadWeights(prefix)).assertConsumed();
    assertSame(loaded.weights, model.weights, 'weight');
    if (model.optimizer) assertSame(loaded.optimizer.variables, model.tensors(model.optimizer.variables), 'slot');
  });
  for (const how of ['saveWeights', 'Checkpoint']) {
    test(`${model.name}: what ${how} writes is consumed by Keras`, async () => {
      const loaded = await loadBuilt(model);
      const tree = loaded.optimizer ? { model: loaded, optimizer: loaded.optimizer } : { model: loaded };
      let prefix = join(tf.subfolder(`ours_${how}_${model.name}`), 'ckpt');
      if (how === 'saveWeights') await loaded.saveWeights(prefix);
      else prefix = await new keras.train.Checkpoint(tree).save(prefix);
      const theirs = await tf.restore(model.path(format(model)), prefix, how === 'Checkpoint');
      assertSame(theirs.tensors(theirs.weights), model.weights, 'weight');
      if (model.optimizer)
        assertSame(theirs.tensors(theirs.optimizer.variables), model.tensors(model.optimizer.variables), 'slot');
    });
  }
}

function goesOn(tf, model) {
  test(`${model.name}: training goes on in Keras from our Checkpoint, and here from Keras's weights`, async () => {
    const path = model.path(format(model));
    const loaded = await loadBuilt(model);
    const logs = await takeSteps(loaded, model.steps.slice(0, 1));
    const { optimizer } = loaded;
    const prefix = await new keras.train.Checkpoint({ model: loaded, optimizer }).save(
      join(tf.subfolder(`on_${model.name}`), 'c'),
    );
    const theirs = await tf.restore(path, prefix, true, model.steps.slice(1, 3));
    assertLogsClose([...logs, ...theirs.logs], model.training.logs.slice(0, 3));

    const saved = join(tf.subfolder(`back_${model.name}`), 'w');
    await tf.saveWeights(path, saved);
    const again = await emptied(model);
    (await again.loadWeights(saved)).assertConsumed();
    assertLogsClose(await takeSteps(again, model.steps.slice(0, 3)), model.training.logs.slice(0, 3));
  });
}

/** @param tf a started Oracle */
export function registerCheckpointTests(tf) {
  describe('Checkpoints', () => {
    for (const name of fixture.names()) {
      const model = fixture.model(name);
      if (model.unknown.length > 0) continue;
      bothWays(tf, model);
      if (model.training) goesOn(tf, model);
    }
    test('a tree of objects that is saved here is restored by tf.train.Checkpoint', async () => {
      const step = keras.variable(41n, { name: 'step', dtype: 'int64' });
      const list = [keras.variable([1.5, -2], { name: 'a' }), { key: keras.variable(['größe', 'x'], { name: 'b' }) }];
      const layer = keras.layers.dense({ units: 2 });
      layer.build([null, 3]);
      const path = await new keras.train.Checkpoint({ step, list, layer }).save(join(tf.subfolder('tree'), 'tree'));
      const told = await tf.restoreTree(path);
      assert.deepEqual(told.values, { step: 41, saveCounter: 1, first: [1.5, -2], texts: ['größe', 'x'], latest: path });
      assertSameBits(told.tensor(told.kernel), layer.weights[0], 'kernel');
    });
  });
}
