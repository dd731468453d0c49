// fit, evaluate and single steps against what Keras 2.15 wrote down, and their options by arithmetic.
import assert from 'node:assert/strict';
import { before, describe, test } from 'node:test';
import * as keras from 'keras-wasm';
import { assertClose, assertLogsClose, fixture, rows } from '../support.mjs';

before(() => keras.ready());
const load = (name) => keras.loadModel(fixture.model(name).path('h5'));

/** y = w·x with one weight that starts at `w`; SGD with this learning rate on the mean squared error. */
function line(w = 0, { learningRate = 0.1, metrics } = {}) {
  const model = keras.sequential({ layers: [keras.layers.dense({ units: 1, useBias: false, inputShape: [1] })] });
  model.setWeights([[[w]]]);
  model.compile({ optimizer: new keras.optimizers.SGD({ learningRate }), loss: 'mse', metrics });
  return model;
}
const weightOf = (model) => model.getWeights()[0].arraySync()[0][0];
const near = (actual, expected) =>
  assert.ok(Math.abs(actual - expected) <= 1e-5 * Math.abs(expected), `${actual} is not ${expected}`);

describe('fit as Keras', () => {
  for (const name of fixture.names().filter((n) => fixture.model(n).fit)) {
    test(name, async () => {
      const { fit, ...expected } = fixture.model(name);
      const read = (entries) => fixture.model(name).tensors([entries].flat());
      const one = (list) => (list.length === 1 ? list[0] : list);
      const model = await load(name);
      const [x, y] = [one(read(fit.x)), one(read(fit.y))];
      const { epochs, batch_size: batchSize, validation_split: validationSplit } = fit.options;
      const { history, epoch } = await model.fit(x, y, { epochs, batchSize, validationSplit, shuffle: false });
      assert.deepEqual(epoch, [...Array(epochs).keys()]);
      assert.deepEqual(Object.keys(history).sort(), Object.keys(fit.history).sort());
      for (const [key, series] of Object.entries(fit.history))
        assertClose(Float64Array.from(history[key]), Float64Array.from(series), { what: key });
      const evaluated = await model.evaluate(x, y, { batchSize, returnDict: true });
      for (const [key, value] of Object.entries(fit.evaluate)) near(evaluated[key], value);
      const after = read(fit.weightsAfter);
      assert.equal(after.length, expected.weights.length);
      model
        .getWeights()
        .forEach((weight, i) => assertClose(weight, after[i], { relative: 1e-4, what: expected.weights[i].name }));
    });
  }
});

describe('trainOnBatch as Keras', () => {
  for (const name of ['multi_io', 'frozen_layers', 'dense_regularized', 'normalization_training', 'train_adam_amsgrad_sparse']) {
    test(name, async () => {
      const expected = fixture.model(name);
      const model = await load(name);
      const logs = [];
      for (const { x, y } of expected.steps) logs.push(await model.trainOnBatch(x, y, { returnDict: true }));
      assertLogsClose(
        logs,
        expected.steps.map((step) => step.logs),
        { relative: 1e-5 },
      );
    });
  }
});

