// Files between us and the programs that know them best: zips and Python's zipfile, HDF5 and h5py, h5repack, h5dump, h5ls.
import assert from 'node:assert/strict';
import { execFile, spawnSync } from 'node:child_process';
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

const isThere = (program) => spawnSync(program, ['--version']).status === 0;

/** Why a test of what is missing is left out; where everything has to be there it is not, and fails. */
const unless = (there, reason) => (there || process.env.CI === 'true' ? false : reason);

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
    const programs = join(root, 'build/native/tests/core');
    const [dump, library] = [join(programs, 'dump_hdf5'), join(programs, 'dump_libhdf5')];
    const noDump = unless(existsSync(dump), 'the native build is not there (npm test makes it)');
    const noLibrary = unless(existsSync(library), 'libhdf5 is not there (package libhdf5-dev)');
    const noTools = unless(isThere('h5dump'), 'h5dump is not there (package hdf5-tools)');

    /** Files that are written here, of whole models and of weights: {path, weights}. */
    const written = async () => {
      const files = [];
      for (const name of ['train_adam_mse', 'small_cnn', 'mini_resnet']) {
        const expected = fixture.model(name);
        const model = await keras.loadModel(expected.path('h5'));
        const [whole, alone] = [join(tf.folder, `${name}_written.h5`), join(tf.folder, `${name}_written.weights`)];
        await model.save(whole);
        await model.saveWeights(alone, { saveFormat: 'h5' });
        files.push({ path: whole, weights: expected.weights }, { path: alone, weights: expected.weights });
      }
      return files;
    };

    test(
      'hundreds of files by h5py, every feature varied, and ours hold for us what they hold for h5py and libhdf5',
      {
        skip: noDump,
      },
      async (t) => {
        if (noLibrary) t.diagnostic(`${noLibrary}: h5py is asked alone`);
        const seen = JSON.parse(
          await outputOf(
            oraclePython(),
            join(root, 'tests/conformance/hdf5_oracle.py'),
            dump,
            noLibrary ? '' : library,
            tf.subfolder('hdf5'),
            ...(await written()).map(({ path }) => path),
          ),
        );
        t.diagnostic(
          `${seen.files} files, ${seen.repacked} of them by h5repack, ${seen.byLibrary} seen by libhdf5; ` +
            `${seen.datasets} datasets, ${seen.attributes} attributes`,
        );
        assert.deepEqual(seen.differences, []);
        assert.ok(seen.files >= 300 && seen.datasets > 5000 && seen.attributes > 5000);
        assert.ok(noLibrary || seen.byLibrary > 100);
      },
    );

    test('that is written here is listed and dumped by h5ls and h5dump', { skip: noTools }, async () => {
      for (const { path, weights } of await written()) {
        const listed = await outputOf('h5ls', '-r', path);
        const dumped = await outputOf('h5dump', path);
        for (const weight of weights) {
          const place = listed.split('\n').find((line) => line.includes(`/${weight.name} `));
          assert.ok(place, `${weight.name} is not among\n${listed}`);
          assert.match(place, new RegExp(`Dataset \\{${weight.shape.join(', ') || 'SCALAR'}\\}`));
        }
        assert.ok(dumped.includes('ATTRIBUTE "layer_names"'));
      }
    });
  });
}
