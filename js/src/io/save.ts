// Everything a model can be saved to.
import { native } from '../engine/index.js';
import type { NativeFiles } from '../engine/io_native.js';
import { IOError, RuntimeError, TypeError } from '../errors.js';
import { isNode } from '../platform.js';
import { type Progress, messageOf } from './files.js';
import { SCHEME, storeFiles } from './indexeddb.js';
import { type RoomFor, WRITE_CHUNK, writeFolder, writePath, writePrefix, type WrittenFile } from './node.js';

const DOWNLOADS = 'downloads://';
export type SaveFormat = 'tf' | 'h5' | 'keras';
/** What the browser's file system API offers to write into a folder. */
export interface WritableDirectory {
  readonly kind: 'directory';
  getDirectoryHandle(name: string, options: { create: boolean }): Promise<WritableDirectory>;
  getFileHandle(name: string, options: { create: boolean }): Promise<{ createWritable(): Promise<WritableStream<Uint8Array>> }>;
}
/** A user's own target: gets every file. */
export interface CustomTarget {
  write(path: string, bytes: Uint8Array): Promise<void> | void;
}
/**
 * Where a model goes: a path (Node), `indexeddb://name`, `downloads://file`, a stream, a folder's handle, an object with
 * `write()`.
 */
export type SaveTarget = string | URL | WritableStream<Uint8Array> | WritableDirectory | CustomTarget;

export interface WriteOptions {
  overwrite: boolean;
  onProgress: ((progress: Progress) => void) | undefined;
}

/** A model in one of its formats, or a checkpoint: files that share the beginning of their names. */
export type FileForm = SaveFormat | 'checkpoint';
/** What the engine is to write: the files of a folder, or, with `asZip`, one file. */
export type Writer = (asZip: boolean) => NativeFiles;

const ownRoom: RoomFor = (count) => new Uint8Array(count);

function* chunksOf(
  { id, files }: NativeFiles,
  file: number,
  onChunk: (bytes: number) => void,
  roomFor: RoomFor,
): Iterable<Uint8Array> {
  const { pieces } = files[file] as NativeFiles['files'][number];
  for (let piece = 0; piece < pieces.length; piece++) {
    const size = pieces[piece] as number;
    for (let at = 0; at < size; at += WRITE_CHUNK) {
      const chunk = roomFor(Math.min(WRITE_CHUNK, size - at));
      native().writerRead(id, file, piece, at, chunk);
      onChunk(chunk.length);
      yield chunk;
    }
  }
}

/** The format that a target's name asks for, unless one is given. */
export function formatFor(target: SaveTarget | undefined, saveFormat: SaveFormat | undefined): SaveFormat {
  if (saveFormat !== undefined) {
    if (!['tf', 'h5', 'keras'].includes(saveFormat))
      throw new TypeError(`saveFormat must be 'tf', 'h5' or 'keras', got '${String(saveFormat)}'.`);
    return saveFormat;
  }
  const name = typeof target === 'string' || target instanceof URL ? String(target) : '';
  return /\.(h5|hdf5|keras)$/i.test(name) ? 'h5' : 'tf';
}

