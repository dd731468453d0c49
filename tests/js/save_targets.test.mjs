// Everything a model can be saved to can be loaded again: same config, same bits, same optimizer. What TensorFlow makes of
// the files is tested in tests/conformance.
import assert from 'node:assert/strict';
import { lstat, mkdir, mkdtemp, readFile, readdir, rename, rm, symlink, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, afterEach, before, describe, test } from 'node:test';
import { pathToFileURL } from 'node:url';
import * as keras from 'keras-wasm';
import { assertClose, assertSameBits, fixture } from '../support.mjs';

const expected = fixture.model('train_adam_mse');
const SAVED_MODEL = ['keras_metadata.pb', 'saved_model.pb', 'variables'];
const temporary = join(tmpdir(), 'keras-wasm-save-');
let folder;
let model;
before(async () => {
  folder = await mkdtemp(temporary);
  model = await keras.loadModel(expected.path('h5'));
});
afterEach(async () => {
  for (const name of await readdir(folder)) await rm(join(folder, name), { recursive: true, force: true });
});
after(() => rm(folder, { recursive: true, force: true }));

/** Loads again and compares with what Keras says of the model that was saved. */
async function isWhole(source, { optimizer = true } = {}) {
  const loaded = await keras.loadModel(source);
  assert.equal(loaded.toJSON(), expected.toJSON);
  assert.deepEqual(loaded.warnings, []);
  loaded.weights.forEach((weight, i) => assertSameBits(weight, expected.weights[i], weight.name));
  assertClose(await loaded.predict(expected.input), expected.outputs[0]);
  if (!optimizer) return loaded;
  assert.deepEqual(loaded.optimizer.getConfig(), model.optimizer.getConfig());
  loaded.optimizer.variables.forEach((v, i) => assertSameBits(v, model.optimizer.variables[i], v.name));
  return loaded;
}

