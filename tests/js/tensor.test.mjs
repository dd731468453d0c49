// Tensors and variables: what goes in comes out.
import assert from 'node:assert/strict';
import { before, describe, test } from 'node:test';
import * as keras from 'keras-wasm';

const { tensor } = keras;
before(() => keras.ready());

describe('keras.tensor', () => {
  test('takes nested arrays, numbers, booleans, strings and BigInts', () => {
    const cases = [
      [[1, 2], 'float32', [2]],
      [3.5, 'float32', []],
      [[[1], [2], [3]], 'float32', [3, 1]],
      [[true, false], 'bool', [2]],
      [['ä', 'b'], 'string', [2]],
      [[1n, -2n], 'int64', [2]],
      [[[]], 'float32', [1, 0]],
    ];
    for (const [value, dtype, shape] of cases) {
      const t = tensor(value);
      assert.deepEqual([t.dtype, t.shape], [dtype, shape]);
      assert.deepEqual(t.arraySync(), value);
      assert.equal(
        t.size,
        shape.reduce((a, b) => a * b, 1),
      );
      assert.equal(t.rank, shape.length);
    }
  });

  test('takes the dtype of a typed array', () => {
    const arrays = {
      float32: Float32Array,
      float64: Float64Array,
      int8: Int8Array,
      uint8: Uint8Array,
      int16: Int16Array,
      uint16: Uint16Array,
      int32: Int32Array,
      uint32: Uint32Array,
    };
    for (const [dtype, array] of Object.entries(arrays)) {
      const t = tensor(array.of(1, 2, 3, 4), [2, 2]);
      assert.equal(t.dtype, dtype);
      assert.deepEqual(t.dataSync(), array.of(1, 2, 3, 4));
      assert.deepEqual(t.arraySync(), [
        [1, 2],
        [3, 4],
      ]);
    }
    assert.equal(tensor(BigUint64Array.of(2n ** 63n)).dtype, 'uint64');
    assert.deepEqual(tensor([1, 2], undefined, 'int64').dataSync(), BigInt64Array.of(1n, 2n));
  });

  test('gives float16 and bfloat16 back as Float32Array, rounded to even', () => {
    // 1 + 2⁻¹¹ lies half way between two halfs, 65520 is above the largest, 2⁻²⁵ half of the smallest.
    assert.deepEqual([...tensor([1 + 2 ** -11, 65520, 2 ** -25, -2], undefined, 'float16').dataSync()], [1, Infinity, 0, -2]);
    assert.deepEqual([...tensor([1 + 2 ** -8, 3.140625], undefined, 'bfloat16').dataSync()], [1, 3.140625]);
    assert.equal(tensor([1], undefined, 'float16').bytes().length, 2);
  });

  test('keeps a copy of what it was given', () => {
    const data = Float32Array.of(1, 2);
    const t = tensor(data);
    data[0] = 9;
    assert.deepEqual(t.arraySync(), [1, 2]);
  });

  test('takes {data, shape, dtype}', () => {
    const t = tensor({ data: [1, 2, 3, 4], shape: [2, 2], dtype: 'int32' });
    assert.deepEqual([t.dtype, t.arraySync()], ['int32', [[1, 2], [3, 4]]]); // prettier-ignore
  });

  test('refuses what is no tensor', () => {
    assert.throws(() => tensor([[1, 2], [3]]), keras.ValueError);
    assert.throws(() => tensor([1, 2, 3], [2, 2]), keras.ValueError);
    assert.throws(() => tensor([1], undefined, 'float23'), TypeError);
    assert.throws(() => tensor([null]), TypeError);
    assert.throws(() => tensor([2 ** 60], undefined, 'int64'), keras.ValueError);
  });

  test('reshapes', () => {
    assert.deepEqual(tensor([1, 2, 3, 4]).reshape([2, -1]).arraySync(), [[1, 2], [3, 4]]); // prettier-ignore
    assert.throws(() => tensor([1, 2, 3]).reshape([2, -1]), keras.ValueError);
  });

  test('holds strings that are no UTF-8 as bytes', () => {
    const [text, raw] = tensor(['ok', Uint8Array.of(0xff)], undefined, 'string').dataSync();
    assert.equal(text, 'ok');
    assert.deepEqual(raw, Uint8Array.of(0xff));
  });
});

describe('keras.variable', () => {
  test('is read, assigned and added to', () => {
    const v = keras.variable([1, 2], { name: 'v', trainable: false });
    assert.deepEqual([v.name, v.shape, v.dtype, v.trainable], ['v:0', [2], 'float32', false]);
    v.assign([3, 4]);
    assert.deepEqual(v.read().arraySync(), [3, 4]);
    v.assignAdd([1, 1]);
    assert.deepEqual(v.read().arraySync(), [4, 5]);
    assert.throws(() => v.assign([1, 2, 3]));
    v.dispose();
    assert.throws(() => v.read(), /disposed/);
  });
});
