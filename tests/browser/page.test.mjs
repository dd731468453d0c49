// The demo page in real Chromium, as built into dist/web: what a visitor does, from opening the example to working offline.
// Expected predictions are TensorFlow's (examples/models/digits.expected.json).
import assert from 'node:assert/strict';
import { mkdtemp, readFile, rm, stat } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, describe, test } from 'node:test';
import { fileURLToPath } from 'node:url';
import * as keras from 'keras-wasm';
import { chromium } from 'playwright-core';
import { serveFolder } from './static_server.mjs';

const ROOT = fileURLToPath(new URL('../../', import.meta.url));
const PAGE = join(ROOT, 'dist/web');
const MODELS = join(ROOT, 'examples/models');
const FIRST_TEST_DIGIT = 1438;
const DIGITS = 1797;
// The example was trained for 30 epochs of 45 batches.
const STEPS_BEFORE = 1350;
// 1,617 of the 1,797 digits, in batches of 32.
const STEPS_PER_EPOCH = 51;

const expected = JSON.parse(await readFile(join(MODELS, 'digits.expected.json'), 'utf8'));

/** Strokes of a seven, in parts of the pad. */
const SEVEN = [
  [0.32, 0.2],
  [0.68, 0.2],
  [0.45, 0.82],
];

let browser;
before(async () => {
  browser = await chromium.launch({ executablePath: process.env.CHROME_PATH ?? '/usr/bin/chromium', args: ['--no-sandbox'] });
});
after(() => browser?.close());

/** A visit: a page of its own, whose complaints are kept. */
async function visit(url, options = {}) {
  const context = await browser.newContext({ viewport: { width: 1200, height: 900 }, ...options });
  const page = await context.newPage();
  page.setDefaultTimeout(60_000);
  const complaints = [];
  page.on('console', (message) => {
    if (message.type() === 'error' || message.type() === 'warning') complaints.push(message.text());
  });
  page.on('pageerror', (error) => complaints.push(error.message));
  await page.goto(url);
  await page.locator('#engine', { hasText: 'Engine' }).waitFor();
  return { context, page, complaints };
}

async function openExample(page) {
  await page.click('#open-example');
  await page.locator('#status', { hasText: 'Opened' }).waitFor();
}

/** The page's training status, once training has ended. */
async function trained(page) {
  await page.locator('#train:not([disabled])').waitFor();
  return page.textContent('#train-status');
}

async function steps(page) {
  return Number(/has done ([\d,]+) steps/.exec(await page.textContent('#train-status'))?.[1].replaceAll(',', ''));
}

async function bars(page) {
  await page.locator('#outputs meter').first().waitFor();
  return page.locator('#outputs meter').evaluateAll((meters) => meters.map((meter) => meter.value));
}

async function draw(page, points) {
  const box = await page.locator('.pad').boundingBox();
  const [first, ...rest] = points.map(([x, y]) => [box.x + x * box.width, box.y + y * box.height]);
  await page.mouse.move(...first);
  await page.mouse.down();
  for (const point of rest) await page.mouse.move(...point, { steps: 4 });
  await page.mouse.up();
}

function overflow(page) {
  return page.evaluate(() => document.documentElement.scrollWidth - innerWidth);
}

/** What the page downloads after a click, as a file in `folder`. */
async function downloaded(page, button, folder) {
  const [download] = await Promise.all([page.waitForEvent('download'), page.click(button)]);
  const path = join(folder, download.suggestedFilename());
  await download.saveAs(path);
  return path;
}

