// keras.inspect: what a file of any kind holds, without building anything of it.
import { type Json, type JsonObject, objectFromJson } from '../config.js';
import { native, ready } from '../engine/index.js';
import type { NativeWanted } from '../engine/io_native.js';
import { NotFoundError, throwIfAborted } from '../errors.js';
import { type CheckpointFiles, openAmong, openCheckpoint, shardSuffix } from '../train/checkpoint_files.js';
import { openIndex } from '../train/checkpoint_reader.js';
import type { OpenSource, Progress, SourceFile } from './files.js';
import { answerWishes, checkpointsInZip } from './load.js';
import { type ModelSource, openSource } from './source.js';

/** An array of a file. */
export interface InspectedArray {
  /** The variable's name, `dense/kernel:0`; in a checkpoint its key; in `.weights.h5` the path. */
  name: string;
  /** Where it stands in an HDF5 file. */
  path?: string;
  /** TensorFlow's name; `'unknown'` for elements that no tensor has. */
  dtype: string;
  shape: number[];
  /** Of the values in memory; 0 for strings. */
  bytes: number;
  /** SHA-256 of the values, little-endian and row-major, as 64 hexadecimal digits; absent for strings. */
  digest?: string;
  /** Why the values cannot be read. */
  problem?: string;
}
export interface InspectedTensor {
  dtype: string;
  /** `null` for an unknown dimension, or for an unknown rank. */
  shape: (number | null)[] | null;
}
export interface InspectedSignature {
  inputs: Record<string, InspectedTensor>;
  outputs: Record<string, InspectedTensor>;
  methodName: string;
}

/** What `inspect` tells. */
export interface Inspection {
  /**
   * `'h5'` a whole model, `'h5-weights'` and `'weights.h5'` (Keras's v3 layout) weights alone, `'hdf5'` a file that Keras did
   * not write, `'saved_model'`, `'keras'` an archive of the v3 format, `'checkpoint'`.
   */
  format: 'h5' | 'h5-weights' | 'weights.h5' | 'hdf5' | 'saved_model' | 'keras' | 'checkpoint';
  /** As far as the file tells them. */
  versions: { keras?: string; backend?: string; tensorflow?: string };
  /** The model's class: `'Functional'`; null where the file has no model. */
  className: string | null;
  /** `{class_name, config}` as it stands in the file. */
  config: JsonObject | null;
  /** What the model was compiled with, as it stands in the file. */
  compile: JsonObject | null;
  /** In the order of the file's lists; of a checkpoint or SavedModel its keys, sorted. */
  weights: InspectedArray[];
  optimizerWeights: InspectedArray[];
  /** Of a SavedModel, else empty. */
  signatures: Record<string, InspectedSignature>;
  functions: string[];
  tags: string[];
  /** Names of the attributes of an HDF5 file's root. */
  attributes: string[];
  /** When a `.keras` archive was written. */
  dateSaved: string | null;
  sizes: {
    /** Bytes of the files, by their paths. */
    files: Record<string, number>;
    /** Bytes of all `weights`. */
    weights: number;
    /** Elements of all `weights`. */
    parameters: number;
  };
}

export interface InspectOptions {
  /** Whether to read all values and tell their digests. Default: true. */
  digests?: boolean;
  onProgress?: (progress: Progress) => void;
  signal?: AbortSignal;
  /** Passed on to `fetch`. */
  fetch?: RequestInit;
}

/** The index, and those shards that there are. */
async function checkpointSource(files: CheckpointFiles): Promise<OpenSource> {
  const { id, shardCount } = await openIndex(files);
  native().releaseBundle(id);
  const all = [await files.open('.index')];
  for (let i = 0; i < shardCount; i++) {
    try {
      all.push(await files.open(shardSuffix(i, shardCount)));
    } catch (error) {
      if (!(error instanceof NotFoundError)) throw error; // its rows tell that it is missing
    }
  }
  return { files: all, close: files.close };
}

const isModelFile = ({ path }: SourceFile): boolean => /(^|\/)saved_model\.pb$/.test(path);
const isIndex = ({ path }: SourceFile): boolean => path.endsWith('.index');

