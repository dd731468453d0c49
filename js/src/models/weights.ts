// A model's weights alone: as a TensorFlow checkpoint or as HDF5, whose layout the suffix `.weights.h5` tells.
import { native, ready } from '../engine/index.js';
import { UnimplementedError, ValueError } from '../errors.js';
import type { OpenSource, Progress } from '../io/files.js';
import { type ReadOptions, runLoader } from '../io/load.js';
import { type SaveFormat, type SaveTarget, formatFor, writeTo } from '../io/save.js';
import type { ModelSource } from '../io/source.js';
import { openWeights } from '../train/checkpoint_files.js';
import type { CheckpointLoadStatus } from '../train/load_status.js';
import { restoreFrom, writeCheckpointTo } from '../train/restore.js';
import { treeOf } from '../train/tracking.js';
import type { Model } from './model.js';
import { enqueue } from './queue.js';

export interface SaveWeightsOptions {
  /** Default: HDF5 where the target's name ends in .h5, .hdf5 or .keras, else a TensorFlow checkpoint. */
  saveFormat?: 'tf' | 'h5';
  overwrite?: boolean;
  onProgress?: (progress: Progress) => void;
}
export interface LoadWeightsOptions {
  /** Only of HDF5: match layers by name instead of by position. */
  byName?: boolean;
  /** Leave layers and weights that do not fit as they are; only with `byName`, or of files in Keras's v3 layout. */
  skipMismatch?: boolean;
  fetch?: RequestInit;
  signal?: AbortSignal;
  onProgress?: (progress: Progress) => void;
}

/** @internal */
export async function saveWeights(
  model: Model,
  target: SaveTarget | undefined,
  { saveFormat, overwrite = true, onProgress }: SaveWeightsOptions,
): Promise<Uint8Array | undefined> {
  await ready();
  requireWeights(model);
  const format: SaveFormat = formatFor(target, saveFormat);
  const options = { overwrite, onProgress };
  if (format === 'tf') {
    if (formatFor(target, undefined) !== 'tf') {
      throw new ValueError(
        `save_weights got save_format="tf"/"tensorflow", but the filepath (${String(target)}) looks like an HDF5 file. ` +
          'Omit the ".h5"/".keras" when saving in TensorFlow format.',
      );
    }
    return writeCheckpointTo(target, () => weightsTree(model), { ...options, latest: true, fallback: 'weights' });
  }
  const layout = isV3(target) ? 'weights.h5' : 'h5';
  return enqueue(() => writeTo(target, 'h5', () => native().writeWeights(model._id, layout), options));
}

/** Keras writes a file of this name in the layout of its v3 format. */
function isV3(target: SaveTarget | undefined): boolean {
  return (typeof target === 'string' || target instanceof URL) && String(target).endsWith('.weights.h5');
}

/** The model is the root, and its own child of that name too: so Keras writes it. */
function weightsTree(model: Model): ReturnType<typeof treeOf> {
  return treeOf(model, [['root', model]]);
}

function requireWeights(model: Model): void {
  if (model._weightsCreated) return;
  throw new ValueError(
    `Weights for model '${model.name}' have not yet been created. Weights are created when the Model is first called on ` +
      'inputs or `build()` is called with an `input_shape`.',
  );
}

/** @internal */
export async function loadWeights(
  model: Model,
  source: ModelSource,
  { byName = false, skipMismatch = false, ...options }: LoadWeightsOptions,
): Promise<CheckpointLoadStatus | null> {
  const { checkpoint, other } = await openWeights(source, options);
  if (checkpoint === undefined) {
    await loadH5(model, other, { byName, skipMismatch }, options);
    return null;
  }
  try {
    if (skipMismatch && !byName)
      throw new ValueError('When calling model.load_weights, skip_mismatch can only be set to True when by_name is True.');
    if (byName) {
      throw new UnimplementedError(
        'Weights may only be loaded based on topology into Models when loading TensorFlow-formatted weights ' +
          '(got by_name=True to load_weights).',
      );
    }
    return (await restoreFrom(checkpoint, () => weightsTree(model), options)).assertNontrivialMatch();
  } finally {
    await checkpoint.close();
  }
}

async function loadH5(
  model: Model,
  opened: OpenSource,
  { byName, skipMismatch }: { byName: boolean; skipMismatch: boolean },
  options: ReadOptions,
): Promise<void> {
  try {
    await ready();
    await enqueue(async () => {
      const loader = native().weightsLoader(model._id, byName, skipMismatch);
      try {
        await runLoader(loader, opened, options);
        for (const warning of native().loaderFinish(loader).warnings ?? []) console.warn(warning);
      } finally {
        native().releaseLoader(loader);
      }
    });
  } finally {
    await opened.close?.();
  }
}
