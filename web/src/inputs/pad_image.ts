// From what was drawn on the pad to the image that a digit model knows: cut out, scaled, centred, 0 (paper) to 1 (ink).

export interface Ink {
  /** Coverage 0…1, row by row. */
  values: Float32Array;
  width: number;
  height: number;
}

interface Box {
  left: number;
  top: number;
  right: number;
  bottom: number;
}

/** Size of the image and of the box that the digit fills: the 8×8 data set's digits fill their image, MNIST's 20 of 28 pixels. */
const BOX_SIZES = new Map([
  [8, 8],
  [28, 20],
]);

export const PAD_SIZES = [...BOX_SIZES.keys()];

function boundingBox({ values, width, height }: Ink): Box | null {
  const box: Box = { left: width, top: height, right: 0, bottom: 0 };
  for (let y = 0; y < height; y++) {
    for (let x = 0; x < width; x++) {
      if ((values[y * width + x] as number) < 0.1) continue;
      box.left = Math.min(box.left, x);
      box.right = Math.max(box.right, x + 1);
      box.top = Math.min(box.top, y);
      box.bottom = Math.max(box.bottom, y + 1);
    }
  }
  return box.right > box.left ? box : null;
}

/** Mean ink over a rectangle in pixels; what lies outside the pad is paper. */
function meanInk({ values, width, height }: Ink, { left, top, right, bottom }: Box): number {
  let sum = 0;
  for (let y = Math.max(0, Math.floor(top)); y < Math.min(height, bottom); y++) {
    const rows = Math.min(y + 1, bottom) - Math.max(y, top);
    for (let x = Math.max(0, Math.floor(left)); x < Math.min(width, right); x++) {
      sum += (values[y * width + x] as number) * rows * (Math.min(x + 1, right) - Math.max(x, left));
    }
  }
  return sum / ((right - left) * (bottom - top));
}

/** The point that comes to the image's middle: MNIST centred by mass, the 8×8 set by its box. */
function centre(ink: Ink, box: Box, size: number): { x: number; y: number } {
  if (size === 8) return { x: (box.left + box.right) / 2, y: (box.top + box.bottom) / 2 };
  let mass = 0,
    x = 0,
    y = 0;
  ink.values.forEach((value, i) => {
    mass += value;
    x += value * ((i % ink.width) + 0.5);
    y += value * (Math.floor(i / ink.width) + 0.5);
  });
  return { x: x / mass, y: y / mass };
}

/** size×size values, or null where nothing is drawn. */
export function digitImage(ink: Ink, size: number): number[] | null {
  const box = boundingBox(ink);
  if (box === null) return null;
  const cell = Math.max(box.right - box.left, box.bottom - box.top) / (BOX_SIZES.get(size) ?? size);
  const { x, y } = centre(ink, box, size);
  return Array.from({ length: size * size }, (_, i) => {
    const left = x + ((i % size) - size / 2) * cell;
    const top = y + (Math.floor(i / size) - size / 2) * cell;
    return meanInk(ink, { left, top, right: left + cell, bottom: top + cell });
  });
}