describe('fit by hand', () => {
  // dL/dw of (w·x − y)² is 2x(w·x − y): from w = 0 with x = 1, y = 1, one step of .1 goes to .2, the next to .36.
  test('takes the steps that arithmetic says', async () => {
    const model = line();
    const { history } = await model.fit([[1]], [[1]], { epochs: 2 });
    near(weightOf(model), 0.36);
    near(history.loss[0], 1);
    near(history.loss[1], 0.64);
    assert.equal(model.optimizer.iterations.read().arraySync(), 2n);
  });
  test('cuts batches, the last one short', async () => {
    const model = line(0, { learningRate: 0 });
    const sizes = [];
    const x = [[1], [1], [1], [1], [1]];
    const { history } = await model.fit(x, [[1], [1], [2], [2], [3]], {
      batchSize: 2,
      shuffle: false,
      callbacks: { onTrainBatchEnd: (batch, { loss }) => void sizes.push([batch, loss]) },
    });
    // The logs are means of all samples so far: 1, (2·1 + 2·4)/4, 19/5.
    assert.deepEqual(sizes.map(([b]) => b), [0, 1, 2]); // prettier-ignore
    [1, 2.5, 3.8].forEach((loss, i) => near(sizes[i][1], loss));
    near(history.loss[0], 3.8);
  });
  test('weighs samples and classes', async () => {
    // Keras divides by the number of samples, not by the sum of the weights: (1·4 + 1·0)/2.
    const weighted = await line(0, { learningRate: 0 }).fit([[1], [1]], [[1], [1]], { sampleWeight: [4, 0] });
    near(weighted.history.loss[0], 2);
    const classes = await line(0, { learningRate: 0 }).fit([[1], [1]], [[0], [1]], { classWeight: { 0: 5, 1: 3 } });
    near(classes.history.loss[0], 1.5);
  });
  test('holds the end of the data back', async () => {
    const model = line(0, { learningRate: 0 });
    const { history } = await model.fit([[1], [1], [1], [1]], [[1], [1], [1], [3]], { validationSplit: 0.25 });
    near(history.loss[0], 1);
    near(history.val_loss[0], 9);
    await assert.rejects(model.fit([[1]], [[1]], { validationSplit: 0.5 }), keras.ValueError);
  });
  test('validates on given data, at some epochs', async () => {
    const validationData = [[[1], [1]], [[2], [2]], [1, 3]]; // prettier-ignore
    const { history } = await line(0, { learningRate: 0 }).fit([[1]], [[1]], { epochs: 4, validationData, validationFreq: 2 });
    assert.equal(history.loss.length, 4);
    assert.equal(history.val_loss.length, 2);
    near(history.val_loss[0], 8); // (1·4 + 3·4)/2
  });
  test('begins at initialEpoch and stops after stepsPerEpoch', async () => {
    const model = line(0, { learningRate: 0 });
    const { epoch } = await model.fit([[1], [1], [1]], [[1], [1], [1]], {
      epochs: 5,
      initialEpoch: 3,
      batchSize: 1,
      stepsPerEpoch: 2,
    });
    assert.deepEqual(epoch, [3, 4]);
    assert.equal(model.optimizer.iterations.read().arraySync(), 4n);
  });
  test('takes batches from iterables and async generators', async () => {
    const batches = [
      [[[1]], [[1]]],
      [[[1]], [[3]]],
    ];
    const model = line(0, { learningRate: 0 });
    near((await model.fit(new Set(batches), undefined, { epochs: 2 })).history.loss[1], 5);
    async function* endless() {
      for (;;) yield* batches;
    }
    near((await model.fit(endless(), undefined, { epochs: 2, stepsPerEpoch: 2 })).history.loss[1], 5);
    near(await model.evaluate(new Set(batches)), 5);
  });
  test('trains alike after the same random seed, shuffled or not', async () => {
    const losses = async (seed) => {
      keras.utils.setRandomSeed(seed);
      const model = keras.sequential({ layers: [keras.layers.dense({ units: 1, inputShape: [2] })] });
      model.compile({ optimizer: keras.optimizers.sgd({ learningRate: 0.1 }), loss: 'mse' });
      const x = Array.from({ length: 20 }, (_, i) => [i % 3, i % 5]);
      const y = x.map(([a, b]) => [a - b + (a * b) / 7]);
      return (await model.fit(x, y, { batchSize: 3, epochs: 2 })).history.loss;
    };
    const first = await losses(3);
    assert.deepEqual(await losses(3), first);
    assert.notDeepEqual(await losses(4), first);
  });
  test('shuffles the rows of x, y and weights alike, every row once', async () => {
    keras.utils.setRandomSeed(7);
    const n = 50;
    const x = Array.from({ length: n }, (_, i) => [i]);
    const orders = [];
    const model = line(1, { learningRate: 0 });
    for (let run = 0; run < 2; run++) {
      const order = [];
      await model.fit(
        x,
        x.map(([v]) => [2 * v]),
        {
          batchSize: 1,
          callbacks: {
            onTrainBatchBegin: () => model.resetMetrics(),
            onTrainBatchEnd: (_, { loss }) => void order.push(Math.sqrt(loss)),
          },
        },
      );
      orders.push(order);
    }
    assert.notDeepEqual(orders[0], [...Array(n).keys()]);
    assert.notDeepEqual(orders[0], orders[1]);
    for (const order of orders)
      assert.deepEqual(
        [...order].sort((a, b) => a - b),
        [...Array(n).keys()],
      );
  });
  test('says what is wrong with its arguments', async () => {
    const model = line();
    await assert.rejects(model.fit([[1]], [[1]], { batchSize: 0 }), keras.ValueError);
    await assert.rejects(model.fit([[1]], [[1]], { epochs: 1.5 }), keras.ValueError);
    await assert.rejects(model.fit([[1], [2]], [[1]]), keras.ValueError);
    await assert.rejects(model.fit([[1, 2]], [[1]]));
    await assert.rejects(model.fit([], []));
    await assert.rejects(model.fit([['a']], [[1]]), keras.ValueError);
    await model.fit([[1]], [[1]]);
  });
  test('asks for compile first', async () => {
    const model = keras.sequential({ layers: [keras.layers.dense({ units: 1, inputShape: [1] })] });
    for (const call of [model.fit, model.evaluate, model.trainOnBatch, model.testOnBatch])
      await assert.rejects(
        call.call(model, [[1]], [[1]]),
        (e) => e instanceof keras.RuntimeError && /must compile/.test(e.message),
      );
  });
  test('throws where the file held a loss, metric or optimizer that is unknown', async () => {
    for (const name of ['unknown_loss', 'unknown_metric', 'unknown_optimizer']) {
      const expected = fixture.model(name);
      for (const format of ['h5', 'savedModel']) {
        const model = await keras.loadModel(expected.path(format));
        assert.equal(model.warnings.length, 1, `${name} ${format}`);
        assert.ok(model.warnings[0].includes(expected.unknown[0]), model.warnings[0]);
        const { x, y } = expected.steps[0];
        await assert.rejects(model.fit(x, y), (e) => e instanceof keras.RuntimeError && e.message.includes(expected.unknown[0]));
        assertClose(await model.predict(expected.input), expected.outputs[0]);
        model.compile({ optimizer: 'sgd', loss: 'mse' });
        await model.fit(x, y);
      }
    }
  });
  test('stops at its signal and can be called again', async () => {
    const model = line();
    const controller = new AbortController();
    const x = Array.from({ length: 100 }, () => [1]);
    let batches = 0;
    const run = model.fit(x, x, {
      batchSize: 1,
      signal: controller.signal,
      callbacks: {
        onTrainBatchEnd: () => {
          if (++batches === 3) controller.abort();
        },
      },
    });
    await assert.rejects(run, keras.AbortError);
    assert.equal(batches, 3);
    assert.equal(model.optimizer.iterations.read().arraySync(), 3n);
    await model.fit(x, x);
  });
  test('yields to the event loop between batches', async () => {
    const x = Array.from({ length: 50 }, () => [1]);
    let turns = 0;
    let training = true;
    const count = () => {
      turns++;
      if (training) setImmediate(count);
    };
    setImmediate(count);
    await line().fit(x, x, { batchSize: 1 });
    training = false;
    assert.ok(turns >= 40, `${turns} turns`);
  });
  test('calls queue', async () => {
    const model = line();
    const [first, second] = await Promise.all([model.fit([[1]], [[1]]), model.fit([[1]], [[1]])]);
    near(first.history.loss[0], 1);
    near(second.history.loss[0], 0.64);
  });
});

