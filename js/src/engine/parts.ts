// The engine in two parts. What loading a model and predicting need comes first, the rest (training, saving, seldom-used ops)
// follows. js/build/split.mjs makes the parts: calls from the first part into the rest go through a table that the rest fills, and
// the first of these calls asks for the rest, which is fetched on the spot if it is not there yet.
import { IOError } from '../errors.js';

/** What js/build/split.mjs calls the import that fetches the rest, and the exports that the rest imports. */
const REST = 'rest';
const PRIMARY = 'primary';

/** Whether the engine can be loaded in parts here: calls that come early need a request that blocks, which service workers lack. */
export function canLoadParts(): boolean {
  return typeof XMLHttpRequest === 'function';
}

/** The second part of an engine, loaded at most once. */
export class Rest {
  readonly #url: string;
  readonly #compile: (url: string) => Promise<WebAssembly.Module>;
  #primary: WebAssembly.Exports | null = null;
  #loading: Promise<void> | null = null;
  #added = false;

  constructor(url: string, compile: (url: string) => Promise<WebAssembly.Module>) {
    this.#url = url;
    this.#compile = compile;
  }

  /** `imports` and what the first part calls before it calls into the rest. */
  withFetch(imports: WebAssembly.Imports): WebAssembly.Imports {
    const fetch = (): void => {
      if (this.#added) return;
      this.#add(new WebAssembly.Module(fetchNow(this.#url)));
      this.#loading = Promise.resolve();
    };
    return { ...imports, [REST]: { fetch } };
  }

  /** Tells which instance the rest belongs to. */
  attach(primary: WebAssembly.Instance): void {
    this.#primary = primary.exports;
  }

  /** Loads the rest. After a failure the next call tries again. */
  load(): Promise<void> {
    this.#loading ??= this.#compile(this.#url)
      .then((module) => this.#add(module))
      .catch((error: unknown) => {
        this.#loading = null;
        throw error;
      });
    return this.#loading;
  }

  /** Instantiating puts the functions into the table; a second time puts the same ones there. */
  #add(module: WebAssembly.Module): void {
    new WebAssembly.Instance(module, { [PRIMARY]: this.#primary as WebAssembly.ModuleImports });
    this.#added = true;
  }
}

/** The bytes at `url`, at once: the caller is in the middle of a synchronous call. Pages get such bytes as text only. */
function fetchNow(url: string): Uint8Array<ArrayBuffer> {
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
