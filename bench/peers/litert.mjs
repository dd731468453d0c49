// LiteRT.js on the CPU. Its threaded build takes as many threads as there are processors.
import { Tensor, loadAndCompile, loadLiteRt } from '@litertjs/core';

let started;

export async function prepare(row, env) {
  if (env.place === 'node') standIn(env);
  started ??= loadLiteRt(env.path('@litertjs/core/wasm/'), { threads: row.threads > 1 });
  await started;
  const model = await loadAndCompile(await env.read(`${row.model}-${row.batch}.tflite`), { accelerator: 'wasm' });
  const input = new Tensor(await env.input(row), [row.batch, ...row.shape]);
  const run = async () => {
    const results = await model.run(input);
    const values = results[0].toTypedArray().slice();
    for (const result of results) result.delete();
    return values;
  };
  return { output: await run(), run };
}

/** It loads its glue by a script element, which Node does not have. */
function standIn(env) {
  globalThis.self ??= globalThis;
  const appendChild = (script) =>
    env.runScript(script.src).then(
      () => script.loaded(),
      (error) => script.failed(error),
    );
  const createElement = () => ({
    addEventListener(event, listener) {
      this[event === 'load' ? 'loaded' : 'failed'] = listener;
    },
  });
  globalThis.document ??= { createElement, body: { appendChild } };
}
