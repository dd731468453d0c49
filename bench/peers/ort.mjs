// onnxruntime-web on its WebAssembly backend.
import * as ort from 'onnxruntime-web/wasm';

export async function prepare(row, env) {
  ort.env.wasm.numThreads = row.threads;
  ort.env.wasm.wasmBinary = await env.package('onnxruntime-web/dist/ort-wasm-simd-threaded.wasm');
  // Workers load the glue by its own address.
  if (row.threads > 1) ort.env.wasm.wasmPaths = { mjs: env.url('onnxruntime-web/dist/ort-wasm-simd-threaded.mjs') };
  const session = await ort.InferenceSession.create(await env.read(`${row.model}-${row.batch}.onnx`), {
    executionProviders: ['wasm'],
  });
  const input = new ort.Tensor(row.dtype ?? 'float32', await env.input(row), [row.batch, ...row.shape]);
  const run = async () => {
    const results = await session.run({ [session.inputNames[0]]: input });
    return results[session.outputNames[0]].data;
  };
  return { output: await run(), run };
}
