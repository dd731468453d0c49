// The builds with threads in Node: what one thread computes, to the bit; how many there are; and a process that ends.
import assert from 'node:assert/strict';
import { execFile } from 'node:child_process';
import { join } from 'node:path';
import { describe, test } from 'node:test';
import { promisify } from 'node:util';
import { root } from '../support.mjs';

const run = promisify(execFile);
const isNode20 = process.versions.node.startsWith('20.');
/** Node 20 has relaxed SIMD behind a flag, later versions know no such flag. */
const flags = isNode20 ? ['--experimental-wasm-relaxed-simd'] : [];

/** What a program prints that has a Node of its own, which must end by itself though the engine's threads wait for work. */
async function fresh(text, type = 'module') {
  const args = [...flags, `--input-type=${type}`, '-e', text];
  return (await run(process.execPath, args, { cwd: root, timeout: 120_000, maxBuffer: 64 << 20 })).stdout.trim();
}

/** Predicts, trains for three steps and saves, large enough for threads to share, and tells all bits. */
const work = (options) => `
  import { createHash } from 'node:crypto';
  import * as keras from 'keras-wasm';
  import { digits, root } from './tests/support.mjs';
  await keras.ready(${JSON.stringify(options)});
  keras.utils.setRandomSeed(7);
  const bits = (...tensors) => {
    const hash = createHash('sha256');
    for (const tensor of tensors) hash.update(new Uint8Array(tensor.dataSync().buffer));
    return hash.digest('hex');
  };
  const predict = async (model) =>
    bits(await model.predict(keras.ops.random.statelessUniform([64, ...model.inputs[0].shape.slice(1)], [1, 2])));
  const rows = ({ data, shape, dtype }, begin, end) => {
    const size = data.length / shape[0];
    return { dtype, shape: [end - begin, ...shape.slice(1)], data: data.slice(begin * size, end * size) };
  };
  const mobilenet = await keras.loadModel(root + 'tests/fixtures/models/mini_mobilenet.h5');
  const model = await keras.loadModel(root + 'examples/models/digits.h5');
  const told = { predicted: [await predict(mobilenet), await predict(model)], logs: [] };
  const { train } = digits();
  for (const at of [0, 256, 512]) told.logs.push(await model.trainOnBatch(rows(train.x, at, at + 256), rows(train.y, at, at + 256)));
  told.weights = bits(...model.getWeights());
  told.again = await predict(await keras.loadModel(await model.save()));
  told.json = model.toJSON();
  const { variant, threads } = keras.engine();
  console.log(JSON.stringify([variant, threads, told]));
`;

describe('With threads', () => {
  for (const [variant, threads] of [
    ['simd', 'threads'],
    ['relaxed', 'relaxed-threads'],
  ]) {
    test(`'${threads}' predicts and trains as '${variant}' does, to the bit`, async () => {
      const [one, three, defaults] = await Promise.all(
        [{ variant }, { variant: threads, threads: 3 }, { variant: threads }].map(async (options) =>
          JSON.parse(await fresh(work(options))),
        ),
      );
      assert.deepEqual(one.slice(0, 2), [variant, 1]);
      assert.deepEqual(three.slice(0, 2), [threads, 3]);
      assert.ok(defaults[1] >= 1 && defaults[1] <= 8, `${defaults[1]} threads`);
      assert.deepEqual(three[2], one[2]);
      assert.deepEqual(defaults[2], one[2]);
    });
  }

  test('growing memory is seen by all threads', async () => {
    const told = await fresh(`
      import * as keras from 'keras-wasm';
      await keras.ready({ variant: 'threads', threads: 3 });
      const { add, multiply, reduceSum } = keras.ops.math;
      let x = keras.tensor(new Float32Array(1000).fill(1));
      const before = keras.engine().memory.peakBytes;
      for (const count of [1e5, 3e6, 2e7]) {
        const big = add(keras.tensor(new Float32Array(count).fill(1)), keras.tensor([2]));
        const sum = reduceSum(multiply(big, big)).arraySync();
        if (sum !== count * 9) throw new Error(count + ': ' + sum);
      }
      console.log(keras.engine().memory.peakBytes > 4 * before, add(x, x).dataSync()[999]);`);
    assert.equal(told, 'true 2');
  });

  test('errors of the engine arrive as its classes', async () => {
    const told = await fresh(`
      import * as keras from 'keras-wasm';
      await keras.ready({ variant: 'threads', threads: 2 });
      for (const f of [() => keras.ops.linalg.matmul([[1, 2]], [[1, 2]]), () => keras.layers.dense({ units: -1 })])
        try { f() } catch (e) { console.log(e instanceof keras.InvalidArgumentError || e instanceof keras.ValueError, e.message.length > 10) }`);
    assert.equal(told, 'true true\ntrue true');
  });

  test('leave no global behind', async () => {
    const told = await fresh(`
      import * as keras from 'keras-wasm';
      const names = () => Object.getOwnPropertyNames(globalThis).sort().join();
      const before = names();
      await keras.ready({ variant: 'threads', threads: 2 });
      console.log(names() === before || names() + ' ' + before);`);
    assert.equal(told, 'true');
  });

  test('come with `auto` where they are asked for by number, and not else', async () => {
    const text = (options) =>
      `import * as keras from 'keras-wasm'; await keras.ready(${options}); const { variant, threads } = keras.engine(); console.log(variant, threads)`;
    assert.equal(await fresh(text('{ threads: 2 }')), 'relaxed-threads 2');
    assert.equal(await fresh(text('{ threads: 1 }')), 'relaxed 1');
    assert.equal(await fresh(text('{}')), 'relaxed 1');
    assert.equal(await fresh(text(`{ variant: 'threads', threads: 1 }`)), 'threads 1');
    assert.equal(await fresh(text(`{ variant: 'simd', threads: 4 }`)), 'simd 1');
  });

  test('a count that is none is refused', async () => {
    const told = await fresh(`
      import * as keras from 'keras-wasm';
      for (const threads of [0, 1.5, 65, '2'])
        await keras.ready({ variant: 'threads', threads }).catch((e) => console.log(e instanceof keras.ValueError, e.message));`);
    const lines = told.split('\n');
    assert.equal(lines.length, 4);
    for (const line of lines) assert.match(line, /^true `threads` must be a whole number from 1 to 64, got /);
  });

  test('work by require, and from places that are given', async () => {
    const folder = join(root, 'dist/package/');
    for (const options of [
      {},
      { wasmPath: folder },
      { wasmPath: { 'keras-simd-threads.mjs': `${folder}keras-simd-threads.mjs` } },
      { wasmPath: `${folder}keras-simd-threads.wasm` },
    ]) {
      const text = `const keras = require('keras-wasm');
        keras.ready(${JSON.stringify({ variant: 'threads', threads: 2, ...options })})
          .then(() => console.log(keras.engine().threads, keras.ops.add([1, 2], [3, 4]).arraySync().join()));`;
      assert.equal(await fresh(text, 'commonjs'), '2 4,6', JSON.stringify(options));
    }
    const lost = `import * as keras from 'keras-wasm';
      await keras.ready({ variant: 'threads', wasmPath: { 'keras-simd-threads.mjs': '/nowhere/keras-simd-threads.mjs' } })
        .catch((e) => console.log(e.name, e.message));`;
    assert.match(await fresh(lost), /^IOError .*\/nowhere\/keras-simd-threads\.mjs/);
  });
});
