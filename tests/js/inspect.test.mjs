// keras.inspect: what TensorFlow's files hold, told without building a layer; digests are held against Node's own SHA-256.
import assert from 'node:assert/strict';
import { createHash } from 'node:crypto';
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, describe, test } from 'node:test';
import * as keras from 'keras-wasm';

import { fixture, plainTensor } from '../support.mjs';
import { bytes, serve } from './server.mjs';
import { zipOf } from './zip.mjs';

const sha256 = (tensor) => {
  const { data } = plainTensor(tensor);
  return createHash('sha256')
    .update(Buffer.from(data.buffer, data.byteOffset, data.byteLength))
    .digest('hex');
};
const rowOf = ({ name, shape, dtype, digest }) => ({ name, shape, dtype, digest });

describe('inspect of H5 files', () => {
  const model = fixture.model('train_adam_mse');
  test('tells versions, config, compile information and weights with their digests', async () => {
    const told = await keras.inspect(model.path('h5'));
    assert.equal(told.format, 'h5');
    assert.deepEqual(told.versions, { keras: '2.15.0', backend: 'tensorflow' });
    assert.equal(told.className, JSON.parse(model.toJSON).class_name);
    assert.equal(told.config.config.name, JSON.parse(model.toJSON).config.name);
    assert.deepEqual(told.compile, model.trainingConfig);
    assert.deepEqual(
      told.weights.map(rowOf),
      model.weights.map((weight) => ({
        name: `${weight.name}`,
        shape: weight.shape,
        dtype: weight.dtype,
        digest: sha256(weight),
      })),
    );
    assert.deepEqual(
      told.optimizerWeights.map(({ digest }) => digest),
      model.optimizer.variables.map((variable) => sha256(model.tensor(variable))),
    );
    assert.equal(
      told.sizes.parameters,
      model.weights.reduce((sum, { data }) => sum + data.length, 0),
    );
  });
  test('tells a file of weights alone', async () => {
    const told = await keras.inspect(fixture.path('models/weights_only.h5'));
    assert.equal(told.format, 'h5-weights');
    assert.equal(told.config, null);
    assert.ok(told.weights.length > 0);
  });
  test('needs no class of a layer, and reads no values where digests are not asked for', async () => {
    const told = await keras.inspect(fixture.model('custom_layer').path('h5'), { digests: false });
    assert.ok(told.weights.length > 0);
    assert.ok(told.weights.every((row) => !('digest' in row)));
  });
});

describe('inspect of SavedModels', () => {
  const model = fixture.model('small_cnn');
  test('tells signatures, functions, versions and keys; zipped and unzipped alike', async () => {
    const told = await keras.inspect(model.path('savedModel'));
    assert.equal(told.format, 'saved_model');
    assert.deepEqual(told.versions, { tensorflow: '2.15.1', keras: '2.15.0', backend: 'tensorflow' });
    assert.deepEqual(told.tags, ['serve']);
    assert.deepEqual(Object.keys(told.signatures.serving_default.inputs), model.inputNames);
    assert.ok(told.functions.some((name) => name.includes('call')));
    const kernel = told.weights.find(({ name }) => name === 'layer_with_weights-0/kernel/.ATTRIBUTES/VARIABLE_VALUE');
    assert.equal(kernel.digest, sha256(model.weights[0]));
    const zipped = await keras.inspect(model.path('wrappedZip'));
    assert.deepEqual({ ...zipped, sizes: null }, { ...told, sizes: null });
  });
});

describe('inspect of checkpoints', () => {
  const folder = fixture.path('checkpoints');
  test('tells every key, from a prefix and from a folder', async () => {
    const contents = JSON.parse(await readFile(join(folder, 'contents.json'), 'utf8'));
    const told = await keras.inspect(join(folder, 'training/ckpt-2'));
    assert.equal(told.format, 'checkpoint');
    assert.deepEqual(
      Object.fromEntries(told.weights.map(({ name, dtype, shape }) => [name, { dtype, shape }])),
      Object.fromEntries(Object.entries(contents['training/ckpt-2']).map(([name, { dtype, shape }]) => [name, { dtype, shape }])),
    );
    for (const { name, digest } of told.weights) {
      const { hex } = contents['training/ckpt-2'][name];
      if (hex !== undefined) assert.equal(digest, createHash('sha256').update(Buffer.from(hex, 'hex')).digest('hex'), name);
    }
    assert.deepEqual((await keras.inspect(join(folder, 'training'))).weights, told.weights);
  });
});

