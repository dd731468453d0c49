// Everything a model can be loaded from, as files.
import { TypeError } from '../errors.js';
import { isNode } from '../platform.js';
import { type OpenSource, type SourceFile, blobFile, bytesFile } from './files.js';
import { type HttpOptions, responseSource, urlSource } from './http.js';
import { SCHEME, storedSource } from './indexeddb.js';
import { pathSource } from './node.js';

type Bytes = ArrayBuffer | ArrayBufferView;

/** A user's own source: whole files by path, or one file. */
export interface CustomSource {
  read(): Promise<Bytes | Blob | Map<string, Bytes | Blob> | Response> | Bytes | Blob | Map<string, Bytes | Blob> | Response;
}
/** What the browser's file system API calls a folder. */
export interface DirectoryHandle {
  readonly kind: 'directory';
  readonly name: string;
  values(): AsyncIterable<DirectoryHandle | { readonly kind: 'file'; readonly name: string; getFile(): Promise<File> }>;
}

/**
 * Where a model comes from: a URL, Request or Response; `indexeddb://name`; a path or `file:` URL (Node); bytes or a Blob;
 * the files of an unzipped SavedModel as File[], FileList, directory handle or Map by path; or an object with `read()`.
 */
export type ModelSource =
  | string
  | URL
  | Request
  | Response
  | Bytes
  | Blob
  | readonly File[]
  | FileList
  | ReadonlyMap<string, Bytes | Blob>
  | DirectoryHandle
  | CustomSource;

/** The bytes behind any buffer, not copied. */
function bytesOf(value: Bytes): Uint8Array {
  return ArrayBuffer.isView(value) ? new Uint8Array(value.buffer, value.byteOffset, value.byteLength) : new Uint8Array(value);
}

function isBuffer(value: unknown): value is Bytes {
  return ArrayBuffer.isView(value) || Object.prototype.toString.call(value) === '[object ArrayBuffer]';
}

function partFile(path: string, part: Bytes | Blob): SourceFile {
  return isBuffer(part) ? bytesFile(path, bytesOf(part)) : blobFile(path, part);
}

async function directoryFiles(directory: DirectoryHandle, prefix = ''): Promise<SourceFile[]> {
  const files: SourceFile[] = [];
  for await (const entry of directory.values()) {
    if (entry.kind === 'directory') files.push(...(await directoryFiles(entry, `${prefix}${entry.name}/`)));
    else files.push(blobFile(prefix + entry.name, await entry.getFile()));
  }
  return files;
}

function isDirectory(value: object): value is DirectoryHandle {
  return 'kind' in value && value.kind === 'directory';
}

/** Whether a text is a path in Node's file system, not a URL. */
export function isPath(text: string): boolean {
  if (text.startsWith('file:')) return true;
  return isNode() && !/^[a-z][a-z0-9+.-]+:\/\//i.test(text) && !/^(data|blob):/i.test(text);
}

/** Opens a source. The caller closes it. */
export async function openSource(source: ModelSource, options: HttpOptions): Promise<OpenSource> {
  if (typeof source === 'string' || source instanceof URL) {
    const text = String(source);
    if (text.startsWith(SCHEME)) return storedSource(text);
    return isPath(text) ? pathSource(source) : urlSource(source, options);
  }
  if (isBuffer(source)) return { files: [bytesFile('model', bytesOf(source))] };
  if (typeof Blob !== 'undefined' && source instanceof Blob) {
    return { files: [blobFile('name' in source ? String(source.name) : 'model', source)] };
  }
  if (typeof Request !== 'undefined' && source instanceof Request) return urlSource(source, options);
  if (typeof Response !== 'undefined' && source instanceof Response) return responseSource(source, options);
  if (source instanceof Map)
    return { files: [...(source as ReadonlyMap<string, Bytes | Blob>)].map(([path, part]) => partFile(path, part)) };
  if (Array.isArray(source) || (typeof FileList !== 'undefined' && source instanceof FileList)) {
    const list = Array.from(source as ArrayLike<File>);
    return { files: list.map((file) => blobFile(file.webkitRelativePath || file.name, file)) };
  }
  if (typeof source === 'object' && source !== null) {
    if (isDirectory(source)) return { files: await directoryFiles(source) };
    if ('read' in source && typeof source.read === 'function') return openSource(await source.read(), options);
  }
  throw new TypeError(
    `A model cannot be loaded from ${source === null ? 'null' : typeof source}: give a URL, a path, bytes, a Blob, files or an object with read().`,
  );
}
