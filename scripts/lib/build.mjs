// What is built: the core natively (plain and with sanitizers), the engine's variants, the package, the page.
import { readFileSync } from 'node:fs';
import { availableParallelism } from 'node:os';
import { join } from 'node:path';
import { installNodePackages } from './npm.mjs';
import { buildEnvironment, CACHE, ROOT } from './paths.mjs';
import { run, say } from './run.mjs';
import { once } from './stamp.mjs';
import { installEmscripten, installSources, installSystemPackages, nativeCompiler } from './toolchain.mjs';

/** Build presets of the package's engines. */
const VARIANTS = ['wasm-simd', 'wasm-relaxed', 'wasm-threads', 'wasm-relaxed-threads'];

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

async function buildEngine() {
  const presets = JSON.parse(presetsText()).buildPresets;
  for (const variant of VARIANTS) {
    say(`Building the engine: ${variant}`);
    const { configurePreset } = presets.find(({ name }) => name === variant);
    await configure(configurePreset, buildEnvironment, 'emcmake');
    build(variant, buildEnvironment);
  }
}

/** The engine, the package in dist/package and the page in dist/web. */
export async function buildPackage() {
  await buildEngine();
  say('Building the package and the page');
  run(process.execPath, [join(ROOT, 'js', 'build', 'build.mjs'), '--all'], { env: buildEnvironment });
  run(process.execPath, [join(ROOT, 'web', 'build.mjs')]);
}
