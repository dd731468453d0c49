// SavedModels as graphs: what TensorFlow traced and saved, called as Python calls it. Values are TensorFlow's
// (tests/fixtures/make_saved_models.py).
import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { before, describe, test } from 'node:test';
import * as keras from 'keras-wasm';
import { assertClose, fixture, root } from '../support.mjs';
import { bytes, serve } from './server.mjs';
import { unzipped } from './zip.mjs';

const folder = `${root}tests/fixtures/saved_models/`;
const expected = JSON.parse(readFileSync(`${folder}expected.json`, 'utf8'));
const { ops } = keras;
before(() => keras.ready());

const isTensor = (value) => typeof value === 'object' && value !== null && Array.isArray(value.values);
const tensorOf = ({ values, shape, dtype }) => keras.tensor(values.flat(), shape, dtype);
/** A recorded argument; with `plain`, as nested arrays and numbers where Python had an array. */
function argument(value, plain) {
  if (Array.isArray(value)) return value.map((item) => argument(item, plain));
  if (isTensor(value)) return plain ? tensorOf(value).arraySync() : tensorOf(value);
  if (typeof value !== 'object' || value === null) return value;
  return Object.fromEntries(Object.entries(value).map(([key, item]) => [key, argument(item, plain)]));
}
function assertSame(found, wanted, tolerance = 1e-6) {
  if (isTensor(wanted)) {
    assert.equal(found.dtype, wanted.dtype);
    assertClose(found, tensorOf(wanted), tolerance);
  } else if (typeof wanted !== 'object' || wanted === null) {
    assert.equal(found, wanted);
  } else {
    assert.deepEqual(Object.keys(found).sort(), Object.keys(wanted).sort());
    for (const key of Object.keys(wanted)) assertSame(found[key], wanted[key], tolerance);
  }
}

for (const name of ['functions', 'recurrent', 'lookup_tables', 'changing_tables']) {
  for (const plain of [false, true]) {
    test(`${name}.zip computes what TensorFlow computes${plain ? ', from arrays and numbers' : ''}`, async () => {
      const loaded = await keras.savedModel.load(`${folder}${name}.zip`);
      for (const { call, args, kwargs, outputs } of expected[name]) {
        const given = args.map((value) => argument(value, plain));
        assertSame(loaded[call](...given, ...(Object.keys(kwargs).length > 0 ? [kwargs] : [])), outputs);
      }
      loaded.dispose();
    });
  }
}