describe('the demo page', () => {
  let server, folder, context, page, complaints;
  before(async () => {
    server = await serveFolder(PAGE);
    folder = await mkdtemp(join(tmpdir(), 'keras-wasm-page-'));
    ({ context, page, complaints } = await visit(server.url));
  });
  after(async () => {
    await context?.close();
    await server?.close();
    await rm(folder, { recursive: true, force: true });
  });

  test('opens the example and shows its graph and summary', async () => {
    await openExample(page);
    assert.match(await page.textContent('#summary'), /Model: "digits"[\s\S]+conv_1 \(Conv2D\)[\s\S]+Total params: /);
    assert.equal(await page.locator('#graph svg g').count(), 10);
    assert.match(await page.locator('#graph svg g').first().textContent(), /InputLayer.*\[None, 8, 8, 1\]/);
    assert.ok(await page.locator('#error').isHidden());
  });

  test('moves between tabs with the arrow keys', async () => {
    await page.focus('#tab-architecture');
    await page.keyboard.press('ArrowRight');
    assert.equal(await page.getAttribute('#tab-weights', 'aria-selected'), 'true');
    // A panel without content has no height; this one is filled once the worker has answered.
    await page.locator('#panel-weights').waitFor({ state: 'visible' });
    await page.keyboard.press('End');
    assert.ok(await page.locator('#panel-save').isVisible());
    assert.ok(await page.locator('#panel-weights').isHidden());
  });

  test('shows each weight with its distribution', async () => {
    await page.click('#tab-weights');
    await page.locator('#weights tbody tr').first().waitFor();
    assert.equal(await page.locator('#weights tbody tr').count(), 11);
    assert.match(await page.textContent('#weights'), /conv_1\/kernel:0\[3, 3, 1, 16\][\s\S]+norm\/moving_variance:0/);
    assert.equal(await page.locator('#weights svg').count(), 11);
  });

  test('predicts for a digit of the data set what TensorFlow predicts', async () => {
    await page.click('#tab-try');
    await page.evaluate(
      (value) => {
        Math.random = () => value;
      },
      (FIRST_TEST_DIGIT + 0.5) / DIGITS,
    );
    await page.click('text=A digit of the data set');
    const chances = await bars(page);
    expected.firstTestPredictions[0].forEach((chance, i) =>
      assert.ok(Math.abs(chances[i] - chance) < 1e-5, `class ${i}: ${chances[i]}, not ${chance}`),
    );
  });

  test('reads a drawn seven', async () => {
    await page.click('text=Clear');
    await page.locator('#outputs', { hasText: 'Draw something' }).waitFor();
    await draw(page, SEVEN);
    await page.locator('#outputs .best', { hasText: /^7$/ }).waitFor();
  });

  test('trains two epochs on from the optimizer step of the file', async () => {
    await page.click('#tab-train');
    assert.equal(await steps(page), STEPS_BEFORE);
    assert.equal(await page.inputValue('#learning-rate'), '0.001');
    await page.fill('#epochs', '2');
    await page.click('#train');
    await trained(page);
    assert.equal(await steps(page), STEPS_BEFORE + 2 * STEPS_PER_EPOCH);
    assert.equal(await page.locator('#curves figure canvas').count(), 2);
    assert.match(
      await page.textContent('#curves'),
      /loss: 0\.\d+, on the data held back 0\.\d+[\s\S]+accuracy: (0\.9\d+|1), on the data held back (0\.9\d+|1)/,
    );
  });

  test('stops training at once and keeps what was learned', async () => {
    const before = await steps(page);
    await page.fill('#epochs', '1000');
    await page.click('#train');
    await page.locator('#train-now', { hasText: 'Epoch 1 of 1000' }).waitFor();
    await page.click('#stop');
    await trained(page);
    const done = (await steps(page)) - before;
    assert.ok(done > 0 && done < 20 * STEPS_PER_EPOCH, `${done} steps`);
  });

  test('says what is wrong with training data', async () => {
    await page.setInputFiles('#train-file', {
      name: 'data.csv',
      mimeType: 'text/csv',
      buffer: Buffer.from('a,b,label\n1,2,0\n1,x,1\n'),
    });
    await page.click('#train');
    assert.equal(await trained(page), 'Line 3, column 2: "x" is not a number.');
    await page.setInputFiles('#train-file', {
      name: 'data.json',
      mimeType: 'application/json',
      buffer: Buffer.from('{"x": [[1, 2], [3]], "y": [0, 1]}'),
    });
    await page.click('#train');
    assert.equal(await trained(page), 'x[1] has 1 entries, its neighbours have 2.');
  });

  test('downloads an .h5 file and a SavedModel zip that hold the training', async () => {
    await page.click('#tab-save');
    for (const [button, name] of [
      ['#download-h5', 'digits.h5'],
      ['#download-zip', 'digits.zip'],
    ]) {
      const path = await downloaded(page, button, folder);
      assert.ok(path.endsWith(name), path);
      assert.ok((await stat(path)).size > 300_000);
      await page.locator('#save-status', { hasText: name }).waitFor();
      const model = await keras.loadModel(path);
      assert.deepEqual(model.warnings, []);
      assert.ok(Number(model.optimizer.iterations.read().dataSync()[0]) > STEPS_BEFORE + 2 * STEPS_PER_EPOCH);
      model.dispose();
    }
  });

  test('opens a file whose content is no model with a sentence, and keeps the open model', async () => {
    await page.setInputFiles('#open-file', {
      name: 'cat.h5',
      mimeType: 'application/x-hdf5',
      buffer: Buffer.from('no model at all'),
    });
    await page.locator('#error').waitFor({ state: 'visible' });
    assert.match(await page.textContent('#error'), /^cat\.h5.+\.$/);
    assert.equal(await page.textContent('#model-name'), 'digits');
  });

  test('tells the weights of frozen layers from those that training changes', async () => {
    await page.setInputFiles('#open-file', join(ROOT, 'tests/fixtures/models/frozen_layers.h5'));
    await page.locator('#status', { hasText: 'Opened frozen_layers.h5' }).waitFor();
    await page.click('#tab-weights');
    const rowOf = (name) => page.locator('#weights tbody tr', { hasText: name }).textContent();
    await page.locator('#weights tbody tr', { hasText: 'held/kernel:0' }).waitFor();
    assert.match(await rowOf('held/kernel:0'), /float32no/);
    assert.match(await rowOf('free/kernel:0'), /float32yes/);
  });

  test('opens a SavedModel folder and a zip', async () => {
    await page.setInputFiles('#open-folder', join(MODELS, 'digits'));
    await page.locator('#status', { hasText: 'Opened a folder of 5 files: 10 layers' }).waitFor();
    assert.ok(await page.locator('#error').isHidden());
    await page.setInputFiles('#open-file', join(PAGE, 'examples/digits.zip'));
    await page.locator('#status', { hasText: 'Opened digits.zip: 10 layers' }).waitFor();
    await page.click('#tab-train');
    assert.equal(await steps(page), STEPS_BEFORE);
  });

  test('takes a folder that is dropped anywhere on the page', async () => {
    const devtools = await context.newCDPSession(page);
    const data = { items: [], files: [join(MODELS, 'digits')], dragOperationsMask: 1 };
    for (const type of ['dragEnter', 'dragOver', 'drop'])
      await devtools.send('Input.dispatchDragEvent', { type, x: 600, y: 20, data });
    await page.locator('#status', { hasText: 'Opened a folder of 5 files: 10 layers' }).waitFor();
    assert.equal(await page.locator('.drop.over').count(), 0);
  });

  test('saves in the browser and opens it again after a reload', async () => {
    await page.click('#tab-save');
    await page.fill('#store-name', 'mine');
    await page.click('text=Save in this browser');
    await page.locator('#save-status', { hasText: 'Saved as mine' }).waitFor();
    await page.reload();
    await page.locator('#open-stored option', { hasText: 'mine' }).waitFor({ state: 'attached' });
    await page.selectOption('#open-stored', 'mine');
    await page.locator('#status', { hasText: 'Opened mine' }).waitFor();
    await page.click('#tab-train');
    assert.equal(await steps(page), STEPS_BEFORE);
  });

  test('works offline after the first load', async () => {
    await page.evaluate(() => navigator.serviceWorker.ready);
    await server.close();
    await context.setOffline(true);
    await page.reload();
    await page.locator('#engine', { hasText: 'Engine' }).waitFor();
    await openExample(page);
    await page.click('#tab-try');
    await draw(page, SEVEN);
    await page.locator('#outputs .best', { hasText: /^7$/ }).waitFor();
  });

  test('has nothing to complain about in the console', () => assert.deepEqual(complaints, []));
});

