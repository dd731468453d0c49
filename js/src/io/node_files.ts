// Files of the file system (Node) that are open and read by ranges.
import { IOError, NotFoundError } from '../errors.js';
import type { NodeModules } from '../platform.js';
import { type OpenSource, type SourceFile, codeOf, messageOf } from './files.js';

/** What is thrown where a path cannot be opened. */
export function unreadable(path: string, cause: unknown): Error {
  if (codeOf(cause) === 'ENOENT') return new NotFoundError(`No file or directory found at ${path}`, { path, cause });
  return new IOError(`${path} could not be read: ${messageOf(cause)}`, { path, cause });
}

/** Opens files below a folder; each has its name there and the one that it goes by. @throws {NotFoundError, IOError} */
export async function openFiles(folder: string, names: [below: string, name: string][], node: NodeModules): Promise<OpenSource> {
  const handles: import('node:fs').promises.FileHandle[] = [];
  const open = async ([below, name]: [string, string]): Promise<SourceFile> => {
    const file = node.path.join(folder, below);
    const handle = await node.fs.promises.open(file, 'r');
    handles.push(handle);
    const { size } = await handle.stat();
    return {
      path: name,
      size,
      read: (offset, count, room) => readRange(handle, file, offset, count, room),
      readSync: (offset, count) => readRangeSync(node.fs, file, offset, count),
    };
  };
  const close = async (): Promise<void> => {
    await Promise.all(handles.map((handle) => handle.close()));
  };
  try {
    const files: SourceFile[] = [];
    for (const name of names) files.push(await open(name));
    return { files, close };
  } catch (cause) {
    await close();
    throw unreadable(folder, cause);
  }
}

/** Fills the buffer, unless the file ends. */
async function readRange(
  handle: import('node:fs').promises.FileHandle,
  path: string,
  offset: number,
  count: number,
  room: Uint8Array | undefined,
): Promise<Uint8Array> {
  const buffer = room?.subarray(0, count) ?? new Uint8Array(count);
  let at = 0;
  while (at < buffer.length) {
    let bytesRead: number;
    try {
      ({ bytesRead } = await handle.read(buffer, at, buffer.length - at, offset + at));
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

/** Opens the file anew, so that none has to be kept open for it. */
function readRangeSync(fs: NodeModules['fs'], path: string, offset: number, count: number): Uint8Array {
  const buffer = new Uint8Array(count);
  let at = 0;
  try {
    const file = fs.openSync(path, 'r');
    try {
      for (let got = -1; at < count && got !== 0; at += got) got = fs.readSync(file, buffer, at, count - at, offset + at);
    } finally {
      fs.closeSync(file);
    }
  } catch (cause) {
    throw new IOError(`${path} could not be read at byte ${offset + at}: ${messageOf(cause)}`, {
      path,
      offset: offset + at,
      cause,
    });
  }
  return buffer.subarray(0, at);
}