describe('A SavedModel without Keras classes', () => {
  test('has its variables, lists and signatures under their names', async () => {
    const loaded = await keras.savedModel.load(`${folder}functions.zip`);
    assert.deepEqual(loaded.variables.map(({ name }) => name).sort(), [
      'bias:0',
      'counter:0',
      'first:0',
      'kernel:0',
      'labels:0',
      'second:0',
    ]);
    assert.equal(loaded.trainableVariables.length, 4);
    assert.deepEqual(loaded.kernel.shape, [4, 3]);
    assert.deepEqual(loaded.labels.read().arraySync(), ['cat', 'dog', 'größe']);
    assert.equal(loaded.table.length, 2);
    assert.deepEqual(loaded.table[1].read().arraySync(), [2.5]);
    assert.deepEqual(Object.keys(loaded.signatures), ['serving_default']);
    const { args, outputs } = expected.functions.find(({ call }) => call === 'serve');
    assertSame(loaded.signatures.serving_default({ features: argument(args[0]) }), outputs);
    assertSame(loaded.signatures.serving_default(argument(args[0])), outputs);
  });

  test('matches calls as Python does, and says what it takes', async () => {
    const loaded = await keras.savedModel.load(`${folder}functions.zip`);
    const x = keras.tensor([1, 2]);
    assertClose(loaded.scale(x), [5.5, 8.5]); // x · factor · 1.5 + 2.5
    assertClose(loaded.scale(x, { factor: 2 }), [5.5, 8.5]);
    assertClose(loaded.scale({ x, factor: 3, negate: true }), [-7, -11.5]);
    assertClose(loaded.scale(x, keras.tensor(0.5)), [3.25, 4]); // a tensor is no Python value
    assertClose(loaded.scale(x, { factor: 4 }), [8.5, 14.5]); // no such value was traced: it becomes a tensor
    assert.throws(() => loaded.scale(x, { negate: true }), {
      name: 'ValueError',
      message: /Could not find matching concrete function.*Option 3/s,
    });
    assert.throws(() => loaded.scale(), { name: 'TypeError', message: /missing a required argument: 'x'/ });
    assert.throws(() => loaded.scale(x, 2, 3), { name: 'TypeError', message: /takes 2 positional arguments but 3 were given/ });
    assert.throws(() => loaded.signatures.serving_default({}), {
      name: 'TypeError',
      message: /missing required arguments: features/,
    });
    assert.throws(() => loaded.signatures.serving_default({ features: x, more: x }), /unexpected keyword arguments: more/);
    assert.throws(() => loaded.call(keras.tensor([[1, 2, 3]])), { name: 'ValueError', message: /float32 \[1,3\]/ });
  });

  test('can be trained: gradients reach its variables', async () => {
    const loaded = await keras.savedModel.load(`${folder}functions.zip`);
    for (const record of expected.functions.filter(
      ({ variableGradients, kwargs }) => variableGradients && Object.keys(kwargs).length === 0,
    )) {
      const [first, ...rest] = record.args.map((value) => argument(value));
      if (record.call === 'structured' || record.call === 'serve') continue;
      const loss = (x) => ops.reduceSum(ops.square(loaded[record.call](x, ...rest)));
      assertSame(keras.grad(loss)(first), record.gradient, 1e-5);
      const names = Object.keys(record.variableGradients);
      const variables = names.map((name) => loaded.variables.find((variable) => variable.name === name));
      const { grads } = keras.valueAndGrads(() => loss(first), variables);
      names.forEach((name, i) => assertSame(grads[i], record.variableGradients[name], 1e-5));
    }
  });

  test('names all ops that are missing, and loads without them where that is allowed', async () => {
    const path = `${folder}unknown_ops.zip`;
    await assert.rejects(keras.savedModel.load(path), {
      name: 'UnimplementedError',
      message: /Dawsn \(function '.*', node '.*'\)\n {2}Spence \(function '/,
    });
    const loaded = await keras.savedModel.load(path, { allowMissingOps: true });
    assertClose(loaded.known([1, 2]), [2, 3]);
    assert.throws(() => loaded.unknown([1, 2]), { name: 'UnimplementedError' });
    await assert.rejects(keras.savedModel.load(path, { tags: ['gpu'] }), { name: 'NotFoundError', message: /\[serve\]/ });
  });

  describe('behind the URL of its folder', () => {
    const files = unzipped(readFileSync(`${folder}lookup_tables.zip`));
    const serveFiles = (changed = files) =>
      serve(Object.fromEntries([...changed].map(([path, content]) => [`/model/${path}`, bytes(content)])));

    test('is fetched with its assets', async () => {
      const server = await serveFiles();
      try {
        const loaded = await keras.savedModel.load(`${server.url}/model/`);
        for (const { call, args, outputs } of expected.lookup_tables) assertSame(loaded[call](...args.map(tensorOf)), outputs);
        assert.equal(server.requested.filter((path) => path === '/model/assets/words.txt').length, 1);
      } finally {
        await server.close();
      }
    });
    test('needs an asset when a function needs it, and asks for none outside of assets/', async () => {
      const pb = Buffer.from(files.get('saved_model.pb'));
      for (let i = pb.indexOf('words.txt'); i >= 0; i = pb.indexOf('words.txt', i + 1)) pb.write('../ds.txt', i);
      const server = await serveFiles(new Map([...files, ['saved_model.pb', pb], ['ds.txt', Buffer.from('cat\t1\n')]]));
      try {
        const loaded = await keras.savedModel.load(`${server.url}/model/`);
        assert.ok(server.requested.every((path) => !path.includes('ds.txt')));
        assert.throws(() => loaded.number_of([0]), { name: 'NotFoundError', message: /ds\.txt; No such file or directory/ });
      } finally {
        await server.close();
      }
    });
  });

  test('is refused where it is none', async () => {
    await assert.rejects(keras.savedModel.load(new Uint8Array(100)), { name: 'ValueError', message: /not a model/ });
    await assert.rejects(keras.loadModel(`${folder}functions.zip`), { name: 'ValueError', message: /savedModel\.load/ });
    const loaded = await keras.savedModel.load(`${folder}functions.zip`);
    loaded.dispose();
    assert.throws(() => loaded.call([[1, 2, 3, 4]]), { name: 'RuntimeError', message: /disposed/ });
  });
});

describe('A Keras model that Keras saved', () => {
  for (const name of ['dense_softmax', 'custom_layer']) {
    test(`${name} serves and calls without its classes`, async () => {
      const model = fixture.model(name);
      const loaded = await keras.savedModel.load(model.path('savedModel'), { allowMissingOps: true });
      const { serving_default: serve } = loaded.signatures;
      const [output] = Object.values(serve(model.input));
      assertClose(output, model.outputs[0]);
      assertClose(loaded.call(model.input, { training: false }), model.outputs[0]);
      assert.equal(loaded.trainableVariables.length > 0, true);
    });
  }
  test('and one that this package saved', async () => {
    const model = await keras.loadModel(fixture.model('dense_softmax').path('h5'));
    const loaded = await keras.savedModel.load(await model.save());
    const { input, outputs } = fixture.model('dense_softmax');
    assertClose(Object.values(loaded.signatures.serving_default(input))[0], outputs[0]);
  });
});
