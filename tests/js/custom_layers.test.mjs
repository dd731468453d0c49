// Layers of a user's own: found in files by customObjects, by registration or in a scope; saved, cloned, trained.
import assert from 'node:assert/strict';
import { before, describe, test } from 'node:test';
import * as keras from 'keras-wasm';
import { CustomDense, Scale, customObjects } from '../conformance/custom.mjs';
import { assertClose, assertLogsClose, assertSameBits, fixture } from '../support.mjs';

const { ops } = keras;
const expected = fixture.model('custom_layer');
before(() => keras.ready());

/** y = x² + b, with the bias as the only weight. */
class Square extends keras.Layer {
  static className = 'Square';
  build(inputShape) {
    this.bias = this.addWeight({ name: 'bias', shape: [inputShape.at(-1)], initializer: 'zeros' });
    super.build(inputShape);
  }
  call(inputs) {
    return ops.add(ops.multiply(inputs, inputs), this.bias);
  }
}
/** Adds one while training. */
class TrainingOnly extends keras.Layer {
  static className = 'TrainingOnly';
  call(inputs, { training }) {
    return training ? ops.add(inputs, 1) : inputs;
  }
}

describe('A model with custom layers, from Keras', () => {
  for (const format of expected.formats) {
    test(`predicts, trains and is saved again from ${format}`, async () => {
      const model = await keras.loadModel(expected.path(format), { customObjects });
      assert.ok(model.layers.some((layer) => layer instanceof Scale));
      assert.equal(model.getLayer('twice_and_a_half').factor, 2.5);
      assert.equal(model.toJSON(), expected.toJSON.replaceAll('"generate.custom_fixtures"', 'null')); // Python's module
      assertClose(await model.predict(expected.input), expected.outputs[0]);
      for (const saveFormat of ['h5', 'tf']) {
        const again = await keras.loadModel(await model.save(undefined, { saveFormat }), { customObjects });
        again.weights.forEach((weight, i) => assertSameBits(weight, expected.weights[i]));
        assertClose(await again.predict(expected.input), expected.outputs[0]);
      }
      const logs = [];
      for (const { x, y } of expected.steps) logs.push(await model.trainOnBatch(x, y, { returnDict: true }));
      assertLogsClose(logs, expected.steps.map((step) => step.logs)); // prettier-ignore
    });
  }
  test('is found in a scope, and only there', async () => {
    const model = await keras.utils.customObjectScope(customObjects, () => keras.loadModel(expected.path('h5')));
    assertClose(await model.predict(expected.input), expected.outputs[0]);
    await assert.rejects(keras.loadModel(expected.path('h5')), /Unknown layer: /);
    assert.throws(() =>
      keras.utils.customObjectScope(customObjects, () => {
        throw new Error('inside');
      }),
    );
    assert.deepEqual(keras.utils.getCustomObjects(), {});
  });
  test('names the class that is missing', async () => {
    await assert.rejects(
      keras.loadModel(expected.path('h5'), { customObjects: { 'Fixtures>CustomDense': CustomDense } }),
      (e) => e instanceof keras.ValueError && /^Unknown layer: 'Scale'/.test(e.message),
    );
    await assert.rejects(keras.loadModel(expected.path('h5'), { customObjects: { Scale: 5 } }), keras.ValueError);
  });
});

