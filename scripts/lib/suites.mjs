// The test suites, each run by the runner that its tests are written for, and the table of how they closed.
import { availableParallelism } from 'node:os';
import { join } from 'node:path';
import { buildEnvironment, ROOT, TF_PYTHON, TOOLS } from './paths.mjs';
import { listFiles, outputsInTurn, runAndListen, say } from './run.mjs';

const bin = (path) => join(ROOT, 'node_modules', path);

const CHECKS = {
  includes: () => [process.execPath, ['scripts/check_includes.mjs']],
  'clang-format': () => [join(TOOLS, 'clang-format'), ['--dry-run', '--Werror', ...listFiles('*.cc', '*.h')]],
  prettier: () => [process.execPath, [bin('prettier/bin/prettier.cjs'), '--check', '--log-level', 'warn', '.']],
};
const typecheck = (config) => () => [process.execPath, [bin('typescript/bin/tsc'), '--noEmit', '-p', config]];

/** Style and types: one program after the other. */
async function runChecks(show) {
  const types = listFiles('*tsconfig*.json').map((config) => [`tsc ${config}`, typecheck(config)]);
  const failed = [];
  const all = [...Object.entries(CHECKS), ...types];
  for (const [name, command] of all) {
    const { ok } = await runAndListen(...command(), { show });
    show(`${ok ? '✔' : '✖'} ${name}\n`);
    if (!ok) failed.push(name);
  }
  return {
    ok: failed.length === 0,
    closing: failed.length === 0 ? `${all.length} checks passed` : `failed: ${failed.join(', ')}`,
  };
}

/** GoogleTest programs under CTest, in one build. */
async function runCoreTests(preset, show) {
  const { ok, output } = await runAndListen('ctest', ['--preset', preset, '--label-exclude', 'fuzz', '--verbose'], {
    env: buildEnvironment,
    show,
  });
  const passed = [...output.matchAll(/\[ {2}PASSED {2}\] (\d+) tests?/g)].reduce((sum, [, count]) => sum + Number(count), 0);
  const summary = output.match(/^\d+% tests passed.*$/m)?.[0] ?? 'ended early';
  return { ok: ok && passed > 0, closing: `${passed} tests passed; programs: ${summary}` };
}

/** The fuzzers of tests/fuzz under CTest, each for a fixed number of inputs. */
async function runFuzzers(show) {
  const { ok, output } = await runAndListen('ctest', ['--preset', 'native-asan', '--label-regex', 'fuzz', '--verbose'], {
    env: buildEnvironment,
    show,
  });
  const inputs = [...output.matchAll(/stat::number_of_executed_units: (\d+)/g)].map(([, count]) => Number(count));
  return {
    ok: ok && inputs.length > 0,
    closing: `${inputs.length} fuzzers, ${inputs.reduce((sum, count) => sum + count, 0)} inputs`,
  };
}

/** What takes longest, the longest last. */
const LONG = ['tests/core, sanitized', 'tests/conformance'];

const testFiles = (folder) => listFiles(`${folder}/*.test.mjs`).sort();

/** Node's test runner over the *.test.mjs of one folder. */
async function runNodeTests(folder, env, show) {
  const args = ['--test', '--test-reporter=spec', ...testFiles(folder)];
  const { ok, output } = await runAndListen(process.execPath, args, { env, show });
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
  const node = (folder, why) => ({ name: folder, why, run: (show) => runNodeTests(folder, env, show) });
  return [
    { name: 'checks', run: runChecks },
    { name: 'tests/core', run: (show) => runCoreTests('native', show) },
    { name: 'tests/core, sanitized', run: (show) => runCoreTests('native-asan', show) },
    { name: 'tests/core, threads', run: (show) => runCoreTests('native-tsan', show) },
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

/** Two suites at a time keep two cores busy: most of them run in one thread. */
const AT_ONCE = Math.min(2, availableParallelism());

/** Runs the suites, the longest first, shows their outputs in order, prints the table, and returns whether all is well. */
export async function runSuites(suites) {
  const outputs = outputsInTurn(suites.length);
  const rows = suites.map(({ name, why }) => ({ name, seconds: 0, ok: process.env.CI !== 'true', closing: `LEFT OUT: ${why}` }));
  const runOne = async ({ name, why, run }) => {
    const at = suites.findIndex((suite) => suite.name === name);
    const { show, end } = outputs[at];
    const start = Date.now();
    if (!why) {
      show(`\n▶ ${name}\n`);
      Object.assign(rows[at], await run(show), { seconds: Math.round((Date.now() - start) / 1000) });
    }
    end();
  };
  const queue = [...suites].sort((a, b) => LONG.indexOf(b.name) - LONG.indexOf(a.name));
  const runQueue = async () => {
    while (queue.length > 0) await runOne(queue.shift());
  };
  await Promise.all(Array.from({ length: AT_ONCE }, runQueue));
  say('How the suites closed');
  for (const { name, ok, closing, seconds } of rows) {
    console.log(`${ok ? '✔' : '✖'} ${name.padEnd(22)} ${String(seconds).padStart(4)} s  ${closing}`);
  }
  return rows.every(({ ok }) => ok);
}
