// The guide's "APIs for in-memory weight transfer": between layers, and between a functional and a subclassed model.
// Usage: node examples/guide/transfer_in_memory.mjs
import assert from 'node:assert/strict';
import * as keras from 'keras-wasm';

await keras.ready();
const { dense, dropout } = keras.layers;

function assertSameWeights(a, b) {
  assert.equal(a.weights.length, b.weights.length);
  a.weights.forEach((weight, i) => assert.deepEqual(weight.dataSync(), b.weights[i].dataSync()));
}

// Transferring weights from one layer to another, in memory.
function createLayer() {
  const layer = dense({ units: 64, activation: 'relu', name: 'dense_2' });
  layer.build([null, 784]);
  return layer;
}
const [layer1, layer2] = [createLayer(), createLayer()];
layer2.setWeights(layer1.getWeights());
assertSameWeights(layer1, layer2);

// Transferring weights from one model to another model with a compatible architecture, in memory.
function hiddenLayers(inputs) {
  const x = dense({ units: 64, activation: 'relu', name: 'dense_1' }).apply(inputs);
  return dense({ units: 64, activation: 'relu', name: 'dense_2' }).apply(x);
}
const inputs = keras.input({ shape: [784], name: 'digits' });
const outputs = dense({ units: 10, name: 'predictions' }).apply(hiddenLayers(inputs));
const functionalModel = keras.model({ inputs, outputs, name: '3_layer_mlp' });

/** The same architecture as a subclass. */
class SubclassedModel extends keras.Model {
  static className = 'SubclassedModel';
  constructor({ outputDim, name }) {
    super({ name });
    this.outputDim = outputDim;
    this.dense_1 = dense({ units: 64, activation: 'relu', name: 'dense_1' });
    this.dense_2 = dense({ units: 64, activation: 'relu', name: 'dense_2' });
    this.dense_3 = dense({ units: outputDim, name: 'predictions' });
  }
  call(x) {
    return this.dense_3.apply(this.dense_2.apply(this.dense_1.apply(x)));
  }
  getConfig() {
    return { outputDim: this.outputDim, name: this.name };
  }
}
const subclassedModel = new SubclassedModel({ outputDim: 10 });
// A call creates the weights.
const ones = keras.tensor(new Float32Array(784).fill(1), [1, 784]);
subclassedModel.apply(ones);
subclassedModel.setWeights(functionalModel.getWeights());
assertSameWeights(functionalModel, subclassedModel);

// The case of stateless layers: they change neither order nor number of weights.
const dropped = dropout({ rate: 0.5 }).apply(hiddenLayers(inputs)); // holds no weights
const withDropout = keras.model({ inputs, outputs: dense({ units: 10, name: 'predictions' }).apply(dropped) });
withDropout.setWeights(functionalModel.getWeights());
assertSameWeights(functionalModel, withDropout);

const [expected, computed] = [await functionalModel.predict(ones), await subclassedModel.predict(ones)];
computed.dataSync().forEach((value, i) => assert.ok(Math.abs(value - expected.dataSync()[i]) < 1e-5));
console.log('Both models compute the same.');
