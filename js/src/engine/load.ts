// Loads the engine's WebAssembly and its glue: from beside this module, from a path the user gives, or from bytes.
// The single-thread glue is imported statically (service workers may not import dynamically), that of the threaded builds
// when it is asked for: it waits at its top level, knows Node's modules, and runs once more in every thread.
import createEngine from 'keras-wasm/glue';
import { IOError, KerasError } from '../errors.js';
import { type LocalFile, baseUrl, isNode, localFile } from '../platform.js';
import type { Variant } from './detect.js';
import type { Glue, GlueOptions, Native } from './native.js';
import { keepGlobalWorker } from './node_workers.js';
import { Rest, type RestSource, canFetchNow, fetchNow } from './parts.js';

export interface WasmLocation {
  /**
   * Where the `.wasm` files are: a folder's URL ending in `/` or URLs by file name; or the URL of one file, the whole engine
   * (`keras-simd.wasm`, `keras-relaxed.wasm`) instead of its two parts. By name, the script of the threaded builds,
   * `keras-simd-threads.mjs`, can be given too; it must be of the page's own origin.
   */
  wasmPath?: string | URL | Record<string, string | URL>;
  /** The bytes of the whole engine: of the variant's one `.wasm` file. */
  wasmBinary?: ArrayBuffer | Uint8Array;
}

/** Which builds this package holds. The package's build puts it in. */
declare const __KERAS_WASM_BUILT__: { relaxed: boolean; threads: boolean; relaxedThreads: boolean };

/** One file for both threaded builds. */
const THREADED_GLUE = 'keras-simd-threads.mjs';
const WHOLE: Record<Variant, string> = {
  simd: 'keras-simd.wasm',
  relaxed: 'keras-relaxed.wasm',
  threads: 'keras-simd-threads.wasm',
  'relaxed-threads': 'keras-relaxed-threads.wasm',
};

/** Written out, one by one: bundlers find the files by this very form, and fail where one is missing. */
function fileBesideModule(file: string): URL {
  if (__KERAS_WASM_BUILT__.relaxed) {
    if (file === 'keras-relaxed.wasm') return new URL('./keras-relaxed.wasm', import.meta.url);
    if (file === 'keras-relaxed.first.wasm') return new URL('./keras-relaxed.first.wasm', import.meta.url);
    if (file === 'keras-relaxed.rest.wasm') return new URL('./keras-relaxed.rest.wasm', import.meta.url);
  }
  if (__KERAS_WASM_BUILT__.threads) {
    if (file === 'keras-simd-threads.mjs') return new URL('./keras-simd-threads.mjs', import.meta.url);
    if (file === 'keras-simd-threads.wasm') return new URL('./keras-simd-threads.wasm', import.meta.url);
  }
  if (__KERAS_WASM_BUILT__.relaxedThreads && file === 'keras-relaxed-threads.wasm')
    return new URL('./keras-relaxed-threads.wasm', import.meta.url);
  if (file === 'keras-simd.first.wasm') return new URL('./keras-simd.first.wasm', import.meta.url);
  if (file === 'keras-simd.rest.wasm') return new URL('./keras-simd.rest.wasm', import.meta.url);
  return new URL('./keras-simd.wasm', import.meta.url);
}

const isMap = (wasmPath: WasmLocation['wasmPath']): wasmPath is Record<string, string | URL> =>
  typeof wasmPath === 'object' && !(wasmPath instanceof URL);

function locate(file: string, wasmPath: WasmLocation['wasmPath']): string | URL {
  if (wasmPath === undefined) return fileBesideModule(file);
  if (isMap(wasmPath)) return wasmPath[file] ?? fileBesideModule(file);
  const path = String(wasmPath);
  return path.endsWith('/') ? path + file : wasmPath;
}

/** Who names one file, or gives its bytes, means the whole engine. */
function mayComeInParts(variant: Variant, { wasmPath, wasmBinary }: WasmLocation): boolean {
  if (variant.endsWith('threads') || wasmBinary !== undefined) return false;
  if (wasmPath === undefined) return true;
  return isMap(wasmPath) ? !(`keras-${variant}.wasm` in wasmPath) : String(wasmPath).endsWith('/');
}

/** The second part; null where the engine comes in one piece. */
async function restOf(variant: Variant, location: WasmLocation): Promise<RestSource | null> {
  if (!mayComeInParts(variant, location)) return null;
  const place = locate(`keras-${variant}.rest.wasm`, location.wasmPath);
  if (!isNode()) {
    const url = String(place);
    return canFetchNow() ? { now: () => fetchNow(url), compile: () => compileFetched(url) } : null;
  }
  const places = [locate(`keras-${variant}.first.wasm`, location.wasmPath), place];
  const [first, rest] = await Promise.all(places.map(localFile)).catch(() => []); // compile() says what is wrong
  if (!first?.exists() || !rest?.exists()) return null; // to be fetched; or a copy of the package without its parts
  return { now: () => readNow(rest) };
}

function readNow(file: LocalFile): Uint8Array<ArrayBuffer> {
  try {
    return file.read();
  } catch (cause) {
    throw new IOError(`The engine's second part could not be read from ${file.path}.`, { path: file.path, cause });
  }
}

