// An input given as JSON: a nested array, with or without the batch axis.
import { flatten, matches, shapeText, type Flat } from '../arrays';
import { html } from '../dom';
import type { TensorInfo } from '../protocol';
import type { InputField } from './field';

const LONGEST_EXAMPLE = 2000;

/** Zeros in the input's shape, open axes as 1: something that works, to be edited. */
function example(shape: readonly (number | null)[]): string {
  const dims = shape.map((dim) => dim ?? 1);
  if (dims.reduce((product, dim) => product * dim, 1) > LONGEST_EXAMPLE) return '';
  const zeros = (axis: number): unknown =>
    axis === dims.length ? 0 : Array.from({ length: dims[axis] as number }, () => zeros(axis + 1));
  return JSON.stringify(zeros(0));
}

function parse(text: string, { name, shape }: TensorInfo): Flat {
  let nested: unknown;
  try {
    nested = JSON.parse(text);
  } catch {
    throw new Error(`Input "${name}" is no JSON array.`);
  }
  const flat = flatten(nested, name);
  if (matches(flat.shape, shape)) return flat;
  if (matches([1, ...flat.shape], shape)) return { shape: [1, ...flat.shape], values: flat.values };
  throw new Error(`Input "${name}" has the shape ${shapeText(flat.shape)}, but the model wants ${shapeText(shape)}.`);
}

export function jsonField(input: TensorInfo): InputField {
  const text = html('textarea', { spellcheck: 'false', autocomplete: 'off' });
  text.value = example(input.shape);
  const label = html('label', {}, `${input.name}: ${input.dtype} ${shapeText(input.shape)}`, text);
  return { element: label, read: () => parse(text.value, input) };
}
