// keras-wasm itself: the built package, loaded as a user's page or program would.
export async function prepare(row, env) {
  const keras = await import(env.ours);
  await keras.ready({ variant: env.variant });
  if (row.kind === 'h5') return loading(keras, row, env);
  if (row.kind === 'checkpoint') return restoring(keras, row, env);
  const model = await keras.loadModel(await env.read(`${row.model}.h5`));
  const input = keras.tensor(await env.floats(`${row.model}-${row.batch}.input`), [row.batch, ...row.shape]);
  if (row.kind === 'train') return training(keras, model, input, row);
  const run = async () => {
    const output = await model.predictOnBatch(input);
    const values = output.dataSync();
    output.dispose();
    return values;
  };
  return { output: await run(), run };
}

/** A whole model, layers and all, is more than its weights: what the others do not make. */
async function loading(keras, row, env) {
  const bytes = await env.read(`${row.model}.h5`);
  const run = async () => {
    const model = await keras.loadModel(bytes);
    const count = model.countParams();
    return [count];
  };
  return { output: await run(), run };
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

function training(keras, model, input, row) {
  const labels = keras.tensor(
    Float32Array.from({ length: row.batch }, (_, i) => i % 10),
    [row.batch, 1],
  );
  return { run: () => model.trainOnBatch(input, labels) };
}
