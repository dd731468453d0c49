// What has passed: a suite or a test program runs again only where something that it reads has changed since. `rm -r build/passed`
// makes all of them run.
import { existsSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { ROOT } from './paths.mjs';

const FOLDER = join(ROOT, 'build', 'passed');
const fileOf = (name) => join(FOLDER, `${name.replaceAll(/[^\w-]+/g, '_')}.json`);

/** How `name` closed when it last passed, if that was for `key`, else null. */
export function passedFor(name, key) {
  if (!existsSync(fileOf(name))) return null;
  const last = JSON.parse(readFileSync(fileOf(name), 'utf8'));
  return last.key === key ? last.closing : null;
}

/** `name` has passed for `key`, and closed with `closing`: a line or a number of tests. */
export function keepPassed(name, key, closing) {
  mkdirSync(FOLDER, { recursive: true });
  writeFileSync(fileOf(name), JSON.stringify({ key, closing }));
}
