// The packed tarball in Chromium: from bundlers, without one, in workers, under a strict policy. Each page loads a model,
// predicts and takes a training step; the numbers are Keras's.
import assert from 'node:assert/strict';
import { copyFile, readFile } from 'node:fs/promises';
import { createServer } from 'node:http';
import { createRequire } from 'node:module';
import { dirname, extname, join } from 'node:path';
import { after, before, describe, test } from 'node:test';
import { chromium } from 'playwright-core';
import { assertClose, fixture } from '../support.mjs';
import { Project } from './project.mjs';

const require = createRequire(import.meta.url);
const program = (name, file) => join(dirname(require.resolve(`${name}/package.json`)), file);
const WASM = /keras-(?:simd|relaxed)((?:\.\w+)?)\.wasm$/;
const TYPES = { '.html': 'text/html', '.js': 'text/javascript', '.mjs': 'text/javascript', '.wasm': 'application/wasm' };
/** The policy that the package promises to work under. */
const POLICY = "default-src 'none'; script-src 'self' 'wasm-unsafe-eval'; connect-src 'self'";
const PACKAGE = '/node_modules/keras-wasm/dist/package/';
/** Under which browsers let threads share memory. */
const ISOLATION = { 'cross-origin-opener-policy': 'same-origin', 'cross-origin-embedder-policy': 'require-corp' };

const expected = fixture.model('dense_softmax');
const { x, y, logs } = expected.steps[0];
const plain = ({ dtype, shape, data }) => ({ dtype, shape, data: [...data] });

/** What every page, worker and bundle does; `keras` comes from how the package got there. */
const ANSWER = `export async function answer(keras, base, options) {
  await keras.ready(options);
  const model = await keras.loadModel(new URL('model.h5', base));
  const output = await model.predict(${JSON.stringify(plain(expected.inputs[0]))});
  const logs = await model.trainOnBatch(${JSON.stringify(plain(x))}, ${JSON.stringify(plain(y))}, { returnDict: true });
  const saved = await keras.loadModel(await model.save());
  return { variant: keras.engine().variant, shape: output.shape, output: [...output.dataSync()], logs, same: saved.toJSON() === model.toJSON() };
}
`;
const MAIN = (from) => `import * as keras from '${from}';
import { answer } from './answer.js';
const options = Object.fromEntries(new URLSearchParams(location.search));
answer(keras, location.href, options).then((a) => (globalThis.answer = a), (e) => (globalThis.answer = { error: e.name + ': ' + e.message }));
`;
const WORKER = (from) => `import * as keras from '${from}';
import { answer } from './answer.js';
self.onmessage = ({ data }) => answer(keras, data).then(postMessage, (e) => postMessage({ error: e.name + ': ' + e.message }));
`;
const ASK_WORKER = `const worker = new Worker(new URL('./worker.js', import.meta.url), { type: 'module' });
worker.onmessage = ({ data }) => (globalThis.answer = data);
worker.onerror = (e) => (globalThis.answer = { error: String(e.message) });
worker.postMessage(location.href);
`;
const page = (script) =>
  `<!doctype html><link rel="icon" href="data:,"><title>t</title><script type="module" src="${script}"></script>`;

function isRight(answer, ...variants) {
  assert.equal(answer.error, undefined);
  assert.ok((variants.length > 0 ? variants : ['simd', 'relaxed']).includes(answer.variant), answer.variant);
  assertClose({ dtype: 'float32', shape: answer.shape, data: Float32Array.from(answer.output) }, expected.outputs[0]);
  for (const [name, value] of Object.entries(logs))
    assert.ok(Math.abs(answer.logs[name] - value) <= 1e-5 * Math.abs(value), `${name}: ${answer.logs[name]}, expected ${value}`);
  assert.equal(answer.same, true);
}

/**
 * Serves a folder. `headers` go with every file; with `pageForAll`, an HTML page stands for files that are not there; `lost`: a
 * pattern of paths to keep back. Notes which parts of the engine are asked for.
 */
