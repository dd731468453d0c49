// Everything a model can be loaded from gives the same predictions: those that Keras wrote down.
import assert from 'node:assert/strict';
import { openAsBlob } from 'node:fs';
import { cp, mkdtemp, readFile, readdir, rename, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, describe, test } from 'node:test';
import { fileURLToPath, pathToFileURL } from 'node:url';
import * as keras from 'keras-wasm';
import { assertClose, fixture } from '../support.mjs';
import { bytes, serve } from './server.mjs';

const model = fixture.model('dense_softmax');
const h5 = await readFile(model.path('h5'));
const zip = await readFile(model.path('zip'));

async function predictsAsKeras(source, options) {
  const loaded = await keras.loadModel(source, options);
  assertClose(await loaded.predict(model.input), model.outputs[0]);
  return loaded;
}

/** The files of an unzipped SavedModel: path → bytes. */
async function folderFiles(folder = model.path('savedModel')) {
  const files = new Map();
  for (const entry of await readdir(folder, { recursive: true, withFileTypes: true })) {
    if (!entry.isFile()) continue;
    const path = join(entry.parentPath ?? entry.path, entry.name);
    files.set(path.slice(folder.length + 1), await readFile(path));
  }
  return files;
}

describe('loadModel from memory', () => {
  test('takes bytes in every form', async () => {
    for (const content of [h5, zip]) {
      const alone = content.buffer.slice(content.byteOffset, content.byteOffset + content.length);
      const inside = new Uint8Array(content.length + 24);
      inside.set(content, 8);
      await predictsAsKeras(alone);
      await predictsAsKeras(new Uint8Array(alone));
      await predictsAsKeras(new DataView(inside.buffer, 8, content.length));
      await predictsAsKeras(inside.subarray(8, 8 + content.length));
    }
  });
  test('takes Blob and File, whatever their names say', async () => {
    await predictsAsKeras(new Blob([h5]));
    await predictsAsKeras(new File([zip], 'model.h5'));
    await predictsAsKeras(new File([h5], 'model.zip'));
    await predictsAsKeras(await openAsBlob(model.path('h5')));
  });
  test('takes weights in chunks', async () => {
    const chunked = fileURLToPath(new URL('../fixtures/models/dense_softmax_chunked.h5', import.meta.url));
    await predictsAsKeras(chunked);
    await predictsAsKeras(await readFile(chunked));
    await predictsAsKeras(await openAsBlob(chunked));
  });
  test('asks a Blob for its bytes once, and never for more than 16 MiB', async () => {
    const { dense } = keras.layers;
    const wide = keras.sequential({ layers: [dense({ units: 2300, inputShape: [2300], kernelInitializer: 'ones' })] });
    const asked = [];
    class CountedBlob extends Blob {
      slice(start, end) {
        asked.push(end - start);
        return super.slice(start, end);
      }
    }
    const blob = new CountedBlob([await wide.save(undefined, { saveFormat: 'h5' })]);
    const loaded = await keras.loadModel(blob);
    assert.equal(loaded.weights[0].dataSync().at(-1), 1);
    assert.ok(Math.max(...asked) <= 16 << 20);
    const metadata = 1 << 20;
    assert.ok(asked.reduce((sum, count) => sum + count) <= blob.size + metadata);
  });
  test('takes the files of a SavedModel as Map and as File[]', async () => {
    const files = await folderFiles();
    await predictsAsKeras(files);
    await predictsAsKeras(new Map([...files].map(([path, content]) => [`outer/${path}`, new Blob([content])])));
    const list = [...files].map(([path, content]) => {
      const file = new File([content], path.split('/').at(-1));
      return Object.defineProperty(file, 'webkitRelativePath', { value: `dropped/${path}` });
    });
    await predictsAsKeras(list);
  });
  test('takes an object with read(): bytes, a Blob, a Map, a Response', async () => {
    await predictsAsKeras({ read: () => h5 });
    await predictsAsKeras({ read: async () => new Blob([zip]) });
    await predictsAsKeras({ read: folderFiles });
    await predictsAsKeras({ read: async () => new Response(h5) });
    await assert.rejects(
      keras.loadModel({
        read() {
          throw new RangeError('no such luck');
        },
      }),
      /no such luck/,
    );
  });
  test("takes what the browser's file system API calls a folder", async () => {
    const files = await folderFiles();
    const folder = (prefix) => ({
      kind: 'directory',
      name: 'model',
      async *values() {
        const names = new Set(
          [...files.keys()].filter((p) => p.startsWith(prefix)).map((p) => p.slice(prefix.length).split('/')),
        );
        const seen = new Set();
        for (const [name, ...rest] of names) {
          if (seen.has(name)) continue;
          seen.add(name);
          if (rest.length > 0) yield { ...folder(`${prefix}${name}/`), name };
          else yield { kind: 'file', name, getFile: async () => new File([files.get(prefix + name)], name) };
        }
      },
    });
    await predictsAsKeras(folder(''));
  });
  test('refuses everything else', async () => {
    for (const source of [null, undefined, 5, {}, true]) await assert.rejects(keras.loadModel(source), TypeError);
  });
});

