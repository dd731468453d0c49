// Model files that others saved, which stand beside a checkout where the project is worked on and are no part of it:
// `shared/fixtures/third-party`, or what KERAS_WASM_SHARED names as `shared`. Their README.md says what the facts are.
import { existsSync, readFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { inflateRawSync } from 'node:zlib';

import { root } from './support.mjs';

/** The folder, or null. A git worktree may lie deeper than the checkout. */
function thirdPartyFolder() {
  const candidates = process.env.KERAS_WASM_SHARED ? [process.env.KERAS_WASM_SHARED] : [];
  let above = join(root, '.');
  for (let i = 0; i < 3; i++) candidates.push(join((above = dirname(above)), 'shared'));
  const found = candidates
    .map((path) => join(path, 'fixtures/third-party'))
    .find((path) => existsSync(join(path, 'MANIFEST.tsv')));
  return found ?? null;
}

const folder = thirdPartyFolder();

/** One file or folder of the manifest. */
class ThirdParty {
  constructor(row) {
    Object.assign(this, row);
  }
  get facts() {
    return JSON.parse(readFileSync(join(folder, `${this.group}.facts.json`), 'utf8'));
  }
  get folder() {
    return join(folder, this.group);
  }
  /** Of a single file. */
  get file() {
    return join(this.folder, this.path.split('/').at(-1));
  }
  /** Expected tensors by name: `k2/out0` of TensorFlow 2.15, `k3/…` of Keras 3, `k1/…` of Keras 1. */
  get expected() {
    return readNpz(readFileSync(join(folder, `${this.group}.expected.npz`)));
  }
}

/** The rows of the manifest of these kinds; none where the files are not there. */
export function thirdParty(...kinds) {
  if (folder === null) return [];
  const [head, ...lines] = readFileSync(join(folder, 'MANIFEST.tsv'), 'utf8').trimEnd().split('\n');
  const names = head.split('\t');
  return lines
    .map((line) => new ThirdParty(Object.fromEntries(line.split('\t').map((cell, i) => [names[i], cell]))))
    .filter(({ kind }) => kinds.includes(kind));
}
export const whyNoThirdParty = folder === null ? 'the third-party files are not there' : false;

const NUMPY = {
  '<f4': Float32Array,
  '<f8': Float64Array,
  '<i4': Int32Array,
  '<i8': BigInt64Array,
  '|b1': Uint8Array,
  '|u1': Uint8Array,
};

/** The arrays of an .npz by name, as {shape, data}. */
function readNpz(bytes) {
  const arrays = {};
  const end = bytes.lastIndexOf('PK\x05\x06', undefined, 'latin1');
  let at = bytes.readUInt32LE(end + 16);
  for (let i = bytes.readUInt16LE(end + 10); i > 0; i--) {
    const [method, size, nameSize] = [bytes.readUInt16LE(at + 10), bytes.readUInt32LE(at + 20), bytes.readUInt16LE(at + 28)];
    const local = bytes.readUInt32LE(at + 42);
    const start = local + 30 + bytes.readUInt16LE(local + 26) + bytes.readUInt16LE(local + 28);
    const stored = bytes.subarray(start, start + size);
    const name = bytes.toString('utf8', at + 46, at + 46 + nameSize).replace(/\.npy$/, '');
    arrays[name] = readNpy(method === 8 ? inflateRawSync(stored) : stored);
    at += 46 + nameSize + bytes.readUInt16LE(at + 30) + bytes.readUInt16LE(at + 32);
  }
  return arrays;
}

function readNpy(bytes) {
  const begin = bytes[6] === 1 ? 10 : 12;
  const header = bytes.toString('latin1', begin, begin + (bytes[6] === 1 ? bytes.readUInt16LE(8) : bytes.readUInt32LE(8)));
  const [, type] = /'descr': '([^']+)'/.exec(header);
  const [, dims] = /'shape': \(([^)]*)\)/.exec(header);
  const shape = dims
    .split(',')
    .filter((dim) => dim.trim() !== '')
    .map(Number);
  if (!(type in NUMPY)) return { shape, data: null };
  const values = bytes.subarray(begin + header.length);
  return { shape, data: new NUMPY[type](values.buffer.slice(values.byteOffset, values.byteOffset + values.length)) };
}

const u32 = (i) => Math.imul(i, 2654435761) >>> 0;

/** An input by its formula (FORMULA.md beside the files), rounded once to its dtype. */
export function formulaInput({ formula, shape, dtype, start = 0, scale = 1, offset = 0, mod, low = 0, value }) {
  const count = shape.reduce((a, b) => a * b, 1);
  const element = {
    weyl: (i) => ((u32(start + i) / 2 ** 32) * 2 - 1) * scale + offset,
    imod: (i) => ((start + i) % mod) + low,
    wmod: (i) => Math.floor((u32(start + i) * mod) / 2 ** 32) + low,
    bool: (i) => (u32(start + i) >= 2 ** 31 ? 1 : 0),
    const: () => value,
  }[formula];
  if (element === undefined) throw new Error(`formula ${formula}`);
  const Type = { float32: Float32Array, float64: Float64Array, int32: Int32Array }[dtype] ?? Float32Array;
  return { dtype, shape, data: Type.from({ length: count }, (_, i) => element(i)) };
}
