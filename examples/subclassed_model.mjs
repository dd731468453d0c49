// A model of your own class: layers are made in the constructor, `call` says how they are connected. The engine traces `call`
// once for inference and once for training; nothing of it runs in the loop. Weights go to files under the names of properties.
//
//   node examples/subclassed_model.mjs
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import * as keras from 'keras-wasm';

/** Dense blocks with a connection around each of them; dropout while it trains. */
class ResidualMLP extends keras.Model {
  /** The name of the class in files and summaries. */
  static className = 'ResidualMLP';

  constructor({ units = 32, depth = 2, ...config } = {}) {
    super(config); // name, dtype, trainable
    this.entry = keras.layers.dense({ units, activation: 'relu' });
    this.blocks = Array.from({ length: depth }, () => keras.layers.dense({ units, activation: 'relu' }));
    this.dropout = keras.layers.dropout({ rate: 0.1 });
    this.head = keras.layers.dense({ units: 1 });
    this.scale = keras.variable(1, { name: 'scale' }); // variables are weights, too
  }
  call(inputs, { training }) {
    let x = this.entry.apply(inputs);
    for (const block of this.blocks) x = keras.ops.add(x, block.apply(x));
    x = this.dropout.apply(x, { training });
    return keras.ops.multiply(this.head.apply(x), this.scale);
  }
}

await keras.ready();
keras.utils.setRandomSeed(7); // the same first weights, and the same losses, each time
const model = new ResidualMLP({ name: 'residual' });
model.compile({ optimizer: keras.optimizers.adam({ learningRate: 0.01 }), loss: 'mse' });

// Learns y = a · b.
const x = Array.from({ length: 256 }, (_, i) => [(i % 16) / 8 - 1, Math.floor(i / 16) / 8 - 1]);
const y = x.map(([a, b]) => [a * b]);
const { history } = await model.fit(x, y, { epochs: 40, batchSize: 32 });
console.log(`loss: ${history.loss.at(0).toFixed(4)} at first, ${history.loss.at(-1).toFixed(4)} at last`);
model.summary();

// A whole model of a class of one's own is saved in no format; its weights are, and with them the state of the optimizer.
const folder = await mkdtemp(join(tmpdir(), 'keras-wasm-'));
await model.saveWeights(join(folder, 'residual'));
const again = new ResidualMLP();
const status = await again.loadWeights(join(folder, 'residual')); // they wait until the model is built
const [before, after] = [await model.predict([[0.5, -0.5]]), await again.predict([[0.5, -0.5]])];
status.assertExistingObjectsMatched();
console.log('the same again:', before.arraySync(), after.arraySync());
await rm(folder, { recursive: true });
