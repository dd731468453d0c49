// The packed tarball in Node: what is in it, ESM, CommonJS, types, and that an import does nothing.
import assert from 'node:assert/strict';
import { readFile, readdir } from 'node:fs/promises';
import { createRequire } from 'node:module';
import { join } from 'node:path';
import { after, before, describe, test } from 'node:test';
import { fixture, root } from '../support.mjs';
import { Project } from './project.mjs';

const TSC = createRequire(import.meta.url).resolve('typescript/bin/tsc');
const MODEL = JSON.stringify(fixture.model('dense_softmax').path('h5'));
const PROGRAM = `
async function main(keras) {
  const model = await keras.loadModel(${MODEL});
  const output = await model.predict([Array(model.inputs[0].shape[1]).fill(0)]);
  const saved = await keras.loadModel(await model.save());
  console.log(output.shape.length, saved.toJSON() === model.toJSON(), keras.version);
}`;

let project;
let installed;
before(async () => {
  project = await Project.create('node');
  installed = JSON.parse(await readFile(project.path('node_modules/keras-wasm/package.json'), 'utf8'));
});
after(() => project?.remove());

describe('The tarball', () => {
  test('holds what runs, types, licences, and nothing else', async () => {
    const folder = project.path('node_modules/keras-wasm');
    const files = (await readdir(folder, { recursive: true })).map((file) => file.replaceAll('\\', '/'));
    for (const file of [
      'LICENSE',
      'THIRD_PARTY.md',
      'CHANGELOG.md',
      'dist/package/keras-simd.wasm',
      'dist/package/keras-relaxed.wasm',
      'dist/package/keras-simd.first.wasm',
      'dist/package/keras-relaxed.rest.wasm',
      'dist/package/keras-simd-threads.mjs',
      'dist/package/keras-simd-threads.wasm',
      'dist/package/keras-relaxed-threads.wasm',
    ])
      assert.ok(files.includes(file), file);
    const strangers = files.filter((file) => !/^(dist(\/.*)?|[A-Z_]+(\.md)?|package\.json)$/.test(file));
    assert.deepEqual(strangers, []);
    assert.deepEqual(installed.dependencies ?? {}, {});
    for (const script of ['preinstall', 'install', 'postinstall']) assert.ok(!(script in installed.scripts), script);
  });
  test('has every file that package.json names', async () => {
    const targets = (entry) => (typeof entry === 'string' ? [entry] : Object.values(entry).flatMap(targets));
    const named = [...targets(installed.exports), installed.main, installed.module, installed.types];
    for (const file of named) await readFile(join(project.path('node_modules/keras-wasm'), file));
    assert.equal(installed.sideEffects, false);
    assert.equal(installed.license, 'Apache-2.0');
  });
});

describe('In Node', () => {
  const told = /^2 true \d+\.\d+/;
  test('works by import', async () => {
    await project.write({ 'use.mjs': `import * as keras from 'keras-wasm';\n${PROGRAM}\nawait main(keras);` });
    assert.match(await project.node('use.mjs'), told);
  });
  test('works by require', async () => {
    await project.write({ 'use.cjs': `const keras = require('keras-wasm');\n${PROGRAM}\nmain(keras);` });
    assert.match(await project.node('use.cjs'), told);
  });
  test('has the same names by import and require', async () => {
    await project.write({
      'names.mjs': `import { createRequire } from 'node:module';
        import * as esm from 'keras-wasm';
        const cjs = createRequire(import.meta.url)('keras-wasm');
        const names = (o) => Object.keys(o).filter((k) => k !== 'default' && k !== 'module.exports').sort().join();
        console.log(names(esm) === names(cjs), esm.version === cjs.version);`,
    });
    assert.equal(await project.node('names.mjs'), 'true true');
  });
  test('finds the wasm by its exports', async () => {
    await project.write({
      'wasm.mjs': `import { readFileSync } from 'node:fs';
        import * as keras from 'keras-wasm';
        const bytes = readFileSync(new URL(import.meta.resolve('keras-wasm/keras-simd.wasm')));
        await keras.ready({ variant: 'simd', wasmBinary: bytes });
        console.log(keras.engine().variant);`,
    });
    assert.equal(await project.node('wasm.mjs'), 'simd');
  });
  test('does nothing when it is imported, with or without a DOM', async () => {
    const watch = `
      const touched = [];
      for (const name of ['fetch', 'WebAssembly', 'crypto', 'document', 'window', 'self', 'navigator', 'indexedDB', 'Worker'])
        Object.defineProperty(globalThis, name, { configurable: true, get() { touched.push(name); return undefined; } });
      const names = Object.getOwnPropertyNames(globalThis).sort().join();
      const finish = () => {
        console.log(JSON.stringify(touched), Object.getOwnPropertyNames(globalThis).sort().join() === names);
        setImmediate(() => console.log(process.getActiveResourcesInfo().filter((name) => /Timeout|Worker|Message|TCP/.test(name)).join()));
      };`;
    await project.write({
      'watch.mjs': watch + `await import('keras-wasm'); finish();`,
      'watch.cjs': watch + `require('keras-wasm'); finish();`,
    });
    assert.equal(await project.node('watch.mjs'), '[] true');
    assert.equal(await project.node('watch.cjs'), '[] true');
  });
  test('can be imported where all that JavaScript itself does not have is gone', async () => {
    await project.write({
      'bare.mjs': `import { readFile } from 'node:fs/promises';
        import vm from 'node:vm';
        const folder = new URL('./node_modules/keras-wasm/dist/package/', import.meta.url);
        const context = vm.createContext({ TextEncoder, TextDecoder });
        const load = async (specifier) => {
          const url = new URL(specifier, folder);
          const module = new vm.SourceTextModule(await readFile(url, 'utf8'), {
            context, identifier: url.href, initializeImportMeta: (meta) => (meta.url = url.href) });
          await module.link(load);
          return module;
        };
        const module = await load('./index.js');
        await module.evaluate();
        console.log(module.namespace.version, typeof module.namespace.loadModel);`,
    });
    assert.match(await project.node('--experimental-vm-modules', '--no-warnings', 'bare.mjs'), /^\d+\.\d+\.\d+ function$/);
  });
});