async function serve(folder, { headers = {}, pageForAll = false, lost } = {}) {
  const parts = [];
  const server = createServer(async ({ url }, response) => {
    const path = decodeURIComponent(new URL(url, 'http://localhost').pathname);
    const wasm = WASM.exec(path);
    if (wasm) parts.push(wasm[1] || 'whole');
    try {
      if (lost?.test(path)) throw new Error('kept back');
      const body = await readFile(join(folder, path));
      response.writeHead(200, { ...headers, 'content-type': TYPES[extname(path)] ?? 'application/octet-stream' }).end(body);
    } catch {
      if (pageForAll)
        response.writeHead(200, { ...headers, 'content-type': 'text/html' }).end('<!doctype html><title>app</title>');
      else response.writeHead(404, headers).end();
    }
  });
  await new Promise((resolve) => server.listen(0, '127.0.0.1', resolve));
  const close = () => {
    server.closeAllConnections();
    return new Promise((resolve) => server.close(resolve));
  };
  return { url: `http://127.0.0.1:${server.address().port}/`, parts, close };
}

let project;
let browser;
before(async () => {
  [project, browser] = await Promise.all([
    Project.create('browser'),
    chromium.launch({ executablePath: process.env.CHROME_PATH ?? '/usr/bin/chromium', args: ['--no-sandbox'] }),
  ]);
});
after(async () => {
  await browser?.close();
  await project?.remove();
});

/** Opens a page of a served folder and waits for what it sets as `answer`. */
async function ask(folder, path, options) {
  const server = await serve(folder, options);
  const context = await browser.newContext();
  try {
    const tab = await context.newPage();
    const complaints = [];
    tab.on('console', (message) => message.type() === 'error' && complaints.push(message.text()));
    tab.on('pageerror', (error) => complaints.push(error.message));
    await tab.goto(server.url + path);
    await tab
      .waitForFunction(() => globalThis.answer !== undefined, null, { timeout: 30_000 })
      .catch((error) => {
        throw new Error(`no answer; the console says: ${complaints.join('\n')}`, { cause: error });
      });
    const answer = await tab.evaluate(() => globalThis.answer);
    if (!options?.lost) assert.deepEqual(complaints, []); // a lost file is told on the console too
    return { ...answer, parts: server.parts };
  } finally {
    await context.close();
    await server.close();
  }
}

/** A project's sources below a folder of their own. */
async function sources(folder, from, files = {}) {
  await project.write({
    [`${folder}/answer.js`]: ANSWER,
    [`${folder}/main.js`]: MAIN(from),
    [`${folder}/worker.js`]: WORKER(from),
    [`${folder}/ask_worker.js`]: ASK_WORKER,
    [`${folder}/index.html`]: page('./main.js'),
    [`${folder}/in_worker.html`]: page('./ask_worker.js'),
    ...Object.fromEntries(Object.entries(files).map(([name, text]) => [`${folder}/${name}`, text])),
  });
  await copyFile(expected.path('h5'), project.path(folder, 'model.h5'));
}

