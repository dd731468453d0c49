// What is measured: peers with their versions, contestants, rows.

/** npm packages that the benchmark installs for itself, never the package. */
export const PEERS = {
  '@tensorflow/tfjs': '4.22.0',
  '@tensorflow/tfjs-backend-wasm': '4.22.0',
  'onnxruntime-web': '1.30.0',
  '@litertjs/core': '2.5.3',
  h5wasm: '0.10.3',
  jsfive: '0.4.2',
};

/** PyPI packages beside TensorFlow 2.15.1, in an environment of the benchmark's own. */
export const CONVERTERS = ['tf2onnx==1.16.1', 'onnx==1.16.2'];

/** `adapter` is a file of peers/; `variant` is what it is told. */
export const CONTESTANTS = [
  { name: 'keras-wasm simd', adapter: 'ours', variant: 'simd' },
  { name: 'keras-wasm relaxed', adapter: 'ours', variant: 'relaxed', nodeFlags: ['--experimental-wasm-relaxed-simd'] },
  { name: 'LiteRT.js', adapter: 'litert' },
  { name: 'onnxruntime-web', adapter: 'ort' },
  { name: 'tfjs wasm', adapter: 'tfjs' },
  { name: 'h5wasm', adapter: 'h5wasm' },
  { name: 'jsfive', adapter: 'jsfive' },
];

const INFERENCE = ['ours', 'litert', 'ort', 'tfjs'];

/** Each round times every contestant `runs` times, after `runs` more to warm up (or `warmUp: 0`). */
export const ROWS = [
  {
    id: 'mobilenet',
    kind: 'predict',
    title: 'MobileNetV2-224 inference, batch 1',
    model: 'mobilenet',
    batch: 1,
    shape: [224, 224, 3],
    adapters: INFERENCE,
    rounds: 6,
    runs: 2,
  },
  {
    id: 'cnn-1',
    kind: 'predict',
    title: 'MNIST CNN inference, batch 1',
    model: 'cnn',
    batch: 1,
    shape: [28, 28, 1],
    adapters: INFERENCE,
    rounds: 10,
    runs: 20,
  },
  {
    id: 'cnn-32',
    kind: 'predict',
    title: 'MNIST CNN inference, batch 32',
    model: 'cnn',
    batch: 32,
    shape: [28, 28, 1],
    adapters: INFERENCE,
    rounds: 6,
    runs: 3,
  },
  {
    id: 'train',
    kind: 'train',
    title: 'MNIST CNN training step, batch 32, Adam',
    model: 'cnn',
    batch: 32,
    shape: [28, 28, 1],
    adapters: ['ours'],
    rounds: 5,
    runs: 2,
  },
  // tfjs's wasm backend has no gradient of a convolution; on its cpu backend a batch of 32 would take minutes.
  {
    id: 'train-tfjs',
    kind: 'train',
    title: 'MNIST CNN training step, batch 4, Adam, tfjs on its cpu backend',
    model: 'cnn',
    batch: 4,
    inputBatch: 32,
    shape: [28, 28, 1],
    adapters: ['tfjs'],
    with: { tfjs: { backend: 'cpu' } },
    rounds: 1,
    runs: 1,
    warmUp: 0,
  },
  {
    id: 'h5',
    kind: 'h5',
    title: 'ResNet50 from H5 (103 MB), all weights',
    model: 'resnet50',
    adapters: ['ours', 'h5wasm', 'jsfive'],
    rounds: 3,
    runs: 1,
  },
  // From a file in Node, from the bytes of a zip in a page.
  {
    id: 'checkpoint',
    kind: 'checkpoint',
    title: 'TensorFlow checkpoint (256 MB) into a model, checksums verified',
    units: 8000,
    bytes: 8000 * 8000 * 4,
    adapters: ['ours'],
    rounds: 5,
    runs: 1,
  },
];
