// What TensorFlow wrote, read here: config, summary, weights, optimizer, predictions, and the steps that follow.
import assert from 'node:assert/strict';
import { describe, test } from 'node:test';

import * as keras from 'keras-wasm';

import { assertClose, assertLogsClose, assertSameBits, fixture, plainTensor } from '../support.mjs';
import { customObjects } from './custom.mjs';

/** Loads a fixture in a format; classes of a user's own are handed over, its unknown loss or optimizer is not. */
export function load(model, format) {
  return keras.loadModel(model.path(format), { customObjects });
}

/** Takes the recorded steps and returns their logs. */
export async function takeSteps(loaded, steps) {
  const logs = [];
  for (const { x, y } of steps) logs.push(await loaded.trainOnBatch(x, y, { returnDict: true }));
  return logs;
}

/** A config without what depends on where a class was defined or whether Python has built a layer that needs no building. */
export function comparable(json, { builds = true } = {}) {
  return JSON.parse(typeof json === 'string' ? json : JSON.stringify(json), function (key, value) {
    if (key === 'build_config' && !builds) return undefined;
    if (key === 'module' && this.registered_name) return undefined;
    return value;
  });
}

export function assertWeights(loaded, expected, what = 'weights') {
  const weights = loaded.weights;
  assert.deepEqual(
    weights.map((w) => w.name),
    expected.map((w) => w.name),
    `${what}: names`,
  );
  // As in Keras, freezing a layer moves its weights to the others, and leaves what `trainable` says of each variable.
  const namesOf = (list) => list.map((w) => w.name);
  assert.deepEqual(namesOf(loaded.trainableWeights), namesOf(expected.filter((w) => w.trainable)), `${what}: trainable`);
  assert.deepEqual(namesOf(loaded.nonTrainableWeights), namesOf(expected.filter((w) => !w.trainable)), `${what}: not trainable`);
  weights.forEach((weight, i) => assertSameBits(weight, expected[i], expected[i].name));
}

export function assertOptimizer(loaded, model) {
  const { className, config, variables } = model.optimizer;
  assert.equal(loaded.optimizer.getClassName(), className);
  assert.deepEqual(comparable(loaded.optimizer.getConfig()), config);
  const own = loaded.optimizer.variables;
  assert.deepEqual(
    own.map((v) => v.name),
    variables.map((v) => v.name),
    'names of the optimizer variables',
  );
  variables.forEach((variable, i) => assertSameBits(own[i], model.tensor(variable), variable.name));
}

function summaryOf(loaded, options) {
  const lines = [];
  loaded.summary({ ...options, printFn: (line) => lines.push(line) });
  return lines.join('\n');
}

/** What trained for longer may differ more: a step of Adam hangs on the sign of gradients close to zero. */
const stepTolerance = (steps) => (steps > 3 ? 1e-4 : 1e-5);

/**
 * Slots of a weight on which the loss does not depend (a bias before a batch normalization): the gradient is zero, and what a
 * float32 program holds instead is the rounding of its sums, a few 1e-7 of the gradients that it sums, in TensorFlow and here.
 */
function assertRounding(slot, expected, alike, what) {
  const largestOf = (tensor) => Math.max(...Array.from(plainTensor(tensor).data, Math.abs));
  const isSquare = /^(Adam\/v|Adam\/vhat|RMSprop\/velocity)\//.test(what);
  const allowed = (isSquare ? 1e-12 : 1e-6) * Math.max(...alike.map(largestOf));
  assert.ok(largestOf(expected) <= allowed, `${what}: not zero for TensorFlow`);
  assert.ok(largestOf(slot) <= allowed, `${what}: ${largestOf(slot)}, not zero up to ${allowed}`);
}

function assertOptimizerAfter(variables, model) {
  const { optimizerAfter, zeroGradients = [] } = model.training;
  const tensorOf = (entry) => model.tensor(entry);
  variables.forEach((variable, i) => {
    const { name } = optimizerAfter[i];
    const zero = zeroGradients.find((weight) => name.endsWith(`/${weight}`));
    if (zero === undefined) return assertClose(variable, tensorOf(optimizerAfter[i]), { relative: 1e-4, what: name });
    const alike = optimizerAfter.filter((slot) => slot.name.startsWith(name.slice(0, -zero.length))).map(tensorOf);
    return assertRounding(variable, tensorOf(optimizerAfter[i]), alike, name);
  });
}

