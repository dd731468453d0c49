// keras.train.CheckpointManager: a folder of numbered checkpoints of which the latest ones are kept (Node).
import { TypeError, ValueError } from '../errors.js';
import { deletePrefix, joinPath, readTextSync, writeText } from '../io/node.js';
import type { Variable } from '../variable.js';
import type { Checkpoint } from './checkpoint.js';
import { STATE, insideFolder } from './checkpoint_files.js';
import { formatCheckpointState, parseCheckpointState } from './checkpoint_state.js';

export interface CheckpointManagerOptions {
  /** How many are kept; null: all. */
  maxToKeep: number | null;
  /** Of those that are no longer kept, one for every so many hours stays all the same. */
  keepCheckpointEveryNHours?: number | null;
  /** The beginning of the names: `ckpt-1`, … */
  checkpointName?: string;
  /** A variable that counts steps, for `checkpointInterval`. */
  stepCounter?: Variable;
  /** `save` does nothing before so many steps have gone by. */
  checkpointInterval?: number | null;
  /** What `restoreOrInitialize` calls where there is no checkpoint. */
  initFn?: () => void | Promise<void>;
}

const SECONDS_PER_HOUR = 3600;
const now = (): number => Date.now() / 1000;

/**
 * Saves a checkpoint again and again and deletes old ones.
 * @example
 * const manager = new keras.train.CheckpointManager(checkpoint, 'training', { maxToKeep: 3 });
 * await checkpoint.restore(manager.latestCheckpoint);
 * const path = await manager.save(); // training/ckpt-1
 */
export class CheckpointManager {
  readonly #checkpoint: Checkpoint;
  readonly #directory: string;
  readonly #options: CheckpointManagerOptions;
  /** Path → when it was saved, in seconds; oldest first. */
  readonly #kept = new Map<string, number>();
  #latest: string | null = null;
  #lastPreserved: number;
  #lastStep: number | null = null;

  /** @throws {RuntimeError} outside of Node 20.16 or later */
  constructor(checkpoint: Checkpoint, directory: string, options: CheckpointManagerOptions) {
    const { maxToKeep, stepCounter, checkpointInterval } = options;
    if (typeof directory !== 'string') throw new TypeError('The directory of a CheckpointManager is a path.');
    if (maxToKeep !== null && !(Number.isInteger(maxToKeep) && maxToKeep > 0))
      throw new ValueError(`Expected a positive integer or \`null\` for \`maxToKeep\`, got ${String(maxToKeep)}.`);
    if (checkpointInterval != null && stepCounter === undefined)
      throw new ValueError('`stepCounter` should be passed if `checkpointInterval` is not null.');
    this.#checkpoint = checkpoint;
    this.#directory = directory;
    this.#options = options;
    this.#lastPreserved = now() - 1;
    this.#recover();
  }
  #recover(): void {
    const text = readTextSync(joinPath(this.#directory, STATE));
    const state = text === null ? null : parseCheckpointState(text);
    if (state === null) return;
    const place = (path: string): string => joinPath(this.#directory, insideFolder(path));
    const clock = now();
    this.#latest = place(state.modelCheckpointPath);
    this.#lastPreserved = Math.min(state.lastPreservedTimestamp ?? 0, clock);
    state.allModelCheckpointPaths.forEach((path, i) => {
      const saved = Math.min(state.allModelCheckpointTimestamps?.[i] ?? this.#lastPreserved, clock);
      if (saved > this.#lastPreserved) this.#kept.set(place(path), saved);
    });
  }

  get directory(): string {
    return this.#directory;
  }
  get checkpoint(): Checkpoint {
    return this.#checkpoint;
  }
  get checkpointInterval(): number | null {
    return this.#options.checkpointInterval ?? null;
  }
  /** The path of the latest; null where there is none. */
  get latestCheckpoint(): string | null {
    return this.#latest;
  }
  /** The paths that are managed, oldest first; without those that stay for `keepCheckpointEveryNHours`. */
  get checkpoints(): string[] {
    return [...this.#kept.keys()];
  }

  /**
   * Saves a checkpoint and deletes those that are too many.
   * @param checkpointNumber  instead of the next of the save counter
   * @returns its path; null where `checkpointInterval` has not gone by
   */
  async save(
    checkpointNumber?: number | bigint | null,
    { checkInterval = true }: { checkInterval?: boolean } = {},
  ): Promise<string | null> {
    if (!this.#isDue(checkInterval)) return null;
    const prefix = joinPath(this.#directory, this.#options.checkpointName ?? 'ckpt');
    const path = await this.#checkpoint._saveManaged(prefix, checkpointNumber ?? null);
    this.#kept.delete(path); // one that is written again goes to the end
    this.#kept.set(path, now());
    this.#latest = path;
    // Before and after the deletions: whoever stops in between finds the new one named.
    await this.#record();
    await this.#sweep();
    await this.#record();
    return path;
  }
  #isDue(checkInterval: boolean): boolean {
    const { stepCounter, checkpointInterval } = this.#options;
    if (checkpointInterval == null || stepCounter === undefined) return true;
    const step = Number(stepCounter.dataSync()[0]);
    if (checkInterval && this.#lastStep !== null && step - this.#lastStep < checkpointInterval) return false;
    this.#lastStep = step;
    return true;
  }
  async #sweep(): Promise<void> {
    const { maxToKeep, keepCheckpointEveryNHours: hours } = this.#options;
    if (maxToKeep === null) return;
    for (const [path, saved] of this.#kept) {
      if (this.#kept.size <= maxToKeep) return;
      this.#kept.delete(path);
      if (hours != null && saved - hours * SECONDS_PER_HOUR >= this.#lastPreserved) this.#lastPreserved = saved;
      else await deletePrefix(path);
    }
  }
  async #record(): Promise<void> {
    const name = (path: string): string => path.slice(joinPath(this.#directory, '_').length - 1);
    const text = formatCheckpointState({
      modelCheckpointPath: name(this.#latest as string),
      allModelCheckpointPaths: this.checkpoints.map(name),
      allModelCheckpointTimestamps: [...this.#kept.values()],
      lastPreservedTimestamp: this.#lastPreserved,
    });
    await writeText(joinPath(this.#directory, STATE), text);
  }

  /** Restores the latest and returns its path; where there is none, calls `initFn` and returns null. */
  async restoreOrInitialize(): Promise<string | null> {
    if (this.#latest !== null) {
      await this.#checkpoint.restore(this.#latest);
      if (this.#options.checkpointInterval != null) this.#isDue(false);
      return this.#latest;
    }
    await this.#options.initFn?.();
    return null;
  }
}
