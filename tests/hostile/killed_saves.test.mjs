// Node processes that are killed in the middle of a save, at every change that they make to the file system and in the middle of
// each write: the old model or the new one is loaded afterwards, what is left over does not pile up, and the next save works.
import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { cp, mkdir, mkdtemp, readFile, readdir, rm } from 'node:fs/promises';
import { availableParallelism, tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, describe, test } from 'node:test';
import { fileURLToPath } from 'node:url';

import * as keras from 'keras-wasm';

import { plainTensor } from '../support.mjs';

const here = (name) => fileURLToPath(new URL(name, import.meta.url));
const TARGETS = ['m.h5', 'm.zip', 'folder'];
const AT_ONCE = Math.min(4, availableParallelism());
let folder;
let kills = 0;
const models = {};

/** Weights, optimizer and config, as one text. */
function stateOf(model) {
  const bits = (v) => Buffer.from(plainTensor(v).data.buffer).toString('base64');
  return JSON.stringify([model.toJSON(), model.weights.map(bits), model.optimizer?.variables.map(bits)]);
}

before(async () => {
  folder = await mkdtemp(join(tmpdir(), 'keras-wasm-killed-'));
  await keras.ready();
  const layers = () => [keras.layers.dense({ units: 3, inputShape: [2] }), keras.layers.dense({ units: 1 })];
  for (const name of ['old', 'new']) {
    const model = keras.sequential({ name: `${name}_model`, layers: layers() });
    model.compile({ optimizer: 'sgd', loss: 'mse' });
    await model.fit([[1, 2]], [[name === 'old' ? 1 : 2]]);
    const path = join(folder, `${name}.h5`);
    await model.save(path);
    models[name] = { path, model: await keras.loadModel(path) };
    models[name].state = stateOf(models[name].model);
  }
});
after(() => rm(folder, { recursive: true, force: true }));

/** Runs the program; resolves to the signal that ended it, null where it ended well. */
function run(args, env) {
  const child = spawn(process.execPath, ['--import', here('die_at.mjs'), here('save_model.mjs'), ...args], {
    env: { ...process.env, ...env },
    stdio: ['ignore', 'ignore', 'pipe'],
  });
  let errors = '';
  child.stderr.on('data', (text) => (errors += text));
  return new Promise((resolve, reject) => {
    child.on('error', reject);
    child.on('close', (code, signal) => (code === 0 || signal === 'SIGKILL' ? resolve(signal) : reject(new Error(errors))));
  });
}

/** Where the program can be killed: before each of the changes that it makes when it lives, and within those that have a half. */
async function pointsOf(args) {
  const file = join(folder, 'changes');
  await run(args, { DIE_LIST: file });
  const ways = (name) => (['write', 'rm'].includes(name) ? ['before', 'half'] : ['before']);
  return JSON.parse(await readFile(file, 'utf8')).flatMap((name, i) => ways(name).map((how) => ({ at: i + 1, how, name })));
}

/** Works through the jobs, a few at once. */
async function inParallel(jobs) {
  const left = [...jobs];
  const worker = async () => {
    for (let job = left.shift(); job !== undefined; job = left.shift()) await job();
  };
  await Promise.all(Array.from({ length: AT_ONCE }, worker));
}

const kill = async (args, { at, how }) => {
  assert.equal(await run(args, { DIE_AT: String(at), DIE_HOW: how }), 'SIGKILL', `change ${at} was not reached`);
  kills++;
};

/** The state of the model at a path; null where there is none. Anything else is a failure. */
async function loadedState(path) {
  try {
    return stateOf(await keras.loadModel(path));
  } catch (error) {
    if (error instanceof keras.NotFoundError) return null;
    throw error;
  }
}

/** Kills a save over a model at every change; after every third kill the target is saved to, and must be as if nothing had been. */
function overAModel(target) {
  test(`${target}: the old model or the new one`, async () => {
    const base = join(folder, `over_${target}`);
    await mkdir(base);
    const fresh = join(base, target);
    await models.old.model.save(fresh);
    const points = await pointsOf([models.new.path, fresh]);
    await rm(base, { recursive: true });
    const seen = new Set();
    await inParallel(
      Array.from({ length: AT_ONCE }, (_, lane) => async () => {
        const place = join(base, String(lane));
        const path = join(place, target);
        await mkdir(place, { recursive: true });
        await models.old.model.save(path);
        let current = 'old';
        const mine = points.filter((_, i) => i % AT_ONCE === lane);
        for (const [i, point] of mine.entries()) {
          const other = current === 'old' ? 'new' : 'old';
          await kill([models[other].path, path], point);
          const what = `${target}, ${point.how} ${point.name}, change ${point.at}`;
          const state = await loadedState(path);
          assert.ok([models.old.state, models.new.state].includes(state), `${what}: neither of the two models`);
          if (state === models[other].state) current = other;
          seen.add(current === other ? 'replaced' : 'kept');
          const names = await readdir(place);
          assert.ok(names.length <= 2 && names.includes(target), `${what} leaves ${names}`);
          if (i % 3 !== 2) continue;
          await models.old.model.save(path);
          current = 'old';
          assert.deepEqual(await readdir(place), [target], `${what}, then a save`);
          assert.equal(await loadedState(path), models.old.state, `${what}, then a save`);
        }
      }),
    );
    assert.deepEqual([...seen].sort(), ['kept', 'replaced']);
  });
}

