// Checkpoints as tables: what TensorFlow wrote gives what TensorFlow reads, bit for bit. See tests/fixtures/make_checkpoints.py.
import assert from 'node:assert/strict';
import { cp, mkdtemp, readFile, readdir, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, describe, test } from 'node:test';
import { pathToFileURL } from 'node:url';
import * as keras from 'keras-wasm';
import { fixture } from '../support.mjs';
import { bytes, serve } from './server.mjs';

const folder = fixture.path('checkpoints');
const contents = JSON.parse(await readFile(join(folder, 'contents.json'), 'utf8'));
const hex = (part) => Buffer.from(part).toString('hex');

function assertHolds(reader, expected) {
  assert.deepEqual(
    reader.getVariableToShapeMap(),
    Object.fromEntries(Object.entries(expected).map(([name, { shape }]) => [name, shape])),
  );
  assert.deepEqual(
    reader.getVariableToDtypeMap(),
    Object.fromEntries(Object.entries(expected).map(([name, { dtype }]) => [name, dtype])),
  );
  for (const [name, { dtype, shape, strings, hex: values }] of Object.entries(expected)) {
    assert.ok(reader.hasTensor(name));
    const tensor = reader.getTensor(name);
    assert.equal(tensor.dtype, dtype);
    assert.deepEqual(tensor.shape, shape);
    if (strings === undefined) assert.equal(hex(tensor.bytes()), values, name);
    else
      assert.deepEqual(
        tensor.dataSync().map((text) => hex(text)),
        strings,
        name,
      );
  }
}

async function filesBelow(path, prefix = '') {
  const files = new Map();
  for (const name of await readdir(path)) {
    if (name.includes('.') || name === 'checkpoint') files.set(prefix + name, await readFile(join(path, name)));
  }
  return files;
}

describe('loadCheckpoint', () => {
  test('reads every dtype, strings and many shards', async () => {
    const reader = await keras.train.loadCheckpoint(join(folder, 'all_dtypes'));
    assertHolds(reader, contents.all_dtypes);
    assert.equal(reader.hasTensor('numbers'), false);
    assert.throws(() => reader.getTensor('numbers'), { name: 'NotFoundError', message: /Key numbers not found in checkpoint/ });
  });
  test('joins partitioned variables', async () => {
    const reader = await keras.train.loadCheckpoint(join(folder, 'weights/partitioned'));
    assertHolds(reader, contents['weights/partitioned']);
    assert.deepEqual(
      (await keras.train.listVariables(join(folder, 'weights/partitioned'))).map(([name]) => name),
      Object.keys(contents['weights/partitioned']),
    );
  });
  test('a value that is changed does not change what is read next', async () => {
    const reader = await keras.train.loadCheckpoint(join(folder, 'all_dtypes'));
    reader.getTensor('numbers/float32').dataSync().fill(1);
    assertHolds(reader, contents.all_dtypes);
    reader.dispose();
    assert.throws(() => reader.getTensor('numbers/float32'), { name: 'RuntimeError' });
  });
  test('a folder gives its latest checkpoint, a prefix that one', async () => {
    assertHolds(await keras.train.loadCheckpoint(join(folder, 'training')), contents['training/ckpt-2']);
    assertHolds(await keras.train.loadCheckpoint(join(folder, 'training', 'ckpt-1')), contents['training/ckpt-1']);
    assertHolds(await keras.train.loadCheckpoint(pathToFileURL(join(folder, 'training/ckpt-1'))), contents['training/ckpt-1']);
    assertHolds(await keras.train.loadCheckpoint(join(folder, 'training/ckpt-1.index')), contents['training/ckpt-1']);
  });
  test('files come as Map and as File[], with and without folders around them', async () => {
    assertHolds(await keras.train.loadCheckpoint(await filesBelow(join(folder, 'training'))), contents['training/ckpt-2']);
    const files = await filesBelow(join(folder, 'training'), 'some/where/');
    assertHolds(await keras.train.loadCheckpoint(files), contents['training/ckpt-2']);
    const list = [...files].map(([path, part]) =>
      Object.defineProperty(new File([part], 'x'), 'webkitRelativePath', { value: path }),
    );
    assertHolds(await keras.train.loadCheckpoint(list), contents['training/ckpt-2']);
    for (const path of files.keys()) if (path.includes('ckpt-2') || path.endsWith('checkpoint')) files.delete(path);
    assertHolds(await keras.train.loadCheckpoint(files), contents['training/ckpt-1']);
  });
  test('listVariables reads the index alone', async () => {
    const index = await readFile(join(folder, 'all_dtypes.index'));
    const expected = Object.entries(contents.all_dtypes).map(([name, { shape }]) => [name, shape]);
    assert.deepEqual(await keras.train.listVariables(new Map([['x.index', index]])), expected);
    assert.deepEqual(await keras.train.listVariables(join(folder, 'all_dtypes')), expected);
  });
  test('the variables of a SavedModel are a checkpoint', async () => {
    const prefix = fixture.model('dense_softmax').path('savedModel') + '/variables/variables';
    const reader = await keras.train.loadCheckpoint(prefix);
    const [name] = (await keras.train.listVariables(prefix)).find(([key]) => key.endsWith('kernel/.ATTRIBUTES/VARIABLE_VALUE'));
    assert.equal(reader.getTensor(name).dtype, 'float32');
    assert.equal(reader.getVariableToDtypeMap()._CHECKPOINTABLE_OBJECT_GRAPH, 'string');
  });
});

