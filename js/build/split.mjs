// Splits an engine in two: what loading a model and predicting use, and the rest. See js/src/engine/parts.ts for how they meet.
import { execFileSync } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';

import { withoutPlaceholders } from './placeholders.mjs';
import { joinedByTable } from './primary.mjs';

const here = dirname(fileURLToPath(import.meta.url));
const root = join(here, '..', '..');
const PROFILER = join(here, 'profile.mjs');
const MODEL_MAKER = join(here, 'profile_models.mjs');
const FEATURES = ['simd', 'relaxed-simd', 'threads', 'bulk-memory', 'exception-handling', 'nontrapping-float-to-int', 'sign-ext', 'mutable-globals',
  'reference-types', 'multivalue'].map((name) => `--enable-${name}`);
/** Of the names that the first part exports for the rest. */
const PREFIX = '%';
/** Node 20 has relaxed SIMD behind a flag, later versions know no such flag. */
const nodeFlags = (variant) => variant === 'relaxed' && process.versions.node.startsWith('20.') ? ['--experimental-wasm-relaxed-simd'] : [];

/** wasm-split of the Binaryen that Emscripten itself uses, as CMake has found it. */
function wasmSplit(...args) {
  const cache = readFileSync(join(root, 'build', 'wasm', 'CMakeCache.txt'), 'utf8');
  const [, program] = cache.match(/^WASM_SPLIT:FILEPATH=(.+)$/m);
  execFileSync(program, [...args, ...FEATURES], { stdio: ['ignore', 'ignore', 'inherit'] });
}

/** `whole` → `first` and `rest`, all paths. REQUIRES: the package's index.js and its keras-simd.wasm are there. */
export function split(variant, whole, first, rest) {
  const folder = mkdtempSync(join(tmpdir(), 'keras-wasm-split-'));
  try {
    const simd = join(dirname(whole), 'keras-simd.wasm');
    const models = execFileSync(process.execPath, [MODEL_MAKER, simd, folder], { encoding: 'utf8' }).trim().split('\n');
    const instrumented = join(folder, 'instrumented.wasm');
    const profile = join(folder, 'profile');
    wasmSplit('--instrument', whole, '-o', instrumented);
    execFileSync(process.execPath, [...nodeFlags(variant), PROFILER, instrumented, variant, profile, ...models], { stdio: 'inherit' });
    const [primary, secondary] = ['first.wasm', 'rest.wasm'].map((name) => join(folder, name));
    wasmSplit('--split', whole, `--profile=${profile}`, `--export-prefix=${PREFIX}`, '-o1', primary, '-o2', secondary);
    const parts = joinedByTable(withoutPlaceholders(readFileSync(primary)), readFileSync(secondary), PREFIX);
    writeFileSync(first, parts.first);
    writeFileSync(rest, parts.rest);
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}
