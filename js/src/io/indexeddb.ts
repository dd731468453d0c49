// Models in the browser's IndexedDB: one entry for each model, its files as Blobs, replaced in one transaction.
import { IOError, NotFoundError, ResourceExhaustedError } from '../errors.js';
import { type OpenSource, blobFile, messageOf } from './files.js';

const DATABASE = 'keras-wasm';
const STORE = 'models';
export const SCHEME = 'indexeddb://';

interface StoredModel {
  name: string;
  format: string;
  saved: Date;
  size: number;
  files: { path: string; blob: Blob }[];
}

/** What `listModels` tells of a stored model. */
export interface StoredModelInfo {
  format: string;
  saved: Date;
  /** Bytes. */
  size: number;
}

function problem(what: string, cause: unknown): Error {
  const name = cause instanceof DOMException ? cause.name : '';
  if (name === 'QuotaExceededError') {
    return new ResourceExhaustedError(
      `${what}: the browser's storage quota is used up. Remove models with keras.io.removeModel, or ask for more by navigator.storage.persist().`,
      { cause },
    );
  }
  return new IOError(`${what}: ${messageOf(cause)}`, { cause });
}

function settled<T>(request: IDBRequest<T>): Promise<T> {
  return new Promise((resolve, reject) => {
    request.onsuccess = () => resolve(request.result);
    request.onerror = () => reject(request.error ?? new Error('The request failed.'));
  });
}

async function withStore<T>(mode: IDBTransactionMode, what: string, use: (store: IDBObjectStore) => Promise<T>): Promise<T> {
  if (typeof indexedDB === 'undefined') throw new IOError(`${what}: there is no IndexedDB here.`);
  let database: IDBDatabase | undefined;
  try {
    const opening = indexedDB.open(DATABASE, 1);
    opening.onupgradeneeded = () => opening.result.createObjectStore(STORE, { keyPath: 'name' });
    database = await settled(opening);
    const transaction = database.transaction(STORE, mode);
    const done = new Promise<void>((resolve, reject) => {
      transaction.oncomplete = () => resolve();
      transaction.onabort = () => reject(transaction.error ?? new Error('The transaction was aborted.'));
      transaction.onerror = () => reject(transaction.error ?? new Error('The transaction failed.'));
    });
    done.catch(() => undefined); // told below, also where `use` fails first
    const result = await use(transaction.objectStore(STORE));
    await done;
    return result;
  } catch (cause) {
    if (cause instanceof NotFoundError) throw cause;
    throw problem(what, cause);
  } finally {
    database?.close();
  }
}

const nameOf = (url: string): string => (url.startsWith(SCHEME) ? url.slice(SCHEME.length) : url);

/** The files of a stored model. */
export async function storedSource(url: string): Promise<OpenSource> {
  const stored = await get(url);
  return { files: stored.files.map(({ path, blob }) => blobFile(path, blob)) };
}

async function get(url: string): Promise<StoredModel> {
  const stored = await withStore('readonly', `${url} could not be read`, (store) =>
    settled<StoredModel | undefined>(store.get(nameOf(url))),
  );
  if (stored === undefined) throw new NotFoundError(`There is no model '${nameOf(url)}' in IndexedDB.`, { path: url });
  return stored;
}

async function put(url: string, model: Omit<StoredModel, 'name' | 'saved'>): Promise<void> {
  await withStore('readwrite', `${url} could not be saved`, (store) =>
    settled(store.put({ ...model, name: nameOf(url), saved: new Date() })),
  );
}

/** Puts a model's files in the place of what was there before, or, on failure, leaves that as it was. */
export async function storeFiles(
  url: string,
  format: string,
  files: { path: string; blob: Blob }[],
  overwrite: boolean,
): Promise<void> {
  if (!overwrite && Object.hasOwn(await listModels(), SCHEME + nameOf(url))) {
    throw new IOError(`There is a model at ${url} already, and \`overwrite\` is false.`, { path: url });
  }
  await put(url, { format, files, size: files.reduce((total, { blob }) => total + blob.size, 0) });
}

/** The models in IndexedDB by their URLs. */
export async function listModels(): Promise<Record<string, StoredModelInfo>> {
  const all = await withStore('readonly', 'The stored models could not be listed', (store) =>
    settled<StoredModel[]>(store.getAll()),
  );
  return Object.fromEntries(all.map(({ name, format, saved, size }) => [SCHEME + name, { format, saved, size }]));
}
/** Removes a model from IndexedDB. @throws {NotFoundError} there is none of that name */
export async function removeModel(url: string): Promise<void> {
  await get(url);
  await withStore('readwrite', `${url} could not be removed`, (store) => settled(store.delete(nameOf(url))));
}
/** Copies a model in IndexedDB under another name. */
export async function copyModel(from: string, to: string): Promise<void> {
  await put(to, await get(from));
}
/** Gives a model in IndexedDB another name. */
export async function moveModel(from: string, to: string): Promise<void> {
  if (nameOf(from) === nameOf(to)) return;
  await copyModel(from, to);
  await removeModel(from);
}
