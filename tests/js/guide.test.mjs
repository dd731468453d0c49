// The guide's sections, as programs that assert what the guide asserts: each in a Node process of its own.
import { execFile } from 'node:child_process';
import { readdir } from 'node:fs/promises';
import { describe, test } from 'node:test';
import { promisify } from 'node:util';
import { root } from '../support.mjs';

const programs = (await readdir(new URL('../../examples/guide/', import.meta.url))).sort();

describe('The guide', () => {
  for (const name of programs) {
    test(name, () => promisify(execFile)(process.execPath, [`examples/guide/${name}`], { cwd: root }));
  }
});
