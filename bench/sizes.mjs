// What a page downloads before its first prediction, compressed as a careful host would: brotli. Quality 9: 11 saves some
// 10 % more, but takes minutes for the largest.
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { brotliCompressSync, constants } from 'node:zlib';
import { build } from 'esbuild';

/** JavaScript is minified into one file, as a bundler would; `files` come beside it. */
const DOWNLOADS = [
  { name: 'keras-wasm simd', own: ['index.js', 'keras-simd.mjs', 'keras-simd.first.wasm'] },
  { name: 'keras-wasm relaxed', own: ['index.js', 'keras-simd.mjs', 'keras-relaxed.first.wasm'] },
  {
    name: 'LiteRT.js',
    adapter: 'litert',
    files: ['@litertjs/core/wasm/litert_wasm_internal.js', '@litertjs/core/wasm/litert_wasm_internal.wasm'],
  },
  { name: 'onnxruntime-web', adapter: 'ort', files: ['onnxruntime-web/dist/ort-wasm-simd-threaded.wasm'] },
  { name: 'tfjs wasm', adapter: 'tfjs', files: ['@tensorflow/tfjs-backend-wasm/dist/tfjs-backend-wasm-simd.wasm'] },
];

const brotli = (bytes) => brotliCompressSync(bytes, { params: { [constants.BROTLI_PARAM_QUALITY]: 9 } }).length;

async function minified(folders, adapter) {
  const options = {
    entryPoints: [join(folders.bundles, `${adapter}.chromium.mjs`)],
    minify: true,
    write: false,
    format: 'esm',
    bundle: true,
    external: ['node:*', 'module', 'fs', 'path', 'worker_threads', 'crypto', 'perf_hooks', 'os', 'util', 'url'],
    logLevel: 'error',
  };
  return (await build(options)).outputFiles[0].contents;
}

/** [{ name, script, rest, total }], in bytes. */
export async function measureSizes(folders) {
  const sizes = [];
  for (const { name, own = [], adapter, files = [] } of DOWNLOADS) {
    const parts = [...own.map((file) => join(folders.package, file)), ...files.map((file) => join(folders.packages, file))];
    const bytes = parts.map((path) => readFileSync(path));
    const isWasm = parts.map((path) => path.endsWith('.wasm'));
    let script = adapter === undefined ? 0 : brotli(await minified(folders, adapter));
    let wasm = 0;
    bytes.forEach((part, i) => (isWasm[i] ? (wasm += brotli(part)) : (script += brotli(part))));
    sizes.push({ name, script, wasm, total: script + wasm });
  }
  return sizes;
}
