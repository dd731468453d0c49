// keras.grad, valueAndGrads, func, ops.cond and ops.whileLoop: eager and traced. Values by hand.
import assert from 'node:assert/strict';
import { before, describe, test } from 'node:test';
import * as keras from 'keras-wasm';
import { assertClose } from '../support.mjs';

const { ops } = keras;
before(() => keras.ready());

const cube = (x) => ops.multiply(x, ops.square(x));

describe('keras.grad', () => {
  test('differentiates, again and again', () => {
    assertClose(keras.grad(cube)([1, 2, 3]), [3, 12, 27]); // 3x²
    assertClose(keras.grad(keras.grad(cube))([1, 2, 3]), [6, 12, 18]);
    assertClose(keras.grad(keras.grad(keras.grad(cube)))(2), keras.tensor(6));
  });
  test('goes through layers, conditions and loops', () => {
    const dense = keras.layers.dense({ units: 1, kernelInitializer: 'ones' });
    assertClose(keras.grad((x) => ops.square(dense.apply(x)))([[1, 2]]), [[6, 6]]); // 2(x₀ + x₁)
    const slope = keras.grad((x) =>
      ops.cond(
        ops.greater(x, 0),
        () => ops.square(x),
        () => ops.multiply(x, 5),
      ),
    );
    assertClose(slope(3), keras.tensor(6));
    assertClose(slope(-3), keras.tensor(5));
    const power = (x) =>
      ops.whileLoop(
        (i) => ops.less(i, 3),
        (i, y) => [ops.add(i, keras.tensor(1, [], 'int32')), ops.multiply(y, x)],
        [keras.tensor(0, [], 'int32'), 1],
      )[1];
    assertClose(keras.grad(power)(2), keras.tensor(12)); // 3x²
    assertClose(keras.grad(keras.grad(power))(2), keras.tensor(12)); // 6x
  });
  test('says what cannot be differentiated', () => {
    assert.throws(() => keras.grad(() => keras.tensor(1))(2), { name: 'ValueError', message: /does not depend on x/ });
    assert.throws(() => keras.grad((x) => ops.cast(x, 'int32'))(2), { name: 'ValueError' });
    assert.throws(() => keras.grad((x) => ops.raw.TruncateMod([x, x])[0])(2), {
      name: 'UnimplementedError',
      message: /TruncateMod/,
    });
    assert.throws(() => keras.grad((x) => x.dataSync())(2), { name: 'RuntimeError', message: /symbolic/ });
    assert.throws(() => keras.grad(async (x) => x)(2), { name: 'TypeError', message: /synchronous/ });
    assertClose(keras.grad(cube)(2), keras.tensor(12)); // and goes on working
  });
});

describe('keras.valueAndGrads', () => {
  test('has gradients in the order of variables, or by those that were used', () => {
    const [a, b, c] = [2, 3, 5].map((value, i) => keras.variable(value, { name: 'abc'[i], trainable: i < 2 }));
    const f = () => ops.multiply(ops.multiply(a, b), c);
    const given = keras.valueAndGrads(f, [b, c, a]);
    assertClose(given.value, keras.tensor(30));
    assert.deepEqual(given.grads.map((g) => g.arraySync()), [10, 6, 15]); // prettier-ignore
    const found = keras.valueAndGrads(f);
    assert.deepEqual([...found.grads].map(([variable, g]) => [variable.name, g.arraySync()]), [['a:0', 15], ['b:0', 10]]); // prettier-ignore
    assert.deepEqual(keras.valueAndGrads(() => ops.square(a), [b]).grads, [null]);
  });
});

