// Files of weights against Keras, both directions: Keras's v3 layout and the older one, by name and with what does not fit,
// files that h5py wrote again in other ways, lists of names over 64 KB.
import assert from 'node:assert/strict';
import { join } from 'node:path';
import { describe, test } from 'node:test';

import * as keras from 'keras-wasm';

import { assertClose, assertLogsClose, assertSameBits, fixture } from '../support.mjs';
import { comparable, load, takeSteps } from './read.mjs';

const NAMES = [
  'small_cnn',
  'multi_io',
  'frozen_layers',
  'mini_mobilenet',
  'every_layer_trained',
  'custom_layer',
  'train_adam_amsgrad_sparse',
];
const REWRITES = [
  'gzip',
  'latest',
  'latest_gzip',
  'chunked',
  'extensible',
  'big_endian',
  'double',
  'fixed_strings',
  'user_block',
  'tracked',
];

function zeroed(model) {
  model.setWeights(model.getWeights().map(({ shape, size }) => keras.tensor(new Float32Array(size), shape)));
  return model;
}

/** Weights of ours (variables) and of Keras's answer, bit for bit. */
function assertSameWeights(model, answer) {
  assert.equal(model.weights.length, answer.weights.length);
  model.weights.forEach((weight, i) => assertSameBits(weight, answer.tensor(answer.weights[i]), answer.weights[i].name));
}

function layouts(tf, suffix) {
  for (const name of NAMES) {
    const model = fixture.model(name);
    const whole = model.path('h5');
    test(`${name}: what save_weights wrote as ${suffix} is loaded`, async () => {
      const out = join(tf.folder, `theirs_${name}${suffix}`);
      const answer = await tf.aboutWeights('save_weights', { path: whole, out });
      const loaded = zeroed(await load(model, 'h5'));
      assert.equal(await loaded.loadWeights(out), null);
      assertSameWeights(loaded, answer);
    });
    test(`${name}: what saveWeights writes as ${suffix} is loaded by Keras`, async () => {
      const out = join(tf.folder, `ours_${name}${suffix}`);
      const ours = await load(model, 'h5');
      ours.setWeights(
        ours.getWeights().map(({ shape, size }, k) =>
          keras.tensor(
            Float32Array.from({ length: size }, (_, i) => 1000 * k + i / 7),
            shape,
          ),
        ),
      );
      await ours.saveWeights(out);
      assertSameWeights(ours, await tf.aboutWeights('load_weights', { path: whole, weights: out }));
    });
  }
}

function v3State(tf) {
  test("optimizer and metrics of a .weights.h5 are Keras's, and are restored", async () => {
    const model = fixture.model('train_adam_mse');
    const ours = await load(model, 'h5');
    await takeSteps(ours, model.steps.slice(0, 1));
    const out = join(tf.folder, 'trained.weights.h5');
    await ours.saveWeights(out);
    const answer = await tf.aboutWeights('load_weights', { path: model.path('h5'), weights: out });
    assert.deepEqual(answer.warnings, []);
    answer.optimizer.variables.forEach((variable, i) =>
      assertSameBits(ours.optimizer.variables[i], answer.tensor(variable), variable.name),
    );

    const theirs = join(tf.folder, 'theirs_trained.weights.h5');
    await tf.aboutWeights('save_weights', { path: model.path('h5'), out: theirs });
    await ours.loadWeights(theirs);
    model.optimizer.variables.forEach((variable, i) =>
      assertSameBits(ours.optimizer.variables[i], model.tensor(variable), variable.name),
    );
  });
}

function rewritten(tf) {
  const model = fixture.model('every_layer_trained');
  for (const how of REWRITES) {
    test(`a whole model that h5py wrote again (${how}) is the same model`, async () => {
      const out = join(tf.folder, `again_${how}.h5`);
      await tf.aboutWeights('rewrite', { path: model.path('h5'), out, how });
      const loaded = await keras.loadModel(out);
      model.weights.forEach((weight, i) => assertSameBits(loaded.weights[i], weight, weight.name));
      model.optimizer.variables.forEach((variable, i) =>
        assertSameBits(loaded.optimizer.variables[i], model.tensor(variable), variable.name),
      );
      assertClose(await loaded.predict(model.input), model.outputs);
    });
  }
  test('a file of ours that h5py wrote again is loaded by Keras', async () => {
    const [ours, out] = [join(tf.folder, 'ours_again.h5'), join(tf.folder, 'ours_again_gzip.h5')];
    await (await load(model, 'h5')).save(ours);
    await tf.aboutWeights('rewrite', { path: ours, out, how: 'latest_gzip' });
    const theirs = await tf.describeModel(out);
    theirs.weights.forEach((weight, i) => assertSameBits(theirs.tensor(weight), model.weights[i], weight.name));
  });
}

