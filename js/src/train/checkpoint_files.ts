// The files of a checkpoint wherever they lie: `<prefix>.index` and its shards, and the `checkpoint` file of a folder, which
// names the latest prefix.
import { ready } from '../engine/index.js';
import { NotFoundError, ValueError } from '../errors.js';
import { type OpenSource, readWhole, type SourceFile } from '../io/files.js';
import type { HttpOptions } from '../io/http.js';
import { SCHEME } from '../io/indexeddb.js';
import { checkpointsInZip } from '../io/load.js';
import { nodeFile, nodeFolder, prefixSource } from '../io/node.js';
import { type ModelSource, isPath, openSource } from '../io/source.js';
import { parseCheckpointState } from './checkpoint_state.js';

const INDEX = '.index';
/** @internal The name of the file that names the latest. */
export const STATE = 'checkpoint';
/** Names that mean one file, also where it is missing. */
const ONE_FILE = /\.(h5|hdf5|keras|zip)$/i;
const SAVED_MODEL = 'variables/variables';

/** An open checkpoint: files by what follows the prefix, and what has to be done when they are no longer needed. */
export interface CheckpointFiles {
  prefix: string;
  open(suffix: string): Promise<SourceFile>;
  close(): Promise<void>;
}

/** `.data-00000-of-00001` */
export function shardSuffix(shard: number, count: number): string {
  const padded = (value: number): string => String(value).padStart(5, '0');
  return `.data-${padded(shard)}-of-${padded(count)}`;
}

/** Where in a folder a state file points. Paths that are absolute or lead out of the folder count by their last name alone. */
export function insideFolder(path: string): string {
  const parts = path.split(/[\\/]/).filter((part) => part !== '' && part !== '.');
  const leaves = /^([\\/]|[a-zA-Z]:)/.test(path) || path.includes('://') || parts.includes('..');
  return leaves ? (parts.at(-1) ?? '') : parts.join('/');
}

async function latestOf(state: SourceFile): Promise<string> {
  const latest = parseCheckpointState(new TextDecoder().decode(await readWhole(state)));
  const name = latest === null ? '' : insideFolder(latest.modelCheckpointPath);
  if (name === '' || name === '..') throw new ValueError(`${state.path} names no checkpoint.`, { path: state.path });
  return name;
}

/** Files of which the name is put together: paths and URLs. */
async function openPrefix(source: string, options: HttpOptions): Promise<CheckpointFiles> {
  const opened: (() => Promise<void> | void)[] = [];
  const openFile = async (path: string): Promise<SourceFile> => {
    const { files, close } = await openSource(path, options);
    if (close) opened.push(close);
    return { ...(files[0] as SourceFile), path };
  };
  const close = async (): Promise<void> => {
    await Promise.all(opened.splice(0).map((end) => end()));
  };
  try {
    const folder = isPath(source) ? await nodeFolder(source) : /\/$/.test(source) ? source : null;
    const prefix = folder === null ? source.replace(/\.index$/, '') : await prefixInFolder(folder, openFile);
    if (!isPath(prefix)) return { prefix, open: (suffix) => openFile(prefix + suffix), close };
    await close();
    return openAmong(await prefixSource(prefix));
  } catch (error) {
    await close();
    throw error;
  }
}

/** The latest checkpoint of a folder; of a SavedModel, its variables. */
async function prefixInFolder(folder: string, openFile: (path: string) => Promise<SourceFile>): Promise<string> {
  let state: SourceFile;
  try {
    state = await openFile(folder + STATE);
  } catch (error) {
    if (!(error instanceof NotFoundError)) throw error;
    try {
      await openFile(`${folder}${SAVED_MODEL}.index`);
      return folder + SAVED_MODEL;
    } catch {
      throw error;
    }
  }
  return folder + (await latestOf(state));
}

