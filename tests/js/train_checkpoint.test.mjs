// keras.train.Checkpoint over trees of objects: what TensorFlow saved is restored bit for bit and saved again with the same
// object graph, byte for byte. See tests/fixtures/make_checkpoints.py.
import assert from 'node:assert/strict';
import { mkdtemp, readFile, readdir, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, describe, test } from 'node:test';
import * as keras from 'keras-wasm';
import { fixture } from '../support.mjs';

const { Checkpoint, CheckpointManager, latestCheckpoint, loadCheckpoint } = keras.train;
const { dense } = keras.layers;
const fixtures = fixture.path('checkpoints/weights');
const contents = JSON.parse(await readFile(fixture.path('checkpoints/contents.json'), 'utf8'));
const SUFFIX = '/.ATTRIBUTES/VARIABLE_VALUE';

let folder;
before(async () => {
  await keras.ready();
  folder = await mkdtemp(join(tmpdir(), 'keras-wasm-checkpoint-'));
});
after(() => rm(folder, { recursive: true, force: true }));

const numbers = (value) => [...value.dataSync()];
const names = async (source) => (await keras.train.listVariables(source)).map(([name]) => name.replace(SUFFIX, ''));
const scalar = (value, name) => keras.variable(value, { name, dtype: 'int64' });

/** The tree that make_checkpoints.py saved as tree-1, with other values. */
async function treeLikeTensorFlows() {
  const model = keras.modelFromJSON(await readFile(join(fixtures, 'sequential.json'), 'utf8'));
  const optimizer = keras.optimizers.sgd({ learningRate: 0.125, momentum: 0.5 });
  optimizer.build(model.trainableWeights);
  const step = scalar(0n, 'step');
  const note = keras.variable(['?'], { name: 'note' });
  const list = [keras.variable([0, 0], { name: 'a' }), { 'b.c/d': keras.variable(0, { name: 'b', dtype: 'int32' }) }];
  return { step, note, numbers: list, model, optimizer };
}

describe('A checkpoint that TensorFlow saved', () => {
  test('is restored into models, optimizers, lists, dicts and variables', async () => {
    const tree = await treeLikeTensorFlows();
    tree.note = keras.variable('?', { name: 'note' });
    const checkpoint = new Checkpoint(tree);
    (await checkpoint.restore(join(fixtures, 'tree-1'))).assertConsumed().assertExistingObjectsMatched().assertNontrivialMatch();
    assert.deepEqual(numbers(tree.step), [7n]);
    assert.deepEqual(numbers(tree.note), ['größe']);
    assert.deepEqual(numbers(tree.numbers[0]), [1, 2]);
    assert.deepEqual(numbers(tree.numbers[1]['b.c/d']), [5]);
    assert.equal(tree.optimizer.learningRate, 0.5);
    assert.deepEqual(numbers(checkpoint.saveCounter), [1n]);
    const slot = contents['weights/tree-1'][`optimizer/_variables/1${SUFFIX}`].hex;
    assert.equal(Buffer.from(tree.optimizer.variables[1].read().bytes()).toString('hex'), slot);
  });
  test('gives the same files again, object graph and all', async () => {
    const tree = await treeLikeTensorFlows();
    tree.note = keras.variable('?', { name: 'note' });
    const checkpoint = new Checkpoint(tree);
    await checkpoint.restore(join(fixtures, 'tree-1'));
    await checkpoint.write(join(folder, 'tree'));
    const reader = await loadCheckpoint(join(folder, 'tree'));
    const expected = contents['weights/tree-1'];
    assert.deepEqual(Object.keys(reader.getVariableToShapeMap()), Object.keys(expected));
    for (const [key, { shape, hex, strings }] of Object.entries(expected)) {
      const tensor = reader.getTensor(key);
      assert.deepEqual(tensor.shape, shape, key);
      if (strings === undefined) assert.equal(Buffer.from(tensor.bytes()).toString('hex'), hex, key);
      else assert.deepEqual(tensor.dataSync().map((text) => Buffer.from(text).toString('hex')), strings, key); // prettier-ignore
    }
  });
  test('goes into a part of the tree, and into what is attached later', async () => {
    const kernel = keras.variable(new Float32Array(12), { name: 'kernel' });
    const layer = {};
    const checkpoint = new Checkpoint({ model: { 'layer_with_weights-0': layer } });
    const status = await checkpoint.read(join(fixtures, 'tree-1'));
    status.assertExistingObjectsMatched();
    assert.throws(() => status.assertConsumed(), /^AssertionError: Unresolved object in checkpoint \(root\)\.note: attributes \{\n {2}name: "VARIABLE_VALUE"\n {2}full_name: "note"\n {2}checkpoint_key: "note\/\.ATTRIBUTES\/VARIABLE_VALUE"\n\}/); // prettier-ignore
    layer.kernel = keras.variable(keras.tensor(kernel.read().dataSync(), [4, 3]), { name: 'kernel' });
    status.assertExistingObjectsMatched();
    assert.equal(
      Buffer.from(layer.kernel.read().bytes()).toString('hex'),
      contents['weights/tree-1'][`model/layer_with_weights-0/kernel${SUFFIX}`].hex,
    );
  });
});

