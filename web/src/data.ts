// Training data: the digits that come with the page, and users' JSON and CSV files. What is wrong is said with its place.
import { fitShape, flatten, sampleSize } from './arrays';
import type { ModelInfo, TrainingData } from './protocol';

interface DigitsDescription {
  count: number;
  height: number;
  width: number;
  maxValue: number;
  labelsOffset: number;
}

/** Samples before they are fitted to a model. */
export interface Samples {
  x: Float32Array;
  xShape: number[];
  y: Float32Array;
  yShape: number[];
}

async function fetched(url: string): Promise<Response> {
  const response = await fetch(url);
  if (!response.ok) throw new Error(`${url} could not be loaded: ${response.status} ${response.statusText}.`);
  return response;
}

let digits: Promise<Samples> | null = null;

async function fetchDigits(): Promise<Samples> {
  const told = (await (await fetched('examples/digits.json')).json()) as DigitsDescription;
  const bytes = new Uint8Array(await (await fetched('examples/digits.bin')).arrayBuffer());
  return {
    x: Float32Array.from(bytes.subarray(0, told.labelsOffset), (pixel) => pixel / told.maxValue),
    xShape: [told.count, told.height, told.width, 1],
    y: Float32Array.from(bytes.subarray(told.labelsOffset)),
    yShape: [told.count, 1],
  };
}

/** The handwritten digits: x [1797, 8, 8, 1] from 0 to 1, y [1797, 1]. Fetched once; a failure is tried again next time. */
export function loadDigits(): Promise<Samples> {
  digits ??= fetchDigits().catch((error: unknown) => {
    digits = null;
    throw error;
  });
  return digits;
}

/** Whether the digits can be trained on: one input of 64 values. */
export function takesDigits({ inputs }: ModelInfo): boolean {
  return inputs.length === 1 && sampleSize(inputs[0]?.shape ?? []) === 64;
}

function parseJson(text: string): Samples {
  let parsed: unknown;
  try {
    parsed = JSON.parse(text);
  } catch (error) {
    throw new Error(`The file is no JSON: ${error instanceof Error ? error.message : String(error)}`);
  }
  if (typeof parsed !== 'object' || parsed === null || !('x' in parsed) || !('y' in parsed)) {
    throw new Error('The file must be an object with "x" and "y".');
  }
  const x = flatten(parsed.x, 'x');
  const y = flatten(parsed.y, 'y');
  return {
    x: Float32Array.from(x.values),
    xShape: x.shape,
    y: Float32Array.from(y.values),
    yShape: y.shape.length === 1 ? [...y.shape, 1] : y.shape,
  };
}

function parseRow(line: string, number: number): number[] {
  return line.split(/[,;\t]/).map((cell, i) => {
    const value = cell.trim() === '' ? NaN : Number(cell);
    if (Number.isNaN(value)) throw new Error(`Line ${number}, column ${i + 1}: "${cell.trim()}" is not a number.`);
    return value;
  });
}

/** A first line with a word in it is taken for a header. */
function isHeader(line: string): boolean {
  return line.split(/[,;\t]/).some((cell) => Number.isNaN(Number(cell)));
}

function parseCsv(text: string): Samples {
  const lines = text
    .split(/\r?\n/)
    .map((line, i) => ({ line, number: i + 1 }))
    .filter(({ line }) => line.trim() !== '');
  if (lines[0] && isHeader(lines[0].line)) lines.shift();
  const rows = lines.map(({ line, number }) => ({ row: parseRow(line, number), number }));
  const columns = rows[0]?.row.length ?? 0;
  if (columns < 2) throw new Error('The file must have a line for each sample: its values, then its label.');
  for (const { row, number } of rows) {
    if (row.length !== columns) throw new Error(`Line ${number} has ${row.length} columns, the first one has ${columns}.`);
  }
  return {
    x: Float32Array.from(rows.flatMap(({ row }) => row.slice(0, -1))),
    xShape: [rows.length, columns - 1],
    y: Float32Array.from(rows, ({ row }) => row[columns - 1] as number),
    yShape: [rows.length, 1],
  };
}

export async function readDataFile(file: File): Promise<Samples> {
  const text = (await file.text()).replace(/^\uFEFF/, '');
  return /^\s*[{[]/.test(text) ? parseJson(text) : parseCsv(text);
}

function oneHot({ y, yShape }: Samples, classes: number): Pick<Samples, 'y' | 'yShape'> {
  const count = yShape[0] ?? 0;
  const encoded = new Float32Array(count * classes);
  y.forEach((label, i) => {
    if (!Number.isInteger(label) || label < 0 || label >= classes) {
      throw new Error(`Label ${label} of sample ${i + 1} is no class number from 0 to ${classes - 1}.`);
    }
    encoded[i * classes + label] = 1;
  });
  return { y: encoded, yShape: [count, classes] };
}

/** The samples in the shapes that the model wants; class numbers become one-hot rows where its loss takes those. */
export function fitToModel(samples: Samples, model: ModelInfo, loss: string | null): TrainingData {
  const [input] = model.inputs;
  const [output] = model.outputs;
  if (!input || !output || model.inputs.length > 1 || model.outputs.length > 1) {
    throw new Error('This page trains models with one input and one output; others can be trained with the library.');
  }
  const [count = 0] = samples.xShape;
  if (count < 2) throw new Error('At least two samples are needed: one to train on, one to check with.');
  if (samples.yShape[0] !== count) throw new Error(`There are ${count} samples, but ${samples.yShape[0] ?? 0} labels.`);
  const classes = output.shape.at(-1) ?? null;
  const numbered = samples.yShape.length === 2 && samples.yShape[1] === 1;
  const labels =
    loss === 'categorical_crossentropy' && numbered && classes !== null && classes > 1 ? oneHot(samples, classes) : samples;
  return { x: samples.x, xShape: fitShape(samples.xShape, input.shape, 'x'), y: labels.y, yShape: labels.yShape };
}
