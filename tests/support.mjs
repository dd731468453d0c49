// What tests share: the committed fixtures as tensors, and comparison as this project means it: max|a − b| ≤ tol · max|b|.
import assert from 'node:assert/strict';
import { readFileSync, writeFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';

export const root = fileURLToPath(new URL('..', import.meta.url));
const fixtures = root + 'tests/fixtures/';

const ARRAYS = {
  float32: Float32Array,
  float64: Float64Array,
  int8: Int8Array,
  uint8: Uint8Array,
  bool: Uint8Array,
  int16: Int16Array,
  uint16: Uint16Array,
  int32: Int32Array,
  uint32: Uint32Array,
  int64: BigInt64Array,
  uint64: BigUint64Array,
};

/** The tensor {dtype, shape, data} that a manifest entry names in the bytes of its .bin file. */
export function readTensor(bytes, { dtype, shape, offset, bytes: size }) {
  const copy = bytes.buffer.slice(bytes.byteOffset + offset, bytes.byteOffset + offset + size);
  return { dtype, shape, data: new ARRAYS[dtype](copy) };
}

/** Writes tensors to one .bin file and returns their manifest entries. */
export function writeTensors(path, tensors) {
  const chunks = [];
  let offset = 0;
  const entries = tensors.map((tensor) => {
    const { dtype, shape, data } = plainTensor(tensor);
    const bytes = Buffer.from(data.buffer, data.byteOffset, data.byteLength);
    const entry = { dtype, shape, offset, bytes: bytes.length };
    const padding = Buffer.alloc((8 - (bytes.length % 8)) % 8);
    chunks.push(bytes, padding);
    offset += bytes.length + padding.length;
    return entry;
  });
  writeFileSync(path, Buffer.concat(chunks));
  return entries;
}

/** A committed model and what Keras says of it; tensors are read when asked for. See tests/fixtures/make_fixtures.py. */
export class FixtureModel {
  #bytes;

  constructor(name) {
    Object.assign(this, JSON.parse(readFileSync(`${fixtures}models/${name}.expected.json`, 'utf8')));
    this.inputs = this.tensors(this.inputs);
    this.outputs = this.tensors(this.outputs);
    this.weights = this.weights.map((w) => ({ ...w, ...this.tensor(w) }));
  }
  tensor(entry) {
    this.#bytes ??= readFileSync(fixtures + 'models/' + this.data);
    return readTensor(this.#bytes, entry);
  }
  tensors(entries) {
    return entries.map((entry) => this.tensor(entry));
  }
  /** Path of the file or folder in a format: 'h5', 'savedModel', 'zip' or 'wrappedZip'; undefined where there is none. */
  path(format) {
    return this.files[format] && fixtures + 'models/' + this.files[format];
  }
  get formats() {
    return Object.keys(this.files);
  }
  /** One input as a tensor, several as a list: what `predict` takes. */
  get input() {
    return oneOrMany(this.inputs);
  }
  /** Steps that Keras took after saving: [{x, y, logs}]. */
  get steps() {
    const { x, y, batchSize, batches, logs } = this.training;
    const cut = (entries, i) => oneOrMany(this.tensors(entries).map((t) => rows(t, i * batchSize, (i + 1) * batchSize)));
    return batches.map((batch, i) => ({ x: cut(x, batch), y: cut(y, batch), logs: logs[i] }));
  }
}

export function oneOrMany(list) {
  return list.length === 1 ? list[0] : list;
}

/** Rows begin…end of a tensor's first dimension. */
export function rows({ dtype, shape, data }, begin, end) {
  const size = shape.slice(1).reduce((a, b) => a * b, 1);
  return { dtype, shape: [end - begin, ...shape.slice(1)], data: data.slice(begin * size, end * size) };
}

const readJson = (path) => JSON.parse(readFileSync(fixtures + path, 'utf8'));

export const fixture = {
  names: () => readJson('models/index.json').models,
  model: (name) => new FixtureModel(name),
  /** Every model that exists in `format`; customs (classes of a user's own) only when asked for. */
  models: (format, { custom = false } = {}) =>
    fixture
      .names()
      .map((name) => new FixtureModel(name))
      .filter((m) => m.files[format] && (custom || m.customObjects.length === 0)),
  path: (relative) => fixtures + relative,
  tables: () => readJson('layers.json'),
};

/** The example's data: images scaled to 0…1 and labels, split into training rows and the held-back fifth. */
export function digits() {
  const about = JSON.parse(readFileSync(root + 'examples/data/digits.json', 'utf8'));
  const bytes = readFileSync(root + 'examples/data/digits.bin');
  const size = about.height * about.width;
  const part = (begin, end) => ({
    x: {
      dtype: 'float32',
      shape: [end - begin, about.height, about.width, 1],
      data: Float32Array.from(bytes.subarray(begin * size, end * size), (v) => v / about.maxValue),
    },
    y: {
      dtype: 'int32',
      shape: [end - begin, 1],
      data: Int32Array.from(bytes.subarray(about.labelsOffset + begin, about.labelsOffset + end)),
    },
  });
  return { train: part(0, about.trainCount), test: part(about.trainCount, about.count) };
}

/** {dtype, shape, data} of a keras tensor or variable, a plain tensor, a typed array, a (nested) array or a number. */
export function plainTensor(value) {
  if (typeof value === 'number') return { dtype: 'float32', shape: [], data: Float32Array.of(value) };
  if (ArrayBuffer.isView(value)) return { dtype: nameOf(value), shape: [value.length], data: value };
  if (Array.isArray(value)) return fromNested(value);
  if (typeof value?.read === 'function') return plainTensor(value.read());
  if (typeof value?.dataSync === 'function') return { dtype: value.dtype, shape: [...value.shape], data: value.dataSync() };
  return value;
}

function nameOf(array) {
  return Object.keys(ARRAYS).find((dtype) => array instanceof ARRAYS[dtype]);
}

function fromNested(value) {
  const shape = [];
  for (let level = value; Array.isArray(level); level = level[0]) shape.push(level.length);
  return { dtype: 'float32', shape, data: Float32Array.from(value.flat(Infinity)) };
}

/** Fails unless shapes are equal and max|a − b| ≤ relative · max|b|. NaN and infinities must stand in the same places. */
export function assertClose(actual, expected, { relative = 1e-5, what = 'tensor' } = {}) {
  const isList = (v) => Array.isArray(v) && v.some((item) => typeof item === 'object' && !Array.isArray(item));
  if (isList(expected)) {
    const list = Array.isArray(actual) ? actual : [actual];
    assert.equal(list.length, expected.length, `${what}: number of tensors`);
    expected.forEach((tensor, i) => assertClose(list[i], tensor, { relative, what: `${what}[${i}]` }));
    return;
  }
  const a = plainTensor(actual);
  const b = plainTensor(expected);
  assert.deepEqual([...a.shape], [...b.shape], `${what}: shape`);
  let largest = 0;
  let difference = 0;
  let where = 0;
  for (let i = 0; i < b.data.length; i++) {
    const x = Number(a.data[i]);
    const y = Number(b.data[i]);
    if (Number.isFinite(x) && Number.isFinite(y)) {
      largest = Math.max(largest, Math.abs(y));
      if (Math.abs(x - y) > difference) [difference, where] = [Math.abs(x - y), i];
    } else if (!Object.is(x, y)) {
      assert.fail(`${what}: element ${i} is ${x}, expected ${y}`);
    }
  }
  const allowed = relative * largest;
  if (difference > allowed) {
    assert.fail(
      `${what}: element ${where} is ${a.data[where]}, expected ${b.data[where]}; off by ${difference.toExponential(2)}, ` +
        `allowed ${allowed.toExponential(2)} (${relative} of ${largest})`,
    );
  }
}

/** Fails unless dtype, shape and every bit are equal. */
export function assertSameBits(actual, expected, what = 'tensor') {
  const [a, b] = [plainTensor(actual), plainTensor(expected)];
  assert.deepEqual([a.dtype, ...a.shape], [b.dtype, ...b.shape], `${what}: dtype and shape`);
  const bytes = ({ data }) => Buffer.from(data.buffer, data.byteOffset, data.byteLength);
  assert.ok(bytes(a).equals(bytes(b)), `${what}: values differ`);
}

/** Compares the logs of several steps, each key as one series: a single small loss does not ask for more digits than float32 has. */
export function assertLogsClose(actual, expected, { relative = 1e-5, what = 'logs' } = {}) {
  assert.equal(actual.length, expected.length, `${what}: number of steps`);
  assert.deepEqual(Object.keys(actual[0]), Object.keys(expected[0]), `${what}: names`);
  for (const key of Object.keys(expected[0])) {
    const series = (logs) => Float64Array.from(logs, (log) => log[key]);
    assertClose(series(actual), series(expected), { relative, what: `${what} ${key}` });
  }
}
