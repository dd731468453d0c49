// Restoring a checkpoint into objects that exist, and writing one.
import { native, ready } from '../engine/index.js';
import type { NativeTrackedTree } from '../engine/native.js';
import { type ReadOptions, runLoader } from '../io/load.js';
import { type SaveTarget, type WriteOptions, writeTo } from '../io/save.js';
import { enqueue } from '../models/queue.js';
import type { CheckpointFiles } from './checkpoint_files.js';
import { openIndex, openShards } from './checkpoint_reader.js';
import { formatCheckpointState } from './checkpoint_state.js';
import { RestoredStatus } from './load_status.js';

/** @internal Restores from open files, which the caller closes. `tree` is asked again by every assertion. */
export async function restoreFrom(
  files: CheckpointFiles,
  tree: () => NativeTrackedTree,
  options: ReadOptions,
): Promise<RestoredStatus> {
  await ready();
  return enqueue(async () => {
    const bundle = await openIndex(files);
    let loader: number | null = null;
    try {
      const shards = await openShards(bundle, files);
      loader = native().checkpointLoader(bundle.id, tree());
      await runLoader(loader, { files: shards }, options);
      return new RestoredStatus(native().loaderFinish(loader).restoration as number, tree);
    } finally {
      if (loader !== null) native().releaseLoader(loader);
      native().releaseBundle(bundle.id);
    }
  });
}

/** The last part of a path, as the name of the files there; `fallback` for targets that are no paths. */
export function prefixName(target: SaveTarget | undefined, fallback: string): string {
  if (typeof target !== 'string' && !(target instanceof URL)) return fallback;
  const text = String(target);
  if (/^(?!file:)[a-z]+:\/\/|\.zip$/i.test(text)) return fallback;
  return (text.startsWith('file:') ? decodeURIComponent(text) : text).split(/[\\/]/).at(-1) || fallback;
}

/** @internal Writes the checkpoint of a tree; with `latest`, a `checkpoint` file that names it. Without a target: a zip. */
export async function writeCheckpointTo(
  target: SaveTarget | undefined,
  tree: () => NativeTrackedTree,
  { latest, fallback = 'checkpoint', ...options }: WriteOptions & { latest: boolean; fallback?: string },
): Promise<Uint8Array | undefined> {
  const prefix = prefixName(target, fallback);
  const state = latest ? formatCheckpointState({ modelCheckpointPath: prefix, allModelCheckpointPaths: [prefix] }) : '';
  return enqueue(() => writeTo(target, 'checkpoint', (asZip) => native().writeCheckpoint(tree(), prefix, state, asZip), options));
}
