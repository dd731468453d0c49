// Several programs, and several models in one, that save to the same place at once: what stands there afterwards is one of the
// models, whole, and nothing beside it. Who loads meanwhile gets one of them, too.
import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { mkdir, mkdtemp, readdir, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, describe, test } from 'node:test';
import { fileURLToPath } from 'node:url';

import * as keras from 'keras-wasm';

import { plainTensor } from '../support.mjs';

const PROGRAM = fileURLToPath(new URL('save_often.mjs', import.meta.url));
const TIMES = 12;
const TARGETS = ['m.h5', 'm.zip', 'folder', 'ckpt'];
const FILES = { ckpt: ['checkpoint', 'ckpt.data-00000-of-00001', 'ckpt.index'] };
let folder;
const models = [];
const states = [];

const stateOf = (model) =>
  JSON.stringify(model.weights.map((weight) => Buffer.from(plainTensor(weight).data.buffer).toString('hex')));
async function loadedState(path) {
  if (!path.endsWith('ckpt')) return stateOf(await keras.loadModel(path));
  const model = keras.modelFromJSON(models[0].model.toJSON());
  (await model.loadWeights(path)).assertConsumed();
  return stateOf(model);
}

before(async () => {
  folder = await mkdtemp(join(tmpdir(), 'keras-wasm-at-once-'));
  await keras.ready();
  for (let i = 0; i < 3; i++) {
    // Of different sizes in files, so that a mix would not even have the right length.
    const layers = [
      keras.layers.dense({ units: 3, inputShape: [2], name: 'd'.repeat(1 + 40 * i) }),
      keras.layers.dense({ units: 1 }),
    ];
    const model = keras.sequential({ name: `model_${i}`, layers });
    const path = join(folder, `${i}.h5`);
    await model.save(path);
    models.push({ model, path });
    states.push(stateOf(model));
  }
});
after(() => rm(folder, { recursive: true, force: true }));

function run(args) {
  const child = spawn(process.execPath, [PROGRAM, ...args], { stdio: ['ignore', 'ignore', 'pipe'] });
  let errors = '';
  child.stderr.on('data', (text) => (errors += text));
  return new Promise((resolve, reject) => {
    child.on('error', reject);
    child.on('close', (code) => (code === 0 ? resolve() : reject(new Error(errors))));
  });
}

async function assertOneOfThem(place, target) {
  assert.ok(states.includes(await loadedState(join(place, target))), 'a mix');
  assert.deepEqual((await readdir(place)).sort(), FILES[target] ?? [target]);
}

describe('Saves to one place at once', () => {
  for (const target of TARGETS) {
    test(`${target}, by several programs, while another loads`, async () => {
      const place = join(folder, `programs_${target}`);
      const path = join(place, target);
      await mkdir(place);
      if (target === 'ckpt') await models[0].model.saveWeights(path);
      else await models[0].model.save(path);
      let running = true;
      const saving = Promise.all(models.map((model) => run([model.path, path, String(TIMES)]))).finally(() => (running = false));
      let loads = 0;
      while (running) {
        assert.ok(states.includes(await loadedState(path)), 'a mix');
        loads++;
      }
      await saving;
      assert.ok(loads > 0);
      await assertOneOfThem(place, target);
    });
    test(`${target}, by several models of one program`, async () => {
      const place = join(folder, `models_${target}`);
      const path = join(place, target);
      const save = ({ model }) => (target === 'ckpt' ? model.saveWeights(path) : model.save(path));
      for (let i = 0; i < 3; i++) {
        await Promise.all(models.map(save));
        await assertOneOfThem(place, target);
      }
    });
  }
});
