// Subclasses of Model: what they hold, compute, train and write is held against Keras's own record of the same classes. See
// tests/fixtures/make_subclassed.py.
import assert from 'node:assert/strict';
import { mkdtemp, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, beforeEach, describe, test } from 'node:test';
import * as keras from 'keras-wasm';
import { Lists, Mixed, TwoHeads, numbered } from '../conformance/custom_models.mjs';
import { assertClose, assertLogsClose, fixture } from '../support.mjs';

const { layers, ops } = keras;
const expected = JSON.parse(await readFile(fixture.path('subclassed/expected.json'), 'utf8'));
const { mixed } = expected;
const path = (name) => fixture.path(`subclassed/${name}`);
const hex = (part) => Buffer.from(part).toString('hex');
const SUFFIX = '/.ATTRIBUTES/VARIABLE_VALUE';

const names = (list) => list.map(({ name }) => name);
const namesOf = (model) => ({
  weights: names(model.weights),
  trainableWeights: names(model.trainableWeights),
  nonTrainableWeights: names(model.nonTrainableWeights),
  layers: names(model.layers),
});
const record = ({ weights, trainableWeights, nonTrainableWeights, layers }) => ({
  weights,
  trainableWeights,
  nonTrainableWeights,
  layers,
});
const summaryOf = (model, options = {}) => {
  const lines = [];
  model.summary({ printFn: (line) => lines.push(line), ...options });
  return lines;
};

async function builtMixed() {
  const model = new Mixed();
  await model.predict(mixed.x.slice(0, 1));
  return model;
}
async function compiledMixed() {
  const model = await builtMixed();
  model.compile({ optimizer: keras.optimizers.adam({ learningRate: 0.0625 }), loss: 'mse', metrics: ['mae'] });
  return model;
}
async function takeSteps(model, x, y, count = 3) {
  const logs = [];
  for (let i = 0; i < count; i++) logs.push(await model.trainOnBatch(x, y, { returnDict: true }));
  return logs;
}
/** The checkpoint holds what TensorFlow read from `name`: names, shapes, dtypes and bytes, the object graph too. */
async function assertSameCheckpoint(source, name) {
  const reader = await keras.train.loadCheckpoint(source);
  assert.deepEqual(Object.keys(reader.getVariableToShapeMap()), Object.keys(expected.checkpoints[name]));
  for (const [key, { dtype, shape, hex: values }] of Object.entries(expected.checkpoints[name])) {
    const tensor = reader.getTensor(key);
    assert.deepEqual([tensor.dtype, tensor.shape], [dtype, shape], key);
    assert.equal(hex(dtype === 'string' ? tensor.dataSync()[0] : tensor.bytes()), values, key);
  }
}

/** One dense layer; `build` counts how often it was asked. */
class Plain extends keras.Model {
  static className = 'Plain';
  calls = 0;
  constructor(config) {
    super(config);
    this.dense = layers.dense({ units: 2, kernelInitializer: 'ones' });
  }
  call(inputs) {
    this.calls++;
    return this.dense.apply(inputs);
  }
}

let folder;
before(async () => {
  await keras.ready();
  folder = await mkdtemp(join(tmpdir(), 'keras-wasm-subclassed-'));
});
after(() => rm(folder, { recursive: true, force: true }));
beforeEach(() => keras.backend.clearSession());

