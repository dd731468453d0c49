// Models from the network.
import { AbortError, IOError, NotFoundError, ValueError } from '../errors.js';
import { assetNames } from './assets.js';
import { type OpenSource, type Progress, blobFile, downloadBlob, messageOf } from './files.js';

export interface HttpOptions {
  fetch?: RequestInit | undefined;
  signal?: AbortSignal | undefined;
  onProgress?: ((progress: Progress) => void) | undefined;
}

async function request(target: string | URL | Request, { fetch: init, signal }: HttpOptions): Promise<Response> {
  const url = target instanceof Request ? target.url : String(target);
  try {
    return await fetch(target, { ...init, ...(signal ? { signal } : {}) });
  } catch (cause) {
    if (signal?.aborted) throw new AbortError(`Loading ${url} was aborted.`, { path: url, cause });
    throw new IOError(`${url} could not be fetched: ${messageOf(cause)}`, { path: url, cause });
  }
}

function checkResponse(response: Response, url: string): void {
  if (response.ok) return;
  const text = `${url} could not be fetched: HTTP ${response.status} ${response.statusText}`.trimEnd() + '.';
  if (response.status === 404 || response.status === 410) throw new NotFoundError(text, { path: url });
  throw new IOError(text, { path: url });
}

/** A page in place of a model: what servers answer for unknown paths. */
async function rejectHtml(blob: Blob, url: string): Promise<void> {
  const start = new TextDecoder()
    .decode(await blob.slice(0, 256).arrayBuffer())
    .trimStart()
    .toLowerCase();
  if (start.startsWith('<!doctype html') || start.startsWith('<html')) {
    throw new ValueError(`${url} is an HTML page, not a model: the server answers with a page for a file that is not there.`, {
      path: url,
    });
  }
}

/** The file behind a response. */
export async function responseSource(response: Response, options: HttpOptions, name = response.url): Promise<OpenSource> {
  checkResponse(response, name);
  const blob = await downloadBlob(response, name, options.onProgress, options.signal);
  await rejectHtml(blob, name);
  return { files: [blobFile(name === '' ? 'response' : name, blob)] };
}

/** A file, or, where the URL ends in `/` or in `saved_model.pb`, the files of an unzipped SavedModel. */
export async function urlSource(target: string | URL | Request, options: HttpOptions): Promise<OpenSource> {
  const url = target instanceof Request ? target.url : String(target);
  const path = url.replace(/[?#].*$/, '');
  if (!(target instanceof Request) && (path.endsWith('/') || path.endsWith('/saved_model.pb'))) return folderSource(url, options);
  return responseSource(await request(target, options), options, url);
}

async function folderSource(url: string, options: HttpOptions): Promise<OpenSource> {
  const [, path, query] = /^([^?#]*)(\?[^#]*)?/.exec(url) as unknown as [string, string, string | undefined];
  const base = path.slice(0, path.lastIndexOf('/') + 1);
  const get = async (name: string): Promise<Blob | null> => {
    const response = await request(base + name + (query ?? ''), options);
    if (response.status === 404 && name !== 'saved_model.pb') return null;
    checkResponse(response, base + name);
    const blob = await downloadBlob(response, base + name, options.onProgress, options.signal);
    await rejectHtml(blob, base + name);
    return blob;
  };
  const files: [string, Blob][] = [];
  const add = async (name: string, path = name): Promise<boolean> => {
    const blob = await get(path);
    if (blob !== null) files.push([name, blob]);
    return blob !== null;
  };
  await add('saved_model.pb');
  for (const name of await assetNames(files[0]![1]))
    await add(`assets/${name}`, `assets/${name.split('/').map(encodeURIComponent).join('/')}`);
  await add('keras_metadata.pb');
  await add('variables/variables.index');
  // How many shards there are stands in each shard's name: most models have one.
  for (let count = 1; count <= 32; count++) {
    const name = (i: number): string =>
      `variables/variables.data-${String(i).padStart(5, '0')}-of-${String(count).padStart(5, '0')}`;
    if (!(await add(name(0)))) continue;
    for (let i = 1; i < count; i++) {
      if (!(await add(name(i)))) throw new NotFoundError(`${base}${name(i)} is missing.`, { path: base + name(i) });
    }
    break;
  }
  return { files: files.map(([name, blob]) => blobFile(name, blob)) };
}
