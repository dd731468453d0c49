// saveWeights and loadWeights as TensorFlow checkpoints: what Keras wrote is restored bit for bit and written again with the
// very object graph and values, byte for byte. See tests/fixtures/make_checkpoints.py.
import assert from 'node:assert/strict';
import { cp, mkdtemp, readFile, readdir, rename, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, describe, test } from 'node:test';
import * as keras from 'keras-wasm';
import { fixture } from '../support.mjs';

const { dense } = keras.layers;
const fixtures = fixture.path('checkpoints/weights');
const contents = JSON.parse(await readFile(fixture.path('checkpoints/contents.json'), 'utf8'));
const hex = (part) => Buffer.from(part).toString('hex');
const SUFFIX = '/.ATTRIBUTES/VARIABLE_VALUE';

const architecture = async (name) => keras.modelFromJSON(await readFile(join(fixtures, `${name}.json`), 'utf8'));
const valueOf = (name, key) => contents[`weights/${name}`][key + SUFFIX].hex;

/** The checkpoint holds what TensorFlow read from `name`: names, shapes, dtypes and bytes. */
async function assertSameCheckpoint(source, name) {
  const reader = await keras.train.loadCheckpoint(source);
  const expected = contents[`weights/${name}`];
  assert.deepEqual(Object.keys(reader.getVariableToShapeMap()), Object.keys(expected));
  for (const [key, { dtype, shape, hex: values, strings }] of Object.entries(expected)) {
    const tensor = reader.getTensor(key);
    assert.deepEqual([tensor.dtype, tensor.shape], [dtype, shape], key);
    if (strings === undefined) assert.equal(hex(tensor.bytes()), values, key);
    else assert.deepEqual(tensor.dataSync().map(hex), strings, key);
  }
}

const zeros = (...shape) => keras.tensor(new Float32Array(shape.reduce((a, b) => a * b)), shape);
function stack(...layers) {
  return keras.sequential({ layers });
}

let folder;
before(async () => {
  await keras.ready();
  folder = await mkdtemp(join(tmpdir(), 'keras-wasm-weights-'));
});
after(() => rm(folder, { recursive: true, force: true }));