describe('Checkpoint', () => {
  test('names values by the properties that lead to them', async () => {
    class TwoPaths extends keras.Layer {
      static className = 'TwoPaths';
      constructor() {
        super({});
        this.scale = keras.variable(5, { name: 'var_a', dtype: 'int32' });
        this.paths = [dense({ units: 1 }), { deep: dense({ units: 1 }) }];
      }
      build() {
        this.inner = this.addWeight({ name: 'w/x.y', shape: [1], initializer: 'zeros' });
      }
      call(x) {
        return this.paths[1].deep.apply(this.paths[0].apply(x));
      }
    }
    const layer = new TwoPaths();
    layer.apply(keras.tensor([[1, 2]]));
    const checkpoint = new Checkpoint({
      layer,
      plain: { 'a.b': scalar(1n), more: [null, scalar(2n)] },
      map: new Map([['k', scalar(3n)]]),
    });
    const path = await checkpoint.save(join(folder, 'paths', 'ckpt'));
    assert.equal(path, join(folder, 'paths', 'ckpt-1'));
    // As tf.train.Checkpoint names them.
    assert.deepEqual(await names(path), [
      '_CHECKPOINTABLE_OBJECT_GRAPH',
      'layer/paths/0/bias',
      'layer/paths/0/kernel',
      'layer/paths/1/deep/bias',
      'layer/paths/1/deep/kernel',
      'layer/scale',
      'layer/w.Sx..y',
      'map/k',
      'plain/a..b',
      'plain/more/1',
      'save_counter',
    ]);
  });
  test('waits for a layer of the user that makes its layers in build()', async () => {
    class Late extends keras.Layer {
      static className = 'Late';
      build() {
        this.inner = dense({ units: 2 });
        this.gain = this.addWeight({ name: 'gain', shape: [2], initializer: 'ones' });
      }
      call(x) {
        return keras.ops.multiply(this.inner.apply(x), this.gain);
      }
    }
    const first = new Late();
    first.apply(keras.tensor([[1, 2, 3]]));
    first.gain.assign([3, 4]);
    first.inner.weights[1].assign([5, 6]);
    const path = await new Checkpoint({ layer: first }).write(join(folder, 'late'));
    const second = new Late();
    const checkpoint = new Checkpoint({ layer: second });
    const status = await checkpoint.read(path);
    const x = keras.tensor([[1, 2, 3]]);
    assert.deepEqual(numbers(second.apply(x)), numbers(first.apply(x)));
    assert.deepEqual(numbers(second.gain), [3, 4]);
    status.assertConsumed();
  });
  test('counts what it saves, names the latest, and restores the count', async () => {
    const step = scalar(10n, 'step');
    const checkpoint = new Checkpoint({ step });
    const prefix = join(folder, 'counted', 'ckpt');
    assert.equal(await latestCheckpoint(join(folder, 'counted')), null);
    await checkpoint.save(prefix);
    step.assign(20n);
    assert.equal(await checkpoint.save(prefix), `${prefix}-2`);
    assert.equal(await latestCheckpoint(join(folder, 'counted')), `${prefix}-2`);
    const other = new Checkpoint({ step: scalar(0n) });
    (await other.restore(join(folder, 'counted'))).assertConsumed();
    assert.deepEqual([numbers(other.step), numbers(other.saveCounter)], [[20n], [2n]]);
    await rm(`${prefix}-2.index`);
    assert.equal(await latestCheckpoint(join(folder, 'counted')), null);
  });
  test('that cannot be written does not count', async () => {
    await writeFile(join(folder, 'a file'), '');
    const checkpoint = new Checkpoint({ step: scalar(1n) });
    await assert.rejects(checkpoint.save(join(folder, 'a file', 'ckpt')), { name: 'IOError' });
    assert.deepEqual(numbers(checkpoint.saveCounter), [0n]);
  });
  test('of a root has the names of its children, and of what is put beside them', async () => {
    const layer = dense({ units: 1 });
    layer.build([null, 1]);
    const path = await new Checkpoint({ root: layer, step: scalar(1n) }).write(join(folder, 'root'));
    assert.deepEqual(await names(path), ['_CHECKPOINTABLE_OBJECT_GRAPH', 'bias', 'kernel', 'step']);
  });
  test('goes on training from the very step', async () => {
    const make = () => keras.sequential({ layers: [dense({ units: 2, inputShape: [3] }), dense({ units: 1 })] });
    const x = keras.tensor([[1, 2, 3], [3, 2, 1]]); // prettier-ignore
    const y = keras.tensor([[1], [0]]);
    const compile = { optimizer: 'adam', loss: 'mse' };
    const first = make();
    first.compile(compile);
    await first.fit(x, y, { epochs: 3 });
    const zip = await new Checkpoint({ model: first, optimizer: first.optimizer }).write();
    const second = make();
    second.compile(compile);
    const status = await new Checkpoint({ model: second, optimizer: second.optimizer }).read(zip);
    for (const model of [first, second]) await model.fit(x, y, { epochs: 2, shuffle: false });
    status.assertConsumed();
    const all = (model) => [...model.weights, ...model.optimizer.variables].map((variable) => numbers(variable));
    assert.deepEqual(all(second), all(first));
  });
  test('refuses what holds no variables, and names of its own', () => {
    assert.throws(() => new Checkpoint({ step: 1 }), {
      name: 'ValueError',
      message: /^`Checkpoint` was expecting step to be a trackable object/,
    });
    assert.throws(() => new Checkpoint({ save: dense({ units: 1 }) }), { name: 'ValueError', message: /'save' of its own/ });
  });
  test('restores nothing from null, and says so', async () => {
    const status = await new Checkpoint({ step: scalar(1n) }).restore(await latestCheckpoint(join(folder, 'nowhere')));
    assert.throws(() => status.assertConsumed(), {
      name: 'AssertionError',
      message: 'No checkpoint specified (save_path=None); nothing is being restored.',
    });
    assert.equal(status.expectPartial(), status);
  });
  test('is a dict with cycles, shared objects and disposed variables', async () => {
    const shared = { v: scalar(1n) };
    const checkpoint = new Checkpoint({ a: shared, b: shared });
    checkpoint.self = checkpoint;
    shared.up = checkpoint;
    assert.deepEqual(await names(await checkpoint.write(join(folder, 'cycle'))), ['_CHECKPOINTABLE_OBJECT_GRAPH', 'a/v']);
    shared.v.dispose();
    await assert.rejects(checkpoint.write(join(folder, 'cycle')), { name: 'RuntimeError', message: /disposed/ });
  });
});