/** Writes to a target. Without one, returns the bytes. */
export async function writeTo(
  target: SaveTarget | undefined,
  format: FileForm,
  write: Writer,
  options: WriteOptions,
): Promise<Uint8Array | undefined> {
  const name = typeof target === 'string' || target instanceof URL ? String(target) : null;
  const isSeveral = format === 'tf' || format === 'checkpoint';
  const isFolder =
    isSeveral &&
    ((name !== null && !/^[a-z]+:\/\/|\.zip$/i.test(name.replace(/^file:\/\//, ''))) ||
      (typeof target === 'object' && 'kind' in target));
  const written = write(isSeveral && !isFolder && !(name?.startsWith(SCHEME) ?? false) && !isCustomTarget(target));
  try {
    return await deliver(target, name, format, isFolder, written, options);
  } finally {
    native().releaseWriter(written.id);
  }
}

async function deliver(
  target: SaveTarget | undefined,
  name: string | null,
  format: FileForm,
  isFolder: boolean,
  written: NativeFiles,
  { overwrite, onProgress }: WriteOptions,
): Promise<Uint8Array | undefined> {
  const total = written.files.reduce((sum, { size }) => sum + size, 0);
  let loaded = 0;
  const onChunk = (bytes: number): void => {
    loaded += bytes;
    onProgress?.({ loaded, total, stage: 'write' });
  };
  const files: WrittenFile[] = written.files.map(({ path, size }, i) => ({
    path,
    size,
    chunks: (roomFor = ownRoom) => chunksOf(written, i, onChunk, roomFor),
  }));
  const first = files[0] as WrittenFile;

  if (target === undefined) return whole(first);
  if (name !== null) {
    if (name.startsWith(SCHEME)) {
      await storeFiles(
        name,
        format,
        files.map((file) => ({ path: file.path, blob: blobOf(file) })),
        overwrite,
      );
    } else if (name.startsWith(DOWNLOADS)) {
      download(name.slice(DOWNLOADS.length), format, blobOf(first));
    } else if (isNode()) {
      if (isFolder && format === 'checkpoint') await writePrefix(name, files, overwrite);
      else if (isFolder) await writeFolder(name, files, overwrite);
      else await writePath(name, first, overwrite);
    } else {
      throw new TypeError(
        `A model cannot be saved to '${name}' here: use indexeddb://, downloads:// or no target at all for its bytes.`,
      );
    }
  } else if (typeof target === 'object' && 'getWriter' in target) {
    await pipe(first, target);
  } else if (typeof target === 'object' && 'kind' in target) {
    for (const file of files) await writeToDirectory(target, file);
  } else if (isCustomTarget(target)) {
    for (const file of files) await target.write(file.path, whole(file));
  } else {
    throw new TypeError("A model is saved to a path, a URL, a stream, a folder's handle or an object with write().");
  }
  return undefined;
}

/** A file as a Blob, made of Blobs, whose bytes need not stay in the JavaScript heap until all of them are there. */
function blobOf({ size, chunks }: WrittenFile): Blob {
  const parts: Blob[] = [];
  const room = new Uint8Array(Math.min(size, WRITE_CHUNK));
  let used = 0;
  const flush = (): void => {
    parts.push(new Blob([room.subarray(0, used)]));
    used = 0;
  };
  const roomFor: RoomFor = (count) => {
    if (used + count > room.length) flush();
    return room.subarray(used, used + count);
  };
  for (const chunk of chunks(roomFor)) used += chunk.length;
  flush();
  return new Blob(parts);
}

/** All bytes of a file. */
function whole({ size, chunks }: WrittenFile): Uint8Array<ArrayBuffer> {
  const bytes = new Uint8Array(size);
  let at = 0;
  for (const chunk of chunks((count) => bytes.subarray(at, at + count))) at += chunk.length;
  return bytes;
}

function isCustomTarget(target: SaveTarget | undefined): target is CustomTarget {
  return typeof target === 'object' && 'write' in target && typeof target.write === 'function';
}

async function pipe(file: WrittenFile, stream: WritableStream<Uint8Array>): Promise<void> {
  const writer = stream.getWriter();
  try {
    for (const chunk of file.chunks()) {
      await writer.ready;
      await writer.write(chunk);
    }
    await writer.close();
  } catch (cause) {
    await writer.abort(cause).catch(() => undefined);
    throw new IOError(`The stream could not be written: ${messageOf(cause)}`, { cause });
  }
}

async function writeToDirectory(root: WritableDirectory, file: WrittenFile): Promise<void> {
  const parts = file.path.split('/');
  let folder = root;
  for (const part of parts.slice(0, -1)) folder = await folder.getDirectoryHandle(part, { create: true });
  const handle = await folder.getFileHandle(parts.at(-1) as string, { create: true });
  await pipe(file, await handle.createWritable());
}

function download(name: string, format: FileForm, blob: Blob): void {
  if (typeof document === 'undefined') throw new RuntimeError('downloads:// works on a page only.');
  const suffix = format === 'h5' ? '.h5' : format === 'keras' ? '.keras' : '.zip';
  const link = document.createElement('a');
  link.href = URL.createObjectURL(blob);
  link.download = /\.\w+$/.test(name) ? name : name + suffix;
  link.click();
  setTimeout(() => URL.revokeObjectURL(link.href), 60_000);
}
