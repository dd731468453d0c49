// The test suites, each run by the runner that its tests are written for, and the table of how they closed.
import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { buildEnvironment, ROOT, TF_PYTHON, TOOLS } from './paths.mjs';
import { outputOf, runAndListen, say } from './run.mjs';

const bin = (path) => join(ROOT, 'node_modules', path);
const listFiles = (...patterns) =>
  outputOf('git', ['ls-files', '-co', '--exclude-standard', ...patterns])
    .split('\n')
    .filter(onDisk);
const onDisk = (path) => path !== '' && existsSync(join(ROOT, path));

const CHECKS = {
  includes: () => [process.execPath, ['scripts/check_includes.mjs']],
  'clang-format': () => [join(TOOLS, 'clang-format'), ['--dry-run', '--Werror', ...listFiles('*.cc', '*.h')]],
  prettier: () => [process.execPath, [bin('prettier/bin/prettier.cjs'), '--check', '--log-level', 'warn', '.']],
};
const typecheck = (config) => () => [process.execPath, [bin('typescript/bin/tsc'), '--noEmit', '-p', config]];

/** Style and types: one program after the other. */
async function runChecks() {
  const types = listFiles('*tsconfig*.json').map((config) => [`tsc ${config}`, typecheck(config)]);
  const failed = [];
  const all = [...Object.entries(CHECKS), ...types];
  for (const [name, command] of all) {
    const { ok } = await runAndListen(...command());
    console.log(`${ok ? '✔' : '✖'} ${name}`);
    if (!ok) failed.push(name);
  }
  return {
    ok: failed.length === 0,
    closing: failed.length === 0 ? `${all.length} checks passed` : `failed: ${failed.join(', ')}`,
  };
}

/** GoogleTest programs under CTest, in one build. */
async function runCoreTests(preset) {
  const { ok, output } = await runAndListen('ctest', ['--preset', preset, '--label-exclude', 'fuzz', '--verbose'], {
    env: buildEnvironment,
  });
  const passed = [...output.matchAll(/\[ {2}PASSED {2}\] (\d+) tests?/g)].reduce((sum, [, count]) => sum + Number(count), 0);
  const summary = output.match(/^\d+% tests passed.*$/m)?.[0] ?? 'ended early';
  return { ok: ok && passed > 0, closing: `${passed} tests passed; programs: ${summary}` };
}

/** The fuzzers of tests/fuzz under CTest, each for a fixed number of inputs. */
async function runFuzzers() {
  const { ok, output } = await runAndListen('ctest', ['--preset', 'native-asan', '--label-regex', 'fuzz', '--verbose'], {
    env: buildEnvironment,
  });
  const inputs = [...output.matchAll(/stat::number_of_executed_units: (\d+)/g)].map(([, count]) => Number(count));
  return {
    ok: ok && inputs.length > 0,
    closing: `${inputs.length} fuzzers, ${inputs.reduce((sum, count) => sum + count, 0)} inputs`,
  };
}

const testFiles = (folder) => listFiles(`${folder}/*.test.mjs`).sort();

/** Node's test runner over the *.test.mjs of one folder. */
async function runNodeTests(folder, env) {
  const { ok, output } = await runAndListen(process.execPath, ['--test', '--test-reporter=spec', ...testFiles(folder)], { env });
  const count = (what) => Number(output.match(new RegExp(`^ℹ ${what} (\\d+)$`, 'm'))?.[1] ?? NaN);
  const skipped = count('skipped') > 0 ? `, skipped ${count('skipped')}` : '';
  return {
    ok: ok && count('pass') > 0,
    closing: `tests ${count('tests')}, pass ${count('pass')}, fail ${count('fail')}${skipped}`,
  };
}

/** All suites that have tests; those that need a Chromium or a TensorFlow which is not to be had carry the reason. */
export function listSuites({ chromium, tensorflowMissing }) {
  const env = { KERAS_WASM_TF_PYTHON: TF_PYTHON, ...process.env, ...(chromium.path ? { CHROME_PATH: chromium.path } : {}) };
  const node = (folder, why) => ({ name: folder, why, run: () => runNodeTests(folder, env) });
  return [
    { name: 'checks', run: runChecks },
    { name: 'tests/core', run: () => runCoreTests('native') },
    { name: 'tests/core, sanitized', run: () => runCoreTests('native-asan') },
    { name: 'tests/core, threads', run: () => runCoreTests('native-tsan') },
    { name: 'tests/fuzz', run: runFuzzers },
    ...[
      node('tests/js'),
      node('tests/packaging'),
      node('tests/hostile'),
      node('tests/browser', chromium.why),
      node('tests/conformance', tensorflowMissing),
    ].filter(({ name }) => testFiles(name).length > 0),
  ];
}

/** Runs the suites, prints the table, and returns whether all is well. */
export async function runSuites(suites) {
  const rows = [];
  for (const { name, why, run } of suites) {
    if (why) {
      rows.push({ name, ok: process.env.CI !== 'true', closing: `LEFT OUT: ${why}`, seconds: 0 });
      continue;
    }
    say(name);
    const start = Date.now();
    rows.push({ name, ...(await run()), seconds: Math.round((Date.now() - start) / 1000) });
  }
  say('How the suites closed');
  for (const { name, ok, closing, seconds } of rows) {
    console.log(`${ok ? '✔' : '✖'} ${name.padEnd(22)} ${String(seconds).padStart(4)} s  ${closing}`);
  }
  return rows.every(({ ok }) => ok);
}
