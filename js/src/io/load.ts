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
  await readWeights(loader, files, { signal, onProgress });
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

interface Range {
  index: number;
  file: number;
  offset: number;
  count: number;
}

async function readWeights(loader: number, files: readonly SourceFile[], { signal, onProgress }: ReadOptions): Promise<void> {
  const numbers = native().loaderReads(loader);
  const ranges: Range[] = [];
  for (let i = 0; i < numbers.length; i += 3) {
    ranges.push({ index: i / 3, file: numbers[i] as number, offset: numbers[i + 1] as number, count: numbers[i + 2] as number });
  }
  const total = ranges.reduce((sum, { count }) => sum + count, 0);
  ranges.sort((a, b) => a.file - b.file || a.offset - b.offset);
  const room = new Uint8Array(CHUNK); // used again and again: new memory costs more than the reading
  let loaded = 0;
  for (let first = 0; first < ranges.length;) {
    throwIfAborted(signal, 'Loading');
    const group = neighbours(ranges, first);
    const { file, offset } = group[0] as Range;
    const last = group.at(-1) as Range;
    if (group.length === 1 && last.count > CHUNK) {
      await readLarge(loader, files[file] as SourceFile, last, room);
    } else {
      const bytes = await readExactly(files[file] as SourceFile, offset, last.offset + last.count - offset, room);
      for (const range of group) {
        const start = range.offset - offset;
        native().loaderFill(loader, range.index, 0, bytes.subarray(start, start + range.count));
      }
    }
    loaded += group.reduce((sum, { count }) => sum + count, 0);
    onProgress?.({ loaded, total, stage: 'read' });
    first += group.length;
  }
}

/** Ranges that lie next to each other, to be read at once. */
function neighbours(ranges: readonly Range[], first: number): Range[] {
  const start = ranges[first] as Range;
  let end = first + 1;
  while (end < ranges.length) {
    const range = ranges[end] as Range;
    const before = ranges[end - 1] as Range;
    const gap = range.offset - (before.offset + before.count);
    if (range.file !== start.file || gap < 0 || gap > 4096 || range.offset + range.count - start.offset > CHUNK) break;
    end++;
  }
  return ranges.slice(first, end);
}

async function readLarge(loader: number, file: SourceFile, { index, offset, count }: Range, room: Uint8Array): Promise<void> {
  for (let at = 0; at < count; at += CHUNK) {
    const bytes = await readExactly(file, offset + at, Math.min(CHUNK, count - at), room);
    native().loaderFill(loader, index, at, bytes);
  }
}

/** The files of checkpoints inside a zip, read by ranges where they are stored; none if the file is no zip. */
export async function checkpointsInZip(file: SourceFile): Promise<SourceFile[]> {
  const loader = native().checkpointZip();
  try {
    await runLoader(loader, { files: [file] }, {});
    return (native().loaderFinish(loader).members ?? []).map(({ path, size, offset, bytes }) =>
      bytes === undefined ? windowFile(path, file, offset as number, size) : bytesFile(path, bytes),
    );
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
