// Models in the file system (Node): read by ranges, written beside the target and renamed.
//
// A folder is replaced by two renames: the complete new one stands as `<name>.keras-wasm-new`, the old one goes to
// `<name>.keras-wasm-old`, the new one takes its place. At every instant a complete model stands under one of the three
// names; what an interruption left is finished by the next load or save. A file has a name of its own until it is complete.
import { IOError, NotFoundError } from '../errors.js';
import { type NodeModules, nodeModules, nodeModulesNow } from '../platform.js';
import { type OpenSource, codeOf, messageOf } from './files.js';
import { ownTag, removeDeadLock, removeLeftOvers, withLock } from './lock.js';
import { openFiles, unreadable } from './node_files.js';

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

/** Where a path leads: the target of a symbolic link, also where there is nothing yet. */
async function throughLinks(path: string, node: NodeModules): Promise<string> {
  const { promises } = node.fs;
  const target = await promises.readlink(path).catch(() => null);
  if (target === null) return path;
  await promises.stat(path).catch((cause: unknown) => {
    if (codeOf(cause) === 'ELOOP') throw cause;
  });
  return throughLinks(node.path.resolve(await promises.realpath(node.path.dirname(path)), target), node);
}

/** Finishes what an interrupted save left. */
async function recover(path: string, node: NodeModules): Promise<void> {
  const { fs } = node;
  await removeDeadLock(path, node);
  await removeLeftOvers(path, NEW, node);
  if (!fs.existsSync(path)) {
    if (fs.existsSync(`${path}${NEW}/${COMPLETE}`)) await promote(path, fs);
    else if (fs.existsSync(path + OLD)) await fs.promises.rename(path + OLD, path);
  }
  if (!fs.existsSync(path)) return;
  if (fs.existsSync(`${path}/${COMPLETE}`)) await fs.promises.rm(`${path}/${COMPLETE}`, { force: true });
  if (fs.existsSync(path + OLD)) await fs.promises.rm(path + OLD, { recursive: true, force: true });
}

/** The new folder takes its place. */
async function promote(path: string, fs: NodeModules['fs']): Promise<void> {
  await moveNew(path, fs);
  await fs.promises.rm(`${path}/${COMPLETE}`, { force: true });
}

/** Makes the names in a folder outlast a loss of power. Where a folder cannot be synced (Windows), they do so by themselves. */
async function syncFolder(folder: string, fs: NodeModules['fs']): Promise<void> {
  const handle = await fs.promises.open(folder, 'r').catch(() => null);
  await handle?.sync().catch(() => undefined);
  await handle?.close();
}

/** Whether there is a file at a path. */
export async function nodeFile(target: string | URL): Promise<boolean> {
  const { path, node } = await toPath(target);
  const stat = await node.fs.promises.stat(path).catch(() => null);
  return stat?.isFile() ?? false;
}

/** The path of an existing folder, ending in a separator; null for everything else. */
export async function nodeFolder(target: string | URL): Promise<string | null> {
  const { path, node } = await toPath(target);
  const stat = await node.fs.promises.stat(path).catch(() => null);
  return stat?.isDirectory() ? path + node.path.sep : null;
}

/** How often files are opened again that another program replaced meanwhile, before it is kept from doing so. */
const ATTEMPTS = 5;
/** What a file system says where nothing may be written: there, no save can be finished, and none is held up. */
const READ_ONLY = ['EACCES', 'EPERM', 'EROFS'];

/** What is told apart from what takes its place: the number alone is soon used again. */
async function identityOf(path: string, { fs }: NodeModules): Promise<string> {
  const stat = await fs.promises.stat(path, { bigint: true }).catch(() => null);
  return stat === null ? '' : `${stat.dev} ${stat.ino} ${stat.birthtimeNs}`;
}

/** Files that belong together, as they stand at one moment; `open` is told whether no other program can replace them meanwhile. */
async function openTogether(
  path: string,
  node: NodeModules,
  open: (isLocked: boolean) => Promise<OpenSource | null>,
): Promise<OpenSource> {
  for (let attempt = 1; attempt <= 2 * ATTEMPTS; attempt++) {
    const opened = await (attempt <= ATTEMPTS ? open(false) : withLock(path, node, () => open(true)).catch(nullIfReadOnly));
    if (opened !== null) return opened;
  }
  throw new IOError(`${path} was replaced again and again while it was being opened.`, { path });
}

function nullIfReadOnly(cause: unknown): null {
  if (READ_ONLY.includes(codeOf(cause))) return null;
  throw cause;
}