describe('keras.func', () => {
  test('is traced once for each kind of arguments', () => {
    let runs = 0;
    const f = keras.func((x, scale) => {
      runs++;
      return { scaled: ops.multiply(x, scale), parts: [x, 7] };
    });
    const { scaled, parts } = f([1, 2], 3);
    assertClose(scaled, [3, 6]);
    assertClose(parts[0], [1, 2]);
    assert.equal(parts[1], 7);
    assertClose(f(Float32Array.of(4, 5), 3).scaled, [12, 15]);
    assert.equal(runs, 1);
    assertClose(f([1, 2, 3], 3).scaled, [3, 6, 9]);
    assertClose(f([1, 2], 4).scaled, [4, 8]);
    assert.equal(runs, 3);
    assert.equal(f.traceCount, 3);
    f.dispose();
    assert.throws(() => f([1, 2], 3), { name: 'RuntimeError', message: /disposed/ });
  });
  test('holds arguments against its input signature', () => {
    const f = keras.func((x) => ops.reduceSum(x, { axis: 1 }), { inputSignature: [{ shape: [null, 2], dtype: 'float32' }] });
    assertClose(f([[1, 2]]), [3]);
    assertClose(f([[1, 2], [3, 4]]), [3, 7]); // prettier-ignore
    assert.equal(f.traceCount, 1);
    assert.throws(() => f([[1, 2, 3]]), { name: 'InvalidArgumentError', message: /\[1,3\]/ });
    assert.throws(() => f(keras.tensor([[1, 2]], undefined, 'int32')), { name: 'InvalidArgumentError' });
    assert.throws(() => f(), { name: 'TypeError' });
  });
  test('can be a whole training step: variables are assigned at each run', () => {
    const w = keras.variable([1, -2], { name: 'w' });
    const step = keras.func((x) => {
      const { value, grads } = keras.valueAndGrads(() => ops.reduceSum(ops.square(ops.multiply(w, x))), [w]);
      w.assignSub(ops.multiply(grads[0], 0.1));
      return value;
    });
    assertClose(step([1, 2]), keras.tensor(17));
    assertClose(w.read(), [0.8, -0.4]); // w − 0.2·w·x²
    assertClose(step([1, 2]), keras.tensor(1.28));
    assertClose(w.read(), [0.64, -0.08]);
    assert.equal(step.traceCount, 1);
  });
  test('reads variables when it runs, in the order of what is written', () => {
    const count = keras.variable(0, { name: 'count' });
    const f = keras.func(() => {
      const before = count.read();
      count.assignAdd(1);
      return [before, count.read()];
    });
    assert.deepEqual(f().map((t) => t.arraySync()), [0, 1]); // prettier-ignore
    count.assign(10);
    assert.deepEqual(f().map((t) => t.arraySync()), [10, 11]); // prettier-ignore
  });
  test('calls others, and takes what it uses of a function around', () => {
    const inner = keras.func((x) => ops.add(x, 1));
    const outer = keras.func((x) => {
      const shifted = keras.func((y) => ops.multiply(inner(y), x));
      return shifted(ops.square(x));
    });
    assertClose(outer([2, 3]), [10, 30]); // x · (x² + 1)
    assertClose(keras.grad((x) => outer(x))([2, 3]), [13, 28]); // 3x² + 1
  });
  test('tells symbolic values that were kept from those of now', () => {
    let kept;
    keras.func((x) => (kept = x))([1]);
    assert.throws(() => keras.func((x) => ops.add(x, kept))([1]), { name: 'RuntimeError', message: /ended/ });
    assert.throws(() => kept.dataSync(), { name: 'RuntimeError' });
  });
  test('frees what it no longer needs', () => {
    const before = keras.engine().memory.tensors;
    const f = keras.func((x) => ops.add(x, 1));
    f([1]);
    assert.equal(keras.engine().memory.tensors, before + 1);
    f.dispose();
    assert.equal(keras.engine().memory.tensors, before);
    for (let i = 0; i < 5; i++) keras.grad(cube)(i);
    assert.equal(keras.engine().memory.tensors, before);
  });
});

describe('ops.cond', () => {
  const branches = (x) => ops.cond(ops.greater(ops.reduceSum(x), 0), () => [x, ops.add(x, 1)], () => [ops.negative(x), x]); // prettier-ignore
  test('takes a branch, on values and traced', () => {
    const traced = keras.func(branches);
    for (const f of [branches, traced]) {
      assert.deepEqual(f(keras.tensor([1, 2])).map((t) => t.arraySync()), [[1, 2], [2, 3]]); // prettier-ignore
      assert.deepEqual(f(keras.tensor([-1, -2])).map((t) => t.arraySync()), [[1, 2], [-1, -2]]); // prettier-ignore
    }
    assert.equal(traced.traceCount, 1);
    assert.equal(ops.cond(true, () => 'yes', () => 'no'), 'yes'); // prettier-ignore
  });
  test('refuses branches that differ, and conditions that are no scalar', () => {
    const f = (then, other) => keras.func((x) => ops.cond(ops.greater(ops.reduceSum(x), 0), then(x), other(x)))([1]);
    assert.throws(() => f((x) => () => [x], (x) => () => [x, x]), { name: 'TypeError', message: /same structure/ }); // prettier-ignore
    assert.throws(() => f((x) => () => x, (x) => () => ops.cast(x, 'int32')), { name: 'InvalidArgumentError' }); // prettier-ignore
    assert.throws(() => ops.cond(keras.tensor([1, 2]), () => 1, () => 2), { name: 'ValueError' }); // prettier-ignore
    assertClose(keras.func((x) => x)([1]), [1]);
  });
});

describe('ops.whileLoop', () => {
  const sum = (n) => ops.whileLoop((i) => ops.less(i, n), (i, total) => [ops.add(i, 1), ops.add(total, i)], [0, 0])[1]; // prettier-ignore
  test('repeats, on values and traced', () => {
    const traced = keras.func(sum);
    assertClose(sum(5), keras.tensor(10));
    assertClose(traced(keras.tensor(5)), keras.tensor(10));
    assertClose(traced(keras.tensor(0)), keras.tensor(0));
    assertClose(traced(keras.tensor(11)), keras.tensor(55));
    assert.equal(traced.traceCount, 1);
  });
  test('ends after maximumIterations, and lets shapes vary where they are said to', () => {
    const grow = (x) =>
      ops.whileLoop(() => true, (y) => ops.concat([y, y], 0), [x], { maximumIterations: 3, shapeInvariants: [[null]] })[0]; // prettier-ignore
    assert.equal(grow(keras.tensor([1])).size, 8);
    assert.equal(keras.func(grow)([1]).size, 8);
    const fixed = keras.func((x) => ops.whileLoop(() => true, (y) => ops.concat([y, y], 0), [x])); // prettier-ignore
    assert.throws(() => fixed([1]), { name: 'ValueError', message: /enters the loop with shape \[1\], but has shape \[2\]/ });
    const other = keras.func((x) => ops.whileLoop(() => true, (y) => ops.cast(y, 'int32'), [x])); // prettier-ignore
    assert.throws(() => other([1]), { name: 'TypeError' });
    assert.throws(
      () =>
        keras.func((x) =>
          ops.whileLoop(
            () => true,
            (a) => [a, a, a],
            [x, x],
          ),
        )([1]),
      { name: 'ValueError' },
    );
  });
});
