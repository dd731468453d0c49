// Nested arrays from JSON to flat numbers with a shape, and shapes against what a model wants.

export interface Flat {
  shape: number[];
  values: number[];
}

/** A nested array of numbers (or booleans) as shape and values; says where it is not one. */
export function flatten(nested: unknown, what: string): Flat {
  const shape: number[] = [];
  for (let at = nested; Array.isArray(at); at = at[0]) shape.push(at.length);
  const values: number[] = [];
  const visit = (value: unknown, depth: number, path: string): void => {
    if (depth === shape.length) {
      if (typeof value !== 'number' && typeof value !== 'boolean') throw new Error(`${path} is not a number.`);
      values.push(Number(value));
      return;
    }
    if (!Array.isArray(value)) throw new Error(`${path} is a single value, its neighbours are lists.`);
    if (value.length !== shape[depth])
      throw new Error(`${path} has ${value.length} entries, its neighbours have ${shape[depth]}.`);
    value.forEach((child, i) => visit(child, depth + 1, `${path}[${i}]`));
  };
  visit(nested, 0, what);
  return { shape, values };
}

export function shapeText(shape: readonly (number | null)[]): string {
  return `[${shape.map((dim) => dim ?? 'any').join(', ')}]`;
}

export function matches(shape: readonly number[], wanted: readonly (number | null)[]): boolean {
  return shape.length === wanted.length && wanted.every((dim, i) => dim === null || dim === shape[i]);
}

/** How many values one sample has, or null where the model leaves that open. */
export function sampleSize(wanted: readonly (number | null)[]): number | null {
  let size = 1;
  for (const dim of wanted.slice(1)) {
    if (dim === null) return null;
    size *= dim;
  }
  return size;
}

/** The shape in which samples of `shape` go into the model; rows of the right length are reshaped. */
export function fitShape(shape: number[], wanted: readonly (number | null)[], what: string): number[] {
  if (matches(shape, wanted)) return shape;
  const [count = 0, ...rest] = shape;
  const size = sampleSize(wanted);
  if (size !== null && rest.reduce((product, dim) => product * dim, 1) === size) return [count, ...(wanted.slice(1) as number[])];
  throw new Error(`${what} has the shape ${shapeText(shape)}, but the model wants ${shapeText(wanted)}.`);
}
