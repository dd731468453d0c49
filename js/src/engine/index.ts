// The one engine of the process: chosen, loaded and started at first need.
import { RuntimeError, errorFromEngine } from '../errors.js';
import { isNode } from '../platform.js';
import { type Variant, chooseThreads, chooseVariant } from './detect.js';
import { type LoadedEngine, type WasmLocation, loadEngine } from './load.js';
import type { Native } from './native.js';
import { withNodeWorkers } from './node_workers.js';

/** What files and calls may ask for; see the errors that name them. Byte counts and numbers. */
export interface Limits {
  tensorBytes?: number;
  totalBytes?: number;
  metadataBytes?: number;
  jsonBytes?: number;
  jsonDepth?: number;
  zipMembers?: number;
  inflatedBytes?: number;
  inflateRatio?: number;
  fileObjects?: number;
  nestingDepth?: number;
  loopIterations?: number;
  deadlineMs?: number;
}

export interface ReadyOptions extends WasmLocation {
  /**
   * Which build to load. `'auto'` (default) takes the fastest that runs here, of those with threads only where `threads` asks
   * for several. They run in Node, and in pages and web workers that are cross-origin isolated.
   */
  variant?: 'auto' | Variant;
  /** How many threads a threaded build uses, the caller's among them: 1 to 64. Default: those of the machine, 8 at most. */
  threads?: number;
  limits?: Limits;
}

export interface EngineInfo {
  variant: Variant;
  /** Whether products use fused multiply-add. */
  simd: 'simd128' | 'relaxed';
  threads: number;
  /**
   * `bytes` in use, `peakBytes` at most; `activationBytes`: what intermediate values and results of the last run (a prediction, a
   * training step, a function's call) took beside the weights; `tensors`: handles that hold memory.
   */
  memory: { bytes: number; peakBytes: number; activationBytes: number; tensors: number };
}

let loaded: (LoadedEngine & { variant: Variant }) | null = null;
let loading: Promise<void> | null = null;

async function load(options: ReadyOptions): Promise<void> {
  const variant = chooseVariant(options.variant ?? 'auto', options.threads);
  const threads = await chooseThreads(variant, options.threads);
  const engine = await loadEngine(variant, options);
  const init = (): void =>
    engine.native.init({ seed: randomSeed(), threads, limits: options.limits ?? {}, error: errorFromEngine });
  if (threads > 1 && isNode()) await withNodeWorkers(init);
  else init();
  await threadsStarted(engine.native, threads);
  loaded = { ...engine, variant };
}

/** The threads' workers load while the event loop turns. */
async function threadsStarted(native: Native, threads: number): Promise<void> {
  const deadline = performance.now() + 30_000;
  while (native.threads() < threads) {
    if (performance.now() > deadline) {
      throw new RuntimeError(
        `${native.threads()} of ${threads} threads have started within 30 s. A Content-Security-Policy must allow workers ` +
          "from the page's own origin (worker-src or script-src 'self').",
      );
    }
    await new Promise((resolve) => setTimeout(resolve, 1));
  }
}

/** 32 bits. Nothing is kept secret by them: Node takes 3 ms to load what `crypto` is. */
function randomSeed(): number {
  return Math.floor(Math.random() * 2 ** 32);
}

/**
 * Loads the engine. Every asynchronous call does it by itself; synchronous ones (`keras.tensor` aside) need it done before.
 * A second call waits for the first; its options do not count.
 * @throws {IOError} the engine's file could not be fetched, or is no WebAssembly
 * @example await keras.ready();
 */
export async function ready(options: ReadyOptions = {}): Promise<void> {
  await start(options);
  await loaded?.complete();
}

/** @internal Loads of the engine what it takes to load a model and to predict. */
export function start(options: ReadyOptions = {}): Promise<void> {
  loading ??= load(options).catch((error: unknown) => {
    loading = null; // the next call tries again
    throw error;
  });
  return loading;
}

/** @internal Loads what `start` left, in the background: who needs it later waits for it, and is told if it fails. */
export function loadRest(): void {
  loaded?.complete().catch(() => undefined);
}

/** @internal The engine. Throws where it is not loaded. */
export function native(): Native {
  if (loaded === null) throw new RuntimeError('The engine is not loaded yet: `await keras.ready()` first.');
  return loaded.native;
}

/** @internal Whether `native()` can be called. */
export function isReady(): boolean {
  return loaded !== null;
}

/** Which build runs, and how much memory it holds. */
export function engine(): EngineInfo {
  const engine = native();
  const { variant } = loaded as NonNullable<typeof loaded>;
  return {
    variant,
    simd: variant.startsWith('relaxed') ? 'relaxed' : 'simd128',
    threads: engine.threads(),
    memory: { ...engine.memory(), tensors: liveHandles() },
  };
}

const live = new Set<number>();
let handleCount = 0;

/** @internal Counts a handle that holds memory in the engine. */
export function trackHandle(): number {
  live.add(++handleCount);
  return handleCount;
}
/** @internal */
export function untrackHandle(token: number): void {
  live.delete(token);
}
function liveHandles(): number {
  return live.size;
}
