// The engine in two parts. What loading a model and predicting need comes first, the rest (training, saving, seldom-used ops)
// follows. js/build/split.mjs makes the parts with Binaryen's wasm-split: calls from the first part into the rest go through a
// table, and until the rest is there, each of its entries leads to a placeholder, which fetches the rest on the spot.
import { IOError } from '../errors.js';

/** wasm-split's names: what the first part imports in place of the rest, and what it exports to it. */
const PLACEHOLDERS = 'placeholder.deferred';
const PRIMARY = 'primary';
const PREFIX = '%';

/** Whether the engine can be loaded in parts here: the placeholders need a request that blocks, which service workers lack. */
export function canLoadParts(): boolean {
  return typeof XMLHttpRequest === 'function';
}

/** The second part of an engine, loaded at most once. */
export class Rest {
  readonly #url: string;
  readonly #compile: (url: string) => Promise<WebAssembly.Module>;
  #primary: WebAssembly.Exports | null = null;
  #loading: Promise<void> | null = null;

  constructor(url: string, compile: (url: string) => Promise<WebAssembly.Module>) {
    this.#url = url;
    this.#compile = compile;
  }

  /** `imports` and placeholders for every function of the rest. */
  withPlaceholders(imports: WebAssembly.Imports): WebAssembly.Imports {
    const call = (index: string, args: unknown[]): unknown => {
      this.#add(new WebAssembly.Module(fetchNow(this.#url)));
      this.#loading = Promise.resolve();
      return (this.#table.get(Number(index)) as (...args: unknown[]) => unknown)(...args);
    };
    const placeholders = new Proxy({} as WebAssembly.ModuleImports, {
      get:
        (_, index) =>
        (...args: unknown[]) =>
          call(String(index), args),
    });
    return { ...imports, [PLACEHOLDERS]: placeholders };
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
  }

  /** The only table among the exports that splitting has added. */
  get #table(): WebAssembly.Table {
    const added = Object.entries(this.#primary as WebAssembly.Exports).filter(([name]) => name.startsWith(PREFIX));
    return added.map(([, value]) => value).find((value) => value instanceof WebAssembly.Table) as WebAssembly.Table;
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
