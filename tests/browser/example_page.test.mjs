// examples/page.html in real Chromium, as a plain static server would give it.
import assert from 'node:assert/strict';
import { join } from 'node:path';
import { test } from 'node:test';
import { chromium } from 'playwright-core';
import { root } from '../support.mjs';

const ORIGIN = 'http://example.localhost/';

test('examples/page.html loads a model and names the digit', async () => {
  const browser = await chromium.launch({
    executablePath: process.env.CHROME_PATH ?? '/usr/bin/chromium',
    args: ['--no-sandbox'],
  });
  try {
    const page = await browser.newPage();
    const complaints = [];
    page.on('console', (message) => complaints.push(message.text()));
    page.on('pageerror', (error) => complaints.push(error.message));
    await page.route(`${ORIGIN}**`, (route) => route.fulfill({ path: join(root, new URL(route.request().url()).pathname) }));
    await page.goto(`${ORIGIN}examples/page.html`);
    await page.locator('#answer', { hasText: 'The model says 1; the label is 1.' }).waitFor({ timeout: 30_000 });
    assert.deepEqual(complaints, []);
  } finally {
    await browser.close();
  }
});
