// Models in the file system (Node): read by ranges, written beside the target and renamed.
//
// A folder is replaced by two renames: the complete new one stands as `<name>.keras-wasm-new`, the old one goes to
// `<name>.keras-wasm-old`, the new one takes its place. At every instant a complete model stands under one of the three
// names; what an interruption left is finished by the next load or save.
import { IOError, NotFoundError } from '../errors.js';
import { type NodeModules, nodeModules } from '../platform.js';
import { type OpenSource, type SourceFile, messageOf } from './files.js';

const NEW = '.keras-wasm-new';
const OLD = '.keras-wasm-old';
/** Written last: a new folder without it is not complete. */
const COMPLETE = '.keras-wasm-complete';

async function toPath(target: string | URL): Promise<{ path: string; node: NodeModules }> {
  const node = await nodeModules();
  const text = String(target);
  const path = text.startsWith('file:') ? node.url.fileURLToPath(text) : text;
  return { path: path.length > 1 ? path.replace(/[\\/]+$/, '') : path, node };
}

function codeOf(error: unknown): string {
  return error instanceof Error && 'code' in error ? String(error.code) : '';
}

/** Finishes what an interrupted save of a folder left. */
async function recover(path: string, { fs }: NodeModules): Promise<void> {
  const isComplete = fs.existsSync(`${path}${NEW}/${COMPLETE}`);
  if (!fs.existsSync(path)) {
    if (isComplete) await promote(path, fs);
    else if (fs.existsSync(path + OLD)) await fs.promises.rename(path + OLD, path);
  }
  if (fs.existsSync(path) && fs.existsSync(path + OLD)) await fs.promises.rm(path + OLD, { recursive: true, force: true });
}

async function promote(path: string, fs: NodeModules['fs']): Promise<void> {
  await fs.promises.rename(path + NEW, path);
  await fs.promises.rm(`${path}/${COMPLETE}`, { force: true });
}

/** The path of an existing folder, ending in a separator; null for everything else. */
export async function nodeFolder(target: string | URL): Promise<string | null> {
  const { path, node } = await toPath(target);
  const stat = await node.fs.promises.stat(path).catch(() => null);
  return stat?.isDirectory() ? path + node.path.sep : null;
}

/** The file, or the files of the folder, at a path. */
export async function pathSource(target: string | URL): Promise<OpenSource> {
  const { path, node } = await toPath(target);
  await recover(path, node).catch(() => undefined); // a folder that may only be read
  const handles: import('node:fs').promises.FileHandle[] = [];
  const open = async (file: string, name: string): Promise<SourceFile> => {
    const handle = await node.fs.promises.open(file, 'r');
    handles.push(handle);
    const { size } = await handle.stat();
    return { path: name, size, read: (offset, count) => readRange(handle, file, offset, count) };
  };
  const close = async (): Promise<void> => {
    await Promise.all(handles.map((handle) => handle.close()));
  };
  try {
    const stat = await node.fs.promises.stat(path);
    if (!stat.isDirectory()) return { files: [await open(path, path)], close };
    const files: SourceFile[] = [];
    for (const name of await filesBelow(path, node))
      files.push(await open(node.path.join(path, name), name.split(node.path.sep).join('/')));
    if (files.length === 0) throw new NotFoundError(`The folder ${path} is empty.`, { path });
    return { files, close };
  } catch (cause) {
    await close();
    if (codeOf(cause) === 'ENOENT') throw new NotFoundError(`No file or directory found at ${path}`, { path, cause });
    if (cause instanceof NotFoundError) throw cause;
    throw new IOError(`${path} could not be read: ${messageOf(cause)}`, { path, cause });
  }
}