describe('A zip of checkpoints', () => {
  const folder = fixture.path('checkpoints');
  const filesOf = async (prefix, below = '') => {
    const names = [`${prefix}.index`, `${prefix}.data-00000-of-00001`];
    return Object.fromEntries(await Promise.all(names.map(async (name) => [below + name, await readFile(join(folder, name))])));
  };
  /** As inspect and loadCheckpoint tell the checkpoint itself. */
  async function assertSame(source, prefix) {
    const [told, expected] = [await keras.inspect(source()), await keras.inspect(join(folder, prefix))];
    assert.equal(told.format, 'checkpoint');
    assert.deepEqual(told.weights, expected.weights);
    const [reader, other] = [await keras.train.loadCheckpoint(source()), await keras.train.loadCheckpoint(join(folder, prefix))];
    assert.deepEqual(reader.getVariableToShapeMap(), other.getVariableToShapeMap());
    for (const [name, dtype] of Object.entries(reader.getVariableToDtypeMap())) {
      const values = (tensor) => (dtype === 'string' ? tensor.dataSync() : [...tensor.bytes()]);
      assert.deepEqual(values(reader.getTensor(name)), values(other.getTensor(name)), name);
    }
  }
  test('is read from a path, bytes, a Blob and a response', async () => {
    const files = Object.entries(await filesOf('training/ckpt-1', 'some/where/'));
    const zip = zipOf(files);
    const place = await mkdtemp(join(tmpdir(), 'inspect-'));
    await writeFile(join(place, 'c.zip'), zip);
    const deflated = () => new Blob([zipOf(files, { compress: true })]);
    for (const source of [() => join(place, 'c.zip'), () => zip, deflated, () => new Response(zip)])
      await assertSame(source, 'training/ckpt-1');
    await rm(place, { recursive: true });
  });
  test('may hold several, where a state file names the latest', async () => {
    const state = { 'training/checkpoint': await readFile(join(folder, 'training/checkpoint')) };
    const both = { ...(await filesOf('training/ckpt-1')), ...(await filesOf('training/ckpt-2')) };
    const zip = zipOf(Object.entries({ ...both, ...state }));
    await assertSame(() => zip, 'training/ckpt-2');
    for (const read of [keras.inspect, keras.train.loadCheckpoint])
      await assert.rejects(read(zipOf(Object.entries(both))), { name: 'ValueError', message: /There are 2 checkpoints/ });
  });
  test('whose shard is missing tells the keys, and that their values are missing', async () => {
    const [index] = Object.entries(await filesOf('training/ckpt-1'));
    const told = await keras.inspect(zipOf([index]));
    assert.ok(told.weights.length > 0 && told.weights.every(({ problem }) => /missing/.test(problem)));
    await assert.rejects(keras.train.loadCheckpoint(zipOf([index])), { name: 'NotFoundError', message: /is missing/ });
  });
  test('is refused by loadModel, which says what it is', async () => {
    const zip = zipOf(Object.entries(await filesOf('training/ckpt-1')));
    await assert.rejects(keras.loadModel(zip), { name: 'ValueError', message: /It holds a checkpoint.*loadCheckpoint/ });
  });
  test("may be a SavedModel's, with or without Keras's metadata", async () => {
    for (const path of [fixture.path('saved_models/functions.zip'), fixture.model('small_cnn').path('wrappedZip')]) {
      const told = await keras.inspect(path);
      assert.equal(told.format, 'saved_model');
      const reader = await keras.train.loadCheckpoint(path);
      assert.deepEqual(
        Object.entries(reader.getVariableToShapeMap()),
        told.weights.map(({ name, shape }) => [name, shape]),
      );
      const { name, digest } = told.weights.find((row) => row.digest !== undefined);
      assert.equal(createHash('sha256').update(reader.getTensor(name).bytes()).digest('hex'), digest);
    }
  });
});

describe('inspect', () => {
  let server;
  before(async () => (server = await serve({ '/model.h5': bytes(await readFile(fixture.model('small_cnn').path('h5'))) })));
  after(() => server.close());

  test('takes bytes, blobs and URLs', async () => {
    const path = fixture.model('small_cnn').path('h5');
    const told = await keras.inspect(path);
    const content = await readFile(path);
    for (const source of [content, new Blob([content]), `${server.url}/model.h5`])
      assert.deepEqual((await keras.inspect(source)).weights, told.weights);
  });
  test('says what is no file of a model', async () => {
    await assert.rejects(keras.inspect(new TextEncoder().encode('<html>')), { name: 'ValueError', message: /not a model/ });
    const empty = await mkdtemp(join(tmpdir(), 'inspect-'));
    await assert.rejects(keras.inspect(empty), { name: 'NotFoundError' });
    await assert.rejects(keras.inspect(join(empty, 'nothing')), { name: 'NotFoundError', message: /nothing/ });
    await rm(empty, { recursive: true });
  });
  test('stops when its signal fires', async () => {
    const signal = AbortSignal.abort();
    await assert.rejects(keras.inspect(fixture.model('small_cnn').path('h5'), { signal }), { name: 'AbortError' });
  });
  test('tells how far it is', async () => {
    const steps = [];
    await keras.inspect(fixture.model('small_cnn').path('h5'), { onProgress: (step) => steps.push(step) });
    assert.ok(steps.length > 0 && steps.every(({ loaded, total }) => loaded <= total));
  });
});
