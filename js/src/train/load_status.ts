// What a restore returns: assertions about what was restored, in Python's words.
import { native } from '../engine/index.js';
import type { RestoreAssertion } from '../engine/io_native.js';
import type { NativeTrackedTree } from '../engine/native.js';
import { AssertionError } from '../errors.js';
import { Handle } from '../handle.js';

/**
 * The state of a restore. Values whose objects do not exist yet wait in the engine's memory: layers that are built, optimizers
 * that make their slots and models that are compiled later get theirs then, plain objects when an assertion looks at them
 * again. `dispose()` lets go of what waits for plain objects.
 */
export interface CheckpointLoadStatus extends Disposable {
  /** Every value of the checkpoint has an object, and every variable that exists has a value. @throws {AssertionError} */
  assertConsumed(): this;
  /** Every variable that exists has a value. @throws {AssertionError} */
  assertExistingObjectsMatched(): this;
  /** Something beside the root has been matched. @throws {AssertionError} */
  assertNontrivialMatch(): this;
  /** Says that not everything is to be restored. Nothing is printed either way: this is a library. */
  expectPartial(): this;
  dispose(): void;
}

/** @internal */
export class RestoredStatus implements CheckpointLoadStatus {
  readonly #handle: Handle;
  readonly #tree: () => NativeTrackedTree;

  constructor(id: number, tree: () => NativeTrackedTree) {
    this.#handle = new Handle(this, 'restoration', id);
    this.#tree = tree;
  }
  #assert(assertion: RestoreAssertion): this {
    const why = native().checkRestoration(this.#handle.id, this.#tree(), assertion);
    if (why !== '') throw new AssertionError(why);
    return this;
  }
  assertConsumed(): this {
    return this.#assert('consumed');
  }
  assertExistingObjectsMatched(): this {
    return this.#assert('existingObjectsMatched');
  }
  assertNontrivialMatch(): this {
    return this.#assert('nontrivialMatch');
  }
  expectPartial(): this {
    return this;
  }
  dispose(): void {
    this.#handle.dispose();
  }
  [Symbol.dispose](): void {
    this.dispose();
  }
}

/** @internal Of a restore from no checkpoint at all. */
export class NothingRestored implements CheckpointLoadStatus {
  #fail(): never {
    throw new AssertionError('No checkpoint specified (save_path=None); nothing is being restored.');
  }
  assertConsumed(): this {
    return this.#fail();
  }
  assertExistingObjectsMatched(): this {
    return this.#fail();
  }
  assertNontrivialMatch(): this {
    return this.#fail();
  }
  expectPartial(): this {
    return this;
  }
  dispose(): void {}
  [Symbol.dispose](): void {}
}