export interface LoadedEngine {
  native: Native;
  /** Loads what `native` does not hold yet; see parts.ts. */
  complete: () => Promise<void>;
}

/** Loads and instantiates a build. */
export async function loadEngine(variant: Variant, location: WasmLocation): Promise<LoadedEngine> {
  const source = await restOf(variant, location);
  if (source === null) {
    const [module, glue] = await Promise.all([compile(WHOLE[variant], location), glueOf(variant, location.wasmPath)]);
    return { native: await instantiate(glue, module, (imports) => imports), complete: () => Promise.resolve() };
  }
  const rest = new Rest(source);
  const module = await compile(`keras-${variant}.first.wasm`, location);
  const native = await instantiate(
    createEngine,
    module,
    (imports) => rest.withFetch(imports),
    (instance) => rest.attach(instance),
  );
  return { native, complete: () => rest.load() };
}

async function glueOf(variant: Variant, wasmPath: WasmLocation['wasmPath']): Promise<Glue> {
  if (!variant.endsWith('threads')) return createEngine;
  const url = String(new URL(locate(THREADED_GLUE, isMap(wasmPath) ? wasmPath : undefined), await baseUrl()));
  let glue: Glue;
  try {
    glue = ((await import(/* webpackIgnore: true */ /* @vite-ignore */ url)) as { default: Glue }).default;
  } catch (cause) {
    throw new IOError(
      `The script of the engine's threads could not be loaded from ${url}. Where files are moved, \`wasmPath\` of ` +
        `keras.ready() says by name where ${THREADED_GLUE} is.`,
      { path: url, cause },
    );
  }
  if (isNode()) return (options) => keepGlobalWorker(() => glue(options));
  return (options) => glue({ ...options, mainScriptUrlOrBlob: url });
}

function instantiate(
  glue: Glue,
  module: WebAssembly.Module,
  importsFor: (imports: WebAssembly.Imports) => WebAssembly.Imports,
  onInstance?: (instance: WebAssembly.Instance) => void,
): Promise<Native> {
  return new Promise<Native>((resolve, reject) => {
    const instantiateWasm: GlueOptions['instantiateWasm'] = (imports, receive) => {
      WebAssembly.instantiate(module, importsFor(imports)).then((instance) => {
        onInstance?.(instance);
        receive(instance, module);
      }, reject);
      return {};
    };
    glue({ instantiateWasm }).then(resolve, reject);
  });
}

async function compile(file: string, location: WasmLocation): Promise<WebAssembly.Module> {
  if (location.wasmBinary !== undefined) return compileBytes(location.wasmBinary, 'wasmBinary');
  const place = locate(file, location.wasmPath);
  const bytes = await readLocal(place).catch((cause: unknown) => {
    throw new IOError(
      `${String(place)} could not be read. Pass \`wasmPath\` to keras.ready() to say where the engine's .wasm files are.`,
      {
        path: String(place),
        cause,
      },
    );
  });
  if (bytes !== null) return compileBytes(bytes, String(place));
  return compileFetched(String(place));
}

async function readLocal(place: string | URL): Promise<Uint8Array | null> {
  return (await localFile(place))?.read() ?? null;
}

async function compileFetched(url: string): Promise<WebAssembly.Module> {
  let response: Response;
  try {
    response = await fetch(url, { credentials: 'same-origin' });
  } catch (cause) {
    throw new IOError(`The engine could not be fetched from ${url}. Pass \`wasmPath\` to keras.ready() to say where it is.`, {
      path: url,
      cause,
    });
  }
  if (!response.ok) {
    throw new IOError(
      `The engine could not be fetched from ${url}: HTTP ${response.status} ${response.statusText}. ` +
        'Pass `wasmPath` to keras.ready() to say where it is.',
      { path: url },
    );
  }
  const type = response.headers.get('content-type') ?? '';
  if (type.startsWith('application/wasm') && 'compileStreaming' in WebAssembly) return WebAssembly.compileStreaming(response);
  return compileBytes(await response.arrayBuffer(), url);
}

async function compileBytes(bytes: ArrayBuffer | Uint8Array, place: string): Promise<WebAssembly.Module> {
  const view = bytes instanceof Uint8Array ? bytes : new Uint8Array(bytes);
  const isWasm = view[0] === 0 && view[1] === 0x61 && view[2] === 0x73 && view[3] === 0x6d;
  if (!isWasm) {
    const start = new TextDecoder().decode(view.subarray(0, 200)).trimStart().toLowerCase();
    const found = start.startsWith('<')
      ? "an HTML page (often a server's answer for a file that is not there)"
      : 'no WebAssembly';
    throw new IOError(`${place} is ${found}. Pass \`wasmPath\` to keras.ready() to say where the engine's .wasm files are.`, {
      path: place,
    });
  }
  try {
    return await WebAssembly.compile(view as Uint8Array<ArrayBuffer>);
  } catch (cause) {
    if (cause instanceof KerasError) throw cause;
    throw new IOError(`${place} could not be compiled: ${cause instanceof Error ? cause.message : String(cause)}`, {
      path: place,
      cause,
    });
  }
}