/** A checkpoint is named by a prefix, by a folder whose `checkpoint` file tells the latest, or by its files, which may be in a zip. */
async function openAny(source: ModelSource, options: InspectOptions): Promise<OpenSource> {
  let opened: OpenSource;
  try {
    opened = await openSource(source, options);
  } catch (error) {
    if (!(error instanceof NotFoundError)) throw error;
    const files = await openCheckpoint(source, options).catch(() => null);
    if (files === null) throw error;
    return checkpointSource(files).catch(() => {
      throw error;
    });
  }
  const [first] = opened.files;
  if (opened.files.length === 1 && first !== undefined && !isIndex(first)) return openZipped(opened, first);
  if (opened.files.some(isModelFile) || !opened.files.some(isIndex)) return opened;
  await opened.close?.();
  return checkpointSource(await openCheckpoint(source, options));
}

/** The checkpoint in a zip; other files as they are. */
async function openZipped(opened: OpenSource, file: SourceFile): Promise<OpenSource> {
  try {
    const { files, isSavedModel } = await checkpointsInZip(file);
    if (isSavedModel || !files.some(isIndex)) return opened;
    return await checkpointSource(await openAmong({ ...opened, files }));
  } catch (error) {
    await opened.close?.();
    throw error;
  }
}

async function answerAll(
  id: number,
  files: readonly SourceFile[],
  next: () => NativeWanted[],
  { signal, onProgress }: InspectOptions,
): Promise<void> {
  const total = files.reduce((sum, { size }) => sum + size, 0);
  let loaded = 0;
  await answerWishes(files, next, ({ file, offset }, bytes) => {
    throwIfAborted(signal, 'Inspecting');
    native().inspectorAddBytes(id, file, offset, bytes);
    loaded += bytes.length;
    onProgress?.({ loaded: Math.min(loaded, total), total, stage: 'read' });
  });
}

function classOf(config: Json | undefined): string | null {
  const name = config !== null && typeof config === 'object' && !Array.isArray(config) ? config.class_name : undefined;
  return typeof name === 'string' ? name : null;
}

function inspection(report: JsonObject, files: readonly SourceFile[]): Inspection {
  const told = report as JsonObject & Partial<Inspection> & Pick<Inspection, 'format' | 'weights'>;
  return {
    format: told.format,
    versions: told.versions ?? {},
    className: classOf(report.config),
    config: told.config ?? null,
    compile: told.compile ?? null,
    weights: told.weights,
    optimizerWeights: told.optimizerWeights ?? [],
    signatures: told.signatures ?? {},
    functions: told.functions ?? [],
    tags: told.tags ?? [],
    attributes: told.attributes ?? [],
    dateSaved: told.dateSaved ?? null,
    sizes: {
      files: Object.fromEntries(files.map(({ path, size }) => [path, size])),
      weights: told.weights.reduce((sum, { bytes }) => sum + bytes, 0),
      parameters: told.weights.reduce((sum, { shape }) => sum + shape.reduce((a, b) => a * b, 1), 0),
    },
  };
}

/**
 * Looks into a file of any kind that is known here: whole-model and weights HDF5, SavedModel (folder or zip), `.keras`
 * archive, checkpoint. No layer is built and nothing is run, so it also works for what `loadModel` does not know.
 * @param source  what `loadModel` and `train.loadCheckpoint` take
 * @throws {ValueError} no format that is known; {DataLossError} a damaged file; {NotFoundError}, {IOError} it cannot be read
 * @example
 * const { format, versions, weights } = await keras.inspect('model.h5');
 * for (const { name, shape, digest } of weights) console.log(name, shape, digest);
 */
export async function inspect(source: ModelSource, options: InspectOptions = {}): Promise<Inspection> {
  await ready();
  const opened = await openAny(source, options);
  const id = native().inspector();
  try {
    opened.files.forEach(({ path, size }) => native().inspectorAddFile(id, path, size));
    await answerAll(id, opened.files, () => native().inspectorPrepare(id), options);
    if (options.digests ?? true) await answerAll(id, opened.files, () => native().inspectorDigest(id), options);
    return inspection(objectFromJson(native().inspectorReport(id)), opened.files);
  } finally {
    native().releaseInspector(id);
    await opened.close?.();
  }
}
