// The programs in examples/ run as a user runs them: each in a Node process of its own, against the package.
import assert from 'node:assert/strict';
import { execFile } from 'node:child_process';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, test } from 'node:test';
import { promisify } from 'node:util';
import * as keras from 'keras-wasm';
import { assertClose, digits, root } from '../support.mjs';

const run = async (...args) => (await promisify(execFile)(process.execPath, args, { cwd: root })).stdout;

/** The digits that a prediction names and those of its labels. */
function digitsIn(output) {
  return [...output.matchAll(/image \d+: a (\d) .*labelled (\d)/g)].map(([, said, label]) => [Number(said), Number(label)]);
}

describe('The examples', () => {
  for (const model of ['digits.h5', 'digits']) {
    test(`node_predict.mjs reads the digits, asked with examples/models/${model}`, async () => {
      const output = await run('examples/node_predict.mjs', join(root, 'examples/models', model));
      assert.match(output, /^Model: "digits"$/m);
      const answers = digitsIn(output);
      assert.equal(answers.length, 10);
      for (const [said, label] of answers) assert.equal(said, label);
    });
  }

  test('node_train.mjs learns, and saves two files that predict the same', async () => {
    const folder = await mkdtemp(join(tmpdir(), 'keras-wasm-example-'));
    try {
      const output = await run('examples/node_train.mjs', folder, '5');
      const accuracy = Number(output.match(/never seen: ([\d.]+) %/)[1]);
      assert.ok(accuracy > 90, output);
      assert.match(output, /loaded again at step 225$/m); // 5 epochs of 45 batches
      const { x } = digits().test;
      const [h5, savedModel] = await Promise.all(['digits.h5', 'digits'].map((name) => keras.loadModel(join(folder, name))));
      assertClose(await h5.predict(x), await savedModel.predict(x), { relative: 0 });
    } finally {
      await rm(folder, { recursive: true });
    }
  });

  test('custom_layer.mjs learns its weights and loads its layer again', async () => {
    const output = await run('examples/custom_layer.mjs');
    const [, first, last] = output.match(/loss: ([\d.]+) at first, ([\d.]+) at last/).map(Number);
    assert.ok(first > 1 && last < 0.001, output);
    const [a, b] = JSON.parse(output.match(/loaded again: (.*)/)[1])[0];
    assert.ok(Math.abs(a - 2) < 0.01 && Math.abs(b + 1) < 0.01, output);
  });

  test('subclassed_model.mjs learns, and restores its weights', async () => {
    const output = await run('examples/subclassed_model.mjs');
    const [, first, last] = output.match(/loss: ([\d.]+) at first, ([\d.]+) at last/).map(Number);
    assert.ok(first > 0.05 && last < first / 5, output);
    assert.match(output, /^ dropout \(Dropout\) +multiple +0/m);
    const [, before, after] = output.match(/the same again: \[ \[ (\S+) \] \] \[ \[ (\S+) \] \]/);
    assert.equal(before, after);
  });
});
