// The models of tests/fixtures/generate/subclassed_models.py, written in JS.
import * as keras from 'keras-wasm';

const { layers, ops, variable } = keras;

/** y = x · factor + offset: variables that were not made by addWeight. */
export class Affine extends keras.Layer {
  static className = 'Affine';

  constructor(config = {}) {
    super(config);
    this.factor = variable([1, 2, 3], { name: 'factor' });
    this.offset = variable(0.5, { trainable: false, name: 'offset' });
  }
  call(inputs) {
    return ops.add(ops.multiply(inputs, this.factor), this.offset);
  }
}

/** A model inside a model, which trains otherwise than it predicts. */
export class Block extends keras.Model {
  static className = 'Block';

  constructor({ units, ...config }) {
    super(config);
    this.inner = layers.dense({ units, activation: 'tanh' });
    this.norm = layers.batchNormalization();
  }
  call(inputs, { training }) {
    return this.norm.apply(this.inner.apply(inputs), { training });
  }
}

/** Layers, models and variables as properties, in an array and in an object; names before and after "layers". */
export class Mixed extends keras.Model {
  static className = 'Mixed';

  constructor() {
    super({ name: 'mixed' });
    this.out = layers.dense({ units: 2, name: 'predictions' });
    this.blocks = [new Block({ units: 4 }), layers.reLU(), new Block({ units: 3 })];
    const bias = variable([0.25, 0.5, 0.75], { name: 'named_bias' });
    this.named = { second: layers.dense({ units: 3, kernelRegularizer: 'l2' }), first: layers.dense({ units: 3 }), bias };
    this.affine = new Affine();
    this.gain = this.addWeight({ name: 'gain', shape: [3], initializer: 'ones' });
    this.shift = variable([1], { trainable: false, name: 'shift' });
  }
  call(inputs) {
    let x = inputs;
    for (const block of this.blocks) x = block.apply(x);
    x = ops.add(ops.multiply(this.named.second.apply(this.named.first.apply(x)), this.gain), this.named.bias);
    return ops.add(this.out.apply(this.affine.apply(x)), this.shift);
  }
}

/** Takes and gives dicts. */
export class TwoHeads extends keras.Model {
  static className = 'TwoHeads';

  constructor() {
    super({ name: 'two_heads' });
    this.left = layers.dense({ units: 2 });
    this.right = layers.dense({ units: 2 });
  }
  call({ a, b }) {
    const [left, right] = [this.left.apply(a), this.right.apply(b)];
    return { total: ops.add(left, right), gap: ops.subtract(left, right) };
  }
}

/** Takes and gives lists. */
export class Lists extends keras.Model {
  static className = 'Lists';

  constructor() {
    super({ name: 'lists' });
    this.dense = layers.dense({ units: 1 });
  }
  call([first, second]) {
    return [ops.add(this.dense.apply(first), second), first];
  }
}

/** Gives every weight values of its own. */
export function numbered(model) {
  model.weights.forEach((weight, i) => {
    const size = weight.shape.reduce((a, b) => a * b, 1);
    const values = Float32Array.from({ length: size }, (_, k) => k / 16 + 0.125 * (i + 1));
    weight.assign(keras.tensor(values, weight.shape));
  });
}
