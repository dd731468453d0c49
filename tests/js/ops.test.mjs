// keras.ops on values: names and options as in TensorFlow's Python API. Numbers of single ops are tested in tests/core/ops.
import assert from 'node:assert/strict';
import { before, describe, test } from 'node:test';
import * as keras from 'keras-wasm';

const { ops } = keras;
before(() => keras.ready());
const is = (actual, expected) => assert.deepEqual(actual.arraySync(), expected);
const M = [[1, 2, 3], [4, 5, 6]]; // prettier-ignore

describe('keras.ops', () => {
  test('broadcast arithmetic', () => {
    is(ops.add(M, [10, 20, 30]), [[11, 22, 33], [14, 25, 36]]); // prettier-ignore
    is(ops.multiply(M, 2), [[2, 4, 6], [8, 10, 12]]); // prettier-ignore
    is(ops.subtract(5, [1, 2]), [4, 3]);
    is(ops.divide([1, 3], 2), [0.5, 1.5]);
    is(ops.maximum([1, 5], 3), [3, 5]);
    is(ops.greater([1, 5], 3), [false, true]);
  });
  test('matmul with transposed operands and batches', () => {
    is(ops.matmul(M, M, { transposeB: true }), [[14, 32], [32, 77]]); // prettier-ignore
    is(ops.matmul(M, M, { transposeA: true }), [[17, 22, 27], [22, 29, 36], [27, 36, 45]]); // prettier-ignore
    is(ops.matmul([M, M], [[[1], [1], [1]]]), [
      [[6], [15]],
      [[6], [15]],
    ]);
  });
  test('reductions over axes', () => {
    is(ops.reduceMean(M), 3.5);
    is(ops.reduceSum(M, { axis: 0 }), [5, 7, 9]);
    is(ops.reduceMax(M, { axis: -1, keepdims: true }), [[3], [6]]);
    is(ops.argmax(M, { axis: 1 }), [2n, 2n]);
    is(ops.cumsum([1, 2, 3]), [1, 3, 6]);
  });
  test('shapes', () => {
    is(ops.reshape(M, [3, 2]), [[1, 2], [3, 4], [5, 6]]); // prettier-ignore
    is(ops.transpose(M), [[1, 4], [2, 5], [3, 6]]); // prettier-ignore
    is(ops.concat([M, M], 1)._rows(0, 1), [[1, 2, 3, 1, 2, 3]]);
    is(ops.split(M, 3, { axis: 1 })[1], [[2], [5]]);
    is(ops.split([1, 2, 3], [1, 2])[1], [2, 3]);
    is(ops.expandDims([1, 2], 0), [[1, 2]]);
    is(ops.squeeze([[1, 2]], { axis: 0 }), [1, 2]);
    is(ops.pad([[1]], [[0, 1], [1, 0]]), [[0, 1], [0, 0]]); // prettier-ignore
    is(ops.gather([5, 6, 7], keras.tensor([2, 0], [2], 'int32')), [7, 5]);
    is(ops.oneHot(keras.tensor([1], [1], 'int32'), 3), [[0, 1, 0]]);
    is(ops.range(1, 7, 2), [1, 3, 5]);
  });
  test('aliases and spaces are the same function', () => {
    assert.equal(ops.tanh, ops.math.tanh);
    assert.equal(ops.matmul, ops.linalg.matmul);
    is(ops.nn.relu([-1, 2]), [0, 2]);
    is(ops.nn.softmax([[0, 0]]), [[0.5, 0.5]]);
  });
  test('strings', () => {
    is(ops.strings.lower(['AbC', 'é']), ['abc', 'é']);
    is(ops.strings.regexReplace(['a1b22'], '[0-9]+', '#'), ['a#b#']);
    is(ops.strings.join([['a', 'b'], ['c', 'd']], { separator: '-' }), ['a-c', 'b-d']); // prettier-ignore
    is(ops.strings.length(['é'], { unit: 'UTF8_CHAR' }), [1]);
    is(ops.strings.toNumber(['1.5', ' -2 ']), [1.5, -2]);
    is(ops.equal(['a', 'b'], 'b'), [false, true]);
    is(ops.raw.StringSplitV2([['a b', 'c'], '']).at(1), ['a', 'b', 'c']);
    assert.throws(() => ops.strings.regexFullMatch(['a'], '('), keras.InvalidArgumentError);
  });
  test('spectra of real numbers', () => {
    const spectrum = ops.signal.rfft([1, 2, 3, 4]);
    assert.deepEqual([spectrum.dtype, spectrum.shape], ['complex64', [3]]);
    is(ops.math.real(spectrum), [10, -2, -2]);
    is(ops.math.imag(spectrum), [0, 2, 0]);
    is(ops.signal.irfft(spectrum), [1, 2, 3, 4]);
    is(ops.math.real(ops.signal.rfft([1, 2, 3], { fftLength: [4] })), [6, -2, 2]);
    assert.deepEqual(ops.signal.rfft2d([[1, 2, 3], [4, 5, 6]]).shape, [2, 2]); // prettier-ignore
  });
  test('factors of matrices multiply to the matrix', () => {
    const near = (a, b) => assert.ok(ops.reduceMax(ops.abs(ops.subtract(a, b))).arraySync() < 1e-5);
    const [q, r] = ops.linalg.qr(M);
    near(ops.matmul(q, r), M);
    const [s, u, v] = ops.linalg.svd(M);
    near(ops.matmul(ops.multiply(u, s), v, { transposeB: true }), M);
    const [values, vectors] = ops.linalg.eigh([[2, 1], [1, 2]]); // prettier-ignore
    near(values, [1, 3]);
    near(ops.matmul(ops.multiply(vectors, values), vectors, { transposeB: true }), [[2, 1], [1, 2]]); // prettier-ignore
  });
  test('images of other sizes', () => {
    const image = keras.tensor([1, 2, 3, 4], [1, 2, 2, 1]);
    is(ops.image.resize(image, [1, 1]).reshape([-1]), [2.5]);
    is(ops.image.resize(image, [2, 4], { method: 'nearest' }).reshape([-1]), [1, 1, 2, 2, 3, 3, 4, 4]);
    is(ops.image.resize(image, [1, 2], { method: 'area' }).reshape([-1]), [2, 3]);
    assert.deepEqual(ops.image.resize(image, [5, 3], { method: 'bicubic' }).shape, [1, 5, 3, 1]);
  });
  test('convolution and pooling', () => {
    const image = keras.tensor([1, 2, 3, 4, 5, 6, 7, 8, 9], [1, 3, 3, 1]);
    const filter = keras.tensor([1, 0, 0, 1], [2, 2, 1, 1]);
    is(ops.nn.conv2d(image, filter).reshape([-1]), [6, 8, 12, 14]);
    is(ops.nn.maxPool2d(image, { ksize: 2, strides: 1 }).reshape([-1]), [5, 6, 8, 9]);
    is(ops.nn.avgPool2d(image, { ksize: 3 }).reshape([-1]), [5]);
  });
  test('of matrices, vectors and running sums', () => {
    is(ops.linalg.cross([1, 2, 3], [4, 5, 6]), [-3, 6, -3]);
    is(ops.linalg.sqrtm(keras.tensor([4, 1, 0, 4], [2, 2])).reshape([-1]), [2, 0.25, 0, 2]);
    is(ops.math.reduceEuclideanNorm(keras.tensor([3, 4, 0, 2], [2, 2]), { axis: 1 }), [5, 2]);
    const sums = ops.math.cumulativeLogsumexp([0, 0, 0], { reverse: true }).dataSync();
    [Math.log(3), Math.log(2), 0].forEach((sum, i) => assert.ok(Math.abs(sums[i] - sum) < 1e-6));
    is(ops.unravelIndex(keras.tensor([22, 41], [2], 'int32'), keras.tensor([7, 6], [2], 'int32')).reshape([-1]), [3, 6, 4, 5]);
    const shuffled = Array.from(ops.random.shuffle([1, 2, 3, 4, 5]).dataSync());
    assert.deepEqual(shuffled.sort(), [1, 2, 3, 4, 5]);
    is(ops.raw.StringFormat([[keras.tensor([1, 2], [2], 'int32')]], { template: 'x = {}', placeholder: '{}' })[0], 'x = [1 2]');
    assert.throws(() => ops.math.reduceSum([1, 2], { axis: [0, -1] }), { message: /duplicate dimension: 0/ });
  });
  test('any op by its TensorFlow name', () => {
    is(ops.raw.AddV2([[1], [2]])[0], [3]);
    const [values] = ops.raw.TopKV2([[3, 1, 2], keras.tensor(2, [], 'int32')], { sorted: true });
    is(values, [3, 2]);
    assert.throws(() => ops.raw.AddV2(1), TypeError);
    const names = Object.keys(ops.raw);
    assert.ok(names.length > 400);
    assert.deepEqual(
      names.filter((name) => name.startsWith('_')),
      [],
      'ops that only rewrites make',
    );
  });
  test('cast', () => {
    const t = ops.cast([1.7, -1.7], 'int32');
    assert.equal(t.dtype, 'int32');
    is(t, [1, -1]);
  });
  test('errors name the op, and the engine goes on', () => {
    assert.throws(
      () => ops.matmul([[1, 2]], [[1, 2]]),
      (e) => /MatMul/.test(`${e.message} ${e.path}`) && e.code !== undefined,
    );
    assert.throws(() => ops.add([1, 2], [1, 2, 3]));
    is(ops.add(1, 1), 2);
  });
});
