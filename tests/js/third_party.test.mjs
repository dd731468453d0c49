// Files that others saved with many versions of Keras: inspect tells the facts that h5py and TensorFlow told of them, those
// whose layers exist here load and predict what Keras predicted, and the others are refused by name.
import assert from 'node:assert/strict';
import { createHash } from 'node:crypto';
import { describe, test } from 'node:test';
import * as keras from 'keras-wasm';

import { formulaInput, thirdParty, whyNoThirdParty } from '../shared.mjs';
import { assertClose, oneOrMany, plainTensor } from '../support.mjs';

await keras.ready();

const options = { skip: whyNoThirdParty };
const short = (digest) => digest?.slice(0, 16);

const digestOf = (tensor) => {
  const { data } = plainTensor(tensor);
  return short(
    createHash('sha256')
      .update(new Uint8Array(data.buffer, data.byteOffset, data.byteLength))
      .digest('hex'),
  );
};

/** h5py's names of element types that we tell otherwise. */
function dtypeOf(numpy) {
  if (numpy.startsWith('|S') || numpy === 'object') return 'string';
  return { '>f4': 'float32' }[numpy] ?? numpy;
}

/** All datasets of the file, as `inspect` tells them, by path. */
function tableOf({ weights, optimizerWeights }) {
  return new Map([...weights, ...optimizerWeights].map((row) => [row.path, row]));
}

function classesOf(config) {
  const layers = Array.isArray(config.config) ? config.config : config.config.layers;
  return layers.map((layer) => layer.class_name);
}

async function assertFacts({ file, facts }) {
  const { attrs, class_name: className, config_layers: layers, optimizer, datasets } = facts.tf215.h5;
  const told = await keras.inspect(file);
  assert.deepEqual(new Set(told.attributes), new Set(Object.keys(attrs)));
  assert.equal(told.versions.keras, attrs.keras_version);
  assert.equal(told.versions.backend, attrs.backend);
  if (className !== undefined) {
    assert.equal(told.className, className);
    assert.deepEqual(classesOf(told.config), layers);
    if (optimizer) assert.equal(told.compile.optimizer_config.class_name, optimizer);
  }
  const table = tableOf(told);
  for (const { path, shape, dtype, sha256, compression } of datasets) {
    const row = table.get(path);
    assert.ok(row, `${path} is missing`);
    if (row.problem !== undefined) {
      assert.match(row.problem, /filter [0-9]+ is not supported/, path);
      assert.notEqual(compression, 'gzip', path);
      continue;
    }
    if (row.dtype === 'unknown') {
      // Records, rows of any length, and elements that are arrays, whose dimensions h5py adds to those of the dataset.
      assert.deepEqual(shape.slice(0, row.shape.length), row.shape, path);
      continue;
    }
    assert.deepEqual(row.shape, shape, path);
    assert.equal(row.dtype, dtypeOf(dtype), path);
    if (sha256 !== undefined) assert.equal(short(row.digest), sha256, path);
  }
}

describe('third-party HDF5 files', options, () => {
  for (const entry of thirdParty('h5', 'h5-weights', 'h5-data', 'h5-not-keras'))
    test(`inspect tells the facts of ${entry.group}`, () => assertFacts(entry));
});

/** The classes of all layers of a config, those inside of wrappers and nested models too. */
function layersOf(config) {
  const inside = config.config?.layers ?? (Array.isArray(config.config) ? config.config : []);
  const wrapped = config.config?.layer ? [config.config.layer] : [];
  return [config.class_name, ...[...inside, ...wrapped].flatMap(layersOf)];
}
const known = new Set([...Object.values(keras.layers).map((layer) => layer.className), 'Functional', 'Sequential', 'Model']);
const MODELS = /^(Functional|Model|Sequential)$/;

