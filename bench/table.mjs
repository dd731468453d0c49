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
export const CONVERTERS = ['tf2onnx==1.16.1', 'onnx==1.16.2', 'tensorflowjs==4.22.0'];

/** `adapter` is a file of peers/; `variant` is what it is told. */
export const CONTESTANTS = [
  { name: 'keras-wasm simd', adapter: 'ours', variant: 'simd' },
  { name: 'keras-wasm relaxed', adapter: 'ours', variant: 'relaxed' },
  { name: 'simd peak', adapter: 'peak', variant: 'simd' },
  { name: 'relaxed peak', adapter: 'peak', variant: 'relaxed' },
  { name: 'LiteRT.js', adapter: 'litert' },
  { name: 'onnxruntime-web', adapter: 'ort' },
  { name: 'tfjs wasm', adapter: 'tfjs' },
  { name: 'h5wasm', adapter: 'h5wasm' },
  { name: 'jsfive', adapter: 'jsfive' },
];

const INFERENCE = ['ours', 'litert', 'ort', 'tfjs'];

/** `graph`: loaded as the graph that TensorFlow traced, since the model has layers that are not here. `runs` for each batch. */
export const MODELS = [
  { model: 'mlp', title: 'MLP 784-512-512-10', shape: [784], runs: { 1: 100, 32: 20 } },
  { model: 'cnn', title: 'MNIST CNN', shape: [28, 28, 1], runs: { 1: 20, 32: 3 } },
  { model: 'mobilenet', title: 'MobileNetV2-224', shape: [224, 224, 3], runs: { 1: 2 } },
  { model: 'resnet50', title: 'ResNet50-224', shape: [224, 224, 3], runs: { 1: 1 } },
  {
    model: 'lstm',
    title: 'LSTM classifier (Embedding 20000×128, sequence 80, LSTM 128)',
    shape: [80],
    dtype: 'int32',
    graph: true,
    runs: { 1: 20, 32: 3 },
  },
  {
    model: 'transformer',
    title: 'Transformer encoder (sequence 128, width 512, 2 layers, 8 heads, FFN 2048)',
    shape: [128, 512],
    graph: true,
    runs: { 1: 2 },
  },
];

function predictRows(threads) {
  return MODELS.flatMap(({ model, title, runs, ...rest }) =>
    Object.entries(runs).map(([batch, count]) => ({
      id: `${model}-${batch}${threads > 1 ? `-t${threads}` : ''}`,
      kind: 'predict',
      title: `${title} inference, batch ${batch}${threads > 1 ? `, ${threads} threads` : ''}`,
      model,
      batch: Number(batch),
      threads,
      adapters: INFERENCE,
      rounds: 8,
      runs: count,
      ...rest,
    })),
  );
}

/** Products of square matrices, the right one packed before: what the engine does with a model's weights. */
const gemmRows = [256, 512, 1024].map((size) => ({
  id: `gemm-${size}`,
  kind: 'gemm',
  title: `Matrix products ${size} × ${size} × ${size}, eight in a row`,
  size,
  products: 8,
  flops: 8 * 2 * size ** 3,
  adapters: ['ours', 'peak'],
  rounds: 10,
  runs: size > 512 ? 1 : 4,
}));

/** What each adapter reads of a model, beside an input. */
const FILES = {
  ours: ({ model }) => [`${model}.h5`],
  litert: ({ model, batch }) => [`${model}-${batch}.tflite`],
  ort: ({ model, batch }) => [`${model}-${batch}.onnx`],
  tfjs: ({ model }) => [`${model}-graph.json`, `${model}-graph.weights`],
};

/** From the import of the library, in a process or page that knows nothing, with the model's bytes in memory. */
const coldRows = MODELS.filter(({ model }) => ['cnn', 'mobilenet'].includes(model)).map(({ model, title, shape }) => ({
  id: `cold-${model}`,
  kind: 'cold',
  title: `Cold start: import, engine, ${title} from bytes in memory, first prediction`,
  model,
  batch: 1,
  shape,
  threads: 1,
  files: FILES,
  adapters: INFERENCE,
  rounds: 8,
}));

/** Each round times every contestant `runs` times, after `runs` more to warm up (or `warmUp: 0`). */
export const ROWS = [
  ...predictRows(1),
  ...predictRows(2),
  ...gemmRows,
  ...coldRows,
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
    title: 'ResNet50 from H5 (103 MB), all weights: keras-wasm into the model, the others into arrays',
    model: 'resnet50',
    weights: 25_636_712,
    adapters: ['ours', 'h5wasm', 'jsfive'],
    rounds: 3,
    runs: 1,
  },
  {
    id: 'h5-model',
    kind: 'h5',
    whole: true,
    title: 'ResNet50 from H5 (103 MB): keras-wasm the whole model, the others all weights into arrays',
    model: 'resnet50',
    weights: 25_636_712,
    adapters: ['ours', 'h5wasm', 'jsfive'],
    rounds: 3,
    runs: 1,
  },
  {
    id: 'h5-large',
    kind: 'h5',
    title: 'Dense layers from H5 (512 MB), all weights: keras-wasm into the model, the others into arrays',
    model: 'large',
    weights: 128_032_000,
    adapters: ['ours', 'h5wasm', 'jsfive'],
    rounds: 3,
    runs: 1,
    warmUp: 0,
  },
  {
    id: 'h5-write',
    kind: 'h5-write',
    title: 'ResNet50 to the bytes of an H5 (103 MB)',
    model: 'resnet50',
    weights: 25_636_712,
    adapters: ['ours', 'h5wasm'],
    rounds: 5,
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
