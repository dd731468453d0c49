// The model's weights as a table, each with the picture of its distribution.
import { shapeText } from '../arrays';
import { formatNumber, html, svg } from '../dom';
import type { WeightInfo } from '../protocol';

const WIDTH = 128;
const HEIGHT = 32;

function histogram({ name, min, max, histogram: counts }: WeightInfo): SVGSVGElement {
  const highest = Math.max(1, ...counts);
  const step = WIDTH / counts.length;
  const bars = counts.map((count, i) => {
    // What is there at all stays visible.
    const height = count === 0 ? 0 : Math.max(1, (count / highest) * HEIGHT);
    return svg('rect', { x: i * step, y: HEIGHT - height, width: step - 0.5, height });
  });
  const label = `Distribution of ${name} from ${formatNumber(min)} to ${formatNumber(max)}`;
  return svg(
    'svg',
    { class: 'histogram', width: WIDTH, height: HEIGHT, viewBox: `0 0 ${WIDTH} ${HEIGHT}`, role: 'img', 'aria-label': label },
    ...bars,
  );
}

function row(weight: WeightInfo): HTMLTableRowElement {
  const number = (value: number): HTMLTableCellElement => html('td', { class: 'number' }, formatNumber(value));
  return html(
    'tr',
    {},
    html('th', { scope: 'row' }, weight.name),
    html('td', {}, histogram(weight)),
    html('td', {}, shapeText(weight.shape)),
    html('td', {}, weight.dtype),
    html('td', {}, weight.trainable ? 'yes' : 'no'),
    number(weight.min),
    number(weight.max),
    number(weight.mean),
    number(weight.deviation),
  );
}

export function showWeights(target: HTMLElement, weights: WeightInfo[]): void {
  const count = weights.reduce((sum, { shape }) => sum + shape.reduce((product, dim) => product * dim, 1), 0);
  const titles = ['Name', 'Distribution', 'Shape', 'Type', 'Trainable'];
  const numbers = ['Min', 'Max', 'Mean', 'Deviation'];
  target.replaceChildren(
    html(
      'table',
      {},
      html('caption', {}, `${weights.length} weights, ${count.toLocaleString('en')} values`),
      html(
        'thead',
        {},
        html(
          'tr',
          {},
          ...titles.map((title) => html('th', { scope: 'col' }, title)),
          ...numbers.map((title) => html('th', { scope: 'col', class: 'number' }, title)),
        ),
      ),
      html('tbody', {}, ...weights.map(row)),
    ),
  );
}