/** Why a file is not loaded, as its error says; null: it must load. */
function refusalOf({ kind, facts }, told) {
  if (told.config === null) return { name: 'ValueError', message: /No model config found/ };
  const absent = layersOf(told.config).find((name) => !MODELS.test(name) && !known.has(name) && !ALIASES.test(name));
  if (absent === undefined) return null;
  const ours =
    absent === 'Lambda' ? /A Lambda layer holds Python bytecode/ : new RegExp(`layer '${absent}' is not in this version`);
  return USERS.has(absent)
    ? { name: 'ValueError', message: new RegExp(`Unknown layer: '${absent}'`) }
    : { name: 'UnimplementedError', message: ours };
}
/** Keras 1's names. */
const ALIASES = /^Convolution[123]D$/;
/** Classes that are none of Keras's. */
const USERS = new Set(['FixedPointQuantizer']);

describe('third-party whole models', options, () => {
  for (const entry of thirdParty('h5')) {
    test(`${entry.group} loads and predicts, or says which layer is missing`, async (t) => {
      const refusal = refusalOf(entry, await keras.inspect(entry.file, { digests: false }));
      if (refusal !== null) {
        await assert.rejects(keras.loadModel(entry.file), refusal);
        return t.diagnostic(`refused: ${refusal.message}`);
      }
      const { tf215, keras3, keras1 } = entry.facts;
      const [said, key] =
        tf215.keras_load === 'ok' ? [tf215, 'k2'] : keras3?.keras_load === 'ok' ? [keras3, 'k3'] : [keras1, 'k1'];
      const model = await keras.loadModel(entry.file);
      const weights = said.weights ?? said.weights_after_conversion.map(([name, shape, sha256]) => ({ name, shape, sha256 }));
      assert.deepEqual(
        model.weights.map((weight) => [weight.shape, digestOf(weight)]),
        weights.map(({ shape, sha256 }) => [shape, sha256]),
      );
      if (entry['expected outputs'] !== 'yes') return;
      const { expected } = entry;
      const outputs = [await model.predict(oneOrMany(said.inputs.map(formulaInput)))].flat();
      outputs.forEach((output, i) => assertClose(output, expected[`${key}/out${i}`]));
    });
  }
});

describe("third-party files that are not Keras's", options, () => {
  for (const entry of thirdParty('h5-not-keras', 'h5-data', 'h5-weights'))
    test(`${entry.group} is refused by loadModel`, () =>
      assert.rejects(keras.loadModel(entry.file), { name: 'ValueError', message: /No model config found/ }));
});

describe('third-party optimizers', options, () => {
  // What a file's config names, and the weights that it has: [version of Keras, iterations after loading].
  const cases = [
    ['BreastPredictionUsingNN__my_model_good.h5', 130n],
    ['dl4j-test-resources__modelimport__elephas__elephas_sequential.h5', null],
    ['dl4j-test-resources__tfkeras__mlp_33.h5', null],
    ['dl4j-test-resources__optimizers__rmsprop.h5', null],
    ['dl4j-test-resources__fullconfigs__cnn__cnn_batch_norm.h5', null],
  ];
  for (const [group, iterations] of cases) {
    const entry = thirdParty('h5').find((row) => row.group === group);
    test(`that of ${group} is restored, and trains on`, async () => {
      const model = await keras.loadModel(entry.file);
      const told = await keras.inspect(entry.file);
      const class_name = told.compile.optimizer_config.class_name;
      assert.equal(model.optimizer.getClassName(), class_name);
      const digests = new Set(told.optimizerWeights.map(({ digest }) => short(digest)));
      if (digests.size > 0)
        for (const variable of model.optimizer.variables) assert.ok(digests.has(digestOf(variable)), variable.name);
      const before = model.optimizer.iterations.read().dataSync()[0];
      if (iterations !== null) assert.equal(before, iterations);
      const x = formulaInput({ formula: 'weyl', shape: [4, ...model.inputs[0].shape.slice(1)], dtype: 'float32' });
      const units = model.outputs[0].shape.at(-1);
      const sparse = /sparse/.test(JSON.stringify(told.compile.loss));
      const y = sparse
        ? { dtype: 'int32', shape: [4, 1], data: new Int32Array(4) }
        : {
            dtype: 'float32',
            shape: [4, units],
            data: Float32Array.from({ length: 4 * units }, (_, i) => (i % units === 0 ? 1 : 0)),
          };
      await model.trainOnBatch(x, y);
      assert.equal(model.optimizer.iterations.read().dataSync()[0], before + 1n);
    });
  }
});

