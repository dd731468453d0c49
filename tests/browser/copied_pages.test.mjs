// Pages that a user would copy, in real Chromium, as a plain static server gives them: examples/page.html, and the `html`
// blocks of README.md and docs/saving.md.
import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { after, before, describe, test } from 'node:test';
import { chromium } from 'playwright-core';
import { root } from '../support.mjs';

const ORIGIN = 'http://example.localhost/';
const IMPORT_MAP = `<script type="importmap">
  { "imports": { "keras-wasm": "/node_modules/keras-wasm/dist/package/index.js" } }
</script>`;

const snippets = ['README.md', 'docs/saving.md'].map((page) => {
  const [, html] = readFileSync(join(root, page), 'utf8').match(/^```html\n([^]*?)^```$/m);
  return { page, html: html.includes('importmap') ? html : IMPORT_MAP + html };
});

/** Where a user's site would have the file. */
function fileOf(pathname) {
  return join(root, pathname.replace(/^\/node_modules\/keras-wasm\//, '/').replace(/^\/models\//, '/examples/models/'));
}

let browser;
before(async () => {
  browser = await chromium.launch({ executablePath: process.env.CHROME_PATH ?? '/usr/bin/chromium', args: ['--no-sandbox'] });
});
after(() => browser?.close());

/** A page of the site; `pages` has those that are no files. `said` gets what it says on the console. */
async function openSite(pages = {}) {
  const page = await browser.newPage();
  page.setDefaultTimeout(30_000);
  const said = [];
  page.on('console', (message) => said.push(message.text()));
  page.on('pageerror', (error) => said.push(error.message));
  await page.route(`${ORIGIN}**`, async (route) => {
    const { pathname } = new URL(route.request().url());
    if (pages[pathname] !== undefined) await route.fulfill({ contentType: 'text/html', body: pages[pathname] });
    else await route.fulfill({ path: fileOf(pathname) });
  });
  return { page, said };
}

describe('Pages to copy', () => {
  test('examples/page.html loads a model and names the digit', async () => {
    const { page, said } = await openSite();
    await page.goto(`${ORIGIN}examples/page.html`);
    await page.locator('#answer', { hasText: 'The model says 1; the label is 1.' }).waitFor();
    assert.deepEqual(said, []);
    await page.close();
  });

  test('the page of README.md predicts, and stores its model', async () => {
    const { html } = snippets[0];
    const { page, said } = await openSite({ '/page.html': `<link rel="icon" href="data:,">${html}` });
    const isDone = page.waitForEvent('console', (message) => message.text().startsWith('['));
    await page.goto(`${ORIGIN}page.html`);
    await isDone;
    await page.waitForFunction(async () => {
      const keras = await import('keras-wasm');
      return 'indexeddb://digits' in (await keras.io.listModels());
    });
    assert.ok(
      said.every((text) => /^(\d+ \d+|\[.*)$/.test(text)),
      said.join('\n'),
    );
    await page.close();
  });

  test('the page of docs/saving.md stores, lists, loads, removes and downloads its model', async () => {
    const { html } = snippets[1];
    const { page, said } = await openSite({ '/page.html': `<link rel="icon" href="data:,">${html}` });
    const download = page.waitForEvent('download');
    await page.goto(`${ORIGIN}page.html`);
    const file = await download;
    assert.equal(file.suggestedFilename(), 'digits.h5');
    assert.equal((await readFile(await file.path())).subarray(1, 4).toString(), 'HDF');
    assert.deepEqual(said, ['[indexeddb://digits]']);
    await page.close();
  });
});
