// The engine in two parts. What loading a model and predicting need comes first, the rest (training, saving, seldom-used ops)
// follows. js/build/split.mjs makes the parts: calls from the first part into the rest go through a table that the rest fills, and
// the first of these calls asks for the rest, which is brought on the spot if it is not there yet.
import { IOError } from '../errors.js';
import { nextTask } from '../platform.js';

/** What js/build/split.mjs calls the import that fetches the rest, and the exports that the rest imports. */
const REST = 'rest';
const PRIMARY = 'primary';

/** Where the second part comes from. */
export interface RestSource {
  /** Its bytes, for a caller in the middle of a synchronous call. */
  now(): Uint8Array<ArrayBuffer>;
  /** Compiles it in the background. Absent for a file of Node's, which is at hand when it is needed. */
  compile?(): Promise<WebAssembly.Module>;
}

/** Whether `fetchNow` works: service workers have no request that blocks. */
export function canFetchNow(): boolean {
  return typeof XMLHttpRequest === 'function';
}

/** The second part of an engine, loaded at most once. */
export class Rest {
  readonly #source: RestSource;
  #primary: WebAssembly.Exports | null = null;
  #loading: Promise<void> | null = null;
  #added = false;

  constructor(source: RestSource) {
    this.#source = source;
  }

  /** `imports` and what the first part calls before it calls into the rest. */
  withFetch(imports: WebAssembly.Imports): WebAssembly.Imports {
    const fetch = (): void => {
      if (!this.#added) this.#add(new WebAssembly.Module(this.#source.now()));
    };
    return { ...imports, [REST]: { fetch } };
  }

  /** Tells which instance the rest belongs to. */
  attach(primary: WebAssembly.Instance): void {
    this.#primary = primary.exports;
  }

  /** Loads the rest, unless that can wait until it is needed. After a failure the next call tries again. */
  async load(): Promise<void> {
    if (this.#added || this.#source.compile === undefined) return;
    this.#loading ??= this.#loadSoon().catch((error: unknown) => {
      this.#loading = null;
      throw error;
    });
    await this.#loading;
  }

  /** After a prediction that follows at once: the two would want the same cores. */
  async #loadSoon(): Promise<void> {
    await nextTask();
    if (!this.#added) this.#add((await this.#source.compile?.()) as WebAssembly.Module);
  }

  /** Instantiating puts the functions into the table; a second time puts the same ones there. */
  #add(module: WebAssembly.Module): void {
    new WebAssembly.Instance(module, { [PRIMARY]: this.#primary as WebAssembly.ModuleImports });
    this.#added = true;
  }
}

/** The bytes at `url`, at once. Pages get such bytes as text only. */
export function fetchNow(url: string): Uint8Array<ArrayBuffer> {
  const request = new XMLHttpRequest();
  request.open('GET', url, false);
  request.overrideMimeType('text/plain; charset=x-user-defined');
  try {
    request.send();
  } catch (cause) {
    throw new IOError(`The engine's second part could not be fetched from ${url}.`, { path: url, cause });
  }
  if (request.status !== 200)
    throw new IOError(`The engine's second part could not be fetched from ${url}: HTTP ${request.status}.`, { path: url });
  const text = request.responseText;
  const bytes = new Uint8Array(text.length);
  for (let i = 0; i < text.length; i++) bytes[i] = text.charCodeAt(i); // its low byte
  return bytes;
}