describe('A subclassed model', () => {
  test('tracks what its properties hold, in the order and under the names of Keras', async () => {
    const model = new Mixed();
    assert.deepEqual(namesOf(model), mixed.unbuilt);
    await model.predict(mixed.x.slice(0, 1));
    assert.deepEqual(namesOf(model), record(mixed));
    model.blocks[0].trainable = false;
    assert.deepEqual(namesOf(model), mixed.frozen);
    model.blocks[0].trainable = true;
    model.trainable = false;
    assert.deepEqual(namesOf(model), mixed.allFrozen);
    assert.equal(model.blocks[2].norm.trainable, false);
  });
  test('prints the summary of Keras', async () => {
    const model = await builtMixed();
    assert.deepEqual(summaryOf(model), mixed.summary);
    assert.deepEqual(summaryOf(model, { expandNested: true, showTrainable: true }), mixed.summaryExpanded);
    assert.throws(() => new Plain().summary(), { name: 'ValueError', message: /^This model has not yet been built\./ });
  });
  test('predicts and trains as Keras does', async () => {
    const model = await compiledMixed();
    numbered(model);
    assertClose(await model.predict(mixed.x), mixed.output);
    assertClose(model.apply(keras.tensor(mixed.x)), mixed.output);
    assertLogsClose(await takeSteps(model, mixed.x, mixed.y), mixed.logs);
    model.weights.forEach((weight, i) => assertClose(weight, mixed.after[i], { relative: 1e-4, what: weight.name }));
    assertClose(await model.predict(mixed.x), mixed.afterOutput, { relative: 1e-4 });
  });
  test('takes and gives dicts', async () => {
    const { x, y, outputs, logs, metricsNames } = expected.twoHeads;
    const model = new TwoHeads();
    model.compile({
      optimizer: 'sgd',
      loss: { total: 'mse', gap: 'mae' },
      metrics: { gap: ['mse'] },
      lossWeights: { total: 2, gap: 1 },
    });
    assert.deepEqual(model.metricsNames, []);
    const { total } = model.apply({ a: keras.tensor(x.a), b: keras.tensor(x.b) });
    assert.deepEqual(total.shape, [6, 2]);
    assert.deepEqual(namesOf(model), record(expected.twoHeads));
    numbered(model);
    const predicted = await model.predict(x);
    assert.deepEqual(Object.keys(predicted), Object.keys(outputs).sort());
    for (const name of Object.keys(outputs)) assertClose(predicted[name], outputs[name], { what: name });
    assertLogsClose(await takeSteps(model, x, y), logs);
    assert.deepEqual(model.metricsNames, metricsNames);
    assert.throws(() => model.apply({ a: keras.tensor(x.a) }), {
      name: 'UnimplementedError',
      message: /^'two_heads' was first called on a dict of a, b, and now on a dict of a:/,
    });
  });
  test('takes and gives lists', async () => {
    const { x, y, outputs, logs, metricsNames } = expected.lists;
    const model = new Lists();
    model.compile({ optimizer: 'sgd', loss: 'mse' });
    model.build([
      [null, 3],
      [null, 1],
    ]);
    assert.deepEqual(namesOf(model), record(expected.lists));
    numbered(model);
    const predicted = await model.predict(x.map((data) => keras.tensor(data)));
    predicted.forEach((tensor, i) => assertClose(tensor, outputs[i]));
    assertLogsClose(await takeSteps(model, x, y), logs);
    assert.deepEqual(model.metricsNames, metricsNames);
  });
  test('is fitted and evaluated on arrays, with its first data or first batch as what it is built for', async () => {
    const batches = {
      *[Symbol.iterator]() {
        yield [mixed.x, mixed.y];
      },
    };
    for (const data of [mixed.x, batches]) {
      const model = new Mixed();
      model.compile({ optimizer: 'sgd', loss: 'mse' });
      const { history } = await model.fit(data, data === batches ? undefined : mixed.y, { epochs: 2, shuffle: false });
      assert.equal(history.loss.length, 2);
      assert.ok(history.loss[1] < history.loss[0]);
      assert.equal(typeof (await model.evaluate(mixed.x, mixed.y)), 'number');
    }
  });
  test('is traced once for each shape and dtype that it is called on', async () => {
    const model = new Plain();
    model.dense = { apply: (x) => ops.reduceSum(x, { axis: -1 }) };
    assert.deepEqual((await model.predict([[1, 2]])).arraySync(), [3]);
    const { calls } = model;
    await model.predict([[1, 2], [3, 4]]); // prettier-ignore
    assert.equal(model.calls, calls);
    assert.deepEqual((await model.predict([[1, 2, 3]])).arraySync(), [6]);
    assert.deepEqual((await model.predict(keras.tensor([[1, 2]], undefined, 'int32'))).dtype, 'int32');
  });
  test('gives what its call gives for the dtype at hand', async () => {
    class Shifting extends keras.Model {
      static className = 'Shifting';
      call(x) {
        return x.dtype === 'int32' ? { doubled: ops.add(x, x) } : ops.add(x, x);
      }
    }
    const model = new Shifting();
    assert.deepEqual((await model.predictOnBatch([[1]])).arraySync(), [[2]]);
    const { doubled } = await model.predictOnBatch(keras.tensor([[3]], undefined, 'int32'));
    assert.deepEqual(doubled.arraySync(), [[6]]);
  });
  test('is a layer of other models', async () => {
    const inner = new Plain();
    const x = keras.input({ shape: [3] });
    const functional = keras.model({
      inputs: x,
      outputs: layers.dense({ units: 1, kernelInitializer: 'ones' }).apply(inner.apply(x)),
    });
    assert.deepEqual((await functional.predict([[1, 2, 3]])).arraySync(), [[12]]);
    assert.ok(functional.layers[1] === inner);
    assert.equal(functional.countParams(), 3 * 2 + 2 + 2 + 1);
    functional.compile({ optimizer: 'sgd', loss: 'mse' });
    await functional.fit([[1, 2, 3]], [[0]]);
    assert.notDeepEqual(inner.getWeights()[0].arraySync()[0], [1, 1]);
    const copy = keras.modelFromJSON(functional.toJSON(), { customObjects: { Plain } });
    assert.ok(copy.layers[1] instanceof Plain);
    assert.equal(copy.layers[1].name, inner.name);

    const outer = new (class extends Plain {
      static className = 'Outer';
      call(inputs) {
        return ops.add(super.call(inputs), inner.apply(inputs));
      }
    })();
    outer.inner = inner;
    outer.build([null, 3]);
    assert.equal(outer.weights.length, 4);
  });
  test('is called on a dict in another model, which keeps it in its config', async () => {
    const [a, b] = [keras.input({ shape: [3], name: 'pa' }), keras.input({ shape: [2], name: 'pb' })];
    const model = keras.model({ inputs: [a, b], outputs: new TwoHeads().apply({ b, a }) });
    const { inbound_nodes } = model.getConfig().layers[2];
    assert.deepEqual(inbound_nodes, [{ a: ['pa', 0, 0, {}], b: ['pb', 0, 0, {}] }]);
    assert.deepEqual(names(model.weights), record(expected.twoHeads).weights);
    assert.match(summaryOf(model).join(''), /\{'gap': \(None, 2\),.*'total': \(None, 2\)\}/);
    const { x } = expected.twoHeads;
    const data = [keras.tensor(x.a), keras.tensor(x.b)];
    const copy = keras.modelFromJSON(model.toJSON(), { customObjects: { TwoHeads } });
    copy.setWeights(model.getWeights());
    const [predicted, again] = [await model.predict(data), await copy.predict(data)];
    assert.deepEqual(Object.keys(predicted).sort(), ['gap', 'total']);
    assert.deepEqual(again.total.arraySync(), predicted.total.arraySync());
  });
  test('adds losses in its call', async () => {
    class Penalised extends Plain {
      static className = 'Penalised';
      call(inputs) {
        this.addLoss(ops.reduceSum(inputs));
        return super.call(inputs);
      }
    }
    const model = new Penalised();
    model.compile({ optimizer: 'sgd', loss: 'mse' });
    assert.equal(await model.evaluate([[1, 2]], [[3, 3]]), 3);
  });
  test('makes weights in a build of its own', async () => {
    class Building extends keras.Model {
      static className = 'Building';
      build(shape) {
        this.shape = shape;
        this.w = this.addWeight({ name: 'w', shape: [shape.at(-1)], initializer: 'ones' });
        super.build(shape);
      }
      call(inputs) {
        return ops.multiply(inputs, this.w);
      }
    }
    const model = new Building();
    await assert.rejects(model.saveWeights(), {
      name: 'ValueError',
      message: /^Weights for model 'building' have not yet been created/,
    });
    assert.deepEqual((await model.predict([[1, 2]])).arraySync(), [[1, 2]]);
    assert.deepEqual(model.shape, [null, 2]);
    assert.deepEqual(names(model.weights), ['building/w:0']);
  });
  test('says what is wrong with it', async () => {
    class Callless extends keras.Model {
      static className = 'Callless';
    }
    await assert.rejects(new Callless().predict([[1]]), {
      name: 'UnimplementedError',
      message: /^Unimplemented `keras\.Model\.call\(\)`/,
    });
    const x = keras.input({ shape: [1] });
    class Graph extends keras.Model {}
    assert.throws(() => new Graph({ inputs: x, outputs: x }), { name: 'UnimplementedError', message: /^Graph hands inputs/ });
    assert.throws(() => new Plain().build(null), { name: 'ValueError', message: /^Input shape must be defined/ });
    assert.throws(() => new Plain().build(5), { name: 'ValueError', message: /^Specified input shape is not one of/ });
    const model = new Plain();
    await assert.rejects(model.fit([[1]], [[1]]), { name: 'RuntimeError', message: /^You must compile/ });
    await model.predict([[1]]);
    await assert.rejects(model.predict([[1, 2]]), /expected axis -1 of input shape to have value 1/);
    assert.throws(() => {
      model.layers = [];
    }, TypeError);
  });
  test('has a config of its own making', () => {
    class Sized extends keras.Model {
      static className = 'Sized';
      constructor({ units, ...rest }) {
        super(rest);
        this.units = units;
      }
      getConfig() {
        return { ...super.getConfig(), units: this.units, name: this.name };
      }
    }
    assert.deepEqual(new Plain({ name: 'it' }).getConfig(), { name: 'it', trainable: true, dtype: 'float32' });
    const model = new Sized({ units: 3, name: 'mine' });
    const again = keras.cloneModel(model);
    assert.ok(again instanceof Sized);
    assert.deepEqual([again.units, again.name], [3, 'mine']);
    assert.deepEqual(JSON.parse(model.toJSON()), {
      class_name: 'Sized',
      config: { units: 3, name: 'mine' },
      keras_version: '2.15.0',
      backend: 'tensorflow',
    });
    const read = keras.modelFromJSON(model.toJSON(), { customObjects: { Sized } });
    assert.equal(read.units, 3);
    class Needy extends Sized {
      constructor(config) {
        super({ units: config.deep.units });
      }
    }
    assert.throws(() => Needy.fromConfig({}), { name: 'TypeError', message: /^Unable to revive model from config\./ });
  });
});

