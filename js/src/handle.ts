// Handles to objects in the engine's memory: freed by dispose(), or late, when the garbage collector finds them.
import { isReady, native, trackHandle, untrackHandle } from './engine/index.js';
import { RuntimeError } from './errors.js';

export type HandleKind = 'layer' | 'variable' | 'optimizer' | 'bundle' | 'restoration' | 'function' | 'graph';

interface Held {
  kind: HandleKind;
  id: number;
  token: number;
}

/** One JavaScript object for each object of the engine, as long as somebody holds it. */
const wrappers: Record<HandleKind, Map<number, WeakRef<object>>> = {
  layer: new Map(),
  variable: new Map(),
  optimizer: new Map(),
  bundle: new Map(),
  restoration: new Map(),
  function: new Map(),
  graph: new Map(),
};

function release({ kind, id, token }: Held): void {
  untrackHandle(token);
  // Another object may stand for the same handle by now.
  if (wrappers[kind].get(id)?.deref() !== undefined) return;
  wrappers[kind].delete(id);
  if (!isReady()) return;
  if (kind === 'layer') native().releaseLayer(id);
  else if (kind === 'variable') native().releaseVariable(id);
  else if (kind === 'optimizer') native().releaseOptimizer(id);
  else if (kind === 'bundle') native().releaseBundle(id);
  else if (kind === 'restoration') native().releaseRestoration(id);
  else if (kind === 'function') native().releaseFunction(id);
  else native().releaseGraph(id);
}

const finalizer = new FinalizationRegistry<Held>(release);

/** The number under which the engine knows an object; belongs to exactly one JavaScript object. */
export class Handle {
  #held: Held | null;
  readonly #what: string;

  constructor(owner: object, kind: HandleKind, id: number) {
    this.#what = kind;
    this.#held = { kind, id, token: trackHandle() };
    wrappers[kind].set(id, new WeakRef(owner));
    finalizer.register(owner, this.#held, this);
  }
  /** Throws after dispose(). */
  get id(): number {
    if (this.#held === null) throw new RuntimeError(`This ${this.#what} has been disposed of.`);
    return this.#held.id;
  }
  get disposed(): boolean {
    return this.#held === null;
  }
  dispose(): void {
    if (this.#held === null) return;
    const held = this.#held;
    this.#held = null;
    finalizer.unregister(this);
    wrappers[held.kind].delete(held.id);
    release(held);
  }
}

/** The object that stands for a handle, if there is one. */
export function wrapperOf(kind: HandleKind, id: number): object | undefined {
  return wrappers[kind].get(id)?.deref();
}

/** An existing object of the engine, for constructors that also make new ones. */
export class Existing {
  constructor(readonly id: number) {}
}
