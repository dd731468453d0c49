// Builds the package into dist/package: generated sources, two bundles, declarations, the engine beside them, whole and in parts.
// Needs the engine: build/wasm/dist/keras-simd.{mjs,wasm}. keras-relaxed.wasm may be missing while one works on a part: the
// package then has no such build. With --all it must be there.
import { execFileSync } from 'node:child_process';
import { copyFileSync, cpSync, existsSync, mkdirSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { brotliCompressSync } from 'node:zlib';
import { build } from 'esbuild';

import { generate } from './generate.mjs';
import { split } from './split.mjs';

const root = join(dirname(fileURLToPath(import.meta.url)), '..', '..');
const engine = join(root, 'build', 'wasm', 'dist');
const out = join(root, 'dist', 'package');
const built = { simd: existsSync(join(engine, 'keras-simd.wasm')), relaxed: existsSync(join(engine, 'keras-relaxed.wasm')) };
const { version } = JSON.parse(readFileSync(join(root, 'package.json'), 'utf8'));

/** The glue stays a file of its own: ESM imports it statically, CommonJS, which cannot, when the engine is loaded. */
const glue = (format) => ({
  name: 'glue',
  setup({ onResolve, onLoad }) {
    onResolve({ filter: /^keras-wasm\/glue$/ }, () =>
      format === 'esm' ? { path: './keras-simd.mjs', external: true } : { path: 'glue', namespace: 'glue' });
    onResolve({ filter: /keras-simd\.mjs$/, namespace: 'glue' }, () => ({ path: './keras-simd.mjs', external: true }));
    onLoad({ filter: /.*/, namespace: 'glue' }, () => ({
      contents: `export default async (options) => (await import('./keras-simd.mjs')).default(options);`,
    }));
  },
});

const TARGETS = [
  { format: 'esm', file: 'index.js' },
  {
    format: 'cjs',
    file: 'index.cjs',
    define: { 'import.meta.url': '__moduleUrl' },
    banner: { js: `const __moduleUrl = require('node:url').pathToFileURL(__filename).href;` },
    supported: { 'dynamic-import': true },
  },
];

async function bundle({ format, file, define = {}, ...rest }) {
  await build({
    entryPoints: [join(root, 'js', 'src', 'index.ts')], outfile: join(out, file), bundle: true, format, target: 'es2022', platform: 'neutral',
    // Whitespace stays: with it go the comments in import() by which bundlers know what is not theirs.
    minifyIdentifiers: true, minifySyntax: true, keepNames: false, sourcemap: true, sourcesContent: false, legalComments: 'none', logLevel: 'warning',
    define: { __KERAS_WASM_VERSION__: JSON.stringify(version), '__KERAS_WASM_BUILT__.relaxed': String(built.relaxed), ...define }, plugins: [glue(format)], ...rest,
  });
}

function declarations() {
  const tsc = createRequire(import.meta.url).resolve('typescript/bin/tsc');
  execFileSync(process.execPath, [tsc, '-p', join(root, 'js', 'tsconfig.json')], { stdio: 'inherit' });
  cpSync(join(out, 'types'), join(out, 'types-cjs'), { recursive: true });
  writeFileSync(join(out, 'types-cjs', 'package.json'), '{ "type": "commonjs" }\n');
}

/** What is not built is left out, never replaced by another build. */
function copyEngine() {
  for (const [variant, isBuilt] of Object.entries(built)) {
    const file = `keras-${variant}.wasm`;
    if (isBuilt) copyFileSync(join(engine, file), join(out, file));
    else if (variant === 'simd' || process.argv.includes('--all')) throw new Error(`${file} is not built`);
    else console.log(`${file} is not built, so the package goes without`);
  }
  copyFileSync(join(engine, 'keras-simd.mjs'), join(out, 'keras-simd.mjs'));
}

function splitEngine() {
  for (const variant of Object.keys(built).filter((variant) => built[variant]))
    split(variant, ...['', '.first', '.rest'].map((part) => join(out, `keras-${variant}${part}.wasm`)));
}

function report() {
  for (const file of readdirSync(out).filter((name) => name === 'index.js' || /\.(mjs|wasm)$/.test(name))) {
    const bytes = readFileSync(join(out, file));
    console.log(`${file.padEnd(24)} ${String(bytes.length).padStart(9)} bytes, ${String(brotliCompressSync(bytes).length).padStart(8)} brotli`);
  }
}

rmSync(out, { recursive: true, force: true });
mkdirSync(out, { recursive: true });
await generate(join(engine, 'keras-simd.mjs'), join(root, 'js', 'src', 'generated'));
copyEngine();
await Promise.all(TARGETS.map(bundle));
splitEngine();
declarations();
report();