describe('CheckpointManager', () => {
  const files = async (path) => (await readdir(path)).filter((name) => name.endsWith('.index')).map((name) => name.slice(0, -6)).sort(); // prettier-ignore

  test('keeps the latest and deletes the others', async () => {
    const directory = join(folder, 'managed');
    const checkpoint = new Checkpoint({ step: scalar(1n) });
    const manager = new CheckpointManager(checkpoint, directory, { maxToKeep: 2 });
    assert.equal(manager.latestCheckpoint, null);
    for (const n of [1, 2, 3]) assert.equal(await manager.save(), join(directory, `ckpt-${n}`));
    assert.deepEqual(manager.checkpoints, [join(directory, 'ckpt-2'), join(directory, 'ckpt-3')]);
    assert.deepEqual((await readdir(directory)).sort(), [
      'checkpoint',
      'ckpt-2.data-00000-of-00001',
      'ckpt-2.index',
      'ckpt-3.data-00000-of-00001',
      'ckpt-3.index',
    ]);
    assert.match(
      await readFile(join(directory, 'checkpoint'), 'utf8'),
      /^model_checkpoint_path: "ckpt-3"\nall_model_checkpoint_paths: "ckpt-2"\nall_model_checkpoint_paths: "ckpt-3"\nall_model_checkpoint_timestamps: [\d.]+\nall_model_checkpoint_timestamps: [\d.]+\nlast_preserved_timestamp: [\d.]+\n$/,
    );
    assert.equal(await latestCheckpoint(directory), manager.latestCheckpoint);
    // Another manager goes on where this one stopped.
    const again = new CheckpointManager(checkpoint, directory, { maxToKeep: 2 });
    assert.deepEqual(again.checkpoints, manager.checkpoints);
    assert.equal(await again.restoreOrInitialize(), join(directory, 'ckpt-3'));
    await again.save();
    assert.deepEqual(await files(directory), ['ckpt-3', 'ckpt-4']);
  });
  test('keeps one for every so many hours', async () => {
    const directory = join(folder, 'hours');
    const checkpoint = new Checkpoint({ step: scalar(1n) });
    await new CheckpointManager(checkpoint, directory, { maxToKeep: null }).save();
    // Saved two hours and one hour ago, the last preserved three hours ago.
    const ago = (hours) => Date.now() / 1000 - hours * 3600;
    for (const n of [2, 3]) await checkpoint.write(join(directory, `ckpt-${n}`));
    await writeFile(
      join(directory, 'checkpoint'),
      `model_checkpoint_path: "ckpt-3"\nall_model_checkpoint_paths: "ckpt-2"\nall_model_checkpoint_paths: "ckpt-3"\n` +
        `all_model_checkpoint_timestamps: ${ago(2)}\nall_model_checkpoint_timestamps: ${ago(1)}\nlast_preserved_timestamp: ${ago(3.75)}\n`,
    );
    const manager = new CheckpointManager(checkpoint, directory, { maxToKeep: 1, keepCheckpointEveryNHours: 1.5 });
    await manager.save(9);
    assert.deepEqual(manager.checkpoints, [join(directory, 'ckpt-9')]);
    assert.deepEqual(await files(directory), ['ckpt-1', 'ckpt-2', 'ckpt-9']); // ckpt-3 came too soon after ckpt-2
  });
  test('saves every so many steps', async () => {
    const step = scalar(0n);
    const manager = new CheckpointManager(new Checkpoint({ step }), join(folder, 'steps'), {
      maxToKeep: null,
      checkpointName: 'model',
      stepCounter: step,
      checkpointInterval: 3,
    });
    const saved = [];
    for (let i = 0; i < 8; i++) {
      if ((await manager.save()) !== null) saved.push(i);
      step.assignAdd(1n);
    }
    assert.deepEqual(saved, [0, 3, 6]);
    assert.notEqual(await manager.save(null, { checkInterval: false }), null);
    assert.equal(manager.latestCheckpoint, join(folder, 'steps', 'model-4'));
  });
  test('deletes nothing outside of its folder', async () => {
    const directory = join(folder, 'inside');
    const checkpoint = new Checkpoint({ step: scalar(1n) });
    await checkpoint.write(join(folder, 'outside'));
    await new CheckpointManager(checkpoint, directory, { maxToKeep: 1 }).save();
    const text = await readFile(join(directory, 'checkpoint'), 'utf8');
    await writeFile(join(directory, 'checkpoint'), text.replaceAll('"ckpt-1"', '"../outside"'));
    await new CheckpointManager(checkpoint, directory, { maxToKeep: 1 }).save();
    assert.deepEqual(await names(join(folder, 'outside')), ['_CHECKPOINTABLE_OBJECT_GRAPH', 'step']);
  });
  test('refuses options that make no sense, and calls initFn where nothing is saved', async () => {
    const checkpoint = new Checkpoint({});
    assert.throws(
      () => new CheckpointManager(checkpoint, folder, { maxToKeep: 0 }),
      /Expected a positive integer or `null` for `maxToKeep`, got 0/,
    );
    assert.throws(
      () => new CheckpointManager(checkpoint, folder, { maxToKeep: 1, checkpointInterval: 2 }),
      /`stepCounter` should be passed/,
    );
    let called = 0;
    const manager = new CheckpointManager(checkpoint, join(folder, 'new'), { maxToKeep: 1, initFn: () => void called++ });
    assert.equal(await manager.restoreOrInitialize(), null);
    assert.equal(called, 1);
  });
});

