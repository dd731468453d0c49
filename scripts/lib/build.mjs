// What is built: the core natively (plain and with sanitizers), the engine's variants, the package, the page.
import { existsSync, readFileSync } from 'node:fs';
import { availableParallelism } from 'node:os';
import { join } from 'node:path';
import { buildEnvironment, CACHE, ROOT } from './paths.mjs';
import { run, say } from './run.mjs';
import { installEmscripten, installSources, installSystemPackages, nativeCompiler } from './toolchain.mjs';
import { installNodePackages } from './npm.mjs';

/** Build presets of the package's engines. */
const VARIANTS = ['wasm-simd', 'wasm-relaxed'];

/** Everything that the builds need. */
export async function installBuildTools() {
  installSystemPackages();
  installNodePackages();
  await installSources();
  await installEmscripten();
}

function configure(preset, launcher, env) {
  if (existsSync(join(ROOT, 'build', preset, 'build.ninja'))) return;
  run(...launcher('cmake', ['--preset', preset, `-DKERAS_DEPS=${CACHE}`]), { env, quiet: true });
}

const build = (preset, env) => run('cmake', ['--build', '--preset', preset, '-j', String(availableParallelism())], { env });

/** `preset`: native or native-asan. */
export function buildNative(preset) {
  say(`Building the core: ${preset}`);
  const env = { ...buildEnvironment, ...nativeCompiler() };
  configure(preset, (...command) => command, env);
  build(preset, env);
}

function buildEngine() {
  const presets = JSON.parse(readFileSync(join(ROOT, 'CMakePresets.json'), 'utf8')).buildPresets;
  for (const variant of VARIANTS) {
    say(`Building the engine: ${variant}`);
    const { configurePreset } = presets.find(({ name }) => name === variant);
    configure(configurePreset, (command, args) => ['emcmake', [command, ...args]], buildEnvironment);
    build(variant, buildEnvironment);
  }
}

/** The engine, the package in dist/package and the page in dist/web. */
export function buildPackage() {
  buildEngine();
  say('Building the package and the page');
  run(process.execPath, [join(ROOT, 'js', 'build', 'build.mjs')], { env: buildEnvironment });
  run(process.execPath, [join(ROOT, 'web', 'build.mjs')]);
}
