// The part of the engine's bindings that loads and saves.
import type { NativeMakers, NativeTensor, NativeTrackedTree, NativeVariable } from './native.js';

export interface NativeWanted {
  file: number;
  offset: number;
  count: number;
}
export interface NativeFiles {
  id: number;
  files: { path: string; size: number; pieces: number[] }[];
}

export interface NativeBundleEntry {
  name: string;
  dtype: number;
  shape: number[];
  partitioned: boolean;
  /** One, or one for each slice of a partitioned variable. */
  parts: { shard: number; offset: number; bytes: number }[];
}
export interface NativeBundle {
  id: number;
  shardCount: number;
  entries: NativeBundleEntry[];
}

/** A file in a zip: a range of it, or inflated bytes. */
export interface NativeMember {
  path: string;
  size: number;
  offset?: number;
  bytes?: Uint8Array;
}
export type RestoreAssertion = 'consumed' | 'existingObjectsMatched' | 'nontrivialMatch';

export interface NativeIo {
  modelLoader(customObjects: NativeMakers, compile: boolean): number;
  weightsLoader(model: number, byName: boolean, skipMismatch: boolean): number;
  /** Restores into the objects of a tree; its files are the shards in order. */
  checkpointLoader(bundle: number, tree: NativeTrackedTree): number;
  /** Looks for the files of checkpoints in a file that may be a zip. */
  checkpointZip(): number;
  graphLoader(tags: string[], allowMissingOps: boolean): number;
  loaderAddFile(id: number, path: string, size: number): number;
  loaderAddBytes(id: number, file: number, offset: number, bytes: Uint8Array): void;
  /** Bytes that are needed next; none when the model stands. */
  loaderPrepare(id: number): NativeWanted[];
  /** How much `loaderReads` is going to ask for. */
  loaderBytes(id: number): number;
  /**
   * Takes over what has been read, and gives [file, offset, count] of every range that is to be read next, one after the other;
   * none when that was all. `inMemory`: all files are, so that nothing goes wrong half way.
   */
  loaderReads(id: number, inMemory: boolean): Float64Array;
  /** Bytes of a range, in order. */
  loaderFill(id: number, index: number, at: number, bytes: Uint8Array): void;
  /**
   * `model` only of a loader of models, `restoration` only of one of checkpoints, `members` and `savedModel` only of a zip, `graph`
   * and what follows only of a SavedModel as a graph.
   */
  loaderFinish(id: number): {
    model?: number;
    restoration?: number;
    warnings?: string[];
    members?: NativeMember[];
    savedModel?: boolean;
    graph?: number;
    description?: string;
    variables?: (NativeVariable | null)[];
  };
  releaseLoader(id: number): void;
  writeModel(id: number, format: string, includeOptimizer: boolean, zip: '' | 'stored' | 'deflated'): NativeFiles;
  writeWeights(id: number, format: 'h5' | 'weights.h5'): NativeFiles;
  /** Index and shard under this prefix; with `state`, the text of a `checkpoint` file beside them. */
  writeCheckpoint(tree: NativeTrackedTree, prefix: string, state: string, asZip: boolean): NativeFiles;
  /** Python's words where the assertion does not hold, else ''. */
  checkRestoration(id: number, tree: NativeTrackedTree, assertion: RestoreAssertion): string;
  releaseRestoration(id: number): void;
  /** Fills `into` with the bytes of a piece from `offset` on. */
  writerRead(id: number, file: number, piece: number, offset: number, into: Uint8Array): void;
  releaseWriter(id: number): void;
  inspector(): number;
  inspectorAddFile(id: number, path: string, size: number): void;
  inspectorAddBytes(id: number, file: number, offset: number, bytes: Uint8Array): void;
  /** Bytes that are needed next; none when metadata, or all digests, are there. */
  inspectorPrepare(id: number): NativeWanted[];
  inspectorDigest(id: number): NativeWanted[];
  /** JSON. */
  inspectorReport(id: number): string;
  releaseInspector(id: number): void;
  /** A checkpoint's index, checksums verified. */
  openBundle(file: string, index: Uint8Array): NativeBundle;
  checkBundleShards(id: number, sizes: number[]): void;
  verifyBundleValues(id: number, name: string, stored: Uint8Array): void;
  decodeBundleStrings(id: number, name: string, stored: Uint8Array): NativeTensor;
  /** A partitioned variable from the stored bytes of its parts, verified. */
  joinBundleSlices(id: number, name: string, parts: Uint8Array[]): NativeTensor;
  releaseBundle(id: number): void;
}
