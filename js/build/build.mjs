// Builds the package into dist/package: generated sources, two bundles, declarations, the engine beside them, whole and in parts.
// Needs the engine: build/wasm/dist/keras-simd.{mjs,wasm}. Its other builds (keras-relaxed, keras-simd-threads,
// keras-relaxed-threads) may be missing while one works on a part: the package then goes without. With --all they must be there.
import { execFileSync } from 'node:child_process';
import { copyFileSync, cpSync, existsSync, mkdirSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { basename, dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { brotliCompressSync } from 'node:zlib';
import { build, transform } from 'esbuild';

import { generate } from './generate.mjs';
import { split } from './split.mjs';

const root = join(dirname(fileURLToPath(import.meta.url)), '..', '..');
const engine = join(root, 'build', 'wasm', 'dist');
const out = join(root, 'dist', 'package');
/** The builds, by the names that js/src/engine has for them. Those with threads have one glue, the others another, up to the name in it. */
const BUILDS = {
  simd: join(engine, 'keras-simd'),
  relaxed: join(engine, 'keras-relaxed'),
  threads: join(engine, 'keras-simd-threads'),
  relaxedThreads: join(engine, 'keras-relaxed-threads'),
};
const GLUE_OF = { relaxed: 'simd', relaxedThreads: 'threads' };
const built = Object.fromEntries(Object.entries(BUILDS).map(([name, path]) => [name, existsSync(`${path}.wasm`)]));
built.relaxedThreads &&= built.threads;
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

/** Name by name, so that what was not built is not mentioned in the bundle. */
const builtDefines = () =>
  Object.fromEntries(Object.entries(built).map(([name, is]) => [`__KERAS_WASM_BUILT__.${name}`, String(is)]));

/** Tells bundlers that an import() is not theirs. */
const NOT_YOURS = 'import(/* webpackIgnore: true *//* @vite-ignore */';
/** Stands for it while white space goes, and comments with it; as long, so that source maps stay right. */
const STAND_IN = `${'notYours'.padEnd(NOT_YOURS.length - 1, '_')}(`;

async function bundle({ format, file, define = {}, ...rest }) {
  const outfile = join(out, file);
  const { outputFiles } = await build({
    entryPoints: [join(root, 'js', 'src', 'index.ts')], outfile, bundle: true, write: false, format, target: 'es2022', platform: 'neutral',
    minifyIdentifiers: true, minifySyntax: true, keepNames: false, sourcemap: 'inline', sourcesContent: false, legalComments: 'none', logLevel: 'warning',
    define: { __KERAS_WASM_VERSION__: JSON.stringify(version), ...builtDefines(), ...define }, plugins: [glue(format)], ...rest,
  });
  const marked = outputFiles[0].text.replaceAll(/import\(\s*\/\* webpackIgnore: true \*\/\s*\/\* @vite-ignore \*\/\s*/g, STAND_IN);
  const { code, map } = await transform(marked, { minifyWhitespace: true, target: 'es2022', sourcemap: 'external', sourcesContent: false, sourcefile: file });
  writeFileSync(outfile, `${code.replaceAll(STAND_IN, NOT_YOURS)}//# sourceMappingURL=${file}.map\n`);
  writeFileSync(`${outfile}.map`, map);
}

function declarations() {
  const tsc = createRequire(import.meta.url).resolve('typescript/bin/tsc');
  execFileSync(process.execPath, [tsc, '-p', join(root, 'js', 'tsconfig.json')], { stdio: 'inherit' });
  cpSync(join(out, 'types'), join(out, 'types-cjs'), { recursive: true });
  writeFileSync(join(out, 'types-cjs', 'package.json'), '{ "type": "commonjs" }\n');
}

/** What is not built is left out, never replaced by another build. */
function copyEngine() {
  for (const [name, path] of Object.entries(BUILDS)) {
    const file = basename(path);
    if (built[name]) {
      copyFileSync(`${path}.wasm`, join(out, `${file}.wasm`));
      copyGlue(name, file);
    } else if (name === 'simd' || process.argv.includes('--all')) {
      throw new Error(`${file}.wasm is not built`);
    } else {
      console.log(`${file}.wasm is not built, so the package goes without`);
    }
  }
}

/** Copies a glue that no other build has, and makes sure that the others do. */
function copyGlue(name, file) {
  const other = GLUE_OF[name];
  if (other === undefined) return copyFileSync(`${BUILDS[name]}.mjs`, join(out, `${file}.mjs`));
  const text = (of) => readFileSync(`${BUILDS[of]}.mjs`, 'utf8').replaceAll(basename(BUILDS[of]), 'keras');
  if (text(name) !== text(other)) throw new Error(`The glue of ${file} is not that of ${basename(BUILDS[other])}`);
}

function splitEngine() {
  for (const variant of ['simd', 'relaxed'].filter((name) => built[name]))
    split(variant, ...['', '.first', '.rest'].map((part) => join(out, `keras-${variant}${part}.wasm`)));
}

function report() {
  for (const file of readdirSync(out).filter((name) => name === 'index.js' || /\.(mjs|wasm)$/.test(name))) {
    const bytes = readFileSync(join(out, file));
    console.log(`${file.padEnd(27)} ${String(bytes.length).padStart(9)} bytes, ${String(brotliCompressSync(bytes).length).padStart(8)} brotli`);
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
