// Workers for the engine's threads. Emscripten's glue makes them from the global `Worker`: here it is lent one that tells of
// failures, for the time that it takes. In Node, where there is no such global, the glue puts one there: it is taken away again.
import { RuntimeError } from '../errors.js';
import { builtin, isNode } from '../platform.js';
import type { Native } from './native.js';

const MOST_MILLISECONDS = 30_000;

type NodeWorker = typeof import('node:worker_threads').Worker;
type Scope = { Worker?: unknown };

const globalWorker = (): PropertyDescriptor | undefined => Object.getOwnPropertyDescriptor(globalThis, 'Worker');

function restore(before: PropertyDescriptor | undefined): void {
  if (before === undefined) delete (globalThis as Scope).Worker;
  else Object.defineProperty(globalThis, 'Worker', before);
}

/** Runs what sets the global `Worker`, and puts back what was there. */
export async function keepGlobalWorker<T>(work: () => Promise<T>): Promise<T> {
  const before = globalWorker();
  try {
    return await work();
  } finally {
    restore(before);
  }
}

/** The program's flags (--input-type, --import) are not for the engine's own script. */
async function nodeWorker(): Promise<NodeWorker> {
  const { Worker } = await builtin<typeof import('node:worker_threads')>('node:worker_threads');
  return class extends Worker {
    constructor(...[place, options]: ConstructorParameters<NodeWorker>) {
      super(place, { ...options, execArgv: [] });
    }
  };
}

function pageWorker(onError: (reason: string) => void): typeof Worker {
  return class extends Worker {
    constructor(...args: ConstructorParameters<typeof Worker>) {
      super(...args);
      this.addEventListener('error', ({ message }) => onError(message || 'its script could not be loaded'), { once: true });
    }
  };
}

async function withWorkers(start: () => void, onError: (reason: string) => void): Promise<void> {
  const lent = isNode() ? await nodeWorker() : pageWorker(onError);
  const before = globalWorker();
  (globalThis as Scope).Worker = lent;
  try {
    start();
  } finally {
    restore(before);
  }
}

/** Calls `init`, which asks for `threads`, and waits until they run. Throws RuntimeError where they cannot. */
export async function startThreads(native: Native, threads: number, init: () => void): Promise<void> {
  let failure: string | undefined;
  await withWorkers(init, (reason) => (failure ??= reason));
  const deadline = performance.now() + MOST_MILLISECONDS;
  while (native.threads() < threads) {
    if (performance.now() > deadline) failure ??= `the others have not within ${MOST_MILLISECONDS / 1000} s`;
    if (failure !== undefined) {
      throw new RuntimeError(
        `${native.threads()} of ${threads} threads have started: ${failure}. A Content-Security-Policy must allow workers from ` +
          "the page's own origin (worker-src or script-src 'self').",
      );
    }
    await new Promise((resolve) => setTimeout(resolve, 1)); // workers load while the event loop turns
  }
}
