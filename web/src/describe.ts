// Turns a model into plain data that the page can show.
import type * as keras from 'keras-wasm';
import type { LayerInfo, ModelInfo, TensorInfo, WeightInfo } from './protocol';

const HISTOGRAM_STEPS = 32;

interface LayerConfig {
  class_name: string;
  config: { name: string; batch_input_shape?: readonly (number | null)[] };
  inbound_nodes?: unknown[];
}

/** Names of the layers that a Functional config's inbound nodes mention: ["name", node, tensor, {…}] at any depth. */
function inboundNames(nodes: unknown): string[] {
  if (!Array.isArray(nodes)) return [];
  const [name, node, tensor] = nodes as unknown[];
  if (typeof name === 'string' && typeof node === 'number' && typeof tensor === 'number') return [name];
  return nodes.flatMap(inboundNames);
}

function layerInfos(model: keras.Model): LayerInfo[] {
  const { layers } = (JSON.parse(model.toJSON()) as { config: { layers: LayerConfig[] } }).config;
  let previous: string | null = null;
  return layers.map(({ class_name: className, config, inbound_nodes: nodes }) => {
    // In a Sequential each layer follows the one before.
    const inbound = nodes === undefined ? (previous === null ? [] : [previous]) : [...new Set(inboundNames(nodes))];
    previous = config.name;
    const layer = model.layers.find(({ name }) => name === config.name);
    // The InputLayer of a Sequential is in its config alone.
    const shape = layer?.outputShape ?? config.batch_input_shape;
    const outputShape = shape ? JSON.stringify(shape).replaceAll('null', 'None').replaceAll(',', ', ') : '';
    return { name: config.name, className, inbound, outputShape };
  });
}

function describeTensors(tensors: readonly keras.SymbolicTensor[], names: readonly string[]): TensorInfo[] {
  return tensors.map(({ shape, dtype }, i) => ({ name: names[i] ?? String(i + 1), shape: [...shape], dtype }));
}

/** Keras's name of a loss: as a string, or of an object {class_name, config: {name}}. Null for anything else. */
function lossName(loss: keras.Json): string | null {
  if (typeof loss === 'string') return loss;
  if (typeof loss !== 'object' || loss === null || Array.isArray(loss)) return null;
  const { config } = loss as { config?: { name?: unknown } };
  return typeof config?.name === 'string' ? config.name : null;
}

/** Everything about a model that is cheap to tell. */
export function describeModel(model: keras.Model): ModelInfo {
  const lines: string[] = [];
  model.summary({ printFn: (line) => lines.push(line) });
  const { optimizer } = model;
  return {
    name: model.name,
    summary: lines.join('\n'),
    layers: layerInfos(model),
    inputs: describeTensors(model.inputs, model.inputNames),
    outputs: describeTensors(model.outputs, model.outputNames),
    warnings: model.warnings.map(String),
    compiled: Boolean(model.loss),
    loss: lossName(model.loss),
    learningRate: optimizer ? Number(optimizer.learningRate) : null,
    iterations: optimizer ? Number((optimizer.iterations.read().dataSync() as ArrayLike<number | bigint>)[0]) : null,
  };
}

/** Counts in equal steps; what is not a finite number is in none. */
function countSteps(data: ArrayLike<number | bigint>, min: number, max: number): number[] {
  const histogram = new Array<number>(HISTOGRAM_STEPS).fill(0);
  const step = (max - min) / HISTOGRAM_STEPS || 1;
  for (let i = 0; i < data.length; i++) {
    const at = Math.min(HISTOGRAM_STEPS - 1, Math.floor((Number(data[i]) - min) / step));
    if (at >= 0) histogram[at] = (histogram[at] ?? 0) + 1;
  }
  return histogram;
}

function describeWeight(variable: keras.Variable, trainable: boolean): WeightInfo {
  const value = variable.read();
  const data = value.dataSync() as ArrayLike<number | bigint>;
  // Large models have tens of millions of values: two passes over what is there, no copy.
  let min = Infinity,
    max = -Infinity,
    sum = 0,
    squares = 0;
  for (let i = 0; i < data.length; i++) {
    const x = Number(data[i]);
    if (x < min) min = x;
    if (x > max) max = x;
    sum += x;
    squares += x * x;
  }
  const mean = sum / data.length;
  const deviation = Math.sqrt(Math.max(0, squares / data.length - mean * mean));
  return {
    name: variable.name,
    shape: value.shape,
    dtype: value.dtype,
    trainable,
    min,
    max,
    mean,
    deviation,
    histogram: countSteps(data, min, max),
  };
}

/** All weights with their distributions; those of frozen layers are not trainable, whatever the variable says. */
export function describeWeights(model: keras.Model): WeightInfo[] {
  const trainable = new Set(model.trainableWeights);
  return model.weights.map((weight) => describeWeight(weight, trainable.has(weight)));
}
