// Files that are damaged, or are no models: a typed error with file and reason, and the engine goes on working.
import assert from 'node:assert/strict';
import { cp, mkdtemp, readFile, readdir, rm, truncate, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, afterEach, before, describe, test } from 'node:test';
import * as keras from 'keras-wasm';
import { assertClose, assertSameBits, fixture } from '../support.mjs';
import { zipOf } from './zip.mjs';

const model = fixture.model('dense_softmax');
const h5 = await readFile(model.path('h5'));
const chunked = await readFile(fixture.path('models/dense_softmax_chunked.h5'));
const zip = await readFile(model.path('zip'));
const ERRORS = [
  keras.ValueError,
  keras.DataLossError,
  keras.NotFoundError,
  keras.InvalidArgumentError,
  keras.UnimplementedError,
  keras.ResourceExhaustedError,
];

let folder;
before(async () => (folder = await mkdtemp(join(tmpdir(), 'keras-wasm-bad-'))));
after(() => rm(folder, { recursive: true, force: true }));
afterEach(async () => {
  const loaded = await keras.loadModel(h5);
  assertClose(await loaded.predict(model.input), model.outputs[0]);
});

/** Fails unless loading throws one of the typed errors, with code and a sentence. */
async function isRefused(source, { as = ERRORS, message = /./, path } = {}) {
  let error;
  try {
    await keras.loadModel(source);
  } catch (e) {
    error = e;
  }
  assert.ok(error, 'it loaded');
  assert.ok([as].flat().some((errorClass) => error instanceof errorClass), error.stack); // prettier-ignore
  assert.equal(typeof error.code, 'string');
  assert.match(error.message, message);
  if (path) assert.match(String(error.path), path);
}

async function savedModelCopy(name) {
  const place = join(folder, name);
  await cp(model.path('savedModel'), place, { recursive: true });
  return place;
}
const dataFile = async (place) =>
  join(
    place,
    'variables',
    (await readdir(join(place, 'variables'))).find((name) => name.includes('.data-')),
  );

async function membersOf(place) {
  const members = [];
  for (const entry of await readdir(place, { recursive: true, withFileTypes: true })) {
    if (!entry.isFile()) continue;
    const path = join(entry.parentPath ?? entry.path, entry.name);
    members.push([path.slice(place.length + 1), await readFile(path)]);
  }
  return members;
}

describe('What is no model', () => {
  test('bytes of other kinds', async () => {
    const png = Buffer.from('\x89PNG\r\n\x1a\n' + 'x'.repeat(100), 'latin1');
    for (const bytes of [Buffer.alloc(0), Buffer.from('hello'), Buffer.alloc(5000, 0xa5), png, Buffer.from('{"a": 1}')])
      await isRefused(bytes, { as: [keras.ValueError, keras.DataLossError] });
    await isRefused(Buffer.from('<!DOCTYPE html><html></html>'), { as: keras.ValueError });
    await isRefused(new Map([['readme.txt', Buffer.from('nothing')]]));
    await isRefused([]);
  });
  test('a file on disk: the error names it', async () => {
    const path = join(folder, 'notes.h5');
    await writeFile(path, 'these are only notes');
    await isRefused(path, { path: /notes\.h5$/ });
  });
  test('a zip without a model', async () => {
    await isRefused(zipOf([['readme.txt', 'nothing here']]), { message: /saved_model\.pb|model/i });
    await isRefused(zipOf([]));
    await isRefused(zipOf([['__MACOSX/._saved_model.pb', 'x']]));
  });
  test('a folder without a model', async () => {
    const path = await mkdtemp(join(folder, 'plain-'));
    await writeFile(join(path, 'readme.txt'), 'nothing');
    await isRefused(path);
  });
  test('an H5 file of weights alone: says so, and what to call', async () => {
    await isRefused(fixture.path('models/weights_only.h5'), { as: keras.ValueError, message: /weights.*loadWeights/is });
  });
});

