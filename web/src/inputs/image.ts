// An input given as an image file, scaled to cover the input's height and width.
import { shapeText, type Flat } from '../arrays';
import { html } from '../dom';
import type { TensorInfo } from '../protocol';
import type { InputField } from './field';

// For models that leave the size open.
const DEFAULT_SIZE = 224;

// Which values the model was trained on cannot be told from the file; these are the customs of keras.applications.
const RANGES: Record<string, (byte: number) => number> = {
  '0 to 1': (byte) => byte / 255,
  '−1 to 1': (byte) => byte / 127.5 - 1,
  '0 to 255': (byte) => byte,
};

export function isImage({ shape, dtype }: TensorInfo): boolean {
  return shape.length === 4 && (shape[3] === 1 || shape[3] === 3) && dtype !== 'string';
}

/** The image in the middle of the canvas, filling it, cut at two sides where the proportions differ. */
async function paint(canvas: HTMLCanvasElement, file: File): Promise<void> {
  const image = await createImageBitmap(file).catch(() => {
    throw new Error(`"${file.name}" is no image that this browser can read.`);
  });
  const scale = Math.max(canvas.width / image.width, canvas.height / image.height);
  const width = image.width * scale,
    height = image.height * scale;
  const context = canvas.getContext('2d', { willReadFrequently: true }) as CanvasRenderingContext2D;
  context.imageSmoothingQuality = 'high';
  context.fillStyle = '#fff';
  context.fillRect(0, 0, canvas.width, canvas.height);
  context.drawImage(image, (canvas.width - width) / 2, (canvas.height - height) / 2, width, height);
  image.close();
}

/** Pixels as the model takes them: RGB, or their luma (ITU-R BT.601, as Keras's grayscale loading has it). */
function pixels(canvas: HTMLCanvasElement, channels: number, scale: (byte: number) => number): number[] {
  const context = canvas.getContext('2d') as CanvasRenderingContext2D;
  const { data } = context.getImageData(0, 0, canvas.width, canvas.height);
  const values: number[] = [];
  for (let i = 0; i < data.length; i += 4) {
    const [red = 0, green = 0, blue = 0] = data.subarray(i, i + 3);
    if (channels === 3) values.push(scale(red), scale(green), scale(blue));
    else values.push(scale(0.299 * red + 0.587 * green + 0.114 * blue));
  }
  return values;
}

export function imageField(input: TensorInfo, onChange: () => void, onError: (error: unknown) => void): InputField {
  const [, height, width, channels = 3] = input.shape;
  const canvas = html('canvas', {
    class: 'image',
    width: width ?? DEFAULT_SIZE,
    height: height ?? DEFAULT_SIZE,
    role: 'img',
    'aria-label': 'The chosen image',
  });
  canvas.hidden = true;
  const file = html('input', { type: 'file', accept: 'image/*' });
  file.addEventListener('change', () => {
    const chosen = file.files?.[0];
    if (!chosen) return;
    paint(canvas, chosen)
      .then(() => {
        canvas.hidden = false;
        onChange();
      })
      .catch(onError);
  });
  const range = html('select', {}, ...Object.keys(RANGES).map((name) => html('option', { value: name }, name)));
  range.addEventListener('change', () => {
    if (!canvas.hidden) onChange();
  });
  const element = html(
    'div',
    { class: 'form' },
    html('label', {}, `${input.name}: image, ${shapeText(input.shape)}`, file),
    html('label', {}, 'Pixel values', range),
    canvas,
  );
  const read = (): Flat => {
    if (canvas.hidden) throw new Error(`Choose an image for "${input.name}".`);
    const scale = RANGES[range.value] as (byte: number) => number;
    return { shape: [1, canvas.height, canvas.width, channels ?? 3], values: pixels(canvas, channels ?? 3, scale) };
  };
  return { element, read };
}
