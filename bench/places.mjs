// The two places to run in: a Node process for each contestant, and a page of Chromium for each.
import { fork } from 'node:child_process';
import { once } from 'node:events';
import { readFile } from 'node:fs/promises';
import { createServer } from 'node:http';
import { extname, join } from 'node:path';
import { fileURLToPath, pathToFileURL } from 'node:url';
import { chromium } from 'playwright-core';

// Isolated pages get a clock of 5 µs instead of 100.
const ISOLATION = { 'cross-origin-opener-policy': 'same-origin', 'cross-origin-embedder-policy': 'require-corp' };
const TYPES = { '.html': 'text/html', '.js': 'text/javascript', '.mjs': 'text/javascript', '.wasm': 'application/wasm' };

/** `folders`: { prefix: folder }. */
async function serve(folders) {
  const server = createServer(async ({ url }, response) => {
    const [, prefix, path] = new URL(url, 'http://localhost').pathname.match(/^\/([^/]*)\/?(.*)$/);
    if (path === '')
      return response
        .writeHead(200, { ...ISOLATION, 'content-type': 'text/html' })
        .end('<!doctype html><link rel="icon" href="data:,"><body>');
    const body = await readFile(join(folders[prefix] ?? '/none', path)).catch(() => null);
    if (body === null) return response.writeHead(404).end();
    response.writeHead(200, { ...ISOLATION, 'content-type': TYPES[extname(path)] ?? 'application/octet-stream' }).end(body);
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  return { url: `http://127.0.0.1:${server.address().port}/`, close: () => server.close() };
}

const urlsFor = (urlOf, adapter, place) => ({
  ours: urlOf('package', 'index.js'),
  models: urlOf('models', ''),
  packages: urlOf('packages', ''),
  bundle: urlOf('bundles', `${adapter}.${place}.mjs`),
});

/** The calls of host.mjs for one contestant. */
const session = (call, options, close) => ({
  prepare: (row) => call('prepare', options, row),
  time: (count) => call('time', count),
  coldStart: (row) => call('coldStart', options, row),
  memoryBytes: () => call('memoryBytes'),
  close,
});

/** { name, version, open(contestant) → a session, close() } */
export async function nodePlace(folders) {
  const urlOf = (prefix, path) => pathToFileURL(join(folders[prefix], '/')).href + path;
  async function open({ adapter, variant, backend }) {
    const child = fork(fileURLToPath(new URL('host.mjs', import.meta.url)), {
      execArgv: ['--experimental-wasm-relaxed-simd'], // in Chromium it is no experiment any more
      stdio: ['ignore', 'ignore', 'ignore', 'ipc'],
    });
    const options = { variant, backend, urls: urlsFor(urlOf, adapter, 'node') };
    let receive = () => {};
    child.on('message', (answer) => receive(answer));
    child.on('exit', (code) => receive({ error: `the process ended with code ${code}` }));
    const call = (name, ...args) =>
      new Promise((resolve, reject) => {
        receive = ({ value, error }) => (error === undefined ? resolve(value) : reject(new Error(error)));
        child.send({ call: name, args });
      });
    return session(call, options, () => child.kill());
  }
  return { name: 'Node', version: process.version, open, close() {} };
}

export async function chromiumPlace(folders) {
  const server = await serve(folders);
  const browser = await chromium.launch({
    executablePath: process.env.CHROME_PATH ?? '/usr/bin/chromium',
    // Not the pages behind a new window's address bar, which start beside what is measured and take more CPU time.
    args: ['--no-sandbox', '--disable-features=WebUIOmniboxPopup,WebUIOmniboxAimPopup'],
  });
  const urlOf = (prefix, path) => `${server.url}${prefix}/${path}`;
  async function open({ adapter, variant, backend }) {
    const context = await browser.newContext();
    const page = await context.newPage();
    await page.goto(server.url);
    const options = { variant, backend, urls: urlsFor(urlOf, adapter, 'chromium') };
    const call = (name, ...args) =>
      page.evaluate(
        async ([host, name, args]) => (await import(host)).calls[name](...args),
        [urlOf('bench', 'host.mjs'), name, args],
      );
    return session(call, options, () => context.close());
  }
  const close = async () => {
    await browser.close();
    server.close();
  };
  return { name: 'Chromium', version: browser.version(), open, close };
}
