// Where things live: the clone, and the user's cache folder, which holds everything that is installed for it.
import { homedir } from 'node:os';
import { delimiter, dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';

export const ROOT = dirname(dirname(dirname(fileURLToPath(import.meta.url))));
export const CACHE = join(process.env.XDG_CACHE_HOME || join(homedir(), '.cache'), 'keras-wasm');
export const EMSCRIPTEN = join(CACHE, 'emscripten');
export const TF_PYTHON = join(CACHE, 'venv-tf', 'bin', 'python');
export const TOOLS = join(CACHE, 'venv-tools', 'bin');

/** The environment of every build: Emscripten first on the PATH, compiler results kept in the cache folder. */
export const buildEnvironment = {
  ...process.env,
  PATH: [join(EMSCRIPTEN, 'bin'), process.env.PATH].join(delimiter),
  CCACHE_DIR: process.env.CCACHE_DIR || join(CACHE, 'ccache'),
  CCACHE_BASEDIR: process.env.CCACHE_BASEDIR || ROOT, // results serve every clone, wherever it lies
  CCACHE_NOHASHDIR: '1',
};