describe('save to a path', () => {
  test('takes the format from the suffix, SavedModel by default', async () => {
    for (const name of ['m.h5', 'm.hdf5', 'm.keras']) {
      await model.save(join(folder, name));
      assert.equal((await readFile(join(folder, name))).toString('latin1', 1, 4), 'HDF', name);
      await isWhole(join(folder, name));
    }
    await model.save(join(folder, 'm.zip'));
    assert.equal((await readFile(join(folder, 'm.zip'))).toString('latin1', 0, 2), 'PK');
    await isWhole(join(folder, 'm.zip'));
    await model.save(join(folder, 'plain'));
    for (const name of SAVED_MODEL) assert.ok((await readdir(join(folder, 'plain'))).includes(name), name);
    await isWhole(join(folder, 'plain'));
  });
  test('deflates a zip when asked to, and nothing else', async () => {
    await model.save(join(folder, 'stored.zip'));
    await model.save(join(folder, 'm.zip'), { compression: 'deflated' });
    const sizes = await Promise.all(['stored.zip', 'm.zip'].map(async (name) => (await readFile(join(folder, name))).length));
    assert.ok(sizes[1] < sizes[0] / 2, `${sizes[1]} of ${sizes[0]} bytes`);
    await isWhole(join(folder, 'm.zip'));
    await isWhole(await model.save(undefined, { compression: 'deflated' }));
    for (const name of ['m', 'm.h5'])
      await assert.rejects(model.save(join(folder, name), { compression: 'deflated' }), keras.ValueError, name);
    await assert.rejects(model.save(join(folder, 'm.zip'), { compression: 'lzma' }), TypeError);
  });
  test('lets saveFormat win over the suffix', async () => {
    await model.save(join(folder, 'h5_without_suffix'), { saveFormat: 'h5' });
    await isWhole(join(folder, 'h5_without_suffix'));
    await model.save(join(folder, 'folder.h5'), { saveFormat: 'tf' });
    assert.ok((await readdir(join(folder, 'folder.h5'))).includes('saved_model.pb'));
    await isWhole(join(folder, 'folder.h5'));
    await assert.rejects(model.save(join(folder, 'm'), { saveFormat: 'onnx' }), TypeError);
  });
  test('takes file: URLs, makes the folders above', async () => {
    await model.save(pathToFileURL(join(folder, 'a/b/model.h5')));
    await isWhole(join(folder, 'a/b/model.h5'));
    await model.save(String(pathToFileURL(join(folder, 'c/d'))));
    await isWhole(join(folder, 'c/d'));
  });
  test('replaces what is there, and leaves nothing beside it', async () => {
    await model.save(join(folder, 'm.h5'));
    await model.save(join(folder, 'm.h5'));
    await model.save(join(folder, 'm'));
    await writeFile(join(folder, 'm', 'stale'), 'of an older model');
    await model.save(join(folder, 'm'));
    assert.deepEqual((await readdir(folder)).sort(), ['m', 'm.h5']);
    assert.deepEqual((await readdir(join(folder, 'm'))).sort(), ['assets', ...SAVED_MODEL].sort());
    await isWhole(join(folder, 'm'));
  });
  test('writes to the target of a symbolic link, as Python does', async () => {
    await mkdir(join(folder, 'elsewhere'));
    for (const name of ['m.h5', 'm', 'm.zip']) {
      const [link, target] = [join(folder, `link_${name}`), join(folder, 'elsewhere', name)];
      await symlink(join('elsewhere', name), link); // to nothing yet
      for (let i = 0; i < 2; i++) {
        await model.save(link);
        assert.ok((await lstat(link)).isSymbolicLink());
        await isWhole(target);
        await isWhole(link);
      }
    }
    assert.deepEqual((await readdir(join(folder, 'elsewhere'))).sort(), ['m', 'm.h5', 'm.zip']);
    assert.deepEqual((await readdir(folder)).sort(), ['elsewhere', 'link_m', 'link_m.h5', 'link_m.zip']);
    await symlink('loop', join(folder, 'loop'));
    await assert.rejects(model.save(join(folder, 'loop')), (e) => e instanceof keras.IOError && /ELOOP/.test(e.message));
    // What an interrupted save left stands beside the target.
    await rename(join(folder, 'elsewhere', 'm'), join(folder, 'elsewhere', 'm.keras-wasm-old'));
    await isWhole(join(folder, 'link_m'));
    assert.deepEqual((await readdir(join(folder, 'elsewhere'))).sort(), ['m', 'm.h5', 'm.zip']);
  });
  test("does not replace a folder that is no model's", async () => {
    await mkdir(join(folder, 'photos'));
    await model.save(join(folder, 'photos')); // an empty one may be
    await isWhole(join(folder, 'photos'));
    await rm(join(folder, 'photos', 'saved_model.pb'));
    await assert.rejects(model.save(join(folder, 'photos')), (e) => e instanceof keras.IOError && /no model/.test(e.message));
    assert.deepEqual((await readdir(join(folder, 'photos'))).sort(), ['assets', 'keras_metadata.pb', 'variables']);
  });
  test('is not disturbed by what an interrupted save of the other kind left', async () => {
    await mkdir(join(folder, 'm.h5.keras-wasm-new', 'variables'), { recursive: true });
    await model.save(join(folder, 'm.h5'));
    await writeFile(join(folder, 'm.keras-wasm-new'), 'half of a file');
    await model.save(join(folder, 'm'));
    assert.deepEqual((await readdir(folder)).sort(), ['m', 'm.h5']);
    await isWhole(join(folder, 'm.h5'));
    await isWhole(join(folder, 'm'));
  });
  test('leaves what is there where overwrite is false', async () => {
    for (const name of ['m.h5', 'm']) {
      await model.save(join(folder, name));
      await assert.rejects(model.save(join(folder, name), { overwrite: false }), (e) => {
        assert.ok(e instanceof keras.IOError);
        assert.equal(e.path, join(folder, name));
        return /exists already/.test(e.message);
      });
      await isWhole(join(folder, name));
    }
  });
  test('that fails half way leaves the old model', async () => {
    for (const name of ['m.h5', 'm', 'm.zip']) {
      await model.save(join(folder, name));
      const before = await readdir(folder, { recursive: true });
      await assert.rejects(
        model.save(join(folder, name), {
          onProgress() {
            throw new Error('disk on fire');
          },
        }),
        (e) => e instanceof keras.IOError && /disk on fire/.test(e.message),
      );
      assert.deepEqual(await readdir(folder, { recursive: true }), before);
      await isWhole(join(folder, name));
    }
  });
  test('that cannot be written says why', async () => {
    await writeFile(join(folder, 'file'), '');
    for (const name of ['file/m.h5', 'file/m'])
      await assert.rejects(model.save(join(folder, name)), (e) => e instanceof keras.IOError && /ENOTDIR|EEXIST/.test(e.message));
    await mkdir(join(folder, 'dir.h5'));
    await assert.rejects(model.save(join(folder, 'dir.h5')), keras.IOError);
    await model.save(join(folder, 'm.h5'));
    await isWhole(join(folder, 'm.h5'));
  });
  test('leaves the optimizer out when asked to', async () => {
    for (const name of ['m.h5', 'm']) {
      await model.save(join(folder, name), { includeOptimizer: false });
      const loaded = await isWhole(join(folder, name), { optimizer: false });
      assert.equal(loaded.optimizer?.variables.length ?? 1, 1); // the iteration alone
    }
  });
  test('reports the bytes that were written', async () => {
    const seen = [];
    await model.save(join(folder, 'm.h5'), { onProgress: (p) => seen.push(p) });
    const { length } = await readFile(join(folder, 'm.h5'));
    assert.deepEqual(seen.at(-1), { loaded: length, total: length, stage: 'write' });
  });
});

