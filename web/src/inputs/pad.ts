// An input that is drawn: a digit, by mouse, pen or finger; with keys, one of the data set is taken instead.
import { loadDigits } from '../data';
import { button, html } from '../dom';
import type { TensorInfo } from '../protocol';
import type { InputField } from './field';
import { digitImage, PAD_SIZES, type Ink } from './pad_image';

const PAD_SIZE = 280;
// About the stroke of each data set, for a digit that fills most of the pad.
const PEN_WIDTHS = new Map([
  [8, 30],
  [28, 22],
]);

/** Whether an input is a small square gray image, as digit models have. */
export function isPad({ shape }: TensorInfo): boolean {
  const [, height, width, channels] = shape;
  return shape.length === 4 && channels === 1 && height === width && PAD_SIZES.includes(height as number);
}

function inkOf(context: CanvasRenderingContext2D): Ink {
  const { width, height } = context.canvas;
  const { data } = context.getImageData(0, 0, width, height);
  return { values: Float32Array.from({ length: width * height }, (_, i) => (data[i * 4 + 3] as number) / 255), width, height };
}

/** Draws with the pointer; `onStroke` is told after each piece. */
function drawWithPointer(canvas: HTMLCanvasElement, context: CanvasRenderingContext2D, onStroke: () => void): void {
  const place = (event: PointerEvent): [number, number] => {
    const { left, top, width, height } = canvas.getBoundingClientRect();
    return [((event.clientX - left) / width) * canvas.width, ((event.clientY - top) / height) * canvas.height];
  };
  const draw = (event: PointerEvent): void => {
    // Fast strokes come as several points in one event.
    for (const point of event.getCoalescedEvents?.() ?? []) context.lineTo(...place(point));
    context.lineTo(...place(event));
    context.stroke();
    onStroke();
  };
  canvas.addEventListener('pointerdown', (event) => {
    canvas.setPointerCapture(event.pointerId);
    context.beginPath();
    context.moveTo(...place(event));
    draw(event);
  });
  canvas.addEventListener('pointermove', (event) => {
    if (canvas.hasPointerCapture(event.pointerId)) draw(event);
  });
}

function showPreview(canvas: HTMLCanvasElement, values: number[]): void {
  const context = canvas.getContext('2d') as CanvasRenderingContext2D;
  const image = context.createImageData(canvas.width, canvas.height);
  values.forEach((value, i) => image.data.set([0, 0, 0, Math.round(Math.min(1, value) * 255)], i * 4));
  context.putImageData(image, 0, 0);
}

async function anyDigit(): Promise<number[]> {
  const { x, xShape } = await loadDigits();
  const at = Math.floor(Math.random() * (xShape[0] as number));
  return [...x.subarray(at * 64, (at + 1) * 64)];
}

export function padField({ name, shape }: TensorInfo, onChange: () => void, onError: (error: unknown) => void): InputField {
  const size = shape[1] as number;
  const canvas = html('canvas', {
    class: 'pad',
    width: PAD_SIZE,
    height: PAD_SIZE,
    role: 'img',
    'aria-label': 'Drawing pad for a digit',
  });
  const preview = html('canvas', {
    class: 'preview',
    width: size,
    height: size,
    role: 'img',
    'aria-label': 'What the model sees',
  });
  const context = canvas.getContext('2d', { willReadFrequently: true }) as CanvasRenderingContext2D;
  Object.assign(context, { lineWidth: PEN_WIDTHS.get(size), lineCap: 'round', lineJoin: 'round' });
  let values: number[] | null = null;
  const use = (image: number[] | null): void => {
    values = image;
    showPreview(preview, image ?? new Array<number>(size * size).fill(0));
    onChange();
  };
  drawWithPointer(canvas, context, () => use(digitImage(inkOf(context), size)));
  const clear = (): void => context.clearRect(0, 0, PAD_SIZE, PAD_SIZE);
  const buttons = html(
    'div',
    { class: 'actions' },
    button('Clear', () => {
      clear();
      use(null);
    }),
  );
  if (size === 8) {
    buttons.append(
      button('A digit of the data set', () => {
        clear();
        anyDigit().then(use).catch(onError);
      }),
    );
  }
  const element = html(
    'div',
    { class: 'pad-field' },
    html('p', {}, 'Draw a digit:'),
    canvas,
    buttons,
    html('figure', {}, preview, html('figcaption', {}, `What the model sees: ${size} × ${size} pixels`)),
  );
  return {
    element,
    read: () => {
      if (values === null) throw new Error(`Draw something for "${name}".`);
      return { shape: [1, size, size, 1], values };
    },
  };
}
