// Drives the engine's loaders: hands over the bytes they ask for, then reads weights straight into the engine's memory.
import { native } from '../engine/index.js';
import type { NativeWanted } from '../engine/io_native.js';
import { throwIfAborted } from '../errors.js';
import { bytesFile, CHUNK, type OpenSource, type Progress, readExactly, type SourceFile } from './files.js';

export interface ReadOptions {
  signal?: AbortSignal | undefined;
  onProgress?: ((progress: Progress) => void) | undefined;
}

/** Runs a loader to its end. Metadata is asked for range by range; then every weight is read. */
export async function runLoader(loader: number, source: OpenSource, { signal, onProgress }: ReadOptions): Promise<void> {
  const engine = native();
  const files = source.files;
  files.forEach(({ path, size }) => engine.loaderAddFile(loader, path, size));
  await answerWishes(
    files,
    () => engine.loaderPrepare(loader),
    ({ file, offset }, bytes) => {
      throwIfAborted(signal, 'Loading');
      engine.loaderAddBytes(loader, file, offset, bytes);
    },
  );
  await readValues(loader, files, { signal, onProgress });
}

/** How many ranges are read at the same time, of files that take their time to answer. */
const AT_ONCE = 16;

/** Reads what is wanted, until nothing is. */
export async function answerWishes(
  files: readonly SourceFile[],
  next: () => NativeWanted[],
  add: (wanted: NativeWanted, bytes: Uint8Array) => void,
): Promise<void> {
  for (let wanted = next(); wanted.length > 0; wanted = next()) {
    for (let first = 0; first < wanted.length; first += AT_ONCE) {
      const some = wanted.slice(first, first + AT_ONCE);
      const parts = await Promise.all(
        some.map(({ file, offset, count }) => readExactly(files[file] as SourceFile, offset, count)),
      );
      parts.forEach((bytes, i) => add(some[i] as NativeWanted, bytes));
    }
  }
}

/** Bytes between two ranges that are read with them, rather than apart. */
const LARGEST_GAP = 4096;

/** A part of a file, and what of it belongs to which range of the engine. */
interface Piece {
  file: number;
  offset: number;
  count: number;
  parts: { range: number; at: number; start: number; count: number }[];
}

/** The pieces of a batch, in the order of the files. */
function piecesOf(numbers: Float64Array): Piece[] {
  const number = (i: number): number => numbers[i] as number;
  const ranges = Array.from({ length: numbers.length / 3 }, (_, i) => {
    return { range: i, file: number(3 * i), offset: number(3 * i + 1), count: number(3 * i + 2) };
  }).sort((a, b) => a.file - b.file || a.offset - b.offset);
  const pieces: Piece[] = [];
  for (const { range, file, offset, count } of ranges) {
    const last = pieces.at(-1);
    const gap = last === undefined ? NaN : offset - (last.offset + last.count);
    if (last?.file === file && gap >= 0 && gap <= LARGEST_GAP && offset + count - last.offset <= CHUNK) {
      last.parts.push({ range, at: 0, start: offset - last.offset, count });
      last.count = offset + count - last.offset;
      continue;
    }
    for (let at = 0; at < count; at += CHUNK) {
      const size = Math.min(CHUNK, count - at);
      pieces.push({ file, offset: offset + at, count: size, parts: [{ range, at, start: 0, count: size }] });
    }
  }
  return pieces;
}

/** Reads what the engine asks for, batch after batch. */
async function readValues(loader: number, files: readonly SourceFile[], options: ReadOptions): Promise<void> {
  const total = native().loaderBytes(loader);
  // Used in turns, again and again: while the engine takes over one piece, the next is on its way.
  const rooms = [0, 1].map(() => new Uint8Array(Math.min(CHUNK, Math.max(0, ...files.map(({ size }) => size)))));
  let loaded = 0;
  const onPiece = (bytes: number): void => {
    loaded += bytes;
    options.onProgress?.({ loaded, total, stage: 'read' });
  };
  const inMemory = files.every((file) => file.inMemory);
  for (;;) {
    const pieces = piecesOf(native().loaderReads(loader, inMemory));
    if (pieces.length === 0) return;
    await readPieces(loader, files, pieces, rooms, options.signal, onPiece);
  }
}

async function readPieces(
  loader: number,
  files: readonly SourceFile[],
  pieces: readonly Piece[],
  rooms: readonly Uint8Array[],
  signal: AbortSignal | undefined,
  onPiece: (bytes: number) => void,
): Promise<void> {
  const read = (i: number): Promise<Uint8Array> | undefined => {
    const piece = pieces[i];
    return piece && readExactly(files[piece.file] as SourceFile, piece.offset, piece.count, rooms[i % 2]);
  };
  let next = read(0);
  try {
    for (const [i, { parts }] of pieces.entries()) {
      throwIfAborted(signal, 'Loading');
      const bytes = (await next) as Uint8Array;
      next = read(i + 1);
      for (const { range, at, start, count } of parts)
        native().loaderFill(loader, range, at, bytes.subarray(start, start + count));
      onPiece(parts.reduce((sum, { count }) => sum + count, 0));
    }
  } finally {
    await next?.catch(() => undefined); // a file must not be closed while it is read
  }
}

/**
 * The files of checkpoints inside a zip, read by ranges where they are stored; none if the file is no zip. `isSavedModel`: they are
 * its variables.
 */
export async function checkpointsInZip(file: SourceFile): Promise<{ files: SourceFile[]; isSavedModel: boolean }> {
  const loader = native().checkpointZip();
  try {
    await runLoader(loader, { files: [file] }, {});
    const { members = [], savedModel = false } = native().loaderFinish(loader);
    const files = members.map(({ path, size, offset, bytes }) =>
      bytes === undefined ? windowFile(path, file, offset as number, size) : bytesFile(path, bytes),
    );
    return { files, isSavedModel: savedModel };
  } finally {
    native().releaseLoader(loader);
  }
}

/** A part of a file as a file of its own. */
function windowFile(path: string, { read, readSync }: SourceFile, start: number, size: number): SourceFile {
  const window: SourceFile = { path, size, read: (offset, count, room) => read(start + offset, count, room) };
  if (readSync !== undefined) window.readSync = (offset, count) => readSync(start + offset, count);
  return window;
}