describe('save elsewhere', () => {
  test('returns bytes where there is no target', async () => {
    await isWhole(await model.save());
    await isWhole(await model.save(undefined, { saveFormat: 'h5' }));
    assert.ok((await model.save()) instanceof Uint8Array);
  });
  test("writes to a user's object: one file, or those of a folder", async () => {
    const files = new Map();
    await model.save({ write: (path, bytes) => void files.set(path, bytes) });
    assert.ok(files.has('saved_model.pb') && files.has('variables/variables.index'));
    await isWhole(files);
    files.clear();
    await model.save({ write: async (path, bytes) => void files.set(path, bytes) }, { saveFormat: 'h5' });
    assert.equal(files.size, 1);
    await isWhole([...files.values()][0]);
    await assert.rejects(
      model.save({
        write() {
          throw new Error('full');
        },
      }),
      /full/,
    );
  });
  test('writes to a stream', async () => {
    const { readable, writable } = new TransformStream();
    const [content] = await Promise.all([new Response(readable).arrayBuffer(), model.save(writable, { saveFormat: 'h5' })]);
    await isWhole(content);
    const broken = new WritableStream({
      write() {
        throw new Error('no space left');
      },
    });
    await assert.rejects(model.save(broken), (e) => e instanceof keras.IOError && /no space left/.test(e.message));
  });
  test("writes to a folder's handle", async () => {
    const files = new Map();
    const handle = (prefix) => ({
      kind: 'directory',
      getDirectoryHandle: async (name) => handle(`${prefix}${name}/`),
      getFileHandle: async (name) => ({
        createWritable: async () => {
          const parts = [];
          return new WritableStream({
            write: (part) => void parts.push(part),
            close: () => void files.set(prefix + name, new Blob(parts)),
          });
        },
      }),
    });
    await model.save(handle(''));
    await isWhole(files);
  });
  test('refuses what is no target, and page targets outside of a page', async () => {
    await assert.rejects(model.save(5), TypeError);
    await assert.rejects(model.save({}), TypeError);
    await assert.rejects(model.save('downloads://m'), /on a page only/);
    await assert.rejects(model.save('indexeddb://m'), /IndexedDB/i);
  });
});

describe('saveWeights and loadWeights', () => {
  test('carry the weights from one model to another of the same layers', async () => {
    const path = join(folder, 'w.h5');
    await model.saveWeights(path);
    const other = keras.modelFromJSON(model.toJSON());
    await other.loadWeights(path);
    other.weights.forEach((weight, i) => assertSameBits(weight, expected.weights[i]));
    const third = keras.modelFromJSON(model.toJSON());
    await third.loadWeights(await model.saveWeights());
    third.weights.forEach((weight, i) => assertSameBits(weight, expected.weights[i]));
  });
  test('are read from a whole model, too', async () => {
    const other = keras.modelFromJSON(model.toJSON());
    await other.loadWeights(expected.path('h5'));
    other.weights.forEach((weight, i) => assertSameBits(weight, expected.weights[i]));
  });
  test('that do not fit leave the model as it was', async () => {
    const other = keras.sequential({ layers: [keras.layers.dense({ units: 3, inputShape: [2] })] });
    const before = other.getWeights();
    await assert.rejects(other.loadWeights(expected.path('h5')), keras.ValueError);
    other.getWeights().forEach((weight, i) => assertSameBits(weight, before[i]));
  });
});