const { layers } = keras;
const stack = (...list) =>
  keras.sequential({
    layers: list.map(([name, units], i) => layers.dense({ name, units, ...(i === 0 ? { inputShape: [3] } : {}) })),
  });
const PAIRS = {
  'a layer that the file has not': [
    [
      ['a', 4],
      ['b', 2],
    ],
    [
      ['a', 4],
      ['c', 5],
      ['b', 2],
    ],
  ],
  'a layer of other shapes': [
    [
      ['a', 4],
      ['b', 2],
    ],
    [
      ['a', 4],
      ['b', 3],
    ],
  ],
  'other layers under the same name': [
    [
      ['b', 4],
      ['a', 2],
    ],
    [
      ['a', 4],
      ['b', 3],
    ],
  ],
  'nothing in common': [
    [
      ['x', 4],
      ['y', 2],
    ],
    [
      ['a', 4],
      ['b', 3],
    ],
  ],
};

/** Keras writes its classes as objects at addresses. */
const withoutAddresses = (text) =>
  text.replace(/<keras\.src\.[\w.]+\.(\w+) object at 0x[0-9a-f]+>/g, '<$1>').replace(/<(\w+) '\w+'>/g, '<$1>');

function byName(tf) {
  for (const [what, [from, to]] of Object.entries(PAIRS)) {
    for (const skipMismatch of [false, true]) {
      test(`byName${skipMismatch ? ' and skipMismatch' : ''} with ${what}: as Keras`, async (t) => {
        const warn = t.mock.method(console, 'warn', () => {});
        const [weights, path] = [join(tf.folder, 'from.h5'), join(tf.folder, 'to.h5')];
        await stack(...from).saveWeights(weights);
        const model = zeroed(stack(...to));
        await model.save(path);
        const answer = await tf.aboutWeights('load_weights', { path, weights, by_name: true, skip_mismatch: skipMismatch });
        if (answer.error !== undefined) {
          await assert.rejects(model.loadWeights(weights, { byName: true, skipMismatch }), {
            name: 'ValueError',
            message: answer.error,
          });
          return;
        }
        await model.loadWeights(weights, { byName: true, skipMismatch });
        assertSameWeights(model, answer);
        assert.deepEqual(
          warn.mock.calls.map((call) => call.arguments[0]),
          answer.warnings,
        );
      });
    }
  }
  test('skipMismatch of a .weights.h5 leaves the layers that do not fit: as Keras', async (t) => {
    const warn = t.mock.method(console, 'warn', () => {});
    const [weights, path] = [join(tf.folder, 'from.weights.h5'), join(tf.folder, 'to.h5')];
    await stack(['a', 4], ['b', 2]).saveWeights(weights);
    const model = zeroed(stack(['a', 4], ['b', 2], ['c', 3]));
    await model.save(path);
    const answer = await tf.aboutWeights('load_weights', { path, weights, skip_mismatch: true });
    await model.loadWeights(weights, { skipMismatch: true });
    assertSameWeights(model, answer);
    assert.deepEqual(
      warn.mock.calls.map((call) => withoutAddresses(call.arguments[0])),
      answer.warnings.map(withoutAddresses),
    );
    await assert.rejects(model.loadWeights(weights), { name: 'ValueError', message: /'c' expected 2 variables, but received 0/ });
  });
}

function longNames(tf) {
  test('lists of names over 64 KB go both ways', async () => {
    const [theirs, ours] = [join(tf.folder, 'long_theirs.h5'), join(tf.folder, 'long_ours.h5')];
    const answer = await tf.aboutWeights('long_names', { out: theirs });
    const lists = (await tf.aboutWeights('name_lists', { path: theirs })).attributes;
    for (const name of ['/model_weights@layer_names1', '/model_weights/inner@weight_names1']) assert.ok(name in lists, name);
    const model = await keras.loadModel(theirs);
    assertSameWeights(model, answer);
    await model.save(ours);
    assertSameWeights(model, await tf.describeModel(ours));
    assert.deepEqual((await tf.aboutWeights('name_lists', { path: ours })).attributes, lists);
    const told = await keras.inspect(ours);
    assert.deepEqual(
      told.weights.map(({ name }) => name),
      (await keras.inspect(theirs)).weights.map(({ name }) => name),
    );
  });
}

const LEGACY = [
  'sgd',
  'sgd_decay',
  'momentum',
  'nesterov',
  'rmsprop',
  'rmsprop_momentum',
  'rmsprop_centered',
  'rmsprop_centered_momentum',
  'adam',
  'adam_amsgrad',
];

