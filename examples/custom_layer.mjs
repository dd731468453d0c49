// A layer of your own: written in JavaScript, traced once, then run and differentiated by the engine. It is saved by its
// config, and its weights with the model's.
//
//   node examples/custom_layer.mjs
import * as keras from 'keras-wasm';

/** output = inputs · scale + shift, with as many weights as there are features; `scale` starts at the value given. */
class Affine extends keras.Layer {
  /** The name in files. Python finds its own class of this name through `custom_objects`. */
  static className = 'Affine';

  constructor(config = {}) {
    super(config); // name, dtype, trainable
    this.start = config.start ?? 1;
  }
  /** Called once, with the shape of the inputs: `[null, …, features]`. */
  build(inputShape) {
    const shape = [inputShape.at(-1)];
    this.scale = this.addWeight({ name: 'scale', shape, initializer: keras.initializers.constant({ value: this.start }) });
    this.shift = this.addWeight({ name: 'shift', shape, initializer: 'zeros' });
  }
  /** Traced, not run for each batch: it can use no values, only ops. */
  call(inputs) {
    return keras.ops.add(keras.ops.multiply(inputs, this.scale), this.shift);
  }
  /** What the constructor needs to make this layer again. */
  getConfig() {
    return { ...super.getConfig(), start: this.start };
  }
}

await keras.ready();
const inputs = keras.input({ shape: [2] });
const model = keras.model({ inputs, outputs: new Affine({ start: 0.5, name: 'affine' }).apply(inputs) });
model.compile({ optimizer: keras.optimizers.sgd({ learningRate: 0.5 }), loss: 'mse' });

// Learns y = (3·a − 1, 1 − 2·b).
const x = Array.from({ length: 64 }, (_, i) => [(i % 8) / 4 - 0.875, Math.floor(i / 8) / 4 - 0.875]);
const y = x.map(([a, b]) => [3 * a - 1, 1 - 2 * b]);
const { history } = await model.fit(x, y, { epochs: 30, batchSize: 16 });
console.log(`loss: ${history.loss.at(0).toFixed(4)} at first, ${history.loss.at(-1).toFixed(4)} at last`);
for (const weight of model.weights) console.log(weight.name, weight.read().arraySync());

const bytes = await model.save(undefined, { saveFormat: 'h5' });
const loaded = await keras.loadModel(bytes, { customObjects: { Affine } });
console.log('loaded again:', (await loaded.predict([[1, 1]])).arraySync());
