// Workers for the engine's threads in Node. Emscripten's glue takes `Worker` from the global scope, and puts Node's there: here it
// is lent for the time that it takes, so that no program finds a global that Node does not have.
import { builtin } from '../platform.js';

type Scope = { Worker?: unknown };

function restore(before: PropertyDescriptor | undefined): void {
  if (before === undefined) delete (globalThis as Scope).Worker;
  else Object.defineProperty(globalThis, 'Worker', before);
}

/** Runs what sets the global `Worker`, and takes it away again. */
export async function keepGlobalWorker<T>(work: () => Promise<T>): Promise<T> {
  const before = Object.getOwnPropertyDescriptor(globalThis, 'Worker');
  try {
    return await work();
  } finally {
    restore(before);
  }
}

/** Runs what starts the engine's threads. */
export async function withNodeWorkers(start: () => void): Promise<void> {
  const { Worker } = await builtin<typeof import('node:worker_threads')>('node:worker_threads');
  const before = Object.getOwnPropertyDescriptor(globalThis, 'Worker');
  // The program's flags (--input-type, --import) are not for the engine's own script.
  (globalThis as Scope).Worker = class extends Worker {
    constructor(...[place, options]: ConstructorParameters<typeof Worker>) {
      super(place, { ...options, execArgv: [] });
    }
  };
  try {
    start();
  } finally {
    restore(before);
  }
}