describe('Without a bundler', () => {
  before(() =>
    sources('plain', `${PACKAGE}index.js`, {
      'service.html': page('./register.js'),
      'register.js': `const { active, installing, waiting } = await navigator.serviceWorker.register('./service.js', { type: 'module' });
const service = active ?? installing ?? waiting;
await navigator.serviceWorker.ready;
navigator.serviceWorker.onmessage = ({ data }) => (globalThis.answer = data);
navigator.serviceWorker.startMessages();
service.postMessage(location.href);
`,
      'service.js': `import * as keras from '${PACKAGE}index.js';
import { answer } from './answer.js';
self.onmessage = (event) =>
  event.waitUntil(answer(keras, event.data).then((a) => event.source.postMessage(a), (e) => event.source.postMessage({ error: e.name + ': ' + e.message })));
`,
      'given.html': page('./given.js'),
      'given.js': `import * as keras from '${PACKAGE}index.js';
import { answer } from './answer.js';
const wasmBinary = await (await fetch('${PACKAGE}keras-simd.wasm')).arrayBuffer();
globalThis.answer = await answer(keras, location.href, { variant: 'simd', wasmBinary });
`,
      'path.html': page('./path.js'),
      'path.js': `import * as keras from '${PACKAGE}index.js';
import { answer } from './answer.js';
globalThis.answer = await answer(keras, location.href, { wasmPath: '${PACKAGE}' });
`,
      'lost.html': page('./lost.js'),
      'lost.js': `import * as keras from '${PACKAGE}index.js';
globalThis.answer = await keras.ready({ wasmPath: '/nowhere/' }).catch(({ name, message }) => ({ name, message }));
`,
    }),
  );
  const under = { headers: { 'content-security-policy': `${POLICY}; img-src data:` } };

  test('works from a plain <script type="module">', async () => isRight(await ask(project.folder, 'plain/index.html')));
  test('works under the strict policy', async () => {
    isRight(await ask(project.folder, 'plain/index.html', under));
  });
  test('works in a web worker, under the strict policy too', async () => {
    isRight(await ask(project.folder, 'plain/in_worker.html'));
    isRight(await ask(project.folder, 'plain/in_worker.html', under));
  });
  test('works with threads, under the strict policy too', async () => {
    const headers = { ...under.headers, ...ISOLATION };
    for (const variant of ['threads', 'relaxed-threads'])
      isRight(await ask(project.folder, `plain/index.html?variant=${variant}`, { headers }), variant);
  });
  test('says which headers threads need', async () => {
    const { error } = await ask(project.folder, 'plain/index.html?variant=threads', under);
    assert.match(error, /^RuntimeError: Variant 'threads' needs .*Cross-Origin-Opener-Policy.*Cross-Origin-Embedder-Policy/);
  });
  test('works in a service worker, under the strict policy too', async () => {
    isRight(await ask(project.folder, 'plain/service.html'));
    isRight(await ask(project.folder, 'plain/service.html', under));
  });
  test('takes the wasm from bytes and from a path', async () => {
    isRight(await ask(project.folder, 'plain/given.html', under));
    isRight(await ask(project.folder, 'plain/path.html', under));
  });
  test('tells a page that is served in place of the wasm', async () => {
    const { name, message } = await ask(project.folder, 'plain/lost.html', { pageForAll: true });
    assert.equal(name, 'IOError');
    assert.match(message, /\/nowhere\/keras-(simd|relaxed)\.first\.wasm is an HTML page .*`wasmPath`/);
  });
  test('works where the server does not know the type of .wasm', async () => {
    const folder = project.path('.');
    const known = TYPES['.wasm'];
    delete TYPES['.wasm'];
    try {
      isRight(await ask(folder, 'plain/index.html'));
    } finally {
      TYPES['.wasm'] = known;
    }
  });
});