describe('loadCheckpoint over HTTP', () => {
  let server;
  before(async () => {
    const answers = {};
    for (const [path, part] of await filesBelow(join(folder, 'training'), '/training/')) answers[path] = bytes(part);
    server = await serve(answers);
  });
  after(() => server.close());
  test('a URL is a prefix; one that ends in / is a folder', async () => {
    assertHolds(await keras.train.loadCheckpoint(`${server.url}/training/ckpt-1`), contents['training/ckpt-1']);
    assertHolds(await keras.train.loadCheckpoint(`${server.url}/training/`), contents['training/ckpt-2']);
    await assert.rejects(keras.train.loadCheckpoint(`${server.url}/training/ckpt-3`), {
      name: 'NotFoundError',
      message: /ckpt-3/,
    });
  });
});

describe('the checkpoint file of a folder', () => {
  let copy;
  before(async () => {
    copy = await mkdtemp(join(tmpdir(), 'checkpoints-'));
    await cp(join(folder, 'training'), copy, { recursive: true });
  });
  after(() => rm(copy, { recursive: true }));
  const state = (text) => writeFile(join(copy, 'checkpoint'), text);
  test('escapes are undone, and paths that lead out of the folder count by their last name', async () => {
    for (const name of ['ckpt-1', 'ck\\160t-1', '/gone/away/ckpt-1', '../elsewhere/ckpt-1', './ckpt-1', 'C:\\\\old\\\\ckpt-1']) {
      await state(`model_checkpoint_path: "${name}"\nall_model_checkpoint_paths: "ckpt-2"\n`);
      assertHolds(await keras.train.loadCheckpoint(copy), contents['training/ckpt-1']);
    }
  });
  test('what names nothing is an error that says so', async () => {
    for (const text of ['', 'model_checkpoint_path: ""', 'model_checkpoint_path: ".."', 'all_model_checkpoint_paths: "ckpt-1"']) {
      await state(text);
      await assert.rejects(keras.train.loadCheckpoint(copy), { name: 'ValueError', message: /names no checkpoint/ });
    }
    await state('model_checkpoint_path: "ckpt-9"');
    await assert.rejects(keras.train.loadCheckpoint(copy), { name: 'NotFoundError', message: /ckpt-9/ });
    await rm(join(copy, 'checkpoint'));
    await assert.rejects(keras.train.loadCheckpoint(copy), { name: 'NotFoundError', message: /checkpoint/ });
  });
});

describe('broken checkpoints', () => {
  const load = async (change) => {
    const files = await filesBelow(folder);
    change(files);
    return keras.train.loadCheckpoint(files);
  };
  const shard = 'all_dtypes.data-00000-of-00002';
  test('a missing or cut file is named', async () => {
    await assert.rejects(
      load((files) => files.delete(shard)),
      { name: 'NotFoundError', message: /data-00000-of-00002 is missing/ },
    );
    await assert.rejects(
      load((files) => files.delete('all_dtypes.index')),
      { name: 'NotFoundError', message: /not a checkpoint/ },
    );
    await assert.rejects(
      load((files) => files.set(shard, files.get(shard).subarray(0, 300))),
      { name: 'DataLossError' },
    );
    await assert.rejects(
      load((files) => files.set('all_dtypes.index', files.get(shard))),
      { name: 'DataLossError', path: 'all_dtypes.index' },
    );
    await assert.rejects(
      load((files) => files.set('b.index', files.get(shard))),
      { name: 'ValueError', message: /2 checkpoints/ },
    );
  });
  test('every flipped byte of values is found when its tensor is read, and only there', async () => {
    const size = (await readFile(join(folder, shard))).length;
    for (let at = 0; at < size; at += 7) {
      const reader = await load((files) => files.get(shard).set([files.get(shard)[at] ^ 4], at));
      const broken = Object.keys(contents.all_dtypes).filter((name) => {
        try {
          reader.getTensor(name);
          return false;
        } catch (error) {
          assert.equal(error.name, 'DataLossError');
          return true;
        }
      });
      assert.equal(broken.length, 1, `byte ${at}`);
      reader.dispose();
    }
  });
});
