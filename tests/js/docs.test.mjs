// What the documentation says is run: every `js` block of README.md and docs/saving.md is a whole program, README's tables
// are those of the built package, and what pages link to and code points at exists.
import assert from 'node:assert/strict';
import { execFile } from 'node:child_process';
import { existsSync, readFileSync, readdirSync } from 'node:fs';
import { mkdir, mkdtemp, readFile, rm, symlink } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { after, before, describe, test } from 'node:test';
import { promisify } from 'node:util';
import { root } from '../support.mjs';

const run = promisify(execFile);

function pages() {
  const docs = readdirSync(join(root, 'docs'), { recursive: true }).filter((file) => file.endsWith('.md'));
  return ['README.md', 'CONTRIBUTING.md', 'CHANGELOG.md', 'THIRD_PARTY.md', ...docs.map((file) => join('docs', file))];
}

/** The `js` blocks of a page, with the heading that each stands under. */
function programsOf(text) {
  return [...text.matchAll(/^## (.*)$|^```js\n([^]*?)^```$/gm)].reduce(
    ({ heading, list }, [, title, program]) =>
      program === undefined ? { heading: title, list } : { heading, list: [...list, { heading, program }] },
    { heading: '', list: [] },
  ).list;
}

describe('Programs in the documentation', () => {
  let folder; // a user's project: the package installed, the example models beside it
  before(async () => {
    folder = await mkdtemp(join(tmpdir(), 'keras-wasm-docs-'));
    await mkdir(join(folder, 'node_modules'));
    await symlink(root, join(folder, 'node_modules', 'keras-wasm'));
    await symlink(join(root, 'examples'), join(folder, 'examples'));
  });
  after(() => rm(folder, { recursive: true }));

  for (const page of ['README.md', 'docs/saving.md']) {
    for (const { heading, program } of programsOf(readFileSync(join(root, page), 'utf8'))) {
      test(`${page}, "${heading}", runs`, async () => {
        const { stdout, stderr } = await run(process.execPath, ['--input-type=module', '--eval', program], { cwd: folder });
        assert.notEqual(stdout, '');
        assert.equal(stderr, '');
      });
    }
  }
});

describe('The documentation', () => {
  test("has README's tables as the built package gives them", async () => {
    await run(process.execPath, ['scripts/support_table.mjs', '--check'], { cwd: root });
  });

  for (const page of pages()) {
    test(`${page} links to files that exist`, async () => {
      const text = await readFile(join(root, page), 'utf8');
      for (const [, target] of text.matchAll(/\]\(([^)#:]+)(?:#[^)]*)?\)/g)) {
        assert.ok(existsSync(join(root, dirname(page), target)), `${page} → ${target}`);
      }
    });
  }

  test('has the pages and sections that the code points at', async () => {
    const { stdout } = await run(
      'git',
      ['grep', '-hoE', 'docs/[a-z0-9_/]+\\.md(, "[^"]+")?', '--', 'core', 'js', 'wasm', 'web'],
      { cwd: root },
    );
    const references = new Set(stdout.trim().split('\n'));
    assert.ok(references.size >= 4);
    for (const reference of references) {
      const [page, section] = reference.split(', ');
      const text = await readFile(join(root, page), 'utf8');
      if (section) assert.match(text, new RegExp(`^#+ ${section.slice(1, -1)}$`, 'm'), reference);
    }
  });
});