/** Kills a first save: there is no model, or a whole one. */
function firstSave(target) {
  test(`${target}, for the first time: a whole model or none`, async () => {
    const base = join(folder, `first_${target}`);
    await mkdir(base);
    const points = await pointsOf([models.new.path, join(base, target)]);
    await inParallel(
      points.map((point) => async () => {
        const place = join(base, `${point.at}_${point.how}`);
        const path = join(place, target);
        await mkdir(place);
        await kill([models.new.path, path], point);
        const state = await loadedState(path);
        assert.ok(
          [null, models.new.state].includes(state),
          `${target}, ${point.how} ${point.name}, change ${point.at}: a broken model`,
        );
      }),
    );
  });
}

/** What a checkpoint restores: weights and optimizer, as one text; null where there is none. */
async function restoredState(path) {
  const model = keras.modelFromJSON(models.old.model.toJSON());
  model.compile({ optimizer: 'sgd', loss: 'mse' });
  model.optimizer.build(model.trainableWeights);
  try {
    (await model.loadWeights(path)).assertConsumed();
  } catch (error) {
    if (error instanceof keras.NotFoundError) return null;
    throw error;
  }
  return stateOf(model);
}

/** Kills the saving of a checkpoint at every change, over old weights or for the first time. */
function checkpoint({ over }) {
  test(`ckpt, ${over ? 'over another' : 'for the first time'}: the old weights, the new ones, or none`, async () => {
    const base = join(folder, over ? 'over_ckpt' : 'first_ckpt');
    await mkdir(base);
    if (over) await models.old.model.saveWeights(join(base, 'ckpt'));
    const points = await pointsOf([models.new.path, join(base, 'ckpt')]);
    const values = (state) => state && JSON.stringify(JSON.parse(state).slice(1)); // the two models have different names
    const seen = new Set();
    await inParallel(
      points.map((point) => async () => {
        const place = join(base, `${point.at}_${point.how}`);
        const path = join(place, 'ckpt');
        await mkdir(place);
        if (over) await models.old.model.saveWeights(path);
        await kill([models.new.path, path], point);
        const state = values(await restoredState(path));
        const what = `${point.how} ${point.name}, change ${point.at}`;
        assert.ok([over ? values(models.old.state) : null, values(models.new.state)].includes(state), what);
        seen.add(state === values(models.new.state) ? 'replaced' : 'kept');
        await models.new.model.saveWeights(path);
        assert.deepEqual((await readdir(place)).sort(), ['checkpoint', 'ckpt.data-00000-of-00001', 'ckpt.index'], what);
        assert.equal(values(await restoredState(path)), values(models.new.state), `${what}, then a save`);
      }),
    );
    assert.deepEqual([...seen].sort(), ['kept', 'replaced']);
  });
}

describe('A save that is killed', () => {
  for (const over of [true, false]) checkpoint({ over });
  for (const target of TARGETS) overAModel(target);
  for (const target of TARGETS) firstSave(target);
  test('between the two renames is finished by a load, even one that is killed itself', async () => {
    const base = join(folder, 'finishing');
    await mkdir(base);
    // As it stands between the renames, and behind them.
    const states = { between: ['.keras-wasm-new', '.keras-wasm-old'], behind: ['', '.keras-wasm-old'] };
    for (const [name, [freshSuffix, oldSuffix]] of Object.entries(states)) {
      const make = async (path) => {
        await models.old.model.save(path + oldSuffix);
        await models.new.model.save(path + freshSuffix);
        await cp(here('die_at.mjs'), `${path}${freshSuffix}/.keras-wasm-complete`);
      };
      const trial = join(base, name);
      await mkdir(trial);
      await make(join(trial, 'm'));
      const points = await pointsOf([join(trial, 'm')]);
      assert.ok(points.length > 0);
      for (const point of points) {
        const place = join(base, `${name}_${point.at}_${point.how}`);
        const path = join(place, 'm');
        await mkdir(place);
        await make(path);
        await kill([path], point);
        assert.equal(await loadedState(path), models.new.state, `${name}, ${point.how} ${point.name}, change ${point.at}`);
        assert.deepEqual(await readdir(place), ['m']);
        assert.ok(!(await readdir(path)).includes('.keras-wasm-complete'));
      }
    }
  });
  test('was so at least two hundred times', (t) => {
    t.diagnostic(`${kills} kills`);
    assert.ok(kills >= 200, `${kills} kills`);
  });
});
