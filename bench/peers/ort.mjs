// onnxruntime-web on its WebAssembly backend, one thread.
import * as ort from 'onnxruntime-web/wasm';

export async function prepare(row, env) {
  ort.env.wasm.numThreads = 1;
  ort.env.wasm.wasmBinary = await env.package('onnxruntime-web/dist/ort-wasm-simd-threaded.wasm');
  const session = await ort.InferenceSession.create(await env.read(`${row.model}-${row.batch}.onnx`), {
    executionProviders: ['wasm'],
  });
  const input = new ort.Tensor('float32', await env.floats(`${row.model}-${row.batch}.input`), [row.batch, ...row.shape]);
  const run = async () => {
    const results = await session.run({ [session.inputNames[0]]: input });
    return results[session.outputNames[0]].data;
  };
  return { output: await run(), run };
}
