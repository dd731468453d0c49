// Runs programs, and tells what is going on.
import { spawn, spawnSync } from 'node:child_process';
import { accessSync, constants, existsSync, readdirSync, statSync } from 'node:fs';
import { delimiter, join } from 'node:path';
import { ROOT } from './paths.mjs';

/** What a person has to know and do, in one sentence; printed without a stack. */
export class SetupError extends Error {}

export const say = (text) => console.log(`\n▶ ${text}`);

/** Runs a program to its end, its output shown; throws where it fails. */
export function run(command, args, { env = process.env, cwd = ROOT, quiet = false } = {}) {
  const { status, signal, error, stdout, stderr } = spawnSync(command, args, {
    cwd,
    env,
    stdio: quiet ? 'pipe' : 'inherit',
    encoding: 'utf8',
  });
  if (status === 0) return;
  if (quiet) console.error(`${stdout ?? ''}${stderr ?? ''}`);
  throw new SetupError(
    `"${[command, ...args].join(' ').slice(0, 200)}" failed (${error?.message ?? signal ?? `exit code ${status}`}).`,
  );
}

/** What a program prints, or null where it is missing or fails. */
export function outputOf(command, args, env = process.env) {
  const { status, stdout } = spawnSync(command, args, { cwd: ROOT, env, encoding: 'utf8', stdio: ['ignore', 'pipe', 'ignore'] });
  return status === 0 ? stdout : null;
}

/** The repository's files of these patterns, new ones too. */
export const listFiles = (...patterns) =>
  outputOf('git', ['ls-files', '-co', '--exclude-standard', ...patterns])
    .split('\n')
    .filter((path) => path !== '' && existsSync(join(ROOT, path)));

/** All files below a folder, as full paths. */
export const filesBelow = (folder) =>
  readdirSync(folder, { recursive: true })
    .map((path) => join(folder, path))
    .filter((path) => statSync(path).isFile())
    .sort();

/** Runs a program, gives its output to `show` as it comes, and returns what it wrote to standard output. */
export function runAndListen(command, args, { env = process.env, show }) {
  return new Promise((resolve, reject) => {
    const child = spawn(command, args, { cwd: ROOT, env, stdio: ['ignore', 'pipe', 'pipe'] });
    const chunks = [];
    child.stdout.on('data', (chunk) => {
      chunks.push(chunk);
      show(chunk);
    });
    child.stderr.on('data', show);
    child.on('error', reject);
    child.on('close', (status) => resolve({ ok: status === 0, output: Buffer.concat(chunks).toString() }));
  });
}

/** For outputs that come at the same time and are shown one after the other: of each what shows it, and what says that it ended. */
export function outputsInTurn(count) {
  const outputs = Array.from({ length: count }, () => ({ waiting: [], ended: false }));
  let turn = 0;
  const showWaiting = () => outputs[turn]?.waiting.splice(0).forEach((chunk) => process.stdout.write(chunk));
  return outputs.map((output) => ({
    show(chunk) {
      output.waiting.push(chunk);
      showWaiting();
    },
    end() {
      output.ended = true;
      while (outputs[turn]?.ended) {
        showWaiting();
        turn++;
      }
      showWaiting();
    },
  }));
}

/** The first of these programs that is on the PATH, as a full path, or null. */
export function which(...names) {
  for (const name of names) {
    for (const folder of (process.env.PATH ?? '').split(delimiter)) {
      const path = join(folder, name);
      try {
        accessSync(path, constants.X_OK);
        return path;
      } catch {
        // not here
      }
    }
  }
  return null;
}

/** Runs a script's main function; a failure ends the process with its one sentence, or with the stack of a defect. */
export async function main(work) {
  try {
    await work();
  } catch (error) {
    console.error(`\n✖ ${error instanceof SetupError ? error.message : error.stack}`);
    process.exitCode = 1;
  }
}
