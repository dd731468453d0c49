// Files between us and the programs that know them best: zips and Python's zipfile, HDF5 and h5py, h5repack, h5dump, h5ls.
import assert from 'node:assert/strict';
import { execFile } from 'node:child_process';
import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { describe, test } from 'node:test';
import { promisify } from 'node:util';

import * as keras from 'keras-wasm';

import { assertClose, assertSameBits, fixture, root } from '../support.mjs';
import { oraclePython } from './oracle.mjs';

/** Runs a program to its end and returns what it prints; fails where it fails. */
const outputOf = async (program, ...args) =>
  (await promisify(execFile)(program, args, { maxBuffer: 1 << 26, env: { ...process.env, LC_ALL: 'C' } })).stdout;

const isThere = (program) =>
  outputOf(program, '--version').then(
    () => true,
    () => false,
  );

const STORED = 0;
const DEFLATED = 8;

export function registerFileTests(tf) {
  describe('Zips', () => {
    const expected = fixture.model('train_adam_mse');

    for (const compression of ['stored', 'deflated']) {
      test(`that are written here (${compression}) open in Python, and hold the model`, async () => {
        const path = join(tf.folder, `${compression}.zip`);
        await (await keras.loadModel(expected.path('h5'))).save(path, { compression });
        const folder = tf.subfolder(`from_zip_${compression}`);
        const { broken, methods } = await tf.unzip(path, folder);
        assert.equal(broken, null);
        assert.equal(methods['saved_model.pb'], compression === 'deflated' ? DEFLATED : STORED);
        assert.ok('variables/variables.index' in methods);
        const theirs = await tf.describeModel(folder, expected.inputs);
        theirs.weights.forEach((w, i) => assertSameBits(theirs.tensor(w), expected.weights[i], w.name));
        assertClose(theirs.tensors(theirs.outputs), expected.outputs);
      });
    }
    test('that Python writes to a pipe are read, wherever the model lies', async () => {
      const path = join(tf.folder, 'piped.zip');
      await tf.zipFolder(expected.path('savedModel'), path);
      const loaded = await keras.loadModel(path);
      loaded.weights.forEach((weight, i) => assertSameBits(weight, expected.weights[i], weight.name));
    });
  });
  describe('HDF5', () => {
    const dump = join(root, 'build/native/tests/core/dump_hdf5');
    const noDump = existsSync(dump) || process.env.CI === 'true' ? false : 'the native build is not there (npm test makes it)';
    test('hundreds of files by h5py, every feature varied, hold for us what they hold for h5py', { skip: noDump }, async (t) => {
      const oracle = join(root, 'tests/conformance/hdf5_oracle.py');
      const seen = JSON.parse(await outputOf(oraclePython(), oracle, dump, tf.subfolder('hdf5')));
      t.diagnostic(
        `${seen.files} files, ${seen.repacked} of them by h5repack; ${seen.datasets} datasets, ${seen.attributes} attributes`,
      );
      assert.deepEqual(seen.differences, []);
      assert.ok(seen.files >= 300 && seen.datasets > 5000 && seen.attributes > 5000);
    });

    test('that is written here is listed and dumped by h5ls and h5dump', async (t) => {
      if (!(await isThere('h5dump'))) return t.skip('h5dump is not there (package hdf5-tools)');
      for (const name of ['train_adam_mse', 'small_cnn', 'mini_resnet']) {
        const expected = fixture.model(name);
        const model = await keras.loadModel(expected.path('h5'));
        const [whole, weights] = [join(tf.folder, `${name}_dumped.h5`), join(tf.folder, `${name}_dumped.weights`)];
        await model.save(whole);
        await model.saveWeights(weights, { saveFormat: 'h5' });
        for (const path of [whole, weights]) {
          const listed = await outputOf('h5ls', '-r', path);
          const dumped = await outputOf('h5dump', path);
          for (const weight of expected.weights) {
            const place = listed.split('\n').find((line) => line.includes(`/${weight.name} `));
            assert.ok(place, `${weight.name} is not among\n${listed}`);
            assert.match(place, new RegExp(`Dataset \\{${weight.shape.join(', ') || 'SCALAR'}\\}`));
          }
          assert.ok(dumped.includes('ATTRIBUTE "layer_names"'));
        }
      }
    });
  });
}