/** Finishes what an interrupted save of a folder left. One that goes on is waited for only while no model stands there. */
async function settle(path: string, node: NodeModules): Promise<void> {
  const { existsSync } = node.fs;
  await removeLeftOvers(path, NEW, node);
  await removeDeadLock(path, node);
  const isWhole = existsSync(path) ? !existsSync(`${path}/${COMPLETE}`) : !existsSync(`${path}${NEW}/${COMPLETE}`);
  if (isWhole && !existsSync(path + OLD)) return;
  await withLock(
    path,
    node,
    () => recover(path, node),
    () => existsSync(path),
  );
}

/** The file, or the files of the folder, at a path. */
export async function pathSource(target: string | URL): Promise<OpenSource> {
  const { path, node } = await toPath(target);
  const place = await throughLinks(path, node).catch(() => path);
  return openTogether(place, node, async (isLocked) => {
    // Not where the folder may only be read.
    await (isLocked ? recover(place, node) : settle(place, node)).catch(() => undefined);
    return openUnreplaced(path, node, () => openPath(path, node)).catch(async (error: unknown) => {
      if (!isLocked && error instanceof NotFoundError && (await isBeingSaved(place, node))) return null;
      throw error;
    });
  });
}

/** Whether a model stands at a path after all, or one of the names beside it that a save uses: looked up at one moment. */
async function isBeingSaved(path: string, { fs, path: paths }: NodeModules): Promise<boolean> {
  const name = paths.basename(path);
  const names: string[] = await fs.promises.readdir(paths.dirname(path)).catch(() => []);
  return names.some((other) => other === name || other.startsWith(`${name}.keras-wasm-`));
}

/** What `open` opens, or null where another file or folder has taken the place of `path` meanwhile. */
async function openUnreplaced(
  path: string,
  node: NodeModules,
  open: () => Promise<OpenSource | null>,
): Promise<OpenSource | null> {
  const before = await identityOf(path, node);
  try {
    const source = await open();
    if ((await identityOf(path, node)) === before) return source;
    await source?.close?.(); // some files may be of the old model, some of the new one
  } catch (error) {
    if ((await identityOf(path, node)) === before) throw error;
  }
  return null;
}

async function openPath(path: string, node: NodeModules): Promise<OpenSource> {
  const stat = await node.fs.promises.stat(path).catch((cause: unknown) => {
    throw unreadable(path, cause);
  });
  if (!stat.isDirectory()) return openFiles(path, [['', path]], node);
  const names = await filesBelow(path, node);
  if (names.length === 0) throw new NotFoundError(`The folder ${path} is empty.`, { path });
  return openFiles(
    path,
    names.map((name) => [name, name.split(node.path.sep).join('/')]),
    node,
  );
}

/** Files that may belong to a model: at most three levels deep, so that no one reads a home folder by mistake. */
async function filesBelow(folder: string, { fs, path }: NodeModules, prefix = '', depth = 0): Promise<string[]> {
  const names: string[] = [];
  for (const entry of await fs.promises.readdir(path.join(folder, prefix), { withFileTypes: true })) {
    if (entry.name === COMPLETE) continue; // goes away at any moment
    const name = path.join(prefix, entry.name);
    if (entry.isFile() || entry.isSymbolicLink()) names.push(name);
    else if (entry.isDirectory() && depth < 3)
      names.push(...(await filesBelow(folder, { fs, path } as NodeModules, name, depth + 1)));
  }
  return names;
}

/** The largest piece that is written at once, in bytes: what caches hold. */
export const WRITE_CHUNK = 1 << 20;
/** Memory for the next `count` bytes. */
export type RoomFor = (count: number) => Uint8Array<ArrayBuffer>;

/** A file to be written: its path below the target, and its bytes, in pieces of WRITE_CHUNK at most. */
export interface WrittenFile {
  path: string;
  size: number;
  /** Without `roomFor` each piece has memory of its own. */
  chunks(roomFor?: RoomFor): Iterable<Uint8Array>;
}

async function writeChunks(file: string, { chunks, size }: WrittenFile, fs: NodeModules['fs']): Promise<void> {
  const handle = await fs.promises.open(file, 'w');
  const room = new Uint8Array(Math.min(size, WRITE_CHUNK));
  try {
    for (const chunk of chunks((count) => room.subarray(0, count))) {
      for (let at = 0; at < chunk.length;) at += (await handle.write(chunk, at)).bytesWritten;
    }
    await handle.sync();
  } finally {
    await handle.close();
  }
}