function readTests(model, format) {
  test('its config, summary and weights are those of Keras', async () => {
    const loaded = await load(model, format);
    assert.deepEqual(comparable(loaded.toJSON()), comparable(model.toJSON));
    assert.equal(summaryOf(loaded), model.summary);
    assert.equal(summaryOf(loaded, { expandNested: true, showTrainable: true }), model.summaryExpanded);
    assertWeights(loaded, model.weights);
  });
  test('it predicts what Keras predicted', async () => {
    const loaded = await load(model, format);
    assertClose(await loaded.predict(model.input), model.outputs, { what: 'output' });
  });
  if (model.unknown.length > 0) return;
  if (model.optimizer) {
    test('its optimizer is restored bit for bit', async () => assertOptimizer(await load(model, format), model));
  }
  if (model.training) {
    test('it trains on as if never interrupted', async () => {
      const loaded = await load(model, format);
      const { logs, weightsAfter } = model.training;
      assertLogsClose(await takeSteps(loaded, model.steps), logs, { relative: stepTolerance(logs.length) });
      loaded
        .getWeights()
        .forEach((w, i) => assertClose(w, model.tensor(weightsAfter[i]), { relative: 1e-4, what: weightsAfter[i].name }));
      assertOptimizerAfter(loaded.optimizer.variables, model);
    });
  }
  if (model.fit) {
    test('fit and evaluate give the history that Keras had', async () => {
      const loaded = await load(model, format);
      const { x, y, options, history, epoch, evaluate, weightsAfter } = model.fit;
      const [xs, ys] = [model.tensor(x[0]), model.tensor(y[0])];
      const told = await loaded.fit(xs, ys, {
        epochs: options.epochs,
        batchSize: options.batch_size,
        validationSplit: options.validation_split,
        shuffle: false,
      });
      assert.deepEqual(told.epoch, epoch);
      assert.deepEqual(Object.keys(told.history), Object.keys(history));
      for (const key of Object.keys(history))
        assertClose(Float64Array.from(told.history[key]), Float64Array.from(history[key]), { what: key });
      const result = await loaded.evaluate(xs, ys, { batchSize: options.batch_size, returnDict: true });
      assertLogsClose([result], [evaluate]);
      loaded
        .getWeights()
        .forEach((w, i) => assertClose(w, model.tensor(weightsAfter[i]), { relative: 1e-4, what: weightsAfter[i].name }));
    });
  }
}

function unknownTests(model, format) {
  const [name] = model.unknown;
  test(`${model.name} as ${format} loads and predicts, names ${name} in its warnings, and does not train`, async () => {
    const loaded = await keras.loadModel(model.path(format));
    assert.ok(
      loaded.warnings.some((w) => String(w.message ?? w).includes(name)),
      `warnings: ${loaded.warnings}`,
    );
    assertClose(await loaded.predict(model.input), model.outputs);
    const [{ x, y }] = model.steps;
    await assert.rejects(async () => loaded.fit(x, y), new RegExp(name));
  });
}

describe('Models that TensorFlow wrote', () => {
  for (const name of fixture.names()) {
    const model = fixture.model(name);
    for (const format of model.formats) {
      describe(`${name}, ${format}`, () => readTests(model, format));
      if (model.unknown.length > 0) unknownTests(model, format);
    }
  }
  test('an unknown layer is named', async () => {
    const path = fixture.model('custom_layer').path('h5');
    await assert.rejects(keras.loadModel(path), {
      name: 'ValueError',
      message: /Unknown layer: '?(Scale|Fixtures>CustomDense|CustomDense)/,
    });
  });
  test('a file of weights alone is told so', async () => {
    await assert.rejects(keras.loadModel(fixture.path('models/weights_only.h5')), { message: /loadWeights/ });
  });
});
