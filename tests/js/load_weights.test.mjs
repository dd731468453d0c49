// loadWeights of HDF5 files by position and by name, as Keras's load_weights does it.
import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import * as keras from 'keras-wasm';

await keras.ready();
const { layers } = keras;

/** input → `names[0]` of 3 units → `names[1]` of `units`; every weight filled with a number of its own. */
function network(names, units, start) {
  const model = keras.sequential({
    layers: [layers.dense({ units: 3, inputShape: [2], name: names[0] }), layers.dense({ units, name: names[1] })],
  });
  model.setWeights(
    model.getWeights().map((weight, i) => keras.tensor(new Float32Array(weight.size).fill(start + i), weight.shape)),
  );
  return model;
}
const firsts = (model) => model.getWeights().map((weight) => weight.dataSync()[0]);
const saved = (model) => model.save(undefined, { saveFormat: 'h5' });

describe('loadWeights of an H5 file', () => {
  test('goes by position, whatever the names', async () => {
    const model = network(['x', 'y'], 4, 0);
    await model.loadWeights(await saved(network(['a', 'b'], 4, 10)));
    assert.deepEqual(firsts(model), [10, 11, 12, 13]);
  });
  test('goes by name where asked to, and leaves layers that the file does not have', async () => {
    const model = network(['b', 'new'], 4, 0);
    await model.loadWeights(await saved(network(['b', 'old'], 4, 10)), { byName: true });
    assert.deepEqual(firsts(model), [10, 11, 2, 3]);
  });
  test('refuses a shape that does not fit, and assigns nothing', async () => {
    const model = network(['a', 'b'], 5, 0);
    const file = await saved(network(['a', 'b'], 4, 10));
    await assert.rejects(model.loadWeights(file, { byName: true }), { name: 'ValueError', message: /b/ });
    assert.deepEqual(firsts(model), [0, 1, 2, 3]);
  });
  test('skips what does not fit with skipMismatch, and says so', async (t) => {
    const warn = t.mock.method(console, 'warn', () => {});
    const model = network(['a', 'b'], 5, 0);
    await model.loadWeights(await saved(network(['a', 'b'], 4, 10)), { byName: true, skipMismatch: true });
    assert.deepEqual(firsts(model), [10, 11, 2, 3]);
    assert.ok(warn.mock.callCount() > 0);
  });
  test('takes skipMismatch only together with byName', async () => {
    const model = network(['a', 'b'], 4, 0);
    await assert.rejects(model.loadWeights(await saved(network(['a', 'b'], 4, 10)), { skipMismatch: true }), {
      name: 'ValueError',
    });
  });
});