/** Writes one file, through links. What was there before stays until the new one is complete; of two at once the last one stays. */
export async function writePath(target: string | URL, file: WrittenFile, overwrite: boolean): Promise<void> {
  const { path, node } = await toPath(target);
  const { fs } = node;
  if (!overwrite && fs.existsSync(path)) throw new IOError(`${path} exists already, and \`overwrite\` is false.`, { path });
  let temporary: string | undefined;
  try {
    const place = await throughLinks(path, node);
    await fs.promises.mkdir(node.path.dirname(place), { recursive: true });
    await fs.promises.rm(place + NEW, { force: true, recursive: true }); // a folder, where one was being saved under this name
    await removeLeftOvers(place, NEW, node);
    temporary = `${place}${NEW}-${ownTag(node)}`;
    await writeChunks(temporary, file, fs);
    await fs.promises.rename(temporary, place);
    await syncFolder(node.path.dirname(place), fs);
  } catch (cause) {
    if (temporary !== undefined) await fs.promises.rm(temporary, { force: true }).catch(() => undefined);
    throw new IOError(`${path} could not be written: ${messageOf(cause)}`, { path, cause });
  }
}

/** Only a model's folder is replaced: anything else in its place would be lost. */
async function checkReplaceable(path: string, { fs }: NodeModules): Promise<void> {
  const names: string[] = await fs.promises.readdir(path).catch(() => []); // no folder, or none yet
  if (names.length === 0 || names.includes('saved_model.pb')) return;
  throw new IOError(`${path} is a folder that holds no model. Its files would be lost: save to another path.`, { path });
}

/** Writes the files below a folder, and last the mark that they are complete. */
async function writeFilesBelow(folder: string, files: readonly WrittenFile[], { fs, path }: NodeModules): Promise<void> {
  const folders = new Set([path.join(folder, 'assets'), folder]);
  for (const file of files) folders.add(path.dirname(path.join(folder, ...file.path.split('/'))));
  for (const below of folders) await fs.promises.mkdir(below, { recursive: true });
  for (const file of files) await writeChunks(path.join(folder, ...file.path.split('/')), file, fs);
  for (const below of folders) await syncFolder(below, fs);
  await writeChunks(path.join(folder, COMPLETE), { path: COMPLETE, size: 0, chunks: () => [] }, fs);
  await syncFolder(folder, fs);
}

/** Writes a folder, through links. What was there before stays until the new one is complete. Several at once take turns. */
export async function writeFolder(target: string | URL, files: readonly WrittenFile[], overwrite: boolean): Promise<void> {
  const { path, node } = await toPath(target);
  try {
    const place = await throughLinks(path, node);
    await node.fs.promises.mkdir(node.path.dirname(place), { recursive: true });
    await withLock(place, node, async (check) => {
      await writeFreshFolder(place, files, overwrite, node);
      await check();
      await replaceFolder(place, node);
    });
  } catch (cause) {
    if (cause instanceof IOError) throw cause;
    throw new IOError(`${path} could not be written: ${messageOf(cause)}`, { path, cause });
  }
}

async function writeFreshFolder(
  path: string,
  files: readonly WrittenFile[],
  overwrite: boolean,
  node: NodeModules,
): Promise<void> {
  const { fs } = node;
  const fresh = path + NEW;
  await recover(path, node);
  if (fs.existsSync(path) && !overwrite) throw new IOError(`${path} exists already, and \`overwrite\` is false.`, { path });
  await checkReplaceable(path, node);
  await fs.promises.rm(fresh, { recursive: true, force: true });
  try {
    await writeFilesBelow(fresh, files, node);
  } catch (cause) {
    await fs.promises.rm(fresh, { recursive: true, force: true }).catch(() => undefined);
    throw cause;
  }
}

async function replaceFolder(path: string, node: NodeModules): Promise<void> {
  const { fs } = node;
  try {
    if (fs.existsSync(path)) await fs.promises.rename(path, path + OLD);
    await promote(path, fs);
    await syncFolder(node.path.dirname(path), fs);
    await fs.promises.rm(path + OLD, { recursive: true, force: true });
  } catch (cause) {
    await recover(path, node).catch(() => undefined);
    throw new IOError(`${path} could not be replaced: ${messageOf(cause)}. The new model may stand at ${path}${NEW}.`, {
      path,
      cause,
    });
  }
}

/**
 * Writes the files of a checkpoint beside `prefix`: shards, the index, and what else there is (the `checkpoint` file). What was
 * there before stays until all new files are complete; they then take its place one by one, and what an interruption leaves is
 * finished by the next read. Several at once take turns.
 */
export async function writePrefix(prefix: string | URL, files: readonly WrittenFile[], overwrite: boolean): Promise<void> {
  const { path, node } = await toPath(prefix);
  const folder = node.path.dirname(path);
  const isPart = (file: WrittenFile): boolean => file.path.startsWith(`${node.path.basename(path)}.`);
  try {
    await node.fs.promises.mkdir(folder, { recursive: true });
    await withLock(path, node, async (check) => {
      if (!overwrite && node.fs.existsSync(`${path}.index`))
        throw new IOError(`${path}.index exists already, and \`overwrite\` is false.`, { path });
      await finishPrefix(path, node);
      await replaceParts(folder, files.filter(isPart), check, node);
    });
    for (const file of files) if (!isPart(file)) await writePath(node.path.join(folder, file.path), file, true);
  } catch (cause) {
    if (cause instanceof IOError) throw cause;
    throw new IOError(`${path} could not be written: ${messageOf(cause)}`, { path, cause });
  }
}

