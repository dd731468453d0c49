// tfjs on its WebAssembly backend. Its converter is not needed: it reads Keras's JSON, and the weights come as raw bytes.
import * as tf from '@tensorflow/tfjs';
import { setThreadsCount, setWasmPaths } from '@tensorflow/tfjs-backend-wasm';

async function start(env) {
  setThreadsCount(1);
  setWasmPaths(env.path('@tensorflow/tfjs-backend-wasm/dist/'));
  if (!(await tf.setBackend(env.backend ?? 'wasm'))) throw new Error('the backend does not start');
}

async function load(row, env) {
  const { modelTopology, weightSpecs } = JSON.parse(new TextDecoder().decode(await env.read(`${row.model}.json`)));
  const weightData = (await env.floats(`${row.model}.weights`)).buffer;
  return tf.loadLayersModel(tf.io.fromMemory({ modelTopology, weightSpecs, weightData }));
}

export async function prepare(row, env) {
  await start(env);
  const model = await load(row, env);
  const size = row.shape.reduce((product, dim) => product * dim, row.batch);
  const values = await env.floats(`${row.model}-${row.inputBatch ?? row.batch}.input`);
  const input = tf.tensor(values.subarray(0, size), [row.batch, ...row.shape]);
  if (row.kind === 'train') return training(model, input, row);
  const run = async () => {
    const output = model.predict(input);
    const values = output.dataSync();
    output.dispose();
    return values;
  };
  return { output: await run(), run };
}

function training(model, input, row) {
  model.compile({ optimizer: 'adam', loss: 'sparseCategoricalCrossentropy' });
  const labels = tf.tensor(
    Array.from({ length: row.batch }, (_, i) => i % 10),
    [row.batch, 1],
  );
  return { run: () => model.trainOnBatch(input, labels) };
}
