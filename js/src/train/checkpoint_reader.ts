// keras.train.loadCheckpoint: the tensors of a checkpoint by name, without a model.
import { type DType, DTYPES, dtypeFromNumber } from '../dtype.js';
import { native, ready } from '../engine/index.js';
import type { NativeBundle, NativeBundleEntry } from '../engine/io_native.js';
import { NotFoundError, ResourceExhaustedError, UnimplementedError } from '../errors.js';
import { Handle } from '../handle.js';
import { type SourceFile, bytesFile, exactly, readWhole } from '../io/files.js';
import type { HttpOptions } from '../io/http.js';
import type { ModelSource } from '../io/source.js';
import { Tensor } from '../tensor.js';
import { type CheckpointFiles, openCheckpoint, shardSuffix } from './checkpoint_files.js';

/** Dtypes that TensorFlow stores and no tensor here has. */
const STORED_ONLY = {
  11: 'qint8',
  12: 'quint8',
  13: 'qint32',
  15: 'qint16',
  16: 'quint16',
  21: 'variant',
  24: 'float8_e5m2',
  25: 'float8_e4m3fn',
} as const;

/** What a checkpoint's tensor may be; those beyond DType can be listed but not read. */
export type CheckpointDType = DType | (typeof STORED_ONLY)[keyof typeof STORED_ONLY] | 'unknown';
export type ReadCheckpointOptions = HttpOptions;

function dtypeName(dtype: number): CheckpointDType {
  const stored = (STORED_ONLY as Record<number, CheckpointDType>)[dtype];
  if (stored !== undefined) return stored;
  return Object.values(DTYPES).some(({ number }) => number === dtype) ? dtypeFromNumber(dtype) : 'unknown';
}

/** The tensors of a checkpoint. Every value is held against its checksum when it is asked for. */
export class CheckpointReader implements Disposable {
  readonly #handle: Handle;
  readonly #entries: Map<string, NativeBundleEntry>;
  readonly #shards: readonly SourceFile[];
  readonly #prefix: string;

  /** @internal Use `loadCheckpoint()`. */
  constructor(prefix: string, { id, entries }: NativeBundle, shards: readonly SourceFile[]) {
    this.#handle = new Handle(this, 'bundle', id);
    this.#entries = new Map(entries.map((entry) => [entry.name, entry]));
    this.#shards = shards;
    this.#prefix = prefix;
  }
  /** Shapes by name, in order of names. */
  getVariableToShapeMap(): Record<string, number[]> {
    return Object.fromEntries([...this.#entries].map(([name, { shape }]) => [name, [...shape]]));
  }
  /** Dtypes by name, in order of names. */
  getVariableToDtypeMap(): Record<string, CheckpointDType> {
    return Object.fromEntries([...this.#entries].map(([name, { dtype }]) => [name, dtypeName(dtype)]));
  }
  hasTensor(name: string): boolean {
    return this.#entries.has(name);
  }
  /**
   * A tensor, bit for bit.
   * @throws {NotFoundError} there is none of this name
   * @throws {DataLossError} the values are not those that the checksum was made of
   * @throws {UnimplementedError} its dtype is none of ours (quantized numbers, variants)
   */
  getTensor(name: string): Tensor {
    const entry = this.#entries.get(name);
    if (entry === undefined) {
      throw new NotFoundError(`Key ${name} not found in checkpoint ${this.#prefix}`, { path: this.#prefix });
    }
    const dtype = dtypeName(entry.dtype);
    if (!Object.hasOwn(DTYPES, dtype)) {
      throw new UnimplementedError(`${this.#prefix}: '${name}' is of dtype ${dtype}, which tensors cannot have here.`, {
        path: this.#prefix,
      });
    }
    const parts = entry.parts.map(({ shard, offset, bytes }) => readNow(this.#shards[shard] as SourceFile, offset, bytes));
    if (entry.partitioned) return Tensor._from(native().joinBundleSlices(this.#handle.id, name, parts));
    const stored = parts[0] as Uint8Array;
    if (dtype === 'string') return Tensor._from(native().decodeBundleStrings(this.#handle.id, name, stored));
    native().verifyBundleValues(this.#handle.id, name, stored);
    return new Tensor(dtype as DType, entry.shape, stored);
  }
  /** Lets go of the index in the engine's memory. */
  dispose(): void {
    this.#handle.dispose();
  }
  [Symbol.dispose](): void {
    this.dispose();
  }
}

/** @internal The index, checksums verified. */
export async function openIndex(files: CheckpointFiles): Promise<NativeBundle> {
  await ready();
  const index = await files.open('.index');
  if (index.size > MOST_INDEX_BYTES) {
    throw new ResourceExhaustedError(`${index.path} has ${index.size} bytes; an index has ${MOST_INDEX_BYTES} at most.`, {
      path: index.path,
    });
  }
  return native().openBundle(index.path, await readWhole(index));
}

/** The engine's own limit, `limits.metadataBytes`, is held against the blocks inside. */
const MOST_INDEX_BYTES = 2 ** 30;

/** @internal The shards in order, of the sizes that the index needs. */
export async function openShards(bundle: NativeBundle, files: CheckpointFiles): Promise<SourceFile[]> {
  const shards: SourceFile[] = [];
  for (let i = 0; i < bundle.shardCount; i++) shards.push(await files.open(shardSuffix(i, bundle.shardCount)));
  native().checkBundleShards(
    bundle.id,
    shards.map(({ size }) => size),
  );
  return shards;
}

/** A copy of a range. */
function readNow(file: SourceFile, offset: number, count: number): Uint8Array {
  return exactly(file, (file.readSync as (offset: number, count: number) => Uint8Array)(offset, count), offset, count).slice();
}

/** The shards as files that can be read at once: as they are, or in memory. */
async function readableShards(bundle: NativeBundle, files: CheckpointFiles): Promise<SourceFile[]> {
  const shards = await openShards(bundle, files);
  return Promise.all(
    shards.map(async (file) => (file.readSync === undefined ? bytesFile(file.path, await readWhole(file)) : file)),
  );
}

/**
 * Reads a checkpoint: object-based or name-based, as TensorFlow 1 and 2 write it.
 * @param source  a prefix (path or URL: `dir/ckpt-1`), a folder whose `checkpoint` file names the latest, or the files as
 *                Map, File[], FileList or directory handle
 * @throws {NotFoundError} a file is missing
 * @throws {DataLossError} a file is broken
 * @throws {UnimplementedError} big-endian values
 * @example const reader = await keras.train.loadCheckpoint('dir/ckpt-1'); reader.getTensor('dense/kernel');
 */
export async function loadCheckpoint(source: ModelSource, options: ReadCheckpointOptions = {}): Promise<CheckpointReader> {
  const files = await openCheckpoint(source, options);
  try {
    const bundle = await openIndex(files);
    try {
      return new CheckpointReader(files.prefix, bundle, await readableShards(bundle, files));
    } catch (error) {
      native().releaseBundle(bundle.id);
      throw error;
    }
  } finally {
    await files.close();
  }
}

/** The names and shapes of a checkpoint's tensors, in order of names. Only the index is read. */
export async function listVariables(
  source: ModelSource,
  options: ReadCheckpointOptions = {},
): Promise<[name: string, shape: number[]][]> {
  const files = await openCheckpoint(source, options);
  try {
    const { id, entries } = await openIndex(files);
    native().releaseBundle(id);
    return entries.map(({ name, shape }) => [name, shape]);
  } finally {
    await files.close();
  }
}
