// IndexedDB in real Chromium when the browser gives no more room: the error, the model stored before, and the engine after it.
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
