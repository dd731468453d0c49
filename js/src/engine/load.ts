// Loads the engine's WebAssembly and its glue: from beside this module, from a path the user gives, or from bytes.
// The single-thread glue is imported statically (service workers may not import dynamically).
import createEngine from 'keras-wasm/glue';
import { IOError, KerasError } from '../errors.js';
import { readLocalFile } from '../platform.js';
import type { Variant } from './detect.js';
import type { Glue, Native } from './native.js';

export interface WasmLocation {
  /** Where the `.wasm` files are: a folder's URL ending in `/`, the URL of one file, or URLs by file name. */
  wasmPath?: string | URL | Record<string, string | URL>;
  /** The bytes of the `.wasm` file itself. */
  wasmBinary?: ArrayBuffer | Uint8Array;
}

/** Which builds this package holds. The package's build puts it in. */
declare const __KERAS_WASM_BUILT__: { relaxed: boolean };

/** Written out, one by one: bundlers find the files by this very form, and fail where one is missing. */
function fileBesideModule(variant: Variant): URL {
  if (__KERAS_WASM_BUILT__.relaxed && variant === 'relaxed') return new URL('./keras-relaxed.wasm', import.meta.url);
  return new URL('./keras-simd.wasm', import.meta.url);
}

function locate(variant: Variant, wasmPath: WasmLocation['wasmPath']): string | URL {
  if (wasmPath === undefined) return fileBesideModule(variant);
  const file = `keras-${variant}.wasm`;
  if (typeof wasmPath === 'object' && !(wasmPath instanceof URL)) return wasmPath[file] ?? fileBesideModule(variant);
  const path = String(wasmPath);
  return path.endsWith('/') ? path + file : wasmPath;
}

/** Loads and instantiates a build. */
export async function loadNative(variant: Variant, location: WasmLocation): Promise<Native> {
  const module = await compile(variant, location);
  return new Promise<Native>((resolve, reject) => {
    const instantiateWasm: Parameters<Glue>[0]['instantiateWasm'] = (imports, receive) => {
      WebAssembly.instantiate(module, imports).then((instance) => receive(instance, module), reject);
      return {};
    };
    createEngine({ instantiateWasm }).then(resolve, reject);
  });
}

async function compile(variant: Variant, location: WasmLocation): Promise<WebAssembly.Module> {
  if (location.wasmBinary !== undefined) return compileBytes(location.wasmBinary, 'wasmBinary');
  const place = locate(variant, location.wasmPath);
  const local = await readLocalFile(place).catch((cause: unknown) => {
    throw new IOError(
      `${String(place)} could not be read. Pass \`wasmPath\` to keras.ready() to say where the engine's .wasm files are.`,
      {
        path: String(place),
        cause,
      },
    );
  });
  if (local !== null) return compileBytes(local, String(place));
  return compileFetched(String(place));
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