describe('Weights that Keras saved', () => {
  test('are all restored into a nested model, with the state of its optimizer', async () => {
    const model = await architecture('functional');
    model.compile({ optimizer: 'adam', loss: 'mse' });
    const status = await model.loadWeights(join(fixtures, 'functional'));
    const byName = new Map(model.weights.map((weight) => [weight.name, weight]));
    assert.equal(hex(byName.get('conv/kernel:0').read().bytes()), valueOf('functional', 'layer_with_weights-0/kernel'));
    assert.equal(
      hex(byName.get('norm/moving_variance:0').read().bytes()),
      valueOf('functional', 'layer_with_weights-1/moving_variance'),
    );
    assert.equal(
      hex(byName.get('out/bias:0').read().bytes()),
      valueOf('functional', 'layer_with_weights-2/layer_with_weights-1/bias'),
    );
    assert.equal(model.optimizer.learningRate, 0.25);
    assert.deepEqual(model.optimizer.iterations.dataSync(), new BigInt64Array([3n]));
    // The slots are made by the first step, and wait until then.
    assert.throws(
      () => status.assertConsumed(),
      /^AssertionError: Unresolved object in checkpoint \(root\)\.optimizer\._variables\.1: attributes/,
    );
    status.assertExistingObjectsMatched();
    await model.trainOnBatch(zeros(1, 4, 4, 2), zeros(1, 2));
    status.assertConsumed();
  });
  test('give the same files again, object graph and all', async () => {
    const model = await architecture('functional');
    model.compile({ optimizer: 'adam', loss: 'mse' });
    model.optimizer.build(model.trainableWeights);
    (await model.loadWeights(join(fixtures, 'functional'))).assertConsumed();
    await model.saveWeights(join(folder, 'functional'));
    await assertSameCheckpoint(join(folder, 'functional'), 'functional');
    const sequential = await architecture('sequential');
    await sequential.loadWeights(join(fixtures, 'sequential'));
    await sequential.saveWeights(join(folder, 'again', 'sequential'));
    assert.deepEqual((await readdir(join(folder, 'again'))).sort(), [
      'checkpoint',
      'sequential.data-00000-of-00001',
      'sequential.index',
    ]);
    await assertSameCheckpoint(join(folder, 'again', 'sequential'), 'sequential');
    assert.equal(
      await readFile(join(folder, 'again', 'checkpoint'), 'utf8'),
      'model_checkpoint_path: "sequential"\nall_model_checkpoint_paths: "sequential"\n',
    );
  });
  test('wait for a model that is built later', async () => {
    const model = stack(dense({ units: 3 }), keras.layers.reLU(), dense({ units: 2 }));
    const status = await model.loadWeights(join(fixtures, 'sequential'));
    assert.equal(model.built, false);
    model.build([null, 4]);
    status.assertConsumed();
    assert.equal(hex(model.weights[2].read().bytes()), valueOf('sequential', 'layer_with_weights-1/kernel'));
  });
  test('wait for compile(), which gives the model an optimizer', async () => {
    const model = await architecture('functional');
    const status = await model.loadWeights(join(fixtures, 'functional'));
    assert.throws(() => status.assertConsumed(), /Unresolved object in checkpoint \(root\)\.optimizer\./);
    model.compile({ optimizer: 'adam', loss: 'mse' });
    assert.equal(model.optimizer.learningRate, 0.25);
    await model.trainOnBatch(zeros(1, 4, 4, 2), zeros(1, 2));
    status.assertConsumed();
    assert.deepEqual(model.optimizer.iterations.dataSync(), new BigInt64Array([4n]));
  });
  /** An optimizer of tf.keras.optimizers.legacy. */
  const legacyAdam = () => ({ class_name: 'Adam', config: { learning_rate: 0.125, is_legacy_optimizer: true } });
  const assertLegacyState = ({ optimizer, weights }) => {
    const config = optimizer.getConfig();
    assert.deepEqual([config.learning_rate, config.beta_1], [0.5, 0.75]);
    assert.deepEqual(optimizer.iterations.dataSync(), new BigInt64Array([3n]));
    for (const [i, name] of ['m', 'v'].entries()) {
      const slot = optimizer.variables[1 + i * weights.length];
      assert.equal(slot.name, `Adam/first/kernel/${name}:0`);
      assert.equal(hex(slot.read().bytes()), valueOf('legacy', `layer_with_weights-0/kernel/.OPTIMIZER_SLOT/optimizer/${name}`));
    }
  };
  test('give a legacy optimizer its slots and hyperparameters, and give the same files again', async () => {
    const model = await architecture('sequential');
    model.build([null, 4]);
    model.compile({ optimizer: legacyAdam(), loss: 'mse' });
    (await model.loadWeights(join(fixtures, 'legacy'))).assertConsumed();
    model.optimizer.build(model.trainableWeights);
    assertLegacyState(model);
    await model.saveWeights(join(folder, 'legacy'));
    await assertSameCheckpoint(join(folder, 'legacy'), 'legacy');
  });
  test('give slots to a legacy optimizer that comes later, or to layers that do', async () => {
    const first = await architecture('sequential');
    first.build([null, 4]);
    const status = await first.loadWeights(join(fixtures, 'legacy'));
    assert.throws(() => status.assertConsumed(), /Unresolved object in checkpoint \(root\)\.optimizer\.iter/);
    first.compile({ optimizer: legacyAdam(), loss: 'mse' });
    status.assertConsumed();
    first.optimizer.build(first.trainableWeights);
    assertLegacyState(first);

    const second = stack(dense({ units: 3, name: 'first' }), keras.layers.reLU(), dense({ units: 2, name: 'second' }));
    second.compile({ optimizer: legacyAdam(), loss: 'mse' });
    const later = await second.loadWeights(join(fixtures, 'legacy'));
    assert.throws(() => later.assertConsumed(), /Unresolved object in checkpoint/);
    second.build([null, 4]);
    later.assertConsumed();
    second.optimizer.build(second.trainableWeights);
    assertLegacyState(second);
  });
  test('of a legacy optimizer that was never used have no state, and are consumed by one', async () => {
    const make = async () => {
      const model = await architecture('sequential');
      model.build([null, 4]);
      model.compile({ optimizer: legacyAdam(), loss: 'mse' });
      return model;
    };
    await (await make()).saveWeights(join(folder, 'unused'));
    const names = (await keras.train.listVariables(join(folder, 'unused'))).map(([name]) => name);
    assert.ok(!names.some((name) => name.includes('optimizer')), 'as in Keras');
    (await (await make()).loadWeights(join(folder, 'unused'))).assertConsumed();
  });
  test('are found by name where there is no object graph', async () => {
    const model = await architecture('sequential');
    const status = await model.loadWeights(join(fixtures, 'names'));
    status.assertConsumed().assertExistingObjectsMatched();
    model.weights.forEach((weight) =>
      assert.equal(hex(weight.read().bytes()), contents['weights/names'][weight.name.slice(0, -2)].hex),
    );
    const other = stack(dense({ units: 3, inputShape: [4], name: 'other' }));
    await assert.rejects(other.loadWeights(join(fixtures, 'names')), {
      name: 'AssertionError',
      message:
        /^Some objects had attributes which were not restored: \n {4}<tf\.Variable 'other\/bias:0' shape=\(3,\) dtype=float32>: \['other\/bias'\]/,
    });
  });
  test('are read from a SavedModel, too', async () => {
    const name = 'train_adam_mse';
    const model = await keras.loadModel(fixture.model(name).path('savedModel'));
    const other = keras.modelFromJSON(model.toJSON());
    await other.loadWeights(fixture.model(name).path('savedModel'));
    other.weights.forEach((weight, i) => assert.equal(hex(weight.read().bytes()), hex(model.weights[i].read().bytes())));
  });
});

