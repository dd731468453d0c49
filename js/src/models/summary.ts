// model.summary(): the very text of Keras 2.15.
import { native } from '../engine/index.js';
import type { NativeModelInfo, NativeShape } from '../engine/native.js';
import { ValueError } from '../errors.js';
import { DTYPES } from '../dtype.js';
import { Layer, layerFrom } from '../layers/layer.js';
import type { Variable } from '../variable.js';
import { pythonTuple } from '../variable.js';

export interface SummaryOptions {
  /** Width of a line. Default: 65, or 98 where connections are shown. */
  lineLength?: number;
  /** Ends of the columns: fractions of the width, or characters. */
  positions?: readonly number[];
  /** Takes one line at a time. Default: `console.log`. */
  printFn?: (line: string) => void;
  /** Whether layers of nested models are listed too. */
  expandNested?: boolean;
  showTrainable?: boolean;
  /** Regular expressions for the names of the first and the last layer to show. */
  layerRange?: readonly [string, string];
}

const BREAKS = ['),', '},', '],', "',"];

/** One row: its cells side by side, long ones going on in the next line. */
function rowLines(cells: readonly string[], positions: readonly number[], level: number): string[] {
  const left = [...cells];
  const lines: string[] = [];
  const last = positions.length - 1;
  while (left.some((text) => text.length > 0)) {
    let line = '';
    for (let column = 0; column <= last; column++) {
      const start = column > 0 ? (positions[column - 1] as number) : 0;
      const end = positions[column] as number;
      let cutoff = end - start - (column === last ? 0 : 3) - (column === 0 ? level : 0);
      let part = (left[column] as string).slice(0, cutoff);
      const breaks = BREAKS.map((text) => part.indexOf(text)).flatMap((at, i) =>
        at < 0 ? [] : [at + (BREAKS[i] as string).length],
      );
      if (breaks.length > 0) {
        cutoff = Math.min(...breaks);
        part = part.slice(0, cutoff);
      }
      if (column === 0) line += '|'.repeat(level) + ' ';
      line += part + (column === last ? '' : '  ');
      left[column] = (left[column] as string).slice(cutoff);
      line = line.padEnd(column === last ? end - level : end);
    }
    lines.push(line + '|'.repeat(level));
  }
  return lines;
}

function shapeText(shape: NativeShape): string {
  return shape === null ? '?' : pythonTuple(shape);
}

function outputShapeText(layer: Layer): string {
  const { isModel, className } = native().layerState(layer._id);
  if (isModel) {
    const { outputs, outputStructure, isGraph } = native().modelInfo(layer._id);
    const shapes = outputs.map(({ shape }) => shape);
    if (isGraph) return structureText(shapes, outputStructure);
  }
  const { output } = native().layerStructures(layer._id);
  const texts = layer._nodes.map(({ shapes, outputsAreList }) => {
    if (Array.isArray(output)) return structureText(shapes, output);
    return className === 'InputLayer' || outputsAreList ? `[${shapes.map(shapeText).join(', ')}]` : shapeText(shapes[0] ?? null);
  });
  return texts.length > 0 && texts.every((text) => text === texts[0]) ? (texts[0] as string) : 'multiple';
}

function structureText(shapes: NativeShape[], structure: NativeModelInfo['outputStructure']): string {
  if (Array.isArray(structure)) return `{${structure.map((key, i) => `'${key}': ${shapeText(shapes[i] ?? null)}`).join(', ')}}`;
  if (shapes.length === 1) return shapeText(shapes[0] ?? null);
  return `[${shapes.map(shapeText).join(', ')}]`;
}

/** Whether the model is shown without connections: a chain in which no layer is used twice. */
function isPlain(className: string, { isGraph, nodes }: NativeModelInfo): boolean {
  if (className === 'Sequential' || !isGraph) return true;
  const depths = new Map<string, number>();
  const seen = new Set<number>();
  for (const [layer, node] of [...nodes].reverse()) {
    const { inputs } = layerFrom(layer)._nodes[node] as Layer['_nodes'][number];
    if (inputs.length > 1 || seen.has(layer)) return false;
    seen.add(layer);
    const depth = depths.get(`${layer}:${node}`) ?? 0;
    depths.set(`${layer}:${node}`, depth);
    for (const source of inputs) {
      const key = `${source.layer}:${source.node}`;
      depths.set(key, Math.max(depths.get(key) ?? 0, depth + 1));
    }
  }
  return new Set(depths.values()).size === depths.size;
}

