// What is built: the core natively (plain and with sanitizers), the engine's variants, the package, the page.
import { existsSync, readFileSync, writeFileSync } from 'node:fs';
import { availableParallelism } from 'node:os';
import { join } from 'node:path';
import { installNodePackages } from './npm.mjs';
import { buildEnvironment, CACHE, ROOT } from './paths.mjs';
import { filesBelow, listFiles, run, say } from './run.mjs';
import { digestOf, once } from './stamp.mjs';
import { installEmscripten, installSources, installSystemPackages, nativeCompiler } from './toolchain.mjs';

/** Everything that the builds need. */
export async function installBuildTools() {
  installSystemPackages();
  installNodePackages();
  await installSources();
  await installEmscripten();
}

const presetsText = () => readFileSync(join(ROOT, 'CMakePresets.json'), 'utf8');

/** Runs CMake where the presets have changed since it ran; `launcher` is what comes before cmake on the command line. */
async function configure(preset, env, ...launcher) {
  const [command, ...args] = [...launcher, 'cmake', '--preset', preset, `-DKERAS_DEPS=${CACHE}`];
  await once(join(ROOT, 'build', preset, 'configured'), presetsText(), () => run(command, args, { env, quiet: true }));
}

const build = (preset, env) => run('cmake', ['--build', '--preset', preset, '-j', String(availableParallelism())], { env });

/** `preset`: native, native-asan or native-tsan. */
export async function buildNative(preset) {
  say(`Building the core: ${preset}`);
  const env = { ...buildEnvironment, ...nativeCompiler() };
  await configure(preset, env);
  build(preset, env);
}

/** All four variants at once: what one links by one core leaves the other to the next. */
async function buildEngine() {
  say('Building the engine');
  await configure('wasm', buildEnvironment, 'emcmake');
  build('wasm', buildEnvironment);
}

/** What the package is made of, and what is there of it: a build by hand in between shows. */
function packageState() {
  const sources = listFiles('js', 'examples/models', 'tests/fixtures/models', 'package.json', 'package-lock.json');
  const made = existsSync(join(ROOT, 'dist', 'package')) ? filesBelow(join(ROOT, 'dist', 'package')) : [];
  return digestOf([...sources.map((path) => join(ROOT, path)), ...filesBelow(join(ROOT, 'build', 'wasm', 'dist')), ...made]);
}

/** The engine, the package in dist/package and the page in dist/web. */
export async function buildPackage() {
  await buildEngine();
  const stamp = join(ROOT, 'dist', 'package-built');
  if (!existsSync(stamp) || readFileSync(stamp, 'utf8') !== packageState()) {
    say('Building the package');
    run(process.execPath, [join(ROOT, 'js', 'build', 'build.mjs'), '--all'], { env: buildEnvironment });
    writeFileSync(stamp, packageState());
  }
  say('Building the page');
  run(process.execPath, [join(ROOT, 'web', 'build.mjs')]);
}
