// The compilers and libraries of the engine: from apt where there is apt, elsewhere whoever runs us installs them.
import { existsSync, lstatSync, mkdirSync, readFileSync, rmSync, symlinkSync } from 'node:fs';
import { join } from 'node:path';
import { hasApt, installPackages, isAvailable } from './apt.mjs';
import { CACHE, EMSCRIPTEN, ROOT } from './paths.mjs';
import { outputOf, run, say, SetupError, which } from './run.mjs';
import { once } from './stamp.mjs';

const PROTOC = 'libprotoc 3.21.12'; // the version of the library that is compiled in
const HEADERS = ['/usr/include', '/usr/local/include', '/opt/homebrew/include'];
const LLVM = ['22', '20', '19', '18', '17', '16'];

// command: what must be on the PATH; apt, brew: the package that brings it.
const PROGRAMS = [
  { command: 'cmake', apt: 'cmake', brew: 'cmake' },
  { command: 'ninja', apt: 'ninja-build', brew: 'ninja' },
  { command: 'ccache', apt: 'ccache', brew: 'ccache' },
  { command: 'protoc', apt: 'protobuf-compiler', brew: 'protobuf@21' },
  { command: 'python3', apt: 'python3', brew: 'python@3.11' },
  { command: 'curl', apt: 'curl', brew: 'curl' },
];
const LIBRARIES = [
  { header: 'nlohmann/json.hpp', apt: 'nlohmann-json3-dev', brew: 'nlohmann-json' },
  { header: 'gtest/gtest.h', apt: 'libgtest-dev', brew: 'googletest' },
];
const ALSO_WITH_APT = ['python3-venv', 'ca-certificates', 'xz-utils', 'bzip2', 'debian-archive-keyring'];

const findHeader = (header) => HEADERS.find((folder) => existsSync(join(folder, header)));

/** Programs and libraries of the system; a system without apt is told what is missing. */
export function installSystemPackages() {
  if (hasApt()) {
    installPackages([...[...PROGRAMS, ...LIBRARIES].map(({ apt }) => apt), ...ALSO_WITH_APT, ...compilerPackages()]);
  } else {
    const missing = [
      ...PROGRAMS.filter(({ command }) => !which(command)),
      ...LIBRARIES.filter(({ header }) => !findHeader(header)),
      ...(nativeCompiler() ? [] : [{ brew: 'llvm' }]),
    ];
    if (missing.length > 0) {
      throw new SetupError(
        `Please install ${missing.map(({ brew }) => brew).join(', ')} (names of Homebrew) and run this again.`,
      );
    }
  }
  const protoc = outputOf('protoc', ['--version'])?.trim();
  if (protoc !== PROTOC) {
    throw new SetupError(
      `Please put protoc 3.21.12 first on the PATH (Homebrew: protobuf@21) and run this again: found ${protoc ?? 'none'}.`,
    );
  }
}

/** The newest clang that the distribution has, with its linker and its sanitizers. */
function compilerPackages() {
  const version = LLVM.find((candidate) => isAvailable(`clang-${candidate}`));
  if (!version) throw new SetupError('Please install clang 16 or newer and run this again.');
  return ['clang-', 'lld-', 'llvm-'].map((name) => name + version).concat(`libclang-rt-${version}-dev`);
}

/** Programs and a library that look at files of ours in the tests; those do without where there is no apt. */
export function installTestPrograms() {
  if (hasApt()) installPackages(['hdf5-tools', 'libhdf5-dev'].filter(isAvailable));
}

/** {CC, CXX} of the native builds, or null. */
export function nativeCompiler() {
  const version = LLVM.find((candidate) => which(`clang++-${candidate}`));
  if (version) return { CC: `clang-${version}`, CXX: `clang++-${version}` };
  return which('clang++') ? { CC: 'clang', CXX: 'clang++' } : null;
}

/** Sources that are compiled in, and headers at a place that the wasm build may look at. */
export async function installSources() {
  const script = join(ROOT, 'scripts', 'fetch_sources.sh');
  await once(join(CACHE, 'src', 'installed'), readFileSync(script, 'utf8'), () => {
    say('Fetching the sources of protobuf and zlib');
    run('sh', [script, join(CACHE, 'src')]);
  });
  const folder = join(CACHE, 'include');
  const link = join(folder, 'nlohmann');
  if (existsSync(join(link, 'json.hpp'))) return;
  mkdirSync(folder, { recursive: true });
  if (lstatSync(link, { throwIfNoEntry: false })) rmSync(link);
  symlinkSync(join(findHeader('nlohmann/json.hpp'), 'nlohmann'), link);
}

/** Emscripten, under the cache folder: see install_emscripten.sh for where it comes from. */
export async function installEmscripten() {
  const script = join(ROOT, 'scripts', 'install_emscripten.sh');
  await once(join(EMSCRIPTEN, 'checked'), readFileSync(script, 'utf8'), () => {
    say('Emscripten');
    run('bash', [script], { env: { ...process.env, PREFIX: EMSCRIPTEN } });
  });
}
