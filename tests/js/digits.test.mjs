// The main job at full length: a CNN learns real digits from scratch and reads 97 % of those it has never seen.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import * as keras from 'keras-wasm';
import { assertClose, digits, root } from '../support.mjs';

test('A CNN learns the digits from scratch, is saved and goes on as if never interrupted', async () => {
  await keras.ready();
  keras.utils.setRandomSeed(1);
  const { layers } = keras;
  const { train, test: held } = digits();
  const model = keras.sequential({
    layers: [
      layers.conv2d({ filters: 16, kernelSize: 3, padding: 'same', activation: 'relu', inputShape: [8, 8, 1] }),
      layers.batchNormalization(),
      layers.conv2d({ filters: 32, kernelSize: 3, activation: 'relu' }),
      layers.maxPooling2d(),
      layers.flatten(),
      layers.dropout({ rate: 0.25 }),
      layers.dense({ units: 64, activation: 'relu' }),
      layers.dense({ units: 10, activation: 'softmax' }),
    ],
  });
  model.compile({ optimizer: 'adam', loss: 'sparse_categorical_crossentropy', metrics: ['accuracy'] });
  const { history } = await model.fit(train.x, train.y, { epochs: 30, batchSize: 32 });
  assert.ok(history.loss.at(-1) < history.loss[0] / 5);
  const { accuracy } = await model.evaluate(held.x, held.y, { returnDict: true });
  assert.ok(accuracy >= 0.97, `accuracy ${accuracy}`);
  const again = await keras.loadModel(await model.save());
  assertClose(await again.predict(held.x), await model.predict(held.x), { relative: 0 });
  assert.equal(again.optimizer.iterations.read().arraySync(), model.optimizer.iterations.read().arraySync());
});

test('The example that TensorFlow trained reads the digits as it did there', async () => {
  const { test: held } = digits();
  for (const name of ['digits.h5', 'digits']) {
    const model = await keras.loadModel(`${root}examples/models/${name}`);
    const { accuracy } = await model.evaluate(held.x, held.y, { returnDict: true });
    assert.ok(accuracy >= 0.97, `${name}: ${accuracy}`);
  }
});