describe('TypeScript', () => {
  const program = (head) => `${head}
async function main(): Promise<void> {
  await keras.ready({ variant: 'auto' });
  const x = keras.input({ shape: [4], name: 'x' });
  const hidden = keras.layers.dense({ units: 3, activation: 'relu', kernelInitializer: 'heNormal' }).apply(x);
  const model = keras.model({ inputs: x, outputs: keras.layers.dense({ units: 1 }).apply(hidden) });
  model.compile({ optimizer: keras.optimizers.adam({ learningRate: 0.01, beta1: 0.8 }), loss: 'mse', metrics: ['mae'] });
  const stop = new keras.callbacks.EarlyStopping({ monitor: 'loss', patience: 2, restoreBestWeights: true });
  const { history } = await model.fit([[1, 2, 3, 4]], [[1]], { epochs: 2, callbacks: [stop] });
  const losses: number[] | undefined = history['loss'];
  const output: keras.Tensor = await model.predict(new Float32Array(4), { signal: new AbortController().signal });
  const shape: number[] = output.shape;
  const bytes: Uint8Array = await model.save();
  const loaded: keras.Model = await keras.loadModel(bytes, { onProgress: ({ loaded, total }) => void (loaded / (total ?? 1)) });
  const warnings: string[] = loaded.warnings;
  class Twice extends keras.Layer {
    static className = 'Twice';
    override call(inputs: keras.SymbolicTensor) {
      return keras.ops.multiply(inputs, 2);
    }
  }
  keras.utils.registerKerasSerializable(Twice, { package: 'Mine' });
  class Pair extends keras.Model {
    static override className = 'Pair';
    readonly left: keras.Layer;
    scale = keras.variable(2);
    constructor({ units, ...rest }: { units: number; name?: string }) {
      super(rest);
      this.left = keras.layers.dense({ units });
    }
    override call({ a, b }: { a: keras.SymbolicTensor; b: keras.SymbolicTensor }, { training }: keras.CallOptions = {}) {
      return { sum: keras.ops.add(this.left.apply(a, { training: training ?? false }), b), b };
    }
  }
  const pair = new Pair({ units: 2, name: 'pair' });
  pair.build({ a: [null, 3], b: [null, 2] });
  const { sum } = pair.apply<Record<string, keras.Tensor>>({ a: [[1, 2, 3]], b: [[1, 2]] });
  const status = await pair.loadWeights(await pair.saveWeights());
  console.log(sum?.shape, status?.assertConsumed(), Pair.fromConfig({ units: 3 }).layers.length);
  try {
    await keras.loadModel('nowhere.h5');
  } catch (error) {
    if (error instanceof keras.NotFoundError) console.log(error.code, error.path);
  }
  // @ts-expect-error: units must be a number
  keras.layers.dense({ units: 'three' });
  // @ts-expect-error: there is no such layer
  keras.layers.danse({ units: 3 });
  console.log(losses, shape, warnings);
}
void main();
`;
  const options = {
    strict: true,
    exactOptionalPropertyTypes: true,
    noUncheckedIndexedAccess: true,
    target: 'ES2022',
    lib: ['ES2022', 'DOM'],
    types: [],
    noEmit: true,
    skipLibCheck: false,
  };
  const check = async (name, compilerOptions, file) => {
    await project.write({
      [`${name}/tsconfig.json`]: JSON.stringify({ compilerOptions: { ...options, ...compilerOptions }, files: [file] }),
    });
    assert.equal(await project.node(TSC, '-p', name), '');
  };
  test('knows the package as ES modules', async () => {
    await project.write({ 'esm/use.mts': program(`import * as keras from 'keras-wasm';`) });
    await check('esm', { module: 'nodenext' }, 'use.mts');
  });
  test('knows the package as CommonJS', async () => {
    await project.write({ 'cjs/use.cts': program(`import keras = require('keras-wasm');`) });
    await check('cjs', { module: 'nodenext' }, 'use.cts');
  });
  test('knows the package as bundlers resolve it', async () => {
    await project.write({ 'bundler/use.ts': program(`import * as keras from 'keras-wasm';`) });
    await check('bundler', { module: 'esnext', moduleResolution: 'bundler' }, 'use.ts');
  });
});
