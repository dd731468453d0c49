// Against real TensorFlow 2.15.1: files each side writes and the other reads, predictions, training, resuming.
// The first half needs only the committed fixtures; the second asks a TensorFlow that is started once (oracle.mjs).
import { after, before, describe, test } from 'node:test';

import { registerCheckpointTests } from './checkpoints.mjs';
import { registerFileTests } from './files.mjs';
import { Oracle, oraclePython } from './oracle.mjs';
import './read.mjs';
import { registerSubclassedTests } from './subclassed.mjs';
import { registerWeightsTests } from './weights.mjs';
import { registerApplicationTests, registerWriteTests } from './write.mjs';

if (oraclePython()) {
  describe('With TensorFlow running', () => {
    const tf = new Oracle();
    before(() => tf.start());
    after(() => tf.close());
    registerFileTests(tf);
    registerCheckpointTests(tf);
    registerWriteTests(tf);
    registerWeightsTests(tf);
    registerSubclassedTests(tf);
    registerApplicationTests(tf);
  });
} else {
  const why = 'no Python with TensorFlow 2.15.1: npm test installs one where it can; KERAS_WASM_TF_PYTHON names another';
  test('with TensorFlow running', { skip: process.env.CI === 'true' ? false : why }, () => {
    throw new Error(why);
  });
}