describe('Weights that are damaged', () => {
  const SHARD = '.data-00000-of-00001';
  const valuesOf = (model) => model.getWeights().map((tensor) => hex(tensor.bytes()));
  /** The files of a checkpoint, the shard with one bit flipped in the value of `key`. */
  async function damaged(prefix, key) {
    const [index, shard] = await Promise.all(['.index', SHARD].map((suffix) => readFile(prefix + suffix)));
    const good = (await keras.train.loadCheckpoint(prefix)).getTensor(key + SUFFIX).bytes();
    shard[shard.indexOf(Buffer.from(good))] ^= 1;
    return new Map([
      ['w.index', index],
      [`w${SHARD}`, shard],
    ]);
  }

  test('leave all variables as they are, and the model usable', async () => {
    const model = await architecture('sequential');
    model.build([null, 4]);
    const before = valuesOf(model);
    for (const key of ['layer_with_weights-0/bias', 'layer_with_weights-1/kernel', 'layer_with_weights-1/bias']) {
      const files = await damaged(join(fixtures, 'sequential'), key);
      const error = { name: 'DataLossError', message: new RegExp(`checksum of '${key}`) };
      await assert.rejects(model.loadWeights(files), error);
      await assert.rejects(new keras.train.Checkpoint({ root: model }).restore(files), error);
      assert.deepEqual(valuesOf(model), before, key);
    }
    await model.predict(zeros(1, 4));
    (await model.loadWeights(join(fixtures, 'sequential'))).assertConsumed();
    assert.notDeepEqual(valuesOf(model), before);
  });
  test('leave them so where reading fails half way, or is aborted', async () => {
    const model = await architecture('sequential');
    model.build([null, 4]);
    const before = valuesOf(model);
    const files = await damaged(join(fixtures, 'sequential'), 'layer_with_weights-0/bias');
    const shard = files.get(`w${SHARD}`);
    let reads = 0;
    const failing = (most) => ({
      size: shard.length,
      slice: (start, end) => ({
        arrayBuffer: async () => {
          if (++reads > most) throw new Error('disk on fire');
          return shard.buffer.slice(shard.byteOffset + start, shard.byteOffset + end);
        },
      }),
    });
    const error = { name: 'IOError', message: /disk on fire/ };
    await assert.rejects(model.loadWeights(new Map([['w.index', files.get('w.index')], [`w${SHARD}`, failing(1)]])), error); // prettier-ignore
    assert.equal(reads, 2, 'the object graph, then the values');
    const stop = new AbortController();
    const aborted = model.loadWeights(join(fixtures, 'sequential'), { signal: stop.signal, onProgress: () => stop.abort() });
    stop.abort();
    await assert.rejects(aborted, { name: 'AbortError' });
    assert.deepEqual(valuesOf(model), before);
  });
  test('leave a large variable as it is, which is read twice', async () => {
    const model = stack(
      dense({ units: 3000, inputShape: [3000], kernelInitializer: 'ones', useBias: false }),
      dense({ units: 2 }),
    );
    const prefix = join(folder, 'large');
    await model.saveWeights(prefix);
    const files = await damaged(prefix, 'layer_with_weights-0/kernel');
    model.weights[0].assign(zeros(3000, 3000));
    const before = valuesOf(model);
    await assert.rejects(model.loadWeights(files), { name: 'DataLossError' });
    assert.deepEqual(valuesOf(model).slice(0, 1), before.slice(0, 1));
    const seen = [];
    (await model.loadWeights(prefix, { onProgress: (progress) => seen.push(progress) })).assertConsumed();
    assert.equal(model.weights[0].read().dataSync().every((value) => value === 1), true); // prettier-ignore
    const twice = 2 * 3000 * 3000 * 4;
    assert.ok(seen.at(-1).total > twice && seen.at(-1).loaded === seen.at(-1).total);
  });
});

