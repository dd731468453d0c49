// Which build runs here: told by what the WebAssembly engine accepts, never by names of browsers.
import { RuntimeError, ValueError } from '../errors.js';
import { isNode, processorCount } from '../platform.js';

export type Variant = 'simd' | 'relaxed' | 'threads' | 'relaxed-threads';
const VARIANTS: readonly string[] = ['auto', 'simd', 'relaxed', 'threads', 'relaxed-threads'];

/** Which builds this package holds. The package's build puts it in, name by name. */
declare const __KERAS_WASM_BUILT__: { relaxed: boolean; threads: boolean; relaxedThreads: boolean };
const BUILT: Record<Variant, boolean> = {
  simd: true,
  relaxed: __KERAS_WASM_BUILT__.relaxed,
  threads: __KERAS_WASM_BUILT__.threads,
  'relaxed-threads': __KERAS_WASM_BUILT__.relaxedThreads,
};

const MOST_THREADS = 64;
const MOST_BY_DEFAULT = 8; // more mostly wait for each other in models of a browser's size

// (func (drop (i8x16.splat (i32.const 0))))
const SIMD = Uint8Array.of(0, 97, 115, 109, 1, 0, 0, 0, 1, 4, 1, 96, 0, 0, 3, 2, 1, 0, 10, 9, 1, 7, 0, 65, 0, 253, 15, 26, 11);
// (func (drop (f32x4.relaxed_madd …))) with three zero vectors
// prettier-ignore
const RELAXED = Uint8Array.of(
  0, 97, 115, 109, 1, 0, 0, 0, 1, 4, 1, 96, 0, 0, 3, 2, 1, 0, 10, 20, 1, 18, 0,
  65, 0, 253, 15, 65, 0, 253, 15, 65, 0, 253, 15, 253, 133, 2, 26, 11,
);

/** Whether workers can be started from here that share this realm's memory. */
function canStartThreads(): boolean {
  if (isNode()) return true;
  return (globalThis as { crossOriginIsolated?: boolean }).crossOriginIsolated === true && typeof Worker === 'function';
}

const hasThreads = (variant: Variant): boolean => variant === 'threads' || variant === 'relaxed-threads';

/**
 * The build for `wanted`. `'auto'` takes a threaded one only where `threads` asks for several, and never fails for want of one.
 * Throws RuntimeError where nothing runs, or where what was asked for does not.
 */
export function chooseVariant(wanted: 'auto' | Variant, threads?: number): Variant {
  if (!VARIANTS.includes(wanted))
    throw new ValueError(`There is no variant '${wanted}' of the engine; there are ${VARIANTS.join(', ')}.`);
  if (typeof WebAssembly !== 'object' || !WebAssembly.validate(SIMD)) {
    throw new RuntimeError('keras-wasm needs WebAssembly with SIMD, which this JavaScript engine does not have.');
  }
  const relaxed = WebAssembly.validate(RELAXED);
  const runs = (variant: Variant): boolean =>
    BUILT[variant] && (relaxed || !variant.startsWith('relaxed')) && (!hasThreads(variant) || canStartThreads());
  if (wanted === 'auto') {
    const fastestFirst: Variant[] = ['relaxed-threads', 'threads', 'relaxed', 'simd'];
    return fastestFirst.find((variant) => (threads ?? 1) > 1 === hasThreads(variant) && runs(variant)) ?? chooseVariant('auto');
  }
  if (runs(wanted)) return wanted;
  if (!BUILT[wanted]) throw new RuntimeError(`Variant '${wanted}' has not been built into this copy of the package.`);
  if (wanted.startsWith('relaxed') && !relaxed)
    throw new RuntimeError(`Variant '${wanted}' needs relaxed SIMD, which this JavaScript engine does not have.`);
  throw new RuntimeError(
    `Variant '${wanted}' needs memory that threads share: Node, or a page or web worker (no service worker) that is served ` +
      'with the headers Cross-Origin-Opener-Policy: same-origin and Cross-Origin-Embedder-Policy: require-corp.',
  );
}

/** How many threads `variant` gets. Throws ValueError for a count that is none. */
export async function chooseThreads(variant: Variant, wanted: number | undefined): Promise<number> {
  if (wanted !== undefined && !(Number.isInteger(wanted) && wanted >= 1 && wanted <= MOST_THREADS))
    throw new ValueError(`\`threads\` must be a whole number from 1 to ${MOST_THREADS}, got ${String(wanted)}.`);
  if (!hasThreads(variant)) return 1;
  return wanted ?? Math.min(await processorCount(), MOST_BY_DEFAULT);
}