describe('The checkpoint file of a folder', () => {
  test('is read as TensorFlow writes it: escapes, absolute paths, comments', async () => {
    const directory = join(folder, 'state');
    const checkpoint = new Checkpoint({ step: scalar(1n) });
    await checkpoint.save(join(directory, 'a "größe"\\ckpt'.replace('\\', '')));
    const text = await readFile(join(directory, 'checkpoint'), 'utf8');
    // What google.protobuf.text_format prints for this name.
    assert.equal(text.split('\n')[0], 'model_checkpoint_path: "a \\"gr\\303\\266\\303\\237e\\"ckpt-1"');
    const name = join(directory, 'a "größe"ckpt-1');
    assert.equal(await latestCheckpoint(directory), name);
    for (const path of [`'a \\"gr\\303\\266\\xc3\\x9fe\\"ckpt-1'`, `"/elsewhere/a \\"größe\\"ckpt-1"`]) {
      await writeFile(join(directory, 'checkpoint'), `# model_checkpoint_path: "no"\nmodel_checkpoint_path:${path}`);
      assert.equal(await latestCheckpoint(directory), name);
    }
    await writeFile(join(directory, 'checkpoint'), 'model_checkpoint_path: ""');
    assert.equal(await latestCheckpoint(directory), null);
    await assert.rejects(checkpoint.restore(directory), { name: 'ValueError', message: /names no checkpoint/ });
  });
});