/** Files that may belong to a model: at most three levels deep, so that no one reads a home folder by mistake. */
async function filesBelow(folder: string, { fs, path }: NodeModules, prefix = '', depth = 0): Promise<string[]> {
  const names: string[] = [];
  for (const entry of await fs.promises.readdir(path.join(folder, prefix), { withFileTypes: true })) {
    const name = path.join(prefix, entry.name);
    if (entry.isFile() || entry.isSymbolicLink()) names.push(name);
    else if (entry.isDirectory() && depth < 3)
      names.push(...(await filesBelow(folder, { fs, path } as NodeModules, name, depth + 1)));
  }
  return names;
}

async function readRange(
  handle: import('node:fs').promises.FileHandle,
  path: string,
  offset: number,
  count: number,
): Promise<Uint8Array> {
  const buffer = new Uint8Array(count);
  let at = 0;
  while (at < count) {
    let bytesRead: number;
    try {
      ({ bytesRead } = await handle.read(buffer, at, count - at, offset + at));
    } catch (cause) {
      throw new IOError(`${path} could not be read at byte ${offset + at}: ${messageOf(cause)}`, {
        path,
        offset: offset + at,
        cause,
      });
    }
    if (bytesRead === 0) break;
    at += bytesRead;
  }
  return buffer.subarray(0, at);
}

/** A file to be written: its path below the target and its bytes, piece by piece. */
export interface WrittenFile {
  path: string;
  chunks(): Iterable<Uint8Array>;
}

async function writeChunks(file: string, { chunks }: WrittenFile, fs: NodeModules['fs']): Promise<void> {
  const handle = await fs.promises.open(file, 'w');
  try {
    for (const chunk of chunks()) {
      for (let at = 0; at < chunk.length;) at += (await handle.write(chunk, at)).bytesWritten;
    }
    await handle.sync();
  } finally {
    await handle.close();
  }
}

/** Writes one file. What was there before stays until the new one is complete. */
export async function writePath(target: string | URL, file: WrittenFile, overwrite: boolean): Promise<void> {
  const { path, node } = await toPath(target);
  const { fs } = node;
  if (!overwrite && fs.existsSync(path)) throw new IOError(`${path} exists already, and \`overwrite\` is false.`, { path });
  const temporary = `${path}${NEW}`;
  try {
    await fs.promises.mkdir(node.path.dirname(path), { recursive: true });
    await writeChunks(temporary, file, fs);
    await fs.promises.rename(temporary, path);
  } catch (cause) {
    await fs.promises.rm(temporary, { force: true, recursive: true }).catch(() => undefined);
    throw new IOError(`${path} could not be written: ${messageOf(cause)}`, { path, cause });
  }
}

/** Writes a folder. What was there before stays until the new one is complete. */
export async function writeFolder(target: string | URL, files: readonly WrittenFile[], overwrite: boolean): Promise<void> {
  const { path, node } = await toPath(target);
  const { fs } = node;
  const fresh = path + NEW;
  try {
    await recover(path, node);
    if (fs.existsSync(path) && !overwrite) throw new IOError(`${path} exists already, and \`overwrite\` is false.`, { path });
    await fs.promises.rm(fresh, { recursive: true, force: true });
    for (const file of files) {
      const place = node.path.join(fresh, ...file.path.split('/'));
      await fs.promises.mkdir(node.path.dirname(place), { recursive: true });
      await writeChunks(place, file, fs);
    }
    await fs.promises.mkdir(node.path.join(fresh, 'assets'), { recursive: true });
    await fs.promises.writeFile(node.path.join(fresh, COMPLETE), '');
  } catch (cause) {
    await fs.promises.rm(fresh, { recursive: true, force: true }).catch(() => undefined);
    if (cause instanceof IOError) throw cause;
    throw new IOError(`${path} could not be written: ${messageOf(cause)}`, { path, cause });
  }
  try {
    if (fs.existsSync(path)) await fs.promises.rename(path, path + OLD);
    await promote(path, fs);
    await fs.promises.rm(path + OLD, { recursive: true, force: true });
  } catch (cause) {
    await recover(path, node).catch(() => undefined);
    throw new IOError(`${path} could not be replaced: ${messageOf(cause)}. The new model may stand at ${fresh}.`, {
      path,
      cause,
    });
  }
}
