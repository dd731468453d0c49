// What is written here, read by TensorFlow: the same model, the same state, and training that goes on where it stopped.
import assert from 'node:assert/strict';
import { join } from 'node:path';
import { describe, test } from 'node:test';

import * as keras from 'keras-wasm';

import { assertClose, assertLogsClose, assertSameBits, fixture, plainTensor, rows } from '../support.mjs';
import { comparable, load, takeSteps } from './read.mjs';

const oneOf = (model) => (model.path('h5') ? 'h5' : 'savedModel');

function assertSameModel(theirs, original, { builds }) {
  assert.equal(theirs.className, original.className);
  assert.deepEqual(comparable(theirs.toJSON, { builds }), comparable(original.toJSON, { builds }));
  assert.equal(theirs.summary, original.summary);
  assert.deepEqual(theirs.trainingConfig, original.trainingConfig);
  assert.deepEqual(
    theirs.weights.map((w) => [w.name, w.trainable]),
    original.weights.map((w) => [w.name, w.trainable]),
  );
  theirs.weights.forEach((w, i) => assertSameBits(theirs.tensor(w), original.tensor(original.weights[i]), w.name));
}

/** What a checkpoint holds of the model and its optimizer; metrics start afresh wherever they are saved. */
function stateOf(checkpoint) {
  const keys = Object.keys(checkpoint.entries).filter(
    (key) => !key.includes('keras_api/metrics/') && key !== 'save_counter/.ATTRIBUTES/VARIABLE_VALUE',
  );
  return new Map(keys.map((key) => [key, checkpoint.tensor(checkpoint.entries[key])]));
}

/** The optimizer's variables must stand in a checkpoint in their order: iteration apart, the others by number. */
function assertSlots(checkpoint, model) {
  const key = (i) => `optimizer/${i === 0 ? '_iterations' : `_variables/${i}`}/.ATTRIBUTES/VARIABLE_VALUE`;
  model.optimizer.variables.forEach((variable, i) => {
    const entry = checkpoint.entries[key(i)];
    assert.ok(entry, `${key(i)} is missing (${variable.name})`);
    assertSameBits(checkpoint.tensor(entry), model.tensor(variable), variable.name);
  });
}

function untouched(tf, model) {
  test(`${model.name} saved as H5 is the same model to TensorFlow`, async () => {
    const path = join(tf.folder, `${model.name}.h5`);
    await (await load(model, oneOf(model))).save(path);
    const theirs = await tf.describeModel(path, model.inputs);
    assertSameModel(theirs, await tf.describeModel(model.path(oneOf(model))), { builds: false });
    assertClose(theirs.tensors(theirs.outputs), model.outputs);
    model.optimizer?.variables.forEach((variable, i) =>
      assertSameBits(theirs.tensor(theirs.optimizer.variables[i]), model.tensor(variable), variable.name),
    );
  });
  test(`${model.name} saved as SavedModel is the same model to TensorFlow`, async () => {
    const path = join(tf.folder, model.name);
    await (await load(model, oneOf(model))).save(path);
    const theirs = await tf.describeModel(path, model.inputs);
    assertSameModel(theirs, await tf.describeModel(model.path(oneOf(model))), { builds: false });
    assertClose(theirs.tensors(theirs.outputs), model.outputs);
  });
  test(`${model.name} saved as SavedModel keeps its slots and serves without Keras`, async () => {
    const path = join(tf.folder, model.name);
    await (await load(model, oneOf(model))).save(path);
    const checkpoint = await tf.checkpoint(join(path, 'variables/variables'));
    if (model.optimizer) assertSlots(checkpoint, model);
    if (model.path('savedModel')) {
      const original = stateOf(await tf.checkpoint(join(model.path('savedModel'), 'variables/variables')));
      const ours = stateOf(checkpoint);
      assert.deepEqual([...ours.keys()].sort(), [...original.keys()].sort());
      for (const [key, value] of original) assertSameBits(ours.get(key), value, key);
    }
    const served = await tf.serving(path, model.inputNames, model.inputs);
    model.outputNames.forEach((name, i) => assertClose(served.tensor(served.outputs[name]), model.outputs[i], { what: name }));
  });
}