describe('third-party .keras archives', options, () => {
  for (const entry of thirdParty('keras')) {
    test(`the weights of ${entry.group} are loaded into the model of its config`, async () => {
      const { config } = await keras.inspect(entry.file, { digests: false });
      const absent = layersOf(config).find((name) => !MODELS.test(name) && !known.has(name));
      const make = () => keras.modelFromJSON(JSON.stringify(config));
      if (absent !== undefined) return assert.throws(make, { name: 'UnimplementedError', message: new RegExp(absent) });
      const said = entry.facts.keras3;
      const model = make();
      await model.loadWeights(entry.file);
      assert.deepEqual(
        model.weights.map((weight) => digestOf(weight)),
        said.weights.map(({ sha256 }) => sha256),
      );
      const output = await model.predict(oneOrMany(said.inputs.map(formulaInput)));
      assertClose(output, entry.expected['k3/out0']);
    });
  }
});

describe('third-party checkpoints', options, () => {
  for (const entry of thirdParty('checkpoint')) {
    test(`${entry.group} has the tensors that TensorFlow reads`, async () => {
      const reader = await keras.train.loadCheckpoint(entry.folder);
      const { variables } = entry.facts.tf215;
      assert.deepEqual(
        variables.map(({ name }) => [name, reader.getVariableToShapeMap()[name], reader.getVariableToDtypeMap()[name]]),
        variables.map(({ name, shape, dtype }) => [name, shape, dtype]),
      );
      for (const { name, sha256 } of variables) assert.equal(digestOf(reader.getTensor(name)), sha256, name);
      const told = await keras.inspect(entry.folder);
      assert.deepEqual(
        told.weights.map(({ name, digest }) => [name, short(digest)]),
        variables.map(({ name, sha256 }) => [name, sha256]),
      );
    });
  }
  for (const entry of thirdParty('checkpoint-no-data')) {
    test(`${entry.group} says that its values are missing`, async () => {
      const prefix = entry.file.replace(/\.index$/, '');
      await assert.rejects(keras.train.loadCheckpoint(prefix), { name: 'NotFoundError', message: /data-00000-of-00001/ });
      const told = await keras.inspect(prefix);
      const { variables } = entry.facts.tf215;
      assert.deepEqual(
        told.weights.map(({ name, shape, dtype }) => [name, shape, dtype]),
        variables.map(({ name, shape, dtype }) => [name, shape, dtype]),
      );
      assert.ok(told.weights.every(({ problem }) => /missing/.test(problem)));
    });
  }
});

describe('third-party SavedModels and archives', options, () => {
  for (const entry of thirdParty('saved_model', 'saved_model-no-data', 'keras')) {
    test(`inspect looks into ${entry.group}`, async () => {
      const told = await keras.inspect(entry.kind === 'keras' ? entry.file : entry.folder);
      if (entry.kind === 'keras') {
        assert.equal(told.format, 'keras');
        assert.equal(told.versions.keras, entry.version);
        const said = entry.facts.keras3.weights;
        const digests = new Set(told.weights.map(({ digest }) => short(digest)));
        assert.deepEqual(
          said.filter(({ sha256 }) => !digests.has(sha256)),
          [],
        );
        return;
      }
      const { tf_version: version, tags, functions, object_graph_nodes: nodes } = entry.facts.tf215;
      assert.equal(told.format, 'saved_model');
      assert.equal(told.versions.tensorflow, version);
      assert.deepEqual(told.tags, tags[0]);
      if (nodes !== undefined) assert.equal(told.functions.length, functions);
    });
  }
});