function legacyOptimizers(tf) {
  for (const optimizer of LEGACY) {
    test(`a model of a legacy optimizer (${optimizer}) trains on here, and again in Keras`, async () => {
      const [theirs, ours] = [join(tf.folder, `legacy_${optimizer}.h5`), join(tf.folder, `legacy_${optimizer}_ours.h5`)];
      const told = await tf.aboutWeights('legacy_trained', { out: theirs, optimizer });
      const steps = told.steps.map(([x, y]) => ({ x: told.tensor(x), y: told.tensor(y) }));
      const model = await keras.loadModel(theirs);
      assert.deepEqual(model.warnings, []);
      assert.deepEqual(comparable(model.optimizer.getConfig()), told.before.config);
      assert.deepEqual(
        model.optimizer.variables.map(({ name }) => name),
        told.before.variables.map(({ name }) => name),
      );
      told.before.variables.forEach((variable, i) =>
        assertSameBits(model.optimizer.variables[i], told.tensor(variable), variable.name),
      );
      await model.save(ours);
      assertLogsClose(await takeSteps(model, steps), told.logs);
      model.weights.forEach((weight, i) => assertClose(weight, told.tensor(told.weights[i]), { relative: 1e-5 }));
      told.after.variables.forEach((variable, i) =>
        assertClose(model.optimizer.variables[i], told.tensor(variable), { relative: 1e-4, what: variable.name }),
      );
      assertLogsClose((await tf.resume(ours, steps)).logs, told.logs);
    });
  }
}

/** A model of that optimizer whose every value is gone. */
async function emptyLegacy(path) {
  const model = await keras.loadModel(path);
  for (const variable of [...model.weights, ...model.optimizer.variables]) {
    const { dtype, shape } = variable;
    variable.assign(keras.tensor(new Array(shape.reduce((a, b) => a * b, 1)).fill(0), shape, dtype));
  }
  model.optimizer.learningRate = 0.75;
  return model;
}

function legacyCheckpoints(tf) {
  for (const optimizer of LEGACY) {
    test(`a legacy optimizer (${optimizer}) goes on here from Keras's checkpoints and SavedModel, and in Keras from ours`, async () => {
      const folder = tf.subfolder(`legacy_${optimizer}`);
      const h5 = join(folder, 'model.h5');
      const told = await tf.aboutWeights('legacy_trained', { out: h5, folder, optimizer });
      const steps = told.steps.map(([x, y]) => ({ x: told.tensor(x), y: told.tensor(y) }));
      const assertGoesOn = async (model) => {
        told.before.variables.forEach((variable, i) =>
          assertSameBits(model.optimizer.variables[i], told.tensor(variable), variable.name),
        );
        assertLogsClose(await takeSteps(model, steps), told.logs);
      };

      const saved = await keras.loadModel(join(folder, 'model'));
      assert.deepEqual(saved.warnings, []);
      await saved.save(join(folder, 'model_ours'));
      await assertGoesOn(saved);
      await assertGoesOn(await keras.loadModel(join(folder, 'model_ours')));
      const weights = await emptyLegacy(h5);
      (await weights.loadWeights(join(folder, 'weights'))).assertConsumed();
      await weights.saveWeights(join(folder, 'weights_ours'));
      await assertGoesOn(weights);
      const objects = await emptyLegacy(h5);
      const checkpoint = new keras.train.Checkpoint({ model: objects, optimizer: objects.optimizer });
      (await checkpoint.read(join(folder, 'objects'))).assertConsumed();
      await checkpoint.write(join(folder, 'objects_ours'));
      await assertGoesOn(objects);

      for (const name of ['weights', 'objects']) {
        const prefix = join(folder, `${name}_ours`);
        const [theirs, ours] = (await tf.aboutWeights('legacy_graphs', { prefixes: [join(folder, name), prefix] })).graphs;
        assert.deepEqual(ours, theirs);
        const restored = await tf.aboutWeights('legacy_restored', { prefix, optimizer, checkpoint: name === 'objects' });
        restored.optimizer.variables.forEach((variable, i) =>
          assertSameBits(restored.tensor(variable), told.tensor(told.before.variables[i]), variable.name),
        );
        assertLogsClose(restored.logs, told.logs);
      }
      const variables = (name) => join(folder, name, 'variables', 'variables');
      const [theirs, ours] = (await tf.aboutWeights('legacy_graphs', { prefixes: ['model', 'model_ours'].map(variables) }))
        .graphs;
      assert.deepEqual([ours.optimizers, ours.slots], [theirs.optimizers, theirs.slots]);
      assert.deepEqual(
        ours.keys,
        theirs.keys.filter((key) => !key.startsWith('keras_api/')),
      );
      const loaded = await tf.resume(join(folder, 'model_ours'), steps.slice(0, 1)); // Keras does not restore slots from SavedModels
      assertLogsClose(loaded.logs, told.logs.slice(0, 1));
    });
  }
}

/** @param tf a started Oracle */
export function registerWeightsTests(tf) {
  describe('Files of weights', () => {
    layouts(tf, '.weights.h5');
    layouts(tf, '.h5');
    v3State(tf);
    rewritten(tf);
    byName(tf);
    longNames(tf);
    legacyOptimizers(tf);
    legacyCheckpoints(tf);
  });
}
