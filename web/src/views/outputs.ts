// What the model answered: bars where it looks like chances of classes, else the numbers.
import { shapeText } from '../arrays';
import { formatNumber, html } from '../dom';
import type { PredictionInfo } from '../protocol';

const MOST_BARS = 10;
const MOST_NUMBERS = 1000;

function looksLikeChances({ shape, values }: PredictionInfo): boolean {
  return shape.length === 2 && shape[0] === 1 && values.every((value) => value >= 0 && value <= 1);
}

/** All classes in their order, or, of many, the likeliest first. */
function bars({ values }: PredictionInfo): HTMLElement {
  const classes = values.map((value, index) => ({ value, index }));
  const best = [...classes].sort((a, b) => b.value - a.value);
  const shown = classes.length <= MOST_BARS ? classes : best.slice(0, MOST_BARS);
  const list = html('div', { class: 'bars' });
  for (const { value, index } of shown) {
    const kind = index === best[0]?.index ? 'best' : 'other';
    const percent = `${(value * 100).toFixed(1)} %`;
    list.append(
      html('span', { class: kind }, String(index)),
      html('meter', { min: 0, max: 1, value, 'aria-label': `Class ${index}: ${percent}` }, percent),
      html('span', { class: kind }, percent),
    );
  }
  return list;
}

function numbers({ values }: PredictionInfo): HTMLElement {
  const text = values.slice(0, MOST_NUMBERS).map(formatNumber).join(', ');
  const more = values.length > MOST_NUMBERS ? `, and ${values.length - MOST_NUMBERS} more` : '';
  return html('pre', { class: 'wrapped' }, text + more);
}

export function showOutputs(target: HTMLElement, predictions: PredictionInfo[]): void {
  target.replaceChildren(
    ...predictions.map((prediction) => {
      const title = html('h3', {}, `${prediction.name} ${shapeText(prediction.shape)}`);
      return html('section', {}, title, looksLikeChances(prediction) ? bars(prediction) : numbers(prediction));
    }),
  );
}
