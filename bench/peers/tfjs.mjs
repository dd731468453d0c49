// tfjs on its WebAssembly backend: graph models from its own converter; to train, its layers, which read Keras's JSON.
import * as tf from '@tensorflow/tfjs';
import { getThreadsCount, setThreadsCount, setWasmPaths } from '@tensorflow/tfjs-backend-wasm';

async function start(row, env) {
  setThreadsCount(row.threads ?? 1);
  setWasmPaths(env.path('@tensorflow/tfjs-backend-wasm/dist/'));
  if (!(await tf.setBackend(env.backend ?? 'wasm'))) throw new Error('the backend does not start');
  if (row.threads > 1 && getThreadsCount() !== row.threads) throw new Error(`it runs on ${getThreadsCount()} thread(s) here`);
}

async function artifacts(name, env) {
  const { modelTopology, weightSpecs } = JSON.parse(new TextDecoder().decode(await env.read(`${name}.json`)));
  const weightData = (await env.read(`${name}.weights`)).slice().buffer;
  return tf.io.fromMemory({ modelTopology, weightSpecs, weightData });
}

async function inputOf(row, env) {
  const size = row.shape.reduce((product, dim) => product * dim, row.batch);
  const values = await env.input({ ...row, batch: row.inputBatch ?? row.batch });
  return tf.tensor(values.subarray(0, size), [row.batch, ...row.shape], row.dtype ?? 'float32');
}

export async function prepare(row, env) {
  await start(row, env);
  if (row.kind === 'train') return training(await tf.loadLayersModel(await artifacts(`${row.model}-layers`, env)), row, env);
  const model = await tf.loadGraphModel(await artifacts(`${row.model}-graph`, env));
  const input = await inputOf(row, env);
  const run = async () => {
    // Loops are run by executeAsync alone.
    const output = row.graph ? await model.executeAsync(input) : model.predict(input);
    const values = output.dataSync();
    output.dispose();
    return values;
  };
  return { output: await run(), run };
}

async function training(model, row, env) {
  const input = await inputOf(row, env);
  model.compile({ optimizer: 'adam', loss: 'sparseCategoricalCrossentropy' });
  const labels = tf.tensor(
    Array.from({ length: row.batch }, (_, i) => i % 10),
    [row.batch, 1],
  );
  return { run: () => model.trainOnBatch(input, labels) };
}
