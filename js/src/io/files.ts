// Files that a model is read from: a name, a size, and ranges of bytes when asked for.
import { AbortError, DataLossError, IOError, throwIfAborted } from '../errors.js';

/** One file. */
export interface SourceFile {
  /** Path below the model's folder, or the name of the file. */
  path: string;
  size: number;
  /** The bytes of a range, fewer where the file ends. They may stand in `room`, memory for at least as many. */
  read(offset: number, count: number, room?: Uint8Array): Promise<Uint8Array>;
  /** The same at once, also after the source has been closed; not every source can. */
  readSync?(offset: number, count: number): Uint8Array;
  /** Whether all bytes are there, so that reading cannot fail. */
  inMemory?: boolean;
}

/** The files of a model, and what has to be done when they are no longer needed. */
export interface OpenSource {
  files: SourceFile[];
  close?(): Promise<void> | void;
}

export function bytesFile(path: string, bytes: Uint8Array): SourceFile {
  const readSync = (offset: number, count: number): Uint8Array => bytes.subarray(offset, offset + count);
  return { path, size: bytes.length, read: async (offset, count) => readSync(offset, count), readSync, inMemory: true };
}

export function blobFile(path: string, blob: Blob): SourceFile {
  return {
    path,
    size: blob.size,
    read: async (offset, count) => {
      try {
        return new Uint8Array(await blob.slice(offset, offset + count).arrayBuffer());
      } catch (cause) {
        throw new IOError(`${path} could not be read: ${messageOf(cause)}`, { path, cause });
      }
    },
  };
}

/** How much is read at once, in bytes: large enough to be fast, small enough not to hold a model twice. */
export const CHUNK = 2 << 20;

/** A range of a file; DataLossError if the file ends before it does. */
export async function readExactly(file: SourceFile, offset: number, count: number, room?: Uint8Array): Promise<Uint8Array> {
  return exactly(file, await file.read(offset, count, room), offset, count);
}

/** A range of a file, given whole by its source; DataLossError if the file ends before it does. */
export function exactly(file: SourceFile, bytes: Uint8Array, offset: number, count: number): Uint8Array {
  if (bytes.length === count) return bytes;
  throw new DataLossError(`${file.path}: the file ends at byte ${offset + bytes.length}, but ${offset + count} are needed.`, {
    path: file.path,
    offset,
  });
}

/** All bytes of a file, in memory of their own. */
export async function readWhole(file: SourceFile): Promise<Uint8Array> {
  const bytes = new Uint8Array(file.size);
  for (let at = 0; at < file.size; at += CHUNK) bytes.set(await readExactly(file, at, Math.min(CHUNK, file.size - at)), at);
  return bytes;
}

/** The code of an error of Node's: `ENOENT`. */
export function codeOf(error: unknown): string {
  return error instanceof Error && 'code' in error ? String(error.code) : '';
}

/** What an error says. */
export function messageOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}

export interface Progress {
  /** Bytes so far. */
  loaded: number;
  /** Bytes altogether; null where the server does not tell. */
  total: number | null;
  stage: 'download' | 'read' | 'write';
}

/** The body of a response as one Blob, so that the bytes need not stay in the JavaScript heap. */
export async function downloadBlob(
  response: Response,
  url: string,
  onProgress: ((progress: Progress) => void) | undefined,
  signal: AbortSignal | undefined,
): Promise<Blob> {
  const encoded = response.headers.get('content-encoding');
  const length = Number(response.headers.get('content-length') ?? NaN);
  // Of a compressed body the length is that of the wire, not of what arrives here.
  const total = Number.isFinite(length) && (encoded === null || encoded === 'identity') ? length : null;
  if (response.body === null) return response.blob();
  const blobs: Blob[] = [];
  let parts: Uint8Array<ArrayBuffer>[] = [];
  let loaded = 0;
  let kept = 0;
  const reader = response.body.getReader();
  try {
    for (;;) {
      throwIfAborted(signal, `Loading ${url}`);
      const { done, value } = await reader.read();
      if (done) break;
      parts.push(value as Uint8Array<ArrayBuffer>);
      loaded += value.length;
      if (loaded - kept >= CHUNK) {
        blobs.push(new Blob(parts));
        parts = [];
        kept = loaded;
      }
      onProgress?.({ loaded, total, stage: 'download' });
    }
  } catch (cause) {
    await reader.cancel().catch(() => undefined);
    if (cause instanceof AbortError || signal?.aborted) throw new AbortError(`Loading ${url} was aborted.`, { path: url, cause });
    throw new IOError(`${url} stopped after ${loaded} bytes: ${messageOf(cause)}`, { path: url, cause });
  }
  if (total !== null && loaded < total)
    throw new DataLossError(`${url} ended after ${loaded} of ${total} bytes.`, { path: url, offset: loaded });
  return new Blob([...blobs, ...parts]);
}