/** The index, which is the last of the files, goes first when they are removed: without it, a new shard means nothing. */
async function replaceParts(
  folder: string,
  files: readonly WrittenFile[],
  check: () => Promise<void>,
  { fs, path }: NodeModules,
): Promise<void> {
  const places = files.map((file) => path.join(folder, file.path));
  const removeNew = async (): Promise<void> => {
    for (const place of [...places].reverse()) await fs.promises.rm(place + NEW, { force: true });
  };
  await removeNew();
  try {
    for (const [i, file] of files.entries()) await writeChunks(places[i] + NEW, file, fs);
    await syncFolder(folder, fs);
    await check();
  } catch (error) {
    await removeNew();
    throw error;
  }
  for (const place of places) await moveNew(place, fs);
  await syncFolder(folder, fs);
}

/** What is new takes its place. A read in another process may have seen it first and have done so. */
async function moveNew(place: string, fs: NodeModules['fs']): Promise<void> {
  await fs.promises.rename(place + NEW, place).catch((cause: unknown) => {
    if (codeOf(cause) !== 'ENOENT' || !fs.existsSync(place)) throw cause;
  });
}

/** A new index without a new shard: the shard has taken its place, and the index has still to. */
function isBetween(prefix: string, { fs }: NodeModules): boolean {
  return fs.existsSync(`${prefix}.index${NEW}`) && !fs.existsSync(`${prefix}.data-00000-of-00001${NEW}`);
}

async function finishPrefix(prefix: string, node: NodeModules): Promise<void> {
  if (isBetween(prefix, node)) await moveNew(`${prefix}.index`, node.fs);
}

const SHARD = /^\.data-\d{5}-of-\d{5}$/;

/** The shards below a prefix, by name. */
async function shardsOf(prefix: string, { fs, path }: NodeModules): Promise<string[]> {
  const name = path.basename(prefix);
  const names: string[] = await fs.promises.readdir(path.dirname(prefix)).catch(() => []);
  return names.filter((file) => file.startsWith(name) && SHARD.test(file.slice(name.length)));
}

/** The index and the shards of one checkpoint, of the same moment. */
export async function prefixSource(target: string | URL): Promise<OpenSource> {
  const { path: prefix, node } = await toPath(target);
  const index = `${prefix}.index`;
  return openTogether(prefix, node, async () => {
    await finishPrefix(prefix, node).catch(() => undefined); // not where the folder may only be read
    return openUnreplaced(index, node, async () => {
      await node.fs.promises.access(index).catch((cause: unknown) => {
        throw unreadable(index, cause);
      });
      const start = node.path.basename(prefix);
      const names = [`${start}.index`, ...(await shardsOf(prefix, node))];
      const source = await openFiles(
        node.path.dirname(prefix),
        names.map((name) => [name, prefix + name.slice(start.length)]),
        node,
      );
      if (!isBetween(prefix, node)) return source;
      await source.close?.();
      return null;
    });
  });
}

/** A name in a folder. */
export function joinPath(folder: string, name: string): string {
  const { path, url } = nodeModulesNow();
  return path.join(folder.startsWith('file:') ? url.fileURLToPath(folder) : folder, name);
}

/** A small text file, at once; null where there is none. */
export function readTextSync(path: string): string | null {
  try {
    return nodeModulesNow().fs.readFileSync(path, 'utf8');
  } catch (cause) {
    if (codeOf(cause) === 'ENOENT') return null;
    throw new IOError(`${path} could not be read: ${messageOf(cause)}`, { path, cause });
  }
}

/** Replaces a small text file. */
export async function writeText(path: string, text: string): Promise<void> {
  const bytes = new TextEncoder().encode(text);
  await writePath(path, { path, size: bytes.length, chunks: () => [bytes] }, true);
}

/** Deletes the files of a checkpoint, the index first: what is left of one that is half deleted is no checkpoint. */
export async function deletePrefix(prefix: string): Promise<void> {
  const node = await nodeModules();
  const { fs, path } = node;
  try {
    await fs.promises.rm(`${prefix}.index`, { force: true });
    for (const file of await shardsOf(prefix, node)) await fs.promises.rm(path.join(path.dirname(prefix), file), { force: true });
  } catch (cause) {
    throw new IOError(`${prefix} could not be deleted: ${messageOf(cause)}`, { path: prefix, cause });
  }
}
