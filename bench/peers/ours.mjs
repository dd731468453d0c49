// keras-wasm itself: the built package, loaded as a user's page or program would.
const THREADED = { simd: 'threads', relaxed: 'relaxed-threads' };

export async function prepare(row, env) {
  const keras = await import(env.ours);
  const threads = row.threads ?? 1;
  const ready = keras.ready({ variant: threads > 1 ? THREADED[env.variant] : env.variant, threads });
  if (row.kind !== 'cold') await ready; // a first prediction needs a part of the engine only
  if (row.kind === 'h5') return loading(keras, row, env);
  if (row.kind === 'h5-write') return writing(keras, row, env);
  if (row.kind === 'checkpoint') return restoring(keras, row, env);
  if (row.kind === 'gemm') return multiplying(keras, row);
  const input = keras.tensor(await env.input(row), [row.batch, ...row.shape]);
  if (row.graph) return signature(keras, input, row, env);
  const model = await keras.loadModel(await env.read(`${row.model}.h5`));
  if (row.kind === 'train') return training(keras, model, input, row);
  const run = async () => {
    const output = await model.predictOnBatch(input);
    const values = output.dataSync();
    output.dispose();
    return values;
  };
  return { output: await run(), run };
}

/** A model with layers that are not here yet, as TensorFlow's own graph. */
async function signature(keras, input, row, env) {
  const { signatures } = await keras.savedModel.load(await env.read(`${row.model}.zip`));
  const run = async () => {
    const [output] = Object.values(signatures.serving_default(input));
    const values = output.dataSync();
    output.dispose();
    return values;
  };
  return { output: await run(), run };
}

/** All weights into a model that stands, or a new model, layers and all, each time: more than the others make. */
async function loading(keras, row, env) {
  const bytes = await env.read(`${row.model}.h5`);
  const model = await keras.loadModel(bytes);
  const output = [model.countParams()];
  if (!row.whole) return { output, run: async () => model.loadWeights(bytes) };
  model.dispose(); // as the others, let go of what has been read
  return { output, run: async () => (await keras.loadModel(bytes)).dispose() };
}

async function writing(keras, row, env) {
  const model = await keras.loadModel(await env.read(`${row.model}.h5`));
  const count = model.countParams();
  const run = async () => {
    const bytes = await model.save(undefined, { saveFormat: 'h5' });
    if (bytes.length < 4 * count) throw new Error(`only ${bytes.length} bytes were written`);
  };
  await run();
  return { output: [count], run };
}

/** One weight of row.bytes, over and over into the same model. */
async function restoring(keras, { units }, env) {
  const { dense } = keras.layers;
  const model = keras.sequential({
    layers: [dense({ units, inputShape: [units], useBias: false, kernelInitializer: 'zeros' })],
  });
  const inMemory = env.place === 'node' ? undefined : await model.saveWeights();
  const prefix = `${env.models}restored`;
  if (inMemory === undefined) await model.saveWeights(prefix);
  const run = async () => {
    const status = await model.loadWeights(inMemory ?? prefix);
    status.assertConsumed().dispose();
  };
  await run();
  return { run };
}

/** Several products by the same weights in one function, so that what a call costs does not count. */
function multiplying(keras, { size, products }) {
  const weights = keras.variable(keras.tensor(new Float32Array(size * size).fill(1 / size), [size, size]));
  const chain = keras.func((x) => {
    for (let i = 0; i < products; ++i) x = keras.ops.linalg.matmul(x, weights);
    return x;
  });
  const x = keras.tensor(new Float32Array(size * size).fill(1), [size, size]);
  return { run: async () => chain(x).dispose() };
}

function training(keras, model, input, row) {
  const labels = keras.tensor(
    Float32Array.from({ length: row.batch }, (_, i) => i % 10),
    [row.batch, 1],
  );
  return { run: () => model.trainOnBatch(input, labels) };
}