describe('A custom layer', () => {
  test('runs eagerly and in models, with weights it tracks', async () => {
    const layer = new Square();
    assert.deepEqual(layer.apply(keras.tensor([[3]])).arraySync(), [[9]]);
    assert.deepEqual(layer.weights.map(({ name }) => name), [`${layer.name}/bias:0`]); // prettier-ignore
    const model = keras.sequential({ layers: [keras.layers.inputLayer({ inputShape: [2] }), new Square()] });
    assert.deepEqual((await model.predict([[2, -3]])).arraySync(), [[4, 9]]);
    assert.deepEqual(model.outputs[0].shape, [null, 2]);
  });
  test('is trained with gradients through its ops', async () => {
    const layer = new Square();
    const model = keras.sequential({ layers: [keras.layers.inputLayer({ inputShape: [1] }), layer] });
    model.compile({ optimizer: keras.optimizers.sgd({ learningRate: 0.25 }), loss: 'mse' });
    // x² + b − y = 4 + 0 − 2, so b goes to −.25 · 2 · 2.
    await model.trainOnBatch([[2]], [[2]]);
    assert.deepEqual(layer.getWeights()[0].arraySync(), [-1]);
  });
  test('is told whether the model trains', async () => {
    const model = keras.sequential({ layers: [keras.layers.inputLayer({ inputShape: [1] }), new TrainingOnly()] });
    model.compile({ optimizer: 'sgd', loss: 'mse' });
    assert.deepEqual((await model.predict([[1]])).arraySync(), [[1]]);
    assert.equal(await model.evaluate([[1]], [[1]]), 0);
    assert.equal(await model.trainOnBatch([[1]], [[1]]), 1);
  });
  test('holds other layers, whose weights are its own', async () => {
    class Block extends keras.Layer {
      static className = 'Block';
      constructor(config = {}) {
        super(config);
        this.inner = keras.layers.dense({ units: 3, name: 'inner' });
        this.list = [keras.layers.dense({ units: 2, name: 'last' })];
      }
      call(inputs) {
        return this.list[0].apply(this.inner.apply(inputs));
      }
    }
    const x = keras.input({ shape: [4] });
    const block = new Block();
    const model = keras.model({ inputs: x, outputs: block.apply(x) });
    assert.equal(block.weights.length, 4);
    assert.equal(model.countParams(), 4 * 3 + 3 + 3 * 2 + 2);
    model.compile({ optimizer: 'adam', loss: 'mse' });
    const before = block.getWeights();
    await model.trainOnBatch([[1, 2, 3, 4]], [[1, 1]]);
    assert.notDeepEqual(block.getWeights()[0].arraySync(), before[0].arraySync());
  });
  test('takes several inputs and gives several outputs', async () => {
    class SumAndDifference extends keras.Layer {
      static className = 'SumAndDifference';
      call([a, b]) {
        return [ops.add(a, b), ops.subtract(a, b)];
      }
    }
    const [a, b] = [keras.input({ shape: [1] }), keras.input({ shape: [1] })];
    const outputs = new SumAndDifference().apply([a, b]);
    const model = keras.model({ inputs: [a, b], outputs });
    const [sum, difference] = await model.predict([[[5]], [[3]]]);
    assert.deepEqual([sum.arraySync(), difference.arraySync()], [[[8]], [[2]]]);
  });
  test('goes through getConfig, toJSON and fromConfig', () => {
    const layer = new Scale({ factor: 3, name: 'mine' });
    assert.deepEqual(layer.getConfig(), { name: 'mine', trainable: true, dtype: 'float32', factor: 3 });
    const again = Scale.fromConfig(layer.getConfig());
    assert.deepEqual([again.factor, again.name], [3, 'mine']);
    const model = keras.sequential({ layers: [keras.layers.inputLayer({ inputShape: [2] }), layer] });
    const copy = keras.modelFromJSON(model.toJSON(), { customObjects: { Scale } });
    assert.equal(copy.toJSON(), model.toJSON());
    assert.ok(copy.layers[0] instanceof Scale);
    assert.throws(() => keras.modelFromJSON(model.toJSON()), /Unknown layer: 'Scale'/);
  });
  test('says what is wrong with its call', () => {
    const make = (call) => {
      class Wrong extends keras.Layer {
        static className = 'Wrong';
      }
      Wrong.prototype.call = call;
      return () => new Wrong().apply(keras.input({ shape: [2] }));
    };
    assert.throws(make(async (x) => x), (e) => e instanceof TypeError && /Promise.*synchronous/.test(e.message)); // prettier-ignore
    assert.throws(make(() => 5), TypeError); // prettier-ignore
    assert.throws(make((x) => x.dataSync()), /read|traced|symbolic/i); // prettier-ignore
    assert.throws(
      make(() => {
        throw new RangeError('mine');
      }),
      (e) => e instanceof RangeError && e.message === 'mine',
    );
    assert.throws(make((x) => ops.add(x, [1, 2, 3]))); // prettier-ignore
  });
});

describe('registerKerasSerializable', () => {
  test('lets files find the class, under its package', async () => {
    class Doubled extends keras.Layer {
      call(inputs) {
        return ops.multiply(inputs, 2);
      }
    }
    assert.equal(keras.utils.registerKerasSerializable(Doubled, { package: 'Mine', name: 'Doubled' }), Doubled);
    assert.equal(keras.utils.getCustomObjects()['Mine>Doubled'], Doubled);
    const model = keras.sequential({ layers: [keras.layers.inputLayer({ inputShape: [1] }), new Doubled()] });
    for (const saveFormat of ['h5', 'tf']) {
      const again = await keras.loadModel(await model.save(undefined, { saveFormat }));
      assert.ok(again.layers[0] instanceof Doubled);
      assert.deepEqual((await again.predict([[4]])).arraySync(), [[8]]);
    }
    assert.match(model.toJSON(), /"registered_name": "Mine>Doubled"/);
    class Other extends keras.Layer {}
    assert.throws(() => keras.utils.registerKerasSerializable(Other, { package: 'Mine', name: 'Doubled' }), keras.ValueError);
  });
});
