// Brings what the benchmark needs into a folder of its own in the user's cache: peers, models, adapters bundled with peers.
import { execFileSync } from 'node:child_process';
import { existsSync, mkdirSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { homedir } from 'node:os';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { build } from 'esbuild';

import { CONVERTERS, PEERS } from './table.mjs';

const here = dirname(fileURLToPath(import.meta.url));
const cache = join(process.env.XDG_CACHE_HOME || join(homedir(), '.cache'), 'keras-wasm');
const folder = join(cache, 'bench');
export const folders = {
  bench: here,
  package: join(here, '..', 'dist', 'package'),
  models: join(folder, 'models'),
  packages: join(folder, 'node_modules'),
  bundles: join(folder, 'bundles'),
};

const say = (text) => console.log(text);
const execute = (command, args, options = {}) =>
  execFileSync(command, args, { stdio: ['ignore', 'ignore', 'inherit'], ...options });

function installPeers() {
  const wanted = JSON.stringify({ name: 'bench-peers', private: true, dependencies: PEERS });
  const manifest = join(folder, 'package.json'),
    stamp = join(folder, 'installed.json');
  if (existsSync(stamp) && readFileSync(stamp, 'utf8') === wanted) return;
  say(`Installing ${Object.keys(PEERS).join(', ')} into ${folder}`);
  mkdirSync(folder, { recursive: true });
  writeFileSync(manifest, wanted);
  execute('npm', ['install', '--no-audit', '--no-fund', '--ignore-scripts'], { cwd: folder });
  writeFileSync(stamp, wanted);
}

/** The Python of `npm test`, with TensorFlow and h5py. */
export function tensorflowPython() {
  const python = process.env.KERAS_WASM_TF_PYTHON ?? join(cache, 'venv-tf', 'bin', 'python');
  if (!existsSync(python)) throw new Error('The models are made by TensorFlow 2.15.1: run `npm test` once, which installs it.');
  return python;
}

/** An environment that sees that TensorFlow, plus the peers' converters where they install. */
function installPython() {
  const tensorflow = tensorflowPython();
  const venv = join(folder, 'venv'),
    python = join(venv, 'bin', 'python');
  if (!existsSync(python)) {
    execute(tensorflow, ['-m', 'venv', venv]);
    const siteOf = (command) =>
      execFileSync(command, ['-c', 'import sysconfig; print(sysconfig.get_path("purelib"))'], { encoding: 'utf8' }).trim();
    writeFileSync(join(siteOf(python), 'tensorflow.pth'), `${siteOf(tensorflow)}\n`);
  }
  const stamp = join(venv, 'converters'),
    wanted = CONVERTERS.join(' ');
  if (existsSync(stamp) && readFileSync(stamp, 'utf8') === wanted) return python;
  for (const converter of CONVERTERS) {
    try {
      execute(python, ['-m', 'pip', 'install', '--quiet', '--no-deps', converter]);
    } catch {
      say(`${converter} does not install here: no rows for what it converts to.`);
    }
  }
  writeFileSync(stamp, wanted);
  return python;
}

function makeModels() {
  const script = join(here, 'make_models.py'),
    complete = join(folders.models, 'complete');
  if (existsSync(complete) && readFileSync(complete, 'utf8') === readFileSync(script, 'utf8')) return;
  say('Making the models with TensorFlow');
  rmSync(folders.models, { recursive: true, force: true });
  execute(installPython(), [script, folders.models]);
}

// What peers made for CommonJS take for granted.
const REQUIRE = `import { createRequire } from 'node:module';
const require = createRequire(import.meta.url), __filename = new URL(import.meta.url).pathname, __dirname = __filename.replace(/\\/[^/]*$/, '');`;

/** The adapters, with their peers inside, for both places. */
async function bundleAdapters() {
  const entryPoints = readdirSync(join(here, 'peers')).map((name) => join(here, 'peers', name));
  for (const place of ['node', 'chromium']) {
    await build({
      entryPoints,
      outdir: folders.bundles,
      entryNames: `[name].${place}`,
      outExtension: { '.js': '.mjs' },
      bundle: true,
      format: 'esm',
      target: 'es2022',
      platform: place === 'node' ? 'node' : 'browser',
      mainFields: ['module', 'browser', 'main'],
      nodePaths: [folders.packages],
      logLevel: 'error',
      external: ['module', 'fs', 'path', 'worker_threads', 'crypto', 'perf_hooks', 'os', 'util', 'url', 'node:*'],
      banner: place === 'node' ? { js: REQUIRE } : {},
    });
  }
}

export async function setUp() {
  if (!existsSync(join(folders.package, 'index.js')))
    throw new Error('There is no package in dist/package: run `npm run build` first.');
  installPeers();
  makeModels();
  await bundleAdapters();
}
