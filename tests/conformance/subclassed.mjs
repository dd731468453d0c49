// Weights of a subclassed model that was trained here, in Keras's class of the same structure: bit for bit, and trained on.
import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, test } from 'node:test';

import * as keras from 'keras-wasm';

import { assertLogsClose, assertSameBits, fixture } from '../support.mjs';
import { Mixed, numbered } from './custom_models.mjs';

const { x, y } = JSON.parse(readFileSync(fixture.path('subclassed/expected.json'), 'utf8')).mixed;

async function trained() {
  await keras.ready();
  keras.backend.clearSession();
  const model = new Mixed();
  model.compile({ optimizer: keras.optimizers.adam({ learningRate: 0.0625 }), loss: 'mse', metrics: ['mae'] });
  await model.predict(x.slice(0, 1));
  numbered(model);
  await model.trainOnBatch(x, y);
  return model;
}

async function write(model, how, path) {
  if (how === 'Checkpoint') return new keras.train.Checkpoint({ model, optimizer: model.optimizer }).save(path);
  await model.saveWeights(path);
  return path;
}

/** @param tf a started Oracle */
export function registerSubclassedTests(tf) {
  describe('A subclassed model in Keras', () => {
    for (const [how, file] of [
      ['saveWeights', 'ckpt'],
      ['Checkpoint', 'tree'],
      ['HDF5', 'w.h5'],
      ['v3', 'w.weights.h5'],
    ]) {
      test(`takes what ${how} writes here`, async () => {
        const model = await trained();
        const weights = await write(model, how, join(tf.subfolder(`subclassed_${how}`), file));
        const theirs = await tf.aboutSubclassed('load', { weights, how, x, y, steps: how === 'HDF5' ? 0 : 2 });
        assert.deepEqual(theirs.weights.map(({ name }) => name), model.weights.map(({ name }) => name)); // prettier-ignore
        model.weights.forEach((weight, i) => assertSameBits(weight, theirs.tensor(theirs.weights[i]), weight.name));
        if (how === 'HDF5') return;
        const { variables } = model.optimizer;
        theirs.optimizer.variables.forEach((variable, i) => assertSameBits(variables[i], theirs.tensor(variable), variable.name));
        if (how === 'v3') model.optimizer.learningRate = 0.5; // that layout has none
        const logs = [];
        for (let i = 0; i < 2; i++) logs.push(await model.trainOnBatch(x, y, { returnDict: true }));
        assertLogsClose(logs, theirs.logs, { relative: 1e-4 });
      });
    }
  });
}