describe('What is a model all the same', () => {
  test('a zip with __MACOSX and a folder around the model', async () => {
    const wrapped = fixture.model('small_cnn');
    const loaded = await keras.loadModel(wrapped.path('wrappedZip'));
    assertClose(await loaded.predict(wrapped.input), wrapped.outputs[0]);
  });
  test('a zip that is compressed, with the model in a folder', async () => {
    const members = (await membersOf(model.path('savedModel'))).map(([name, bytes]) => [`my model/${name}`, bytes]);
    const loaded = await keras.loadModel(zipOf([['__MACOSX/._x', 'junk'], ...members], { compress: true }));
    assertClose(await loaded.predict(model.input), model.outputs[0]);
  });
});

describe('Truncated files', () => {
  test('H5, cut anywhere', async () => {
    for (let part = 0; part < 20; part++)
      await isRefused(h5.subarray(0, Math.floor((h5.length * part) / 20)), { as: [keras.DataLossError, keras.ValueError] });
    await isRefused(h5.subarray(0, h5.length - 1), { as: keras.DataLossError });
  });
  test('zip, cut anywhere', async () => {
    for (let part = 0; part < 20; part++)
      await isRefused(zip.subarray(0, Math.floor((zip.length * part) / 20)), { as: [keras.DataLossError, keras.ValueError] });
    await isRefused(zip.subarray(0, zip.length - 1));
  });
  test('each file of a SavedModel folder: the error names it', async () => {
    for (const name of ['keras_metadata.pb', 'variables/variables.index', 'variables']) {
      const place = await savedModelCopy(`cut_${name.replace('/', '_')}`);
      const file = name === 'variables' ? await dataFile(place) : join(place, name);
      const { length } = await readFile(file);
      await truncate(file, Math.floor(length / 2));
      await isRefused(place);
    }
  });
  test('each file of a SavedModel folder, missing', async () => {
    for (const name of ['saved_model.pb', 'variables/variables.index', 'variables']) {
      const place = await savedModelCopy(`without_${name.replace('/', '_')}`);
      await rm(name === 'variables' ? await dataFile(place) : join(place, name));
      await isRefused(place, { message: name === 'variables' ? /variables\.data/ : /./ });
    }
  });
});

describe('Corrupted files', () => {
  test('a weight of a SavedModel: checksum, with file and offset', async () => {
    const place = await savedModelCopy('flipped');
    const file = await dataFile(place);
    const bytes = await readFile(file);
    bytes[4] ^= 0x10;
    await writeFile(file, bytes);
    await isRefused(place, { as: keras.DataLossError, message: /checksum|crc/i, path: /variables/ });
  });
  test('the index of a SavedModel: checksum', async () => {
    const place = await savedModelCopy('flipped_index');
    const file = join(place, 'variables/variables.index');
    const bytes = await readFile(file);
    bytes[20] ^= 0x10;
    await writeFile(file, bytes);
    await isRefused(place, { as: keras.DataLossError });
  });
  test('a member of a zip: checksum', async () => {
    const members = await membersOf(model.path('savedModel'));
    await isRefused(zipOf(members, { compress: true, breakChecksum: true }), { as: keras.DataLossError });
    const flipped = members.map(([name, bytes]) => {
      const copy = Buffer.from(bytes);
      if (name.includes('.data-')) copy[4] ^= 0x10;
      return [name, copy];
    });
    await isRefused(zipOf(flipped), { as: keras.DataLossError });
  });
  test('a chunk of H5: the error tells file and offset', async () => {
    const bytes = Buffer.from(chunked);
    const deflated = bytes.lastIndexOf(Buffer.from([0x78, 0x5e])); // where zlib's header of level 4 stands, h5py's default
    bytes[deflated + 3] ^= 0xff;
    const path = join(folder, 'chunk.h5');
    await writeFile(path, bytes);
    await assert.rejects(
      keras.loadModel(path),
      (e) => e instanceof keras.DataLossError && e.path === path && e.offset === deflated && /a chunk of '/.test(e.message),
    );
  });
  test('bytes of H5 that are flipped load or are refused, and never anything else', async () => {
    let seed = 12345;
    const random = (n) => (seed = (seed * 1103515245 + 12345) % 2147483648) % n;
    for (let round = 0; round < 300; round++) {
      const bytes = Buffer.from(round % 2 === 0 ? h5 : chunked);
      for (let i = 0; i < 4; i++) bytes[random(bytes.length)] ^= 1 << random(8);
      await keras.loadModel(bytes).then(
        (loaded) => loaded.dispose(),
        (e) => assert.ok(e.code !== undefined && !(e instanceof WebAssembly.RuntimeError), `round ${round}: ${e.stack}`),
      );
    }
  });
  test('bytes of a zip that are flipped load or are refused, and never anything else', async () => {
    let seed = 54321;
    const random = (n) => (seed = (seed * 1103515245 + 12345) % 2147483648) % n;
    for (let round = 0; round < 100; round++) {
      const bytes = Buffer.from(zip);
      for (let i = 0; i < 4; i++) bytes[random(bytes.length)] ^= 1 << random(8);
      await keras.loadModel(bytes).then(
        (loaded) => loaded.dispose(),
        (e) => assert.ok(e.code !== undefined && !(e instanceof WebAssembly.RuntimeError), `round ${round}: ${e.stack}`),
      );
    }
  });
});

