// Usage: node profile.mjs <instrumented .wasm> <variant> <profile> <model>…: loads models (those here and those given) and predicts
// with an engine that wasm-split has instrumented, and writes which functions that took. Needs dist/package/index.js.
import { readFileSync, statSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { fileURLToPath, pathToFileURL } from 'node:url';

const root = join(dirname(fileURLToPath(import.meta.url)), '..', '..');
const fixtures = join(root, 'tests', 'fixtures', 'models');
/** What people load first: every layer there is, from every format. */
const MODELS = [
  ...['digits', 'digits.h5'].map((name) => join(root, 'examples', 'models', name)),
  ...['every_layer_trained', 'every_layer_trained.h5', 'dense_softmax.zip', 'mini_mobilenet', 'mini_mobilenet.h5', 'multi_io.h5'].map((name) =>
    join(fixtures, name)),
];
const PAGE = 65536;

const [instrumented, variant, profile, ...more] = process.argv.slice(2);
let exports;
const { instantiate } = WebAssembly;
WebAssembly.instantiate = async (module, imports) => {
  const instance = await instantiate(module, imports);
  exports = instance.exports; // the package keeps the instance to itself
  return instance;
};
const keras = await import(pathToFileURL(join(root, 'dist', 'package', 'index.js')).href);
await keras.ready({ variant, wasmBinary: readFileSync(instrumented) });
const zeros = (shape) => keras.tensor(new Float32Array(shape.reduce((a, b) => a * b)), shape);
const sources = [...MODELS, ...more].flatMap((path) => (statSync(path).isFile() ? [path, readFileSync(path)] : [path]));
for (const source of sources) {
  const model = await keras.loadModel(source);
  for (const batch of [1, 1, 2, 1]) {
    const inputs = model.inputs.map(({ shape: [, ...sizes] }) => zeros([batch, ...sizes.map((size) => size ?? 1)]));
    await model.predict(inputs.length === 1 ? inputs[0] : inputs);
  }
}
const memory = Object.values(exports).find((value) => value instanceof WebAssembly.Memory);
const start = memory.buffer.byteLength;
memory.grow(16); // a byte a function and a header: far less than 1 MiB
const bytes = exports.__write_profile(start, 16 * PAGE);
writeFileSync(profile, new Uint8Array(memory.buffer, start, bytes));