function connections(layer: Layer, { nodes }: NativeModelInfo): string {
  const names: string[] = [];
  layer._nodes.forEach(({ inputs }, index) => {
    if (!nodes.some(([id, node]) => id === layer._id && node === index)) return;
    for (const source of inputs) names.push(`'${layerFrom(source.layer).name}[${source.node}][${source.tensor}]'`);
  });
  return `[${names.join(', ')}]`;
}

function sizeText(weights: readonly Variable[]): string {
  let size = weights.reduce((total, { shape, dtype }) => total + shape.reduce((a, b) => a * b, 1) * DTYPES[dtype].bytes, 0);
  for (const unit of ['Byte', 'KB', 'MB', 'GB', 'TB']) {
    if (size < 1024) return `${size.toFixed(2)} ${unit}`;
    size /= 1024;
  }
  return `${size.toFixed(2)} PB`;
}

function countText(weights: readonly Variable[]): string {
  return `${weights.reduce((total, { shape }) => total + shape.reduce((a, b) => a * b, 1), 0)} (${sizeText(weights)})`;
}

function inRange(layers: Layer[], range: SummaryOptions['layerRange']): Layer[] {
  if (range === undefined) return layers;
  const [first, last] = range.map((pattern) => layers.map(({ name }) => new RegExp(`^(?:${pattern})`).test(name)));
  const begin = first?.indexOf(true) ?? -1;
  const end = last?.lastIndexOf(true) ?? -1;
  if (begin < 0 || end < 0)
    throw new ValueError(`Passed layer_names do not match the layer names in the model. Received: ${range.join(', ')}`);
  return layers.slice(Math.min(begin, end), Math.max(begin, end) + 1);
}

/** Prints the summary of a built model. */
export function printSummary(model: Layer, options: SummaryOptions): void {
  const print = options.printFn ?? ((line: string) => console.log(line));
  const { showTrainable = false, expandNested = false } = options;
  const className = model.getClassName();
  const info = native().modelInfo(model._id);
  const plain = isPlain(className, info);
  let width = options.lineLength ?? (plain ? 65 : 98);
  const fractions = options.positions ?? (plain ? [0.45, 0.85, 1] : [0.3, 0.6, 0.7, 1]);
  const positions = fractions.map((p) => ((fractions.at(-1) as number) <= 1 ? Math.trunc(width * p) : p));
  const header = ['Layer (type)', 'Output Shape', 'Param #', ...(plain ? [] : ['Connected to'])];
  if (showTrainable) {
    width += 11;
    positions.push(width);
    header.push('Trainable');
  }
  const row = (cells: readonly string[], level = 0): void => rowLines(cells, positions, level).forEach(print);
  const framed = (filler: string, level: number): string =>
    '|'.repeat(level) + filler.repeat(width - 2 * level) + '|'.repeat(level);

  const printLayer = (layer: Layer, level: number, isLast: boolean): void => {
    const state = native().layerState(layer._id);
    const params = plain && !state.built ? '0 (unused)' : String(layer.countParams());
    const cells = [`${state.name} (${state.className})`, outputShapeText(layer), params];
    if (!plain) cells.push(level === 0 ? connections(layer, info) : '[]');
    if (showTrainable) cells.push(state.trainable ? 'Y' : 'N');
    row(cells, level);
    const inner = expandNested && state.isModel ? native().modelInfo(layer._id).layers.map(layerFrom) : [];
    if (inner.length > 0) {
      print(framed('¯', level + 1));
      inner.forEach((nested, i) => printLayer(nested, level + 1, i === inner.length - 1));
      print(framed('¯', level));
    } else if (!isLast) {
      print(framed(' ', level));
    }
  };

  print(`Model: "${model.name}"`);
  print('_'.repeat(width));
  row(header);
  print('='.repeat(width));
  for (const layer of inRange(info.layers.map(layerFrom), options.layerRange)) printLayer(layer, 0, false);
  print('='.repeat(width));
  print(`Total params: ${countText(model.weights)}`);
  print(`Trainable params: ${countText(model.trainableWeights)}`);
  print(`Non-trainable params: ${countText(model.nonTrainableWeights)}`);
  print('_'.repeat(width));
}