/** A step here, the others in TensorFlow (H5) or here again (SavedModel: TensorFlow 2.15 drops the slots when it loads one). */
function resumed(tf, model) {
  test(`${model.name} trained here goes on in TensorFlow from our H5`, async () => {
    const loaded = await load(model, oneOf(model));
    const logs = await takeSteps(loaded, model.steps.slice(0, 1));
    const path = join(tf.folder, `${model.name}_trained.h5`);
    await loaded.save(path);
    const theirs = await tf.resume(path, model.steps.slice(1, 3));
    assertLogsClose([...logs, ...theirs.logs], model.training.logs.slice(0, 3));
  });
  test(`${model.name} trained here goes on here from our SavedModel`, async () => {
    const loaded = await load(model, oneOf(model));
    const logs = await takeSteps(loaded, model.steps.slice(0, 1));
    const path = join(tf.folder, `${model.name}_trained`);
    await loaded.save(path);
    const again = await keras.loadModel(path, { customObjects: (await import('./custom.mjs')).customObjects });
    again.optimizer.variables.forEach((v, i) => assertSameBits(v, loaded.optimizer.variables[i], v.name));
    assertLogsClose([...logs, ...(await takeSteps(again, model.steps.slice(1, 3)))], model.training.logs.slice(0, 3));
  });
}

function buildDigitsNet() {
  const model = keras.sequential({
    layers: [
      keras.layers.conv2d({ filters: 4, kernelSize: 3, activation: 'relu', inputShape: [8, 8, 1] }),
      keras.layers.batchNormalization(),
      keras.layers.maxPooling2d({ poolSize: 2 }),
      keras.layers.flatten(),
      keras.layers.dense({ units: 10, activation: 'softmax' }),
    ],
  });
  model.compile({
    optimizer: keras.optimizers.adam({ learningRate: 0.01 }),
    loss: 'sparse_categorical_crossentropy',
    metrics: ['accuracy'],
  });
  return model;
}

function madeHere(tf) {
  test('a model made and trained here opens in TensorFlow in both formats and trains on alike', async () => {
    keras.backend.clearSession();
    const { train } = (await import('../support.mjs')).digits();
    const [x, y] = [rows(train.x, 0, 96), rows(train.y, 0, 96)];
    const model = buildDigitsNet();
    await model.fit(x, y, { epochs: 2, batchSize: 32, shuffle: false });
    const outputs = [await model.predict(x)];
    const [h5, folder] = [join(tf.folder, 'made_here.h5'), join(tf.folder, 'made_here')];
    await model.save(h5);
    await model.save(folder);
    for (const path of [h5, folder]) {
      const theirs = await tf.describeModel(path, [x]);
      assert.deepEqual(comparable(theirs.toJSON, { builds: false }), comparable(model.toJSON(), { builds: false }));
      assertClose(theirs.tensors(theirs.outputs), outputs.map(plainTensor));
      theirs.weights.forEach((w, i) => assertSameBits(theirs.tensor(w), model.weights[i], w.name));
    }
    const steps = [0, 32, 64].map((i) => ({ x: rows(x, i, i + 32), y: rows(y, i, i + 32) }));
    const theirs = await tf.resume(h5, steps);
    assertLogsClose(await takeSteps(model, steps), theirs.logs);
  });
}

/** @param tf a started Oracle */
export function registerWriteTests(tf) {
  describe('Models that are written here', () => {
    for (const name of fixture.names()) {
      const model = fixture.model(name);
      if (model.unknown.length > 0) continue;
      untouched(tf, model);
      if (model.training) resumed(tf, model);
    }
    madeHere(tf);
  });
}

export function registerApplicationTests(tf) {
  describe('Models of keras.applications', () => {
    for (const arch of ['MobileNetV2', 'ResNet50']) {
      test(`${arch} with calibrated weights agrees from H5 and from SavedModel`, async () => {
        const made = await tf.calibrated(arch);
        assert.ok(made.difference > 0.05, `outputs hardly depend on the input: ${made.difference}`);
        for (const path of Object.values(made.files)) {
          const model = await keras.loadModel(path);
          assertClose(await model.predict(made.tensor(made.inputs[0])), made.tensors(made.outputs), {
            relative: 1e-4,
            what: path,
          });
        }
      });
    }
  });
}
