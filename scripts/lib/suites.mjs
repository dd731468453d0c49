// The test suites, each run by the runner that its tests are written for, and the table of how they closed.
import { existsSync } from 'node:fs';
import { availableParallelism } from 'node:os';
import { join } from 'node:path';
import { keepPassed, passedFor } from './passed.mjs';
import { buildEnvironment, ROOT, TF_PYTHON, TOOLS } from './paths.mjs';
import { filesBelow, listFiles, outputOf, outputsInTurn, runAndListen, say } from './run.mjs';
import { digestOf } from './stamp.mjs';

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

/** What CTest knows in one build: {name, program}. */
function listPrograms(preset, isFuzz) {
  const { tests } = JSON.parse(outputOf('ctest', ['--preset', preset, '--show-only=json-v1'], buildEnvironment));
  const labels = (test) => test.properties.find(({ name }) => name === 'LABELS')?.value ?? [];
  return tests
    .filter((test) => labels(test).includes('fuzz') === isFuzz && test.name !== 'fuzz_seeds')
    .map(({ name, command }) => ({ name, program: command[0] }));
}

/**
 * Test programs under CTest, in one build. Runs those that have changed since they passed, themselves or the files that they read,
 * and counts for each what `counted` finds in its output. CTest runs what they need before.
 */
async function runPrograms(preset, { isFuzz, counted }, show) {
  const read = listFiles('tests/fixtures', 'tests/fuzz', 'tests/core/CMakeLists.txt').map((path) => join(ROOT, path));
  const programs = listPrograms(preset, isFuzz).map(({ name, program }) => {
    const [stamp, key] = [`${preset}_${name}`, digestOf([program, ...read])];
    return { name, stamp, key, count: passedFor(stamp, key) };
  });
  const changed = programs.filter(({ count }) => count === null);
  const unchanged = programs.length - changed.length;
  let summary = '';
  if (changed.length > 0) {
    const which = `^(${changed.map(({ name }) => name).join('|')})$`;
    const args = ['--preset', preset, '--tests-regex', which, '--verbose'];
    const { output } = await runAndListen('ctest', args, { env: buildEnvironment, show });
    for (const program of changed) {
      const [, number] = output.match(new RegExp(`Test +#(\\d+): ${program.name} \\.* +Passed`)) ?? [];
      const [, count] = output.match(new RegExp(`^${number}: ${counted.source}`, 'm')) ?? [];
      if (number === undefined || count === undefined) continue;
      program.count = Number(count);
      keepPassed(program.stamp, program.key, program.count);
    }
    summary = output.match(/^\d+% tests passed.*$/m)?.[0] ?? 'ended early';
  }
  return {
    ok: programs.length > 0 && programs.every(({ count }) => count !== null),
    count: programs.reduce((sum, { count }) => sum + count, 0),
    programs: [summary, unchanged > 0 ? `${unchanged} of ${programs.length} unchanged since they passed` : '']
      .filter(Boolean)
      .join(', '),
  };
}

/** GoogleTest programs. */
async function runCoreTests(preset, show) {
  const { ok, count, programs } = await runPrograms(preset, { isFuzz: false, counted: /\[ {2}PASSED {2}\] (\d+) tests?/ }, show);
  return { ok: ok && count > 0, closing: `${count} tests passed; programs: ${programs}` };
}

/** The fuzzers of tests/fuzz, each for a fixed number of inputs. */
async function runFuzzers(show) {
  const counted = /stat::number_of_executed_units: (\d+)/;
  const { ok, count, programs } = await runPrograms('native-asan', { isFuzz: true, counted }, show);
  return { ok: ok && count > 0, closing: `${count} inputs; fuzzers: ${programs}` };
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

/** Of the programs and the package that the suites see, and of all files but those of the core's tests. */
function everythingElse() {
  const built = ['package', 'web'].map((part) => join(ROOT, 'dist', part)).filter(existsSync);
  return digestOf([...listFiles(':!tests/core', ':!tests/fuzz').map((path) => join(ROOT, path)), ...built.flatMap(filesBelow)]);
}

/** A suite that does not run where nothing has changed since it passed. One that has left out tests is not done with. */
function unlessUnchanged(name, programs, run) {
  return async (show) => {
    const key = `${programs} ${name === 'checks' ? digestOf(listFiles().map((path) => join(ROOT, path))) : everythingElse()}`;
    const before = passedFor(name, key);
    if (before !== null) return { ok: true, closing: `${before}, unchanged since then` };
    const result = await run(show);
    if (result.ok && !result.closing.includes('skipped')) keepPassed(name, key, result.closing);
    return result;
  };
}

/** All suites that have tests; those that need a Chromium or a TensorFlow which is not to be had carry the reason. */
export function listSuites({ chromium, tensorflowMissing }) {
  const env = { KERAS_WASM_TF_PYTHON: TF_PYTHON, ...process.env, ...(chromium.path ? { CHROME_PATH: chromium.path } : {}) };
  const programs = [process.version, env.KERAS_WASM_TF_PYTHON, env.CHROME_PATH].join(' ');
  const node = (name, why) => ({ name, why, run: unlessUnchanged(name, programs, (show) => runNodeTests(name, env, show)) });
  return [
    { name: 'checks', run: unlessUnchanged('checks', process.version, runChecks) },
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