describe('In parts', () => {
  before(() =>
    sources('parts', `${PACKAGE}index.js`, {
      'first.html': page('./first.js'),
      // Nothing asks for the whole engine here: what is seen is seen at the moment of the prediction.
      'first.js': `import * as keras from '${PACKAGE}index.js';
const fetched = () => performance.getEntriesByType('resource').map(({ name }) => name.split('/').at(-1)).filter((name) => name.endsWith('.wasm'));
const real = globalThis.fetch;
let letRestThrough;
globalThis.fetch = async (url, ...rest) => {
  if (String(url).endsWith('.rest.wasm')) await new Promise((resolve) => (letRestThrough = resolve));
  return real(url, ...rest);
};
const model = await keras.loadModel(new URL('model.h5', location.href));
const output = await model.predict(${JSON.stringify(plain(expected.inputs[0]))});
const atFirst = fetched();
letRestThrough();
const logs = await model.trainOnBatch(${JSON.stringify(plain(x))}, ${JSON.stringify(plain(y))}, { returnDict: true });
globalThis.answer = { variant: keras.engine().variant, shape: output.shape, output: [...output.dataSync()], logs, same: true, atFirst };
`,
      'sync.html': page('./sync.js'),
      // A synchronous call that the first part cannot serve, before the rest has had a chance to arrive.
      'sync.js': `import * as keras from '${PACKAGE}index.js';
await keras.loadModel(new URL('model.h5', location.href));
globalThis.answer = { determinant: keras.ops.linalg.det(keras.tensor([[1, 2], [3, 4]])).arraySync() };
`,
      'lost.html': page('./lost.js'),
      'lost.js': `import * as keras from '${PACKAGE}index.js';
const told = [];
const tell = ({ name, message }) => told.push(name + ': ' + message);
const model = await keras.loadModel(new URL('model.h5', location.href));
try { keras.ops.linalg.det(keras.tensor([[1, 2], [3, 4]])); } catch (error) { tell(error); }
await keras.ready().catch(tell);
await model.trainOnBatch(${JSON.stringify(plain(x))}, ${JSON.stringify(plain(y))}).catch(tell);
const output = await model.predict(${JSON.stringify(plain(expected.inputs[0]))});
globalThis.answer = { told, shape: output.shape };
`,
    }),
  );
  test('a first prediction takes the first part, training waits for the rest', async () => {
    const answer = await ask(project.folder, 'parts/first.html');
    isRight(answer);
    assert.deepEqual(
      answer.atFirst.map((name) => WASM.exec(name)[1]),
      ['.first'],
    );
    assert.deepEqual(answer.parts, ['.first', '.rest']);
  });
  test('a synchronous call fetches the rest if it must', async () => {
    const { determinant, parts } = await ask(project.folder, 'parts/sync.html');
    assert.ok(Math.abs(determinant + 2) < 1e-6, `${determinant}`);
    assert.ok(parts.includes('.rest') && !parts.includes('whole'));
  });
  test('a rest that cannot be had is told by whoever needs it, and prediction goes on', async () => {
    const { told, shape } = await ask(project.folder, 'parts/lost.html', { lost: /\.rest\.wasm$/ });
    assert.equal(told.length, 3);
    for (const text of told) assert.match(text, /^IOError: .*\.rest\.wasm: HTTP 404/);
    assert.deepEqual(shape, expected.outputs[0].shape);
  });
  test('bytes and service workers have the engine in one piece', async () => {
    const given = await ask(project.folder, 'plain/given.html');
    assert.deepEqual(given.parts, ['whole']);
    const service = await ask(project.folder, 'plain/service.html');
    assert.deepEqual(service.parts, ['whole']);
  });
});

describe('Built by Vite', () => {
  before(async () => {
    await sources('vite', 'keras-wasm');
    await project.write({
      'vite/vite.config.mjs': `const pages = ['index.html', 'in_worker.html'].map((file) => import.meta.dirname + '/' + file);
export default { base: './', logLevel: 'warn', worker: { format: 'es' }, build: { rollupOptions: { input: pages } } };\n`,
    });
    await project.write({ 'vite/package.json': '{ "type": "module" }\n' });
    await project.node(program('vite', 'bin/vite.js'), 'build', 'vite');
    await copyFile(expected.path('h5'), project.path('vite/dist/model.h5'));
  });
  test('works on a page', async () => isRight(await ask(project.path('vite/dist'), 'index.html')));
  test('works in a worker', async () => isRight(await ask(project.path('vite/dist'), 'in_worker.html')));
  test('works with threads', async () => {
    isRight(await ask(project.path('vite/dist'), 'index.html?variant=threads', { headers: ISOLATION }), 'threads');
  });
});

describe('Built by webpack', () => {
  before(async () => {
    await sources('webpack', 'keras-wasm');
    await project.write({
      'webpack/webpack.config.cjs': `module.exports = { mode: 'production', context: __dirname, entry: { main: './main.js', ask_worker: './ask_worker.js' },
  performance: { hints: false }, output: { path: __dirname + '/dist', filename: '[name].js' } };\n`,
      'webpack/dist/index.html': page('./main.js').replace('type="module"', 'defer'),
      'webpack/dist/in_worker.html': page('./ask_worker.js').replace('type="module"', 'defer'),
    });
    const printed = await project.node(program('webpack-cli', 'bin/cli.js'), '--config', 'webpack/webpack.config.cjs');
    assert.doesNotMatch(printed, /WARNING/);
    await copyFile(expected.path('h5'), project.path('webpack/dist/model.h5'));
  });
  test('works on a page', async () => isRight(await ask(project.path('webpack/dist'), 'index.html')));
  test('works in a worker', async () => isRight(await ask(project.path('webpack/dist'), 'in_worker.html')));
  test('works with threads', async () => {
    isRight(await ask(project.path('webpack/dist'), 'index.html?variant=threads', { headers: ISOLATION }), 'threads');
  });
});
