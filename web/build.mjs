// Builds the demo page into dist/web/: three bundles, the engine's wasm files beside them, and everything the page fetches.
// Needs the package built before, since the page uses it as any user would: by its name.
import { build } from 'esbuild';
import { createHash } from 'node:crypto';
import { copyFile, mkdir, readdir, readFile, rm, writeFile } from 'node:fs/promises';
import { createRequire } from 'node:module';
import { dirname, join, relative, sep } from 'node:path';
import { fileURLToPath } from 'node:url';
import { zip } from './zip.mjs';

const WEB = dirname(fileURLToPath(import.meta.url));
const ROOT = dirname(WEB);
const OUT = join(ROOT, 'dist', 'web');

/** The engine's module looks for its wasm files beside itself: beside the bundle, once it is part of one. */
const engineBeside = {
  name: 'engine beside the bundle',
  setup(context) {
    context.onResolve({ filter: /^keras-wasm$/ }, async ({ path, pluginData, ...rest }) => {
      if (pluginData === engineBeside) return undefined;
      const found = await context.resolve(path, {
        resolveDir: rest.resolveDir,
        kind: rest.kind,
        importer: rest.importer,
        pluginData: engineBeside,
      });
      if (found.errors.length === 0) await copyEngine(dirname(found.path));
      return found;
    });
  },
};

/** In parts, as the page's worker loads it. */
async function copyEngine(folder) {
  const files = (await readdir(folder)).filter((file) => /\.(first|rest)\.wasm$/.test(file));
  await Promise.all(files.map((file) => copyFile(join(folder, file), join(OUT, file))));
}

async function bundle(entry, options = {}) {
  await build({
    entryPoints: [join(WEB, 'src', entry)],
    outdir: OUT,
    bundle: true,
    format: 'esm',
    target: 'es2022',
    platform: 'browser',
    minify: true,
    sourcemap: true,
    legalComments: 'linked',
    logLevel: 'warning',
    plugins: [engineBeside],
    ...options,
  });
}

async function filesUnder(folder) {
  const entries = await readdir(folder, { recursive: true, withFileTypes: true });
  return entries
    .filter((entry) => entry.isFile())
    .map((entry) =>
      relative(folder, join(entry.parentPath ?? entry.path, entry.name))
        .split(sep)
        .join('/'),
    )
    .sort();
}

async function savedModelZip() {
  const folder = join(ROOT, 'examples', 'models', 'digits');
  const paths = await filesUnder(folder);
  return zip(await Promise.all(paths.map(async (path) => ({ path, bytes: await readFile(join(folder, path)) }))));
}

async function copyStatic() {
  const examples = join(OUT, 'examples');
  await mkdir(examples, { recursive: true });
  const uplot = createRequire(import.meta.url).resolve('uplot/dist/uPlot.min.css');
  const copies = [
    ...['index.html', 'main.css', 'icon.svg', 'manifest.webmanifest'].map((file) => [join(WEB, file), join(OUT, file)]),
    [uplot, join(OUT, 'uplot.css')],
    [join(ROOT, 'examples', 'models', 'digits.h5'), join(examples, 'digits.h5')],
    ...['digits.bin', 'digits.json'].map((file) => [join(ROOT, 'examples', 'data', file), join(examples, file)]),
  ];
  await Promise.all(copies.map(([from, to]) => copyFile(from, to)));
  await writeFile(join(examples, 'digits.zip'), await savedModelZip());
}

/** The files that the page needs offline, and a name for exactly this set of contents. */
async function precache() {
  const files = (await filesUnder(OUT)).filter((file) => !/\.map$|\.txt$/.test(file));
  const hash = createHash('sha256');
  for (const file of files) hash.update(`${file}\n`).update(await readFile(join(OUT, file)));
  return { files: ['./', ...files], hash: hash.digest('hex').slice(0, 16) };
}

await rm(OUT, { recursive: true, force: true });
await mkdir(OUT, { recursive: true });
await bundle('main.ts');
await bundle('worker.ts');
await copyStatic();
const { files, hash } = await precache();
// A classic script: not every browser runs service workers that are modules.
await bundle('service_worker.ts', { format: 'iife', define: { BUILD: JSON.stringify(hash), FILES: JSON.stringify(files) } });
console.log(`dist/web: build ${hash}, ${files.length} files`);
