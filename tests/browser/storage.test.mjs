// IndexedDB in real Chromium: checkpoints there and back; and, when the browser gives no more room, the error, the model stored
// before, and the engine after it.
import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { chromium } from 'playwright-core';
import { root } from '../support.mjs';
import { serveFolder } from './static_server.mjs';

let browser;
let server;
before(async () => {
  browser = await chromium.launch({ executablePath: process.env.CHROME_PATH ?? '/usr/bin/chromium', args: ['--no-sandbox'] });
  server = await serveFolder(root);
});
after(async () => {
  await browser?.close();
  await server?.close();
});

/** What the page does: saves a model that fits into its quota, and over it one that does not. */
async function saveIntoFullStorage(packageUrl) {
  const keras = await import(packageUrl);
  await keras.ready();
  const dense = (units) =>
    keras.sequential({ layers: [keras.layers.dense({ units, inputShape: [64], kernelInitializer: 'ones', useBias: false })] });
  await dense(1).save('indexeddb://m');
  const model = dense(65536);
  const error = await model.save('indexeddb://m').then(
    () => undefined,
    (e) => e,
  );
  const kept = await keras.loadModel('indexeddb://m');
  const ones = keras.tensor(new Float32Array(64).fill(1), [1, 64]);
  return {
    isTyped: error instanceof keras.ResourceExhaustedError,
    message: error?.message,
    stored: Object.keys(await keras.io.listModels()),
    kept: [...(await kept.predict(ones)).dataSync()],
    goesOn: (await model.predict(ones)).shape,
  };
}

test('a full quota is a typed error, and leaves the model that was stored and the engine as they were', async () => {
  const context = await browser.newContext();
  const page = await context.newPage();
  page.setDefaultTimeout(60_000);
  const devtools = await context.newCDPSession(page);
  const { origin } = new URL(server.url);
  await devtools.send('Storage.overrideQuotaForOrigin', { origin, quotaSize: 1_000_000 });
  await page.goto(new URL('examples/page.html', server.url).href);
  const told = await page.evaluate(saveIntoFullStorage, `${origin}/dist/package/index.js`);
  assert.match(told.message, /indexeddb:\/\/m.*storage quota is used up/);
  delete told.message;
  assert.deepEqual(told, { isTyped: true, stored: ['indexeddb://m'], kept: [64], goesOn: [1, 65536] });
  await context.close();
});

/** Weights and a tree of objects as checkpoints: in IndexedDB, in a folder of the browser's own file system, from a URL. */
async function saveCheckpoints(packageUrl, fixtures) {
  const keras = await import(packageUrl);
  await keras.ready();
  const make = () => keras.modelFromJSON(json);
  const json = await (await fetch(`${fixtures}sequential.json`)).text();
  const first = make();
  (await first.loadWeights(`${fixtures}sequential`)).assertConsumed();
  const values = (model) => JSON.stringify(model.weights.map((weight) => [...weight.dataSync()]));
  const told = { fetched: values(first) };

  await first.saveWeights('indexeddb://weights');
  const second = make();
  (await second.loadWeights('indexeddb://weights')).assertConsumed();
  told.stored = values(second);

  const folder = await (await navigator.storage.getDirectory()).getDirectoryHandle('checkpoint', { create: true });
  await first.saveWeights(folder);
  const third = make();
  (await third.loadWeights(folder)).assertConsumed();
  told.folder = values(third);

  const step = keras.variable(5n, { dtype: 'int64' });
  const path = await new keras.train.Checkpoint({ model: first, step }).save('indexeddb://tree');
  const tree = new keras.train.Checkpoint({ model: make(), step: keras.variable(0n, { dtype: 'int64' }) });
  (await tree.restore(path)).assertConsumed();
  told.tree = values(tree.model);
  return { ...told, path, step: Number(tree.step.dataSync()[0]), models: Object.keys(await keras.io.listModels()).sort() };
}

test('checkpoints go to IndexedDB and to folders of the browser, and come from URLs', async () => {
  const context = await browser.newContext();
  const page = await context.newPage();
  page.setDefaultTimeout(60_000);
  const { origin } = new URL(server.url);
  await page.goto(new URL('examples/page.html', server.url).href);
  const fixtures = `${origin}/tests/fixtures/checkpoints/weights/`;
  await page.evaluate(`globalThis.save = ${saveCheckpoints}`);
  const arguments_ = [`${origin}/dist/package/index.js`, fixtures];
  const { fetched, ...told } = await page.evaluate((args) => globalThis.save(...args), arguments_);
  assert.match(fetched, /^\[\[0,0\.0625,/);
  assert.deepEqual(told, {
    stored: fetched,
    folder: fetched,
    tree: fetched,
    path: 'indexeddb://tree-1',
    step: 5,
    models: ['indexeddb://tree-1', 'indexeddb://weights'],
  });
  await context.close();
});