describe('evaluate', () => {
  test('gives a number, a list or a dict', async () => {
    const model = line(1, { metrics: ['mae'] });
    const [x, y] = [[[1], [1]], [[2], [4]]]; // prettier-ignore
    const list = await model.evaluate(x, y);
    [5, 2].forEach((value, i) => near(list[i], value));
    assert.deepEqual(model.metricsNames, ['loss', 'mae']);
    assert.deepEqual(Object.keys(await model.evaluate(x, y, { returnDict: true })), ['loss', 'mae']);
    near(await line(1).evaluate(x, y), 5);
    near((await model.testOnBatch(x, y, { returnDict: false }))[0], 5);
    assert.deepEqual(model.getWeights()[0].arraySync(), [[1]]);
  });
  test('weighs the last, shorter batch by its samples', async () => {
    near(await line(0).evaluate([[1], [1], [1]], [[1], [1], [2]], { batchSize: 2 }), 2);
    near(await line(0).evaluate([[1], [1], [1]], [[1], [1], [2]], { batchSize: 1, steps: 2 }), 1);
  });
  test('stops at its signal', async () => {
    await assert.rejects(line().evaluate([[1]], [[1]], { signal: AbortSignal.abort() }), keras.AbortError);
  });
});

describe('predict', () => {
  test('joins batches of any size', async () => {
    const expected = fixture.model('small_cnn');
    const model = await load('small_cnn');
    for (const batchSize of [1, 3, 1000]) assertClose(await model.predict(expected.input, { batchSize }), expected.outputs[0]);
    assertClose(await model.predictOnBatch(expected.input), expected.outputs[0]);
    const one = await model.predict(rows(expected.inputs[0], 1, 2));
    assertClose(one, rows(expected.outputs[0], 1, 2), { relative: 1e-4 });
  });
  test('takes lists and dicts of inputs', async () => {
    const expected = fixture.model('multi_io');
    const model = await load('multi_io');
    assertClose(await model.predict(expected.inputs), expected.outputs);
    const dict = Object.fromEntries(expected.inputNames.map((name, i) => [name, expected.inputs[i]]));
    assertClose(await model.predict(dict), expected.outputs);
    await assert.rejects(model.predict([expected.inputs[0]]), keras.ValueError);
    await assert.rejects(model.predict({ nobody: expected.inputs[0] }), keras.ValueError);
  });
  test('casts to the dtype of the input, and takes nested arrays', async () => {
    const model = line(2);
    for (const x of [
      [[1], [2]],
      keras.tensor([1, 2], [2, 1], 'int32'),
      new Float64Array([1, 2]),
      { data: [1, 2], shape: [2, 1] },
    ])
      assert.deepEqual((await model.predict(x)).arraySync(), [[2], [4]]);
  });
  test('takes what a Sequential takes after layers went and came', async () => {
    const { dense } = keras.layers;
    const model = keras.sequential({ layers: [dense({ units: 2, inputShape: [1], kernelInitializer: 'ones' })] });
    assert.deepEqual((await model.predict([[1]])).arraySync(), [[1, 1]]);
    model.pop();
    model.add(dense({ units: 1, inputShape: [3], kernelInitializer: 'ones' }));
    assert.deepEqual((await model.predict([[1, 2, 3]])).arraySync(), [[6]]);
  });
  test('runs the layers that a Sequential has now, alone and inside another model, compiled or not', async () => {
    const { dense } = keras.layers;
    const ones = (units, inputShape) => dense({ units, inputShape, kernelInitializer: 'ones' });
    const inner = keras.sequential({ layers: [ones(2, [1])] });
    const x = keras.input({ shape: [1] });
    const outer = keras.model({ inputs: x, outputs: inner.apply(x) });
    const predicted = () => Promise.all([inner, outer].map(async (model) => (await model.predict([[1]])).arraySync()));
    assert.deepEqual(await predicted(), [[[1, 1]], [[1, 1]]]);
    inner.add(ones(3));
    assert.deepEqual(await predicted(), [[[2, 2, 2]], [[2, 2, 2]]]);
    inner.compile({ optimizer: 'sgd', loss: 'mse' });
    assert.equal(await inner.evaluate([[1]], [[0, 0, 0]]), 4);
    inner.pop();
    inner.compile({ optimizer: 'sgd', loss: 'mse' });
    assert.deepEqual(await predicted(), [[[1, 1]], [[1, 1]]]);
    inner.add(dense({ units: 2, kernelInitializer: 'identity' }));
    inner.add(ones(1));
    assert.equal(await inner.evaluate([[1]], [[0]]), 4);
    assert.deepEqual((await inner.fit([[1]], [[0]], { epochs: 1, verbose: 0 })).history.loss, [4]);
  });
  test('tells shapes that do not fit, and stops at its signal', async () => {
    const model = line(2);
    await assert.rejects(model.predict([[1, 2, 3]]), (e) => /shape/i.test(e.message));
    await assert.rejects(model.predict([[1]], { signal: AbortSignal.abort() }), keras.AbortError);
    assert.deepEqual((await model.predict([[1]])).arraySync(), [[2]]);
  });
  test('result belongs to JavaScript: a later call does not change it', async () => {
    const model = line(2);
    const first = await model.predict([[1]]);
    await model.predict([[5]]);
    assert.deepEqual(first.arraySync(), [[2]]);
  });
});