describe('loadModel from a path', () => {
  let folder;
  before(async () => (folder = await mkdtemp(join(tmpdir(), 'keras-wasm-load-'))));
  after(() => rm(folder, { recursive: true, force: true }));

  test('takes a file, a folder, a zip and file: URLs', async () => {
    for (const format of model.formats) {
      await predictsAsKeras(model.path(format));
      await predictsAsKeras(pathToFileURL(model.path(format)));
      await predictsAsKeras(String(pathToFileURL(model.path(format))));
    }
    await predictsAsKeras(model.path('savedModel') + '/');
  });
  test('tells a missing file and an empty folder', async () => {
    const missing = join(folder, 'missing.h5');
    await assert.rejects(keras.loadModel(missing), (e) => {
      assert.ok(e instanceof keras.NotFoundError);
      assert.equal(e.path, missing);
      assert.equal(e.message, `No file or directory found at ${missing}`);
      return true;
    });
    await assert.rejects(keras.loadModel(folder), keras.NotFoundError);
  });
  test('finishes what an interrupted save of a folder left', async () => {
    const place = join(folder, 'interrupted');
    await cp(model.path('savedModel'), place, { recursive: true });
    await rename(place, `${place}.keras-wasm-old`);
    await predictsAsKeras(place);
    assert.deepEqual(await readdir(folder), ['interrupted']);
  });
  test('reports progress in bytes, up to the whole', async () => {
    const seen = [];
    await predictsAsKeras(model.path('h5'), { onProgress: (p) => seen.push(p) });
    assert.ok(seen.length > 0);
    for (const { loaded, total, stage } of seen) assert.ok(stage === 'read' && loaded <= total);
    assert.equal(seen.at(-1).loaded, seen.at(-1).total);
  });
});

describe('loadModel from the network', () => {
  let server;
  let stalled;
  before(async () => {
    const routes = {
      '/model.h5': bytes(h5),
      '/model.zip': bytes(zip),
      '/page': bytes(Buffer.from('  <!DOCTYPE html>\n<html><title>App</title></html>'), 'text/html'),
      '/broken': (_, response) => {
        response.writeHead(500, 'Out of tea');
        response.end();
      },
      '/short': (_, response) => {
        response.writeHead(200, { 'content-length': h5.length });
        response.write(h5.subarray(0, 100), () => response.destroy());
      },
      '/slow': (_, response) => {
        response.writeHead(200, { 'content-length': h5.length });
        response.write(h5.subarray(0, 100));
        stalled?.();
      },
      '/private': (request, response) => {
        response.writeHead(request.headers.authorization === 'Bearer key' ? 200 : 401);
        response.end(request.headers.authorization === 'Bearer key' ? h5 : '');
      },
    };
    for (const [path, content] of await folderFiles()) routes[`/folder/${path}`] = bytes(content);
    server = await serve(routes);
  });
  after(() => server.close());

  test('takes URLs, Requests and Responses', async () => {
    await predictsAsKeras(`${server.url}/model.h5`);
    await predictsAsKeras(new URL(`${server.url}/model.zip?v=1#top`));
    await predictsAsKeras(new Request(`${server.url}/model.zip`));
    await predictsAsKeras(await fetch(`${server.url}/model.h5`));
  });
  test('takes an unzipped SavedModel by its folder or its saved_model.pb', async () => {
    await predictsAsKeras(`${server.url}/folder/`);
    await predictsAsKeras(`${server.url}/folder/saved_model.pb`);
    await assert.rejects(keras.loadModel(`${server.url}/nowhere/`), keras.NotFoundError);
  });
  test('reports the download in bytes', async () => {
    const seen = [];
    await predictsAsKeras(`${server.url}/model.h5`, { onProgress: (p) => seen.push(p) });
    const downloads = seen.filter(({ stage }) => stage === 'download');
    assert.deepEqual(downloads.at(-1), { loaded: h5.length, total: h5.length, stage: 'download' });
    downloads.reduce((before, { loaded }) => (assert.ok(loaded >= before), loaded), 0);
  });
  test('passes `fetch` on', async () => {
    await assert.rejects(keras.loadModel(`${server.url}/private`), /HTTP 401/);
    await predictsAsKeras(`${server.url}/private`, { fetch: { headers: { authorization: 'Bearer key' } } });
  });
  test('names HTTP errors with the URL', async () => {
    const url = `${server.url}/broken`;
    await assert.rejects(keras.loadModel(url), (e) => {
      assert.ok(e instanceof keras.IOError);
      assert.equal(e.path, url);
      assert.equal(e.message, `${url} could not be fetched: HTTP 500 Out of tea.`);
      return true;
    });
    await assert.rejects(
      keras.loadModel(`${server.url}/missing.h5`),
      (e) => e instanceof keras.NotFoundError && /404/.test(e.message),
    );
    await assert.rejects(keras.loadModel('http://127.0.0.1:9/model.h5'), keras.IOError);
  });
  test('recognises a page that is served in place of a model', async () => {
    await assert.rejects(
      keras.loadModel(`${server.url}/page`),
      (e) => e instanceof keras.ValueError && /is an HTML page, not a model/.test(e.message),
    );
  });
  test('tells a download that ends too soon', async () => {
    await assert.rejects(
      keras.loadModel(`${server.url}/short`),
      (e) => (e instanceof keras.IOError || e instanceof keras.DataLossError) && /after 100/.test(e.message),
    );
  });
  test('stops when its signal fires, before and during the download', async () => {
    const before = server.requested.length;
    await assert.rejects(keras.loadModel(`${server.url}/slow`, { signal: AbortSignal.abort() }), keras.AbortError);
    assert.equal(server.requested.length, before);
    const controller = new AbortController();
    stalled = () => setTimeout(() => controller.abort(), 20);
    await assert.rejects(keras.loadModel(`${server.url}/slow`, { signal: controller.signal }), keras.AbortError);
    await predictsAsKeras(`${server.url}/model.h5`);
  });
  test('stops while it reads, too', async () => {
    const controller = new AbortController();
    const source = {
      read: () => {
        controller.abort();
        return h5;
      },
    };
    await assert.rejects(keras.loadModel(source, { signal: controller.signal }), keras.AbortError);
    await assert.rejects(keras.loadModel(model.path('h5'), { signal: AbortSignal.abort() }), keras.AbortError);
  });
});