describe('Weights of a subclassed model', () => {
  test('are those of a checkpoint of Keras, and give the same checkpoint again', async () => {
    const model = await compiledMixed();
    model.optimizer.build(model.trainableWeights);
    (await model.loadWeights(path('mixed'))).assertConsumed();
    assertClose(await model.predict(mixed.x), mixed.output);
    await model.saveWeights(join(folder, 'mixed'));
    await assertSameCheckpoint(join(folder, 'mixed'), 'mixed');
    assertLogsClose(await takeSteps(model, mixed.x, mixed.y), mixed.logs);
  });
  test('wait for the model to be built, and for its optimizer', async () => {
    const model = new Mixed();
    const status = await model.loadWeights(path('trained'));
    assert.throws(() => status.assertConsumed(), /^AssertionError: Unresolved object in checkpoint \(root\)\./);
    await model.predict(mixed.x.slice(0, 1));
    model.weights.forEach((weight, i) => assertClose(weight, mixed.after[i], { relative: 0, what: weight.name }));
    assert.throws(() => status.assertConsumed(), /Unresolved object in checkpoint \(root\)\.optimizer\./);
    status.assertExistingObjectsMatched();
    model.compile({ optimizer: 'adam', loss: 'mse' });
    model.optimizer.build(model.trainableWeights);
    status.assertConsumed();
    assert.deepEqual(model.optimizer.iterations.dataSync(), new BigInt64Array([3n]));
  });
  for (const suffix of ['.h5', '.weights.h5']) {
    test(`go through ${suffix} files of both`, async () => {
      const keys = Object.keys(expected.checkpoints.mixed).filter((key) => key !== '_CHECKPOINTABLE_OBJECT_GRAPH');
      const theirs = await builtMixed();
      assert.equal(await theirs.loadWeights(path(`mixed${suffix}`)), null);
      const reader = await keras.train.loadCheckpoint(await theirs.saveWeights());
      for (const key of keys.filter((name) => !name.startsWith('optimizer/')))
        assert.equal(hex(reader.getTensor(key).bytes()), expected.checkpoints.mixed[key].hex, key);

      const file = join(folder, `ours${suffix}`);
      await theirs.saveWeights(file);
      const table = async (source) =>
        (await keras.inspect(source)).weights.map(({ name, shape, dtype }) => ({ name, shape, dtype }));
      const wanted = (await table(path(`mixed${suffix}`))).filter(({ name }) => !/^(optimizer|metrics)\//.test(name));
      assert.deepEqual(await table(file), wanted);
      const again = await builtMixed();
      await again.loadWeights(file);
      again.weights.forEach((weight, i) => assertClose(weight, theirs.weights[i], { relative: 0 }));
    });
  }
  test('are refused where Keras refuses them', async () => {
    await assert.rejects(new Mixed().loadWeights(path('mixed.h5')), {
      name: 'ValueError',
      message: /^Unable to load weights saved in HDF5 format into a subclassed Model which has not created its variables yet\./,
    });
    const other = new Plain();
    await other.predict([[1, 2]]);
    await other.saveWeights(join(folder, 'other.h5'));
    class Topped extends Plain {
      static className = 'Topped';
      top = this.addWeight({ name: 'top', shape: [1] });
    }
    const topped = new Topped();
    await topped.predict([[1, 2]]);
    await assert.rejects(topped.loadWeights(join(folder, 'other.h5')), {
      name: 'ValueError',
      message:
        'Weight count mismatch for top-level weights when loading weights from file. Model expects 1 top-level weight(s). ' +
        'Received 0 saved top-level weight(s)',
    });
  });
  test('are found by train.Checkpoint below the name of the model', async () => {
    const model = await builtMixed();
    await model.loadWeights(path('mixed.h5'));
    const prefix = await new keras.train.Checkpoint({ model }).save(join(folder, 'tree'));
    const reader = await keras.train.loadCheckpoint(prefix);
    const key = `blocks/2/inner/kernel${SUFFIX}`;
    assert.equal(hex(reader.getTensor(`model/${key}`).bytes()), expected.checkpoints.mixed[key].hex);
    const other = new Mixed();
    const status = await new keras.train.Checkpoint({ model: other }).restore(prefix);
    await other.predict(mixed.x.slice(0, 1));
    status.assertConsumed();
  });
});

describe('A whole subclassed model', () => {
  test('is saved in no format', async () => {
    const model = await builtMixed();
    await assert.rejects(model.save(undefined, { saveFormat: 'h5' }), {
      name: 'UnimplementedError',
      message:
        /^Saving the model to HDF5 format requires the model to be a Functional model or a Sequential model\. It does not work/,
    });
    await assert.rejects(model.save(join(folder, 'saved')), {
      name: 'UnimplementedError',
      message: /^Model 'mixed' \(Mixed\) is a subclass of Model, which this version does not save as a SavedModel\./,
    });
  });
});

describe('A variable on a custom layer', () => {
  test('is one of its weights, in the order of properties', async () => {
    class Held extends keras.Layer {
      static className = 'Held';
      constructor() {
        super({});
        this.first = keras.variable([1], { name: 'first' });
        this.list = [keras.variable([2], { name: 'second', trainable: false })];
        this.again = this.first;
      }
      build() {
        this.made = this.addWeight({ name: 'made', shape: [1], initializer: 'ones' });
      }
      call(inputs) {
        return ops.multiply(ops.multiply(inputs, this.first), this.made);
      }
    }
    const layer = new Held();
    assert.deepEqual(layer.apply(keras.tensor([[5]])).arraySync(), [[5]]);
    assert.deepEqual(names(layer.weights), ['first:0', 'held/made:0', 'second:0']);
    assert.deepEqual(names(layer.trainableWeights), ['first:0', 'held/made:0']);
    const model = keras.sequential({ layers: [layers.inputLayer({ inputShape: [1] }), layer] });
    model.compile({ optimizer: keras.optimizers.sgd({ learningRate: 0.25 }), loss: 'mse' });
    // d/df (2 f m − 0)² = 2 · 2 · 2 = 8, so first and made go from 1 to −1.
    await model.trainOnBatch([[2]], [[0]]);
    assert.deepEqual(layer.getWeights().map((value) => value.arraySync()), [[-1], [-1], [2]]); // prettier-ignore
  });
});
