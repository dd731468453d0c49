// The part of the engine's bindings that loads and saves.
import type { NativeMakers, NativeTensor } from './native.js';

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
  shard: number;
  offset: number;
  bytes: number;
}
export interface NativeBundle {
  id: number;
  shardCount: number;
  entries: NativeBundleEntry[];
}

export interface NativeIo {
  modelLoader(customObjects: NativeMakers, compile: boolean): number;
  weightsLoader(model: number, byName: boolean, skipMismatch: boolean): number;
  loaderAddFile(id: number, path: string, size: number): number;
  loaderAddBytes(id: number, file: number, offset: number, bytes: Uint8Array): void;
  /** Bytes that are needed next; null when the model stands. */
  loaderPrepare(id: number): NativeWanted | null;
  /** [file, offset, count] of every range to be read, one after the other. */
  loaderReads(id: number): Float64Array;
  loaderFill(id: number, index: number, at: number, bytes: Uint8Array): void;
  /** `model` only of a loader of models. */
  loaderFinish(id: number): { model?: number; warnings: string[] };
  releaseLoader(id: number): void;
  writeModel(id: number, format: string, includeOptimizer: boolean, zip: '' | 'stored' | 'deflated'): NativeFiles;
  writeWeights(id: number): NativeFiles;
  writerRead(id: number, file: number, piece: number, offset: number, count: number): Uint8Array;
  releaseWriter(id: number): void;
  /** A checkpoint's index, checksums verified. */
  openBundle(file: string, index: Uint8Array): NativeBundle;
  checkBundleShards(id: number, sizes: number[]): void;
  verifyBundleValues(id: number, name: string, stored: Uint8Array): void;
  decodeBundleStrings(id: number, name: string, stored: Uint8Array): NativeTensor;
  releaseBundle(id: number): void;
}