describe('the demo page on a phone', () => {
  for (const colorScheme of ['light', 'dark']) {
    test(`fits 360 pixels in every tab, ${colorScheme}`, async () => {
      const server = await serveFolder(PAGE);
      const { context, page, complaints } = await visit(server.url, {
        viewport: { width: 360, height: 740 },
        colorScheme,
        hasTouch: true,
      });
      assert.equal(await overflow(page), 0);
      await openExample(page);
      for (const tab of ['architecture', 'weights', 'try', 'train', 'save']) {
        await page.click(`#tab-${tab}`);
        if (tab === 'train') {
          await page.fill('#epochs', '1');
          await page.click('#train');
          await trained(page);
        }
        assert.equal(await overflow(page), 0, tab);
      }
      assert.deepEqual(complaints, []);
      await context.close();
      await server.close();
    });
  }
});

describe('the demo page where threads are allowed', () => {
  test('opens the example and predicts', async () => {
    const server = await serveFolder(PAGE, { isolated: true });
    const { context, page, complaints } = await visit(server.url);
    assert.ok(await page.evaluate(() => crossOriginIsolated));
    await openExample(page);
    await page.click('#tab-try');
    await page.click('text=A digit of the data set');
    assert.ok(Math.abs((await bars(page)).reduce((sum, chance) => sum + chance, 0) - 1) < 1e-5);
    assert.deepEqual(complaints, []);
    await context.close();
    await server.close();
  });
});