describe('Models that do not fit', () => {
  test('an unknown class', async () => {
    const custom = fixture.model('custom_layer');
    for (const format of custom.formats) {
      await assert.rejects(keras.loadModel(custom.path(format)), (e) => {
        assert.ok(e instanceof keras.ValueError);
        assert.match(e.message, /^Unknown layer: '(Fixtures>)?CustomDense'\. Please ensure you are using/);
        return true;
      });
    }
  });
  test('weights of another shape', async () => {
    const other = keras.sequential({ layers: [keras.layers.dense({ units: 2, inputShape: [3] })] });
    const before = other.getWeights();
    await assert.rejects(other.loadWeights(model.path('h5')), keras.ValueError);
    const wrong = keras.sequential({ layers: [keras.layers.dense({ units: 4, inputShape: [3] })] });
    const path = join(folder, 'w.h5');
    await wrong.saveWeights(path);
    await assert.rejects(
      other.loadWeights(path),
      (e) => e instanceof keras.ValueError && /\(3, 2\)|\(2,\)/.test(e.message) && /\(3, 4\)|\(4,\)/.test(e.message),
    );
    other.getWeights().forEach((weight, i) => assertSameBits(weight, before[i]));
  });
  test('weights of another shape than the config in the file says', async () => {
    const text = h5.toString('latin1');
    const units = text.match(/"units": (\d+)/)[1];
    const changed = text.replace(
      `"units": ${units}`,
      `"units": ${Number(units) === 9 ? 8 : String(9).padEnd(units.length, '0')}`,
    );
    await isRefused(Buffer.from(changed, 'latin1'), { as: keras.ValueError, message: /shape/ });
  });
  test('JSON that is none, or no model', async () => {
    await keras.ready();
    for (const text of ['', '{', '[]', '{"class_name": "Functional"}', '{"class_name": "Dense", "config": {}}', '['.repeat(100000)])
      assert.throws(() => keras.modelFromJSON(text), (e) => e.code !== undefined); // prettier-ignore
  });
  test('a tensor that is too large for the memory', async () => {
    const x = keras.input({ shape: [1] });
    assert.throws(
      () => keras.layers.dense({ units: 2 ** 31 }).apply(x),
      (e) => e instanceof keras.OutOfMemoryError || e instanceof keras.ResourceExhaustedError,
    );
    assert.throws(
      () => keras.ops.raw.Fill([keras.tensor([2 ** 15, 2 ** 15], [2], 'int32'), keras.tensor(1)]),
      (e) => e instanceof keras.OutOfMemoryError || e instanceof keras.ResourceExhaustedError,
    );
  });
});
