// The development packages of package-lock.json.
import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { ROOT } from './paths.mjs';
import { run, say } from './run.mjs';

const packagesOf = (file) => (existsSync(file) ? JSON.parse(readFileSync(file, 'utf8')).packages : {});

/** Runs `npm ci` unless node_modules has what the lock file wants. */
export function installNodePackages() {
  const wanted = Object.entries(packagesOf(join(ROOT, 'package-lock.json')));
  const installed = packagesOf(join(ROOT, 'node_modules', '.package-lock.json'));
  const fresh = wanted.every(([path, { version, optional }]) => path === '' || optional || installed[path]?.version === version);
  if (fresh) return;
  say('Installing JavaScript packages: npm ci');
  run('npm', ['ci', '--no-audit', '--no-fund']);
}
