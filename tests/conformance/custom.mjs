// The custom classes of tests/fixtures/generate/custom_fixtures.py, written in JS.
import * as keras from 'keras-wasm';

const { ops } = keras;

/** y = x · factor · scale */
export class Scale extends keras.Layer {
  static className = 'Scale';

  constructor(config = {}) {
    super(config);
    this.factor = config.factor ?? 1;
  }
  build(inputShape) {
    this.scale = this.addWeight({ name: 'scale', shape: [inputShape.at(-1)], initializer: 'ones', trainable: true });
    super.build(inputShape);
  }
  call(inputs) {
    return ops.multiply(ops.multiply(inputs, this.factor), this.scale);
  }
  getConfig() {
    return { ...super.getConfig(), factor: this.factor };
  }
}

/** y = tanh(x · w + b) */
export class CustomDense extends keras.Layer {
  static className = 'CustomDense';

  constructor(config) {
    super(config);
    this.units = config.units;
  }
  build(inputShape) {
    this.w = this.addWeight({ name: 'w', shape: [inputShape.at(-1), this.units], initializer: 'glorot_uniform' });
    this.b = this.addWeight({ name: 'b', shape: [this.units], initializer: 'zeros' });
    super.build(inputShape);
  }
  call(inputs) {
    return ops.tanh(ops.add(ops.matmul(inputs, this.w), this.b));
  }
  getConfig() {
    return { ...super.getConfig(), units: this.units };
  }
}

export const customObjects = { Scale, 'Fixtures>CustomDense': CustomDense };