describe('Weights that do not fit', () => {
  test('of another shape are named, and nothing is changed', async () => {
    const model = stack(dense({ units: 5, inputShape: [4], name: 'wide' }));
    const kept = model.getWeights().map((tensor) => hex(tensor.bytes()));
    await assert.rejects(model.loadWeights(join(fixtures, 'sequential')), {
      name: 'ValueError',
      message:
        /^Received incompatible tensor with shape \(4, 3\) when attempting to restore variable with shape \(4, 5\) and name wide\/kernel:0\./,
    });
    assert.deepEqual(
      model.getWeights().map((tensor) => hex(tensor.bytes())),
      kept,
    );
  });
  test('of fewer layers leave the others as they are', async () => {
    const model = stack(
      dense({ units: 3, inputShape: [4] }),
      keras.layers.reLU(),
      dense({ units: 2 }),
      dense({ units: 1, name: 'head' }),
    );
    const status = await model.loadWeights(join(fixtures, 'sequential'));
    assert.equal(hex(model.weights[0].read().bytes()), valueOf('sequential', 'layer_with_weights-0/kernel'));
    assert.throws(() => status.assertConsumed(), {
      name: 'AssertionError',
      message:
        'Found 2 Python objects that were not bound to checkpointed values, likely due to changes in the Python program. ' +
        "Showing 2 of 2 unmatched objects: [<tf.Variable 'head/kernel:0' shape=(2, 1) dtype=float32>, " +
        "<tf.Variable 'head/bias:0' shape=(1,) dtype=float32>]",
    });
    assert.throws(() => status.assertExistingObjectsMatched(), /^AssertionError: Found 2 Python objects/);
    assert.equal(status.assertNontrivialMatch().expectPartial(), status);
  });
  test('of nothing but the root are refused', async () => {
    const model = stack(dense({ units: 3, inputShape: [4] }));
    await assert.rejects(model.loadWeights(join(fixtures, 'tree-1')), {
      name: 'AssertionError',
      message: /^Nothing except the root object matched a checkpointed value\. Typically this means/,
    });
    await assert.rejects(keras.sequential().loadWeights(join(fixtures, 'sequential')), {
      name: 'AssertionError',
      message: /^Nothing to load\. No dependencies have been added to <keras\.Sequential 'sequential(_\d+)?'> yet\.$/,
    });
  });
  test('by name are not for checkpoints', async () => {
    const model = await architecture('sequential');
    await assert.rejects(model.loadWeights(join(fixtures, 'sequential'), { byName: true }), /topology into Models/);
  });
  test('in damaged or missing files are named', async () => {
    const model = await architecture('sequential');
    const prefix = join(folder, 'damaged');
    const shard = `${prefix}.data-00000-of-00001`;
    await cp(join(fixtures, 'sequential.index'), `${prefix}.index`);
    await assert.rejects(model.loadWeights(prefix), { name: 'NotFoundError', message: /data-00000-of-00001/ });
    const bytes = await readFile(join(fixtures, 'sequential.data-00000-of-00001'));
    bytes[5] ^= 1;
    await writeFile(shard, bytes);
    await assert.rejects(model.loadWeights(prefix), { name: 'DataLossError', message: /checksum of 'layer_with_weights-/ });
    await writeFile(shard, bytes.subarray(0, 20));
    await assert.rejects(model.loadWeights(prefix), { name: 'DataLossError', message: /shard 0 has 20 bytes/ });
    await assert.rejects(model.loadWeights(join(folder, 'nothing')), { name: 'NotFoundError', message: /nothing\.index/ });
    await assert.rejects(model.loadWeights(join(folder, 'nothing.h5')), { name: 'NotFoundError', message: /nothing\.h5$/ });
  });
});

describe('A large shard', () => {
  test('is read in pieces of 16 MiB at most, every byte once', async () => {
    const make = () => stack(dense({ units: 2500, inputShape: [2500], kernelInitializer: 'zeros' }), dense({ units: 3 }));
    const [model, other] = [make(), make()];
    model.weights[0].assign(keras.tensor(new Float32Array(2500 * 2500).fill(0.5), [2500, 2500]));
    const files = new Map();
    await model.saveWeights({ write: (path, bytes) => void files.set(path, new Blob([bytes])) });
    const shard = [...files.keys()].find((path) => path.includes('.data-'));
    const { size } = files.get(shard);
    const read = [];
    class Watched extends Blob {
      slice(start, end) {
        read.push(end - start);
        return super.slice(start, end);
      }
    }
    files.set(shard, new Watched([files.get(shard)]));
    (await other.loadWeights(files)).assertConsumed();
    assert.ok(other.weights[0].dataSync().every((value) => value === 0.5));
    assert.ok(Math.max(...read) <= 16 << 20, `${Math.max(...read)}`);
    // The values once; the block of the object graph before them.
    const total = read.reduce((a, b) => a + b);
    assert.ok(size > 25e6 && total <= size + 2 * 65536, `${total} of ${size}`);
  });
});

describe('saveWeights of a checkpoint', () => {
  test('takes bytes, zips, folders of files and targets of the user', async () => {
    const model = await architecture('sequential');
    await model.loadWeights(join(fixtures, 'sequential'));
    const files = new Map();
    await model.saveWeights({ write: (path, bytes) => void files.set(path, bytes) });
    assert.deepEqual([...files.keys()].sort(), ['checkpoint', 'weights.data-00000-of-00001', 'weights.index']);
    await model.saveWeights(join(folder, 'w.zip'));
    const zip = await readFile(join(folder, 'w.zip'));
    assert.equal(zip.subarray(0, 2).toString(), 'PK');
    for (const source of [files, join(folder, 'w.zip'), zip, new Blob([zip]), await model.saveWeights()]) {
      const other = await architecture('sequential');
      (await other.loadWeights(source)).assertConsumed();
      other.weights.forEach((weight, i) => assert.equal(hex(weight.read().bytes()), hex(model.weights[i].read().bytes())));
      await assertSameCheckpoint(source, 'sequential');
    }
  });
  test('refuses what Keras refuses', async () => {
    const model = stack(dense({ units: 1 }));
    await assert.rejects(model.saveWeights(join(folder, 'unbuilt')), {
      name: 'ValueError',
      message: /^Weights for model 'sequential(_\d+)?' have not yet been created\./,
    });
    model.build([null, 2]);
    await assert.rejects(model.saveWeights(join(folder, 'w.h5'), { saveFormat: 'tf' }), /looks like an HDF5 file/);
    await model.saveWeights(join(folder, 'once'));
    await assert.rejects(model.saveWeights(join(folder, 'once'), { overwrite: false }), { name: 'IOError' });
  });
  test('that was killed between its two renames is finished by the next load', async () => {
    const model = await architecture('sequential');
    const prefix = join(folder, 'killed');
    await model.saveWeights(prefix);
    const old = await readFile(`${prefix}.index`);
    await model.loadWeights(join(fixtures, 'sequential'));
    await model.saveWeights(prefix);
    await rename(`${prefix}.index`, `${prefix}.index.keras-wasm-new`);
    await writeFile(`${prefix}.index`, old);
    await assertSameCheckpoint(prefix, 'sequential');
  });
});
