// Calls on the engine that take several tasks run one after the other: two trainings do not mix.
let last: Promise<unknown> = Promise.resolve();
let hooksRunning = 0;

/**
 * Runs `work` when everything that was queued before is done. What a callback of a running fit asks for is done at once:
 * the fit waits for the callback.
 */
export function enqueue<T>(work: () => Promise<T>): Promise<T> {
  if (hooksRunning > 0) return work();
  const result = last.then(work, work);
  last = result.catch(() => undefined);
  return result;
}

/** Runs a callback's hook. */
export async function runHook(hook: () => void | Promise<void>): Promise<void> {
  hooksRunning++;
  try {
    await hook();
  } finally {
    hooksRunning--;
  }
}
