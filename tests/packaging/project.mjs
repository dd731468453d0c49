// An empty project with the packed tarball installed, as a user's would be; made once for each test file.
import { execFile } from 'node:child_process';
import { mkdir, mkdtemp, readdir, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { promisify } from 'node:util';
import { root } from '../support.mjs';

const run = promisify(execFile);
/** Nothing of the surrounding `npm` reaches the ones started here. */
const env = Object.fromEntries(Object.entries(process.env).filter(([key]) => !key.startsWith('npm_')));

export class Project {
  constructor(folder) {
    this.folder = folder;
  }
  /** Packs the package and installs it, without a network. */
  static async create(name) {
    const project = new Project(await mkdtemp(join(tmpdir(), `keras-wasm-${name}-`)));
    await project.write({ 'package.json': '{ "name": "user", "version": "1.0.0", "private": true }\n' });
    await run('npm', ['pack', root, '--pack-destination', project.folder, '--ignore-scripts'], { cwd: project.folder, env });
    const tarball = (await readdir(project.folder)).find((file) => file.endsWith('.tgz'));
    const flags = ['--offline', '--ignore-scripts', '--no-audit', '--no-fund'];
    await run('npm', ['install', ...flags, `./${tarball}`], { cwd: project.folder, env });
    return project;
  }
  path(...parts) {
    return join(this.folder, ...parts);
  }
  /** Writes files: name → text. */
  async write(files) {
    for (const [name, text] of Object.entries(files)) {
      await mkdir(dirname(this.path(name)), { recursive: true });
      await writeFile(this.path(name), text);
    }
  }
  /** Runs a Node program in the project; resolves to what it prints. */
  async node(...args) {
    try {
      return (await run(process.execPath, args, { cwd: this.folder, env })).stdout.trim();
    } catch (error) {
      throw new Error(`node ${args.join(' ')} failed:\n${error.stdout}\n${error.stderr}`, { cause: error });
    }
  }
  remove() {
    return rm(this.folder, { recursive: true, force: true });
  }
}
