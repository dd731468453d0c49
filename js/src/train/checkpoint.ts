// keras.train.Checkpoint: any tree of objects that hold variables, saved and restored by the names of their places.
import { ValueError } from '../errors.js';
import type { NativeTrackedTree } from '../engine/native.js';
import { ready } from '../engine/index.js';
import type { Progress } from '../io/files.js';
import type { HttpOptions } from '../io/http.js';
import type { SaveTarget } from '../io/save.js';
import type { ModelSource } from '../io/source.js';
import { type Variable, variable } from '../variable.js';
import { openCheckpoint } from './checkpoint_files.js';
import { type CheckpointLoadStatus, NothingRestored } from './load_status.js';
import { restoreFrom, writeCheckpointTo } from './restore.js';
import { isTrackable, treeOf } from './tracking.js';

export interface CheckpointWriteOptions {
  /** Whether files of that name are replaced. Default: true. */
  overwrite?: boolean;
  onProgress?: (progress: Progress) => void;
}

/**
 * Saves and restores whatever holds variables: layers, models, optimizers, variables, other checkpoints, and arrays, Maps and
 * plain objects of them. Values are matched along the names of the properties. Objects that are put on a checkpoint later
 * belong to it too; with `root`, that object's own children stand at the root.
 * @example
 * const checkpoint = new keras.train.Checkpoint({ model, optimizer: model.optimizer, step });
 * const path = await checkpoint.save('training/ckpt'); // training/ckpt-1
 * (await checkpoint.restore(path)).assertConsumed();
 */
export class Checkpoint {
  readonly #root: object | null = null;
  #saveCounter: Variable | null = null;
  [name: string]: unknown;

  /** @throws {ValueError} a value that holds no variables, or a name that the class itself has */
  constructor(objects: Record<string, unknown> = {}) {
    // Python takes them in this order, too.
    for (const name of Object.keys(objects).sort()) {
      const value = objects[name];
      if (!isTrackable(value)) {
        throw new ValueError(
          `\`Checkpoint\` was expecting ${name} to be a trackable object (a layer, model, variable, optimizer, or an array, Map ` +
            `or plain object of them), got ${String(value)}.`,
        );
      }
      if (name in Checkpoint.prototype) throw new ValueError(`A checkpoint has a '${name}' of its own: choose another name.`);
      if (name === 'root') this.#root = value;
      else this[name] = value;
    }
  }

  /** How often `save` has been called; part of the checkpoint. Made by the first `save` or `restore`. */
  get saveCounter(): Variable {
    this.#saveCounter ??= variable(0n, { name: 'save_counter', dtype: 'int64', trainable: false });
    return this.#saveCounter;
  }
  /** @internal */
  _trackedNode(): { properties: [name: string, value: unknown][] } {
    const properties = Object.entries(this);
    if (this.#saveCounter !== null) properties.push(['save_counter', this.#saveCounter]);
    return { properties };
  }
  #tree(): NativeTrackedTree {
    if (this.#root === null) return treeOf(this);
    return treeOf(this.#root, [['root', this.#root], ...this._trackedNode().properties]);
  }

  /**
   * Counts up, writes under `prefix-N`, and names that the latest in the folder's `checkpoint` file.
   * @returns the path that was written
   * @throws {IOError} it cannot be written; the count is as before
   */
  async save(prefix: string, options: CheckpointWriteOptions = {}): Promise<string> {
    await ready();
    return this.#counted((number) => this.#writeAs(`${prefix}-${number}`, true, options));
  }
  /** @internal A manager names the latest itself, and may number as it likes. */
  async _saveManaged(prefix: string, number: number | bigint | null): Promise<string> {
    await ready();
    if (number !== null) return this.#writeAs(`${prefix}-${number}`, false, {});
    return this.#counted((next) => this.#writeAs(`${prefix}-${next}`, false, {}));
  }
  async #writeAs(path: string, latest: boolean, options: CheckpointWriteOptions): Promise<string> {
    await this.#write(path, latest, options);
    return path;
  }
  /** The count is part of what is written; where that fails, it goes back. */
  async #counted(action: (number: string) => Promise<string>): Promise<string> {
    const counter = this.saveCounter;
    const before = counter.read();
    counter.assignAdd(1n);
    try {
      return await action(String(counter.dataSync()[0]));
    } catch (error) {
      counter.assign(before);
      throw error;
    }
  }
  /**
   * Writes without counting, and without a `checkpoint` file.
   * @param target  a prefix (Node), or what `model.save` takes; without one, the bytes of a zip are returned
   */
  async write(target?: undefined, options?: CheckpointWriteOptions): Promise<Uint8Array>;
  async write<T extends SaveTarget>(target: T, options?: CheckpointWriteOptions): Promise<T>;
  async write(target?: SaveTarget, options: CheckpointWriteOptions = {}): Promise<SaveTarget | Uint8Array> {
    const bytes = await this.#write(target, false, options);
    return target ?? (bytes as Uint8Array);
  }
  async #write(
    target: SaveTarget | undefined,
    latest: boolean,
    { overwrite = true, onProgress }: CheckpointWriteOptions,
  ): Promise<Uint8Array | undefined> {
    await ready();
    return writeCheckpointTo(target, () => this.#tree(), { overwrite, onProgress, latest });
  }

  /**
   * Restores what `write` wrote: values whose objects do not exist yet wait for them.
   * @param source  a prefix (path or URL), a folder whose `checkpoint` file names the latest, a zip, or the files
   * @throws {ValueError} a value of another shape; {DataLossError} a damaged file; {NotFoundError} no such file
   */
  async read(source: ModelSource, options: HttpOptions = {}): Promise<CheckpointLoadStatus> {
    const files = await openCheckpoint(source, options);
    try {
      return await restoreFrom(files, () => this.#tree(), options);
    } finally {
      await files.close();
    }
  }
  /** Restores what `save` saved, the count included. From null nothing is restored, and every assertion fails. */
  async restore(source: ModelSource | null | undefined, options: HttpOptions = {}): Promise<CheckpointLoadStatus> {
    await ready();
    void this.saveCounter; // so that it is restored, too
    return source === null || source === undefined ? new NothingRestored() : this.read(source, options);
  }
}
