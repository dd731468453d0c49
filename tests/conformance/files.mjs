// Files by others' programs: archives between Python's zipfile and us.
import assert from 'node:assert/strict';
import { join } from 'node:path';
import { describe, test } from 'node:test';

import * as keras from 'keras-wasm';

import { assertClose, assertSameBits, fixture } from '../support.mjs';

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
}
