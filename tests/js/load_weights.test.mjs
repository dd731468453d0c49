// loadWeights of HDF5 files by position and by name, as Keras's load_weights does it.
import assert from 'node:assert/strict';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, describe, test } from 'node:test';
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

let folder;
before(async () => (folder = await mkdtemp(join(tmpdir(), 'weights-'))));
after(() => rm(folder, { recursive: true }));

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

describe('files in the layout of the v3 format', () => {
  test('are written by the suffix .weights.h5, and loaded whatever the names of layers', async () => {
    const path = join(folder, 'model.weights.h5');
    await network(['a', 'b'], 4, 10).saveWeights(path);
    const model = network(['x', 'y'], 4, 0);
    await model.loadWeights(path);
    assert.deepEqual(firsts(model), [10, 11, 12, 13]);
    const told = await keras.inspect(path);
    assert.equal(told.format, 'weights.h5');
    assert.deepEqual(
      told.weights.map(({ name }) => name),
      ['layers/dense/vars/0', 'layers/dense/vars/1', 'layers/dense_1/vars/0', 'layers/dense_1/vars/1'],
    );
  });
  test('leave the model as it is where one layer does not fit', async () => {
    const path = join(folder, 'other.weights.h5');
    await network(['a', 'b'], 4, 10).saveWeights(path);
    const model = network(['a', 'b'], 5, 0);
    await assert.rejects(model.loadWeights(path), { name: 'ValueError', message: /Shape mismatch/ });
    assert.deepEqual(firsts(model), [0, 1, 2, 3]);
  });
  test('take skipMismatch without byName, and refuse byName', async (t) => {
    const warn = t.mock.method(console, 'warn', () => {});
    const path = join(folder, 'third.weights.h5');
    await network(['a', 'b'], 4, 10).saveWeights(path);
    const model = network(['a', 'b'], 5, 0);
    await model.loadWeights(path, { skipMismatch: true });
    assert.deepEqual(firsts(model), [10, 11, 2, 3]);
    assert.match(warn.mock.calls[0].arguments[0], /Could not load weights in object <Dense 'b'>/);
    await assert.rejects(model.loadWeights(path, { byName: true }), { name: 'ValueError', message: /byName/ });
  });
  test('are no models: loadModel says what to call', async () => {
    const path = join(folder, 'fourth.weights.h5');
    await network(['a', 'b'], 4, 10).saveWeights(path);
    await assert.rejects(keras.loadModel(path), { name: 'ValueError', message: /weights only.*loadWeights/ });
  });
  test('are not overwritten where overwrite is false', async () => {
    const path = join(folder, 'fifth.weights.h5');
    await network(['a', 'b'], 4, 10).saveWeights(path);
    await assert.rejects(network(['a', 'b'], 4, 0).saveWeights(path, { overwrite: false }), { name: 'IOError' });
    const model = network(['a', 'b'], 4, 0);
    await model.loadWeights(path);
    assert.deepEqual(firsts(model), [10, 11, 12, 13]);
  });
});
