// The engine's four builds in real Chromium, under the strict policy; those with threads on pages that are cross-origin isolated.
// Predictions and training steps are Keras's, and with threads to the bit those without.
import assert from 'node:assert/strict';
import { after, before, describe, test } from 'node:test';
import { chromium } from 'playwright-core';
import { assertClose, fixture, root } from '../support.mjs';
import { serveFolder } from './static_server.mjs';

const expected = fixture.model('small_cnn');
const plain = ({ dtype, shape, data }) => ({ dtype, shape, data: [...data] });
const STEPS = expected.steps.slice(0, 3).map(({ x, y }) => ({ x: plain(x), y: plain(y) }));
const MODEL = expected.path('h5').slice(root.length);

let browser;
let isolated;
let open;
before(async () => {
  browser = await chromium.launch({ executablePath: process.env.CHROME_PATH ?? '/usr/bin/chromium', args: ['--no-sandbox'] });
  [isolated, open] = await Promise.all([serveFolder(root, { isolated: true }), serveFolder(root)]);
});
after(async () => {
  await browser?.close();
  await Promise.all([isolated?.close(), open?.close()]);
});

/** What the page, or its worker, does with a build. */
const WORK = `async ({ packageUrl, options, modelUrl, digitsUrl, input, steps }) => {
  const keras = await import(packageUrl);
  await keras.ready(options);
  keras.utils.setRandomSeed(7); // of dropout
  const model = await keras.loadModel(modelUrl);
  const output = await model.predict(input);
  const logs = [];
  for (const { x, y } of steps) logs.push(await model.trainOnBatch(x, y, { returnDict: true }));
  const weights = model.getWeights().map((weight) => [...weight.dataSync()]);
  await model.save('indexeddb://trained');
  const again = await keras.loadModel('indexeddb://trained');
  // Enough for threads to share: 128 pictures at once.
  const digits = await keras.loadModel(digitsUrl);
  const pictures = keras.tensor(Float32Array.from({ length: 128 * 64 }, (_, i) => ((i * 7919) % 17) / 16), [128, 8, 8, 1]);
  const large = [...(await digits.predict(pictures)).dataSync()];
  for (let i = 0; i < 3; i++) large.push(...(await digits.trainOnBatch(pictures, Array.from({ length: 128 }, (_, i) => [i % 10]))));
  for (const weight of digits.getWeights()) large.push(...weight.dataSync());
  const { variant, threads } = keras.engine();
  return { variant, threads, shape: output.shape, output: [...output.dataSync()], logs, weights, large,
    same: again.toJSON() === model.toJSON(), isolated: crossOriginIsolated };
}`;
const IN_WORKER = `self.onmessage = ({ data }) => (${WORK})(data).then(postMessage, (e) => postMessage({ error: e.name + ': ' + e.message }));`;
const ON_PAGE = `window.work = ${WORK};
window.workInWorker = (task) => new Promise((resolve, reject) => {
  const worker = new Worker('/worker.js', { type: 'module' });
  worker.onmessage = ({ data }) => resolve(data);
  worker.onerror = reject;
  worker.postMessage(task);
});`;
const FILES = {
  '/page.html': ['text/html', '<!doctype html><title>t</title><link rel="icon" href="data:,"><script src="/page.js"></script>'],
  '/page.js': ['text/javascript', ON_PAGE],
  '/worker.js': ['text/javascript', IN_WORKER],
};

/** Runs `work` on a page of `server`, whose headers the page's own files get too. */
async function ask(server, options, where = 'work') {
  const context = await browser.newContext();
  try {
    const page = await context.newPage();
    const complaints = [];
    page.on('console', (message) => message.type() === 'error' && complaints.push(message.text()));
    page.on('pageerror', (error) => complaints.push(error.message));
    await context.route(new RegExp(`/(page\\.html|page\\.js|worker\\.js)$`), async (route) => {
      const [type, body] = FILES[new URL(route.request().url()).pathname];
      const response = await route.fetch({ url: `${server.url}package.json` });
      await route.fulfill({ status: 200, headers: { ...response.headers(), 'content-type': type }, body });
    });
    await page.goto(`${server.url}page.html`);
    const task = {
      packageUrl: `${server.url}dist/package/index.js`,
      options,
      modelUrl: server.url + MODEL,
      digitsUrl: `${server.url}examples/models/digits.h5`,
      input: plain(expected.inputs[0]),
      steps: STEPS,
    };
    const answer = await page.evaluate(`${where}(${JSON.stringify(task)}).catch((e) => ({ error: e.name + ': ' + e.message }))`);
    assert.deepEqual(complaints, []);
    return answer;
  } finally {
    await context.close();
  }
}

function isKerass(answer) {
  assert.equal(answer.error, undefined);
  assertClose({ dtype: 'float32', shape: answer.shape, data: Float32Array.from(answer.output) }, expected.outputs[0]);
  assert.equal(answer.logs.length, 3);
  answer.logs.forEach((logs, i) => {
    for (const [name, value] of Object.entries(expected.steps[i].logs))
      assert.ok(Math.abs(logs[name] - value) <= 1e-4 * Math.abs(value), `step ${i}, ${name}: ${logs[name]}, expected ${value}`);
  });
  assert.equal(answer.same, true);
}

/** All numbers, as text: comparing says no more than whether they are the same. */
const results = ({ output, logs, weights, large }) => JSON.stringify({ output, logs, weights, large });

describe('Of the four builds', () => {
  const alone = {};
  for (const variant of ['simd', 'relaxed']) {
    test(`'${variant}' predicts, trains and saves`, async () => {
      alone[variant] = await ask(open, { variant });
      isKerass(alone[variant]);
      assert.equal(alone[variant].variant, variant);
      assert.equal(alone[variant].threads, 1);
    });
  }
  for (const [variant, without] of [
    ['threads', 'simd'],
    ['relaxed-threads', 'relaxed'],
  ]) {
    test(`'${variant}' does the same with three threads, on a page and in a worker`, async () => {
      for (const where of ['work', 'workInWorker']) {
        const answer = await ask(isolated, { variant, threads: 3 }, where);
        isKerass(answer);
        assert.deepEqual([answer.variant, answer.threads, answer.isolated], [variant, 3, true], where);
        assert.ok(results(answer) === results(alone[without]), where);
      }
    });
    test(`'${variant}' says what it needs where pages are not isolated`, async () => {
      const { error } = await ask(open, { variant });
      assert.match(error, /^RuntimeError: Variant '.*threads' needs memory that threads share.*Cross-Origin-Opener-Policy/);
    });
  }
  test('threads asked for by number are had where they can be', async () => {
    assert.equal((await ask(isolated, { threads: 2 })).variant, 'relaxed-threads');
    assert.equal((await ask(open, { threads: 2 })).variant, 'relaxed');
  });
});