async function prefixAmong(files: readonly SourceFile[]): Promise<string> {
  const indexes = files.filter(({ path }) => path.endsWith(INDEX)).map(({ path }) => path.slice(0, -INDEX.length));
  if (indexes.length === 1) return indexes[0] as string;
  if (indexes.length === 0)
    throw new NotFoundError(`There is no '.index' file among the ${files.length} files: not a checkpoint.`);
  const states = files.filter(({ path }) => path === STATE || path.endsWith(`/${STATE}`));
  if (states.length !== 1) {
    throw new ValueError(
      `There are ${indexes.length} checkpoints (${indexes.join(', ')}) and no single 'checkpoint' file says which is meant.`,
    );
  }
  const state = states[0] as SourceFile;
  return state.path.slice(0, -STATE.length) + (await latestOf(state));
}

function isText(source: ModelSource): source is string | URL {
  return (typeof source === 'string' && !source.startsWith(SCHEME)) || source instanceof URL;
}

/** The checkpoint among files. */
export async function openAmong({ files, close }: OpenSource): Promise<CheckpointFiles> {
  const prefix = await prefixAmong(files);
  return {
    prefix,
    open: async (suffix) => {
      const found = files.find(({ path }) => path === prefix + suffix);
      if (found === undefined) throw new NotFoundError(`${prefix}${suffix} is missing.`, { path: prefix + suffix });
      return found;
    },
    close: async () => close?.(),
  };
}

/** Opens the checkpoint behind a source. The caller closes it. */
export async function openCheckpoint(source: ModelSource, options: HttpOptions): Promise<CheckpointFiles> {
  const found = await openWeights(source, options);
  if (found.checkpoint !== undefined) return found.checkpoint;
  try {
    return await openAmong(found.other); // says what is missing
  } finally {
    await found.other.close?.();
  }
}

/** Opens a source of weights: a checkpoint, or files of another kind. */
export async function openWeights(
  source: ModelSource,
  options: HttpOptions,
): Promise<
  | { checkpoint: CheckpointFiles; other?: never }
  | {
      checkpoint?: never;
      other: OpenSource;
    }
> {
  if (isText(source) && (await isPrefix(String(source), options))) {
    return { checkpoint: await openPrefix(String(source), options) };
  }
  const opened = await openSource(source, options);
  try {
    let { files } = opened;
    if (files.length === 1) {
      await ready();
      const inside = await checkpointsInZip(files[0] as SourceFile);
      if (inside.files.length > 0) files = inside.files;
    }
    const isCheckpoint = files.some(({ path }) => path.endsWith(INDEX));
    return isCheckpoint ? { checkpoint: await openAmong({ ...opened, files }) } : { other: opened };
  } catch (error) {
    await opened.close?.();
    throw error;
  }
}

/** Whether a path or URL is the beginning of the names of several files, or a folder of them, and not one file. */
async function isPrefix(source: string, options: HttpOptions): Promise<boolean> {
  const path = source.replace(/[?#].*$/, '');
  if (isPath(source)) {
    if (await nodeFile(source)) return source.endsWith(INDEX);
    return (await nodeFolder(source)) !== null || !ONE_FILE.test(source);
  }
  if (ONE_FILE.test(path)) return false;
  if (path.endsWith(INDEX) || path.endsWith('/')) return true;
  try {
    await openSource(source + INDEX, { ...options, onProgress: undefined });
    return true;
  } catch (error) {
    if (error instanceof NotFoundError || error instanceof ValueError) return false;
    throw error;
  }
}

/**
 * The path of the latest checkpoint in a folder (path, or URL that ends in `/`), or null where there is none.
 * @example await checkpoint.restore(await keras.train.latestCheckpoint('training'));
 */
export async function latestCheckpoint(folder: string | URL, options: HttpOptions = {}): Promise<string | null> {
  const text = String(folder);
  const base = isPath(text) ? await nodeFolder(text) : text;
  if (base === null) return null;
  try {
    const files = await openPrefix(base, options);
    try {
      await files.open(INDEX);
      return files.prefix;
    } finally {
      await files.close();
    }
  } catch (error) {
    if (error instanceof NotFoundError || error instanceof ValueError) return null;
    throw error;
  }
}
