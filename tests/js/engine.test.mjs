// Loading the engine: what is told before and after, and that importing does nothing.
import assert from 'node:assert/strict';
import { execFile } from 'node:child_process';
import { statSync } from 'node:fs';
import { copyFile, mkdtemp, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, test } from 'node:test';
import { promisify } from 'node:util';
import { root } from '../support.mjs';

const run = promisify(execFile);
/** Runs a module's text in a Node process of its own; returns what it prints. */
const node = async (text, ...flags) =>
  (await run(process.execPath, [...flags, '--input-type=module', '-e', text], { cwd: root })).stdout.trim();
/** What a program prints that uses `keras` before anything has loaded the engine. */
const fresh = (text, ...flags) => node(`import * as keras from 'keras-wasm'; ${text}`, ...flags);

describe('The engine', () => {
  test('is not loaded by the import, and a synchronous call before ready() says to await it', async () => {
    const told = await fresh(`try { keras.layers.dense({ units: 1 }) } catch (e) { console.log(e.name, e.message) }`);
    assert.match(told, /^RuntimeError .*await keras\.ready\(\)/);
    assert.match(await fresh(`try { keras.engine() } catch (e) { console.log(e.message) }`), /await keras\.ready\(\)/);
  });

  test('tells its build, version and memory', async () => {
    const told = JSON.parse(await fresh(`await keras.ready(); console.log(JSON.stringify([keras.version, keras.engine()]))`));
    const { version } = JSON.parse(await readFile(join(root, 'package.json'), 'utf8'));
    assert.equal(told[0], version);
    const { variant, simd, threads, memory } = told[1];
    assert.ok(['simd', 'relaxed'].includes(variant));
    assert.equal(simd, variant === 'relaxed' ? 'relaxed' : 'simd128');
    assert.equal(threads, 1);
    assert.ok(memory.bytes > 0 && memory.peakBytes >= memory.bytes);
    assert.equal(memory.tensors, 0);
  });

  test('tells what the activations of the last run took', async () => {
    const told = JSON.parse(
      await fresh(`
        await keras.ready();
        const before = keras.engine().memory.activationBytes;
        const layers = [keras.layers.dense({ units: 1000, inputShape: [10] }), keras.layers.dense({ units: 1 })];
        await keras.sequential({ layers }).predict(keras.tensor(new Float32Array(320), [32, 10]));
        console.log(JSON.stringify([before, keras.engine().memory.activationBytes]));`),
    );
    assert.equal(told[0], 0);
    // [32, 1000] and [32, 1], each in blocks of 64 bytes.
    assert.ok(told[1] >= 128128 && told[1] <= 128128 + 64, `${told[1]} bytes`);
  });

  test('holds weights once, and gives them back as they were', async () => {
    const told = JSON.parse(
      await fresh(`
        await keras.ready();
        const { conv2d, batchNormalization, flatten, dense } = keras.layers;
        const layers = [conv2d({ filters: 512, kernelSize: 3, useBias: false, inputShape: [4, 4, 256] }), batchNormalization(), flatten(), dense({ units: 1000 })];
        const model = keras.sequential({ layers });
        const x = keras.tensor(new Float32Array(4096).map((_, i) => Math.sin(i)), [1, 4, 4, 256]);
        const copy = () => model.getWeights().map((weight) => Array.from(weight.dataSync()));
        const before = JSON.stringify(copy());
        const first = Array.from((await model.predict(x)).dataSync());
        const used = keras.engine().memory.bytes;
        const same = JSON.stringify(copy()) === before;
        const again = Array.from((await model.predict(x)).dataSync());
        console.log(JSON.stringify([4 * model.countParams(), used, same, JSON.stringify(first) === JSON.stringify(again)]))`),
    );
    const [weights, used, same, again] = told;
    assert.ok(used < 1.05 * weights, `${used} bytes for weights of ${weights}`);
    assert.ok(same && again);
  });

  test('is loaded once, however many ask at a time', async () => {
    const told = await fresh(`
      let compiled = 0;
      const { compile } = WebAssembly;
      WebAssembly.compile = (...args) => { compiled++; return compile.apply(WebAssembly, args); };
      await Promise.all([keras.ready(), keras.ready(), keras.loadModel('tests/fixtures/models/dense_softmax.h5')]);
      console.log(compiled)`);
    assert.equal(told, '1');
  });

  describe('in two parts', () => {
    const folder = join(root, 'dist/package/');
    const sizes = Object.fromEntries(
      ['whole', 'first', 'rest'].map((part) => [
        part,
        statSync(`${folder}keras-simd${part === 'whole' ? '' : `.${part}`}.wasm`).size,
      ]),
    );
    /** `compiled` tells the sizes of what has been compiled, one after the other. */
    const counting = `
      const compiled = [];
      const { compile, Module } = WebAssembly;
      WebAssembly.compile = (bytes) => { compiled.push(bytes.length); return compile.call(WebAssembly, bytes); };
      WebAssembly.Module = new Proxy(Module, { construct(target, [bytes]) { compiled.push(bytes.length); return new target(bytes); } });
      const determinant = () => Math.round(keras.ops.linalg.det(keras.tensor([[1, 2], [3, 4]])).arraySync());`;
    const predict = `
      const model = await keras.loadModel('tests/fixtures/models/dense_softmax.h5');
      await model.predict([Array(model.inputs[0].shape[1]).fill(0)])`;

    test('compiles the second when a call needs it, once', async () => {
      const told = await fresh(`${counting}
        await keras.ready({ variant: 'simd' });
        ${predict};
        console.log(compiled.join());
        console.log(determinant(), determinant(), compiled.join());`);
      assert.deepEqual(told.split('\n'), [`${sizes.first}`, `-2 -2 ${sizes.first},${sizes.rest}`]);
    });

    test('finds the second where it was, wherever the process has gone', async () => {
      const told = await fresh(`${counting}
        await keras.ready({ variant: 'simd', wasmPath: 'dist/package/' });
        process.chdir('/');
        console.log(determinant(), compiled.join());`);
      assert.equal(told, `-2 ${sizes.first},${sizes.rest}`);
    });

    test('takes the whole where there are no parts, and says so when the second has gone', async () => {
      const place = await mkdtemp(join(tmpdir(), 'keras-wasm-parts-'));
      try {
        const use = (then) =>
          fresh(`${counting}
          await keras.ready({ variant: 'simd', wasmPath: ${JSON.stringify(`${place}/`)} });
          ${then}`);
        await copyFile(`${folder}keras-simd.wasm`, join(place, 'keras-simd.wasm'));
        assert.equal(await use(`console.log(determinant(), compiled.join());`), `-2 ${sizes.whole}`);

        const rest = join(place, 'keras-simd.rest.wasm');
        for (const part of ['first', 'rest'])
          await copyFile(`${folder}keras-simd.${part}.wasm`, join(place, `keras-simd.${part}.wasm`));
        const told = await use(`
          const { renameSync } = await import('node:fs');
          renameSync(${JSON.stringify(rest)}, ${JSON.stringify(`${rest}.away`)});
          try { determinant(); } catch (e) { console.log(e.name, e.message); }
          renameSync(${JSON.stringify(`${rest}.away`)}, ${JSON.stringify(rest)});
          console.log(determinant());`);
        assert.deepEqual(told.split('\n'), [`IOError The engine's second part could not be read from ${rest}.`, '-2']);
      } finally {
        await rm(place, { recursive: true });
      }
    });
  });

  test('takes the variant that is asked for, and says which there is not', async () => {
    assert.equal(await fresh(`await keras.ready({ variant: 'simd' }); console.log(keras.engine().variant)`), 'simd');
    const told = await fresh(`await keras.ready({ variant: 'fast' }).catch((e) => console.log(e.name, e.message))`);
    assert.match(told, /'fast'/);
  });

  // Node 20 has it behind a flag, later versions without.
  test('takes the relaxed build where the JavaScript engine has relaxed SIMD', async () => {
    const text = `await keras.ready(); console.log(keras.engine().variant)`;
    const flag = '--experimental-wasm-relaxed-simd';
    const isNode20 = process.versions.node.startsWith('20.');
    assert.equal(await fresh(text), isNode20 ? 'simd' : 'relaxed');
    if (isNode20) assert.equal(await fresh(text, flag), 'relaxed');
  });

  test('is found by a path, by a folder, by a map of files and from bytes', async () => {
    const check = `console.log(keras.ops.add([1, 2], [3, 4]).arraySync().join())`;
    const folder = join(root, 'dist/package/');
    const file = `${folder}keras-simd.wasm`;
    for (const options of [
      `{ variant: 'simd', wasmPath: ${JSON.stringify(file)} }`,
      `{ wasmPath: ${JSON.stringify(folder)} }`,
      `{ wasmPath: new URL('file://${file}'), variant: 'simd' }`,
      `{ variant: 'simd', wasmPath: { 'keras-simd.wasm': ${JSON.stringify(file)} } }`,
      `{ variant: 'simd', wasmBinary: (await import('node:fs')).readFileSync(${JSON.stringify(file)}) }`,
    ]) {
      assert.equal(await fresh(`await keras.ready(${options}); ${check}`), '4,6', options);
    }
  });

  test('says what is wrong with a file that is not the engine, and can be asked again', async () => {
    const told = await fresh(`
      const html = new TextEncoder().encode('<!doctype html><title>Not found</title>');
      for (const options of [{ wasmBinary: html }, { wasmBinary: Uint8Array.of(1, 2, 3) }, { wasmPath: '/nowhere/keras.wasm' }])
        await keras.ready(options).catch((e) => console.log(e.name, e.message));
      await keras.ready();
      console.log(keras.ops.add(1, 2).arraySync());`);
    const [html, garbage, missing, ...rest] = told.split('\n');
    assert.match(html, /^IOError wasmBinary is an HTML page.*`wasmPath`/);
    assert.match(garbage, /^IOError wasmBinary is no WebAssembly/);
    assert.match(missing, /^IOError .*\/nowhere\/keras\.wasm/);
    assert.deepEqual(rest, ['3']);
  });
});
