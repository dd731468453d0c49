// Live curves of training: loss and accuracy over epochs, of all runs on the open model one after the other.
import uPlot from 'uplot';
import { formatNumber, html, themeColour } from '../dom';
import type { Logs } from '../protocol';

const HEIGHT = 220;
// More points in an epoch than a phone has pixels for it would only cost time.
const POINTS_PER_EPOCH = 20;

type Row = { x: number; logs: Logs };

/** One picture: a metric and, where there is one, the same on the data held back. */
class Curve {
  #metric: string;
  #plot: uPlot;
  #figure: HTMLElement;
  #caption: HTMLElement;

  constructor(target: HTMLElement, metric: string) {
    this.#metric = metric;
    this.#caption = html('figcaption', {}, metric);
    this.#figure = html('figure', {}, this.#caption);
    target.append(this.#figure);
    this.#plot = new uPlot(this.#options(), [[], [], []], this.#figure);
    new ResizeObserver(() => this.#plot.setSize({ width: this.#width(), height: HEIGHT })).observe(this.#figure);
  }

  #width(): number {
    return Math.max(200, this.#figure.clientWidth - 16);
  }

  #options(): uPlot.Options {
    const axis: uPlot.Axis = {
      stroke: () => themeColour('quiet'),
      grid: { stroke: () => themeColour('line') },
      ticks: { stroke: () => themeColour('line') },
    };
    const value = (_: uPlot, at: number | null): string => (at === null || at === undefined ? '–' : formatNumber(at));
    return {
      width: this.#width(),
      height: HEIGHT,
      scales: { x: { time: false } },
      legend: { live: false },
      cursor: { drag: { x: false, y: false } },
      axes: [
        { ...axis, space: 40 },
        { ...axis, size: 60 },
      ],
      series: [
        { label: 'epoch', value },
        { label: this.#metric, stroke: () => themeColour('bar'), width: 2, spanGaps: true, points: { show: false }, value },
        { label: 'validation', stroke: () => themeColour('accent'), width: 2, dash: [6, 4], spanGaps: true, value },
      ],
    };
  }

  show(rows: Row[]): void {
    const validation = `val_${this.#metric}`;
    const values = (key: string): (number | null)[] =>
      rows.map(({ logs }) => (Number.isFinite(logs[key]) ? (logs[key] as number) : null));
    this.#plot.setData([rows.map(({ x }) => x), values(this.#metric), values(validation)]);
    const last = rows.at(-1)?.logs ?? {};
    const held = validation in last ? `, on the data held back ${formatNumber(last[validation] as number)}` : '';
    if (this.#metric in last) this.#caption.textContent = `${this.#metric}: ${formatNumber(last[this.#metric] as number)}${held}`;
  }
}

export class Curves {
  #target: HTMLElement;
  #rows: Row[] = [];
  #curves = new Map<string, Curve>();
  #start = 0;
  #within = 1;
  #waiting = false;

  constructor(target: HTMLElement) {
    this.#target = target;
    matchMedia('(prefers-color-scheme: dark)').addEventListener('change', () => this.#redraw());
  }

  /** Another model has been opened. */
  clear(): void {
    this.#rows = [];
    this.#start = 0;
    this.#curves.clear();
    this.#target.replaceChildren();
  }

  /** The next run goes on where the last one ended. */
  beginRun(): void {
    this.#start = this.#rows.at(-1)?.x ?? 0;
  }

  addBatch(epoch: number, batch: number, batches: number, logs: Logs): void {
    this.#within = (batch + 1) / batches;
    // The last batch is told again, with the validation, as the epoch.
    if (batch % Math.ceil(batches / POINTS_PER_EPOCH) === 0 && this.#within < 1) this.#add(epoch + this.#within, logs);
  }

  /** The end of an epoch, or where in it training was stopped. */
  addEpoch(epoch: number, logs: Logs): void {
    this.#add(epoch + this.#within, logs);
  }

  #add(epochs: number, logs: Logs): void {
    this.#rows.push({ x: this.#start + epochs, logs });
    this.#redraw();
  }

  #redraw(): void {
    if (this.#waiting) return;
    this.#waiting = true;
    requestAnimationFrame(() => {
      this.#waiting = false;
      for (const metric of Object.keys(this.#rows.at(-1)?.logs ?? {})) {
        if (!metric.startsWith('val_') && !this.#curves.has(metric)) this.#curves.set(metric, new Curve(this.#target, metric));
      }
      for (const curve of this.#curves.values()) curve.show(this.#rows);
    });
  }
}
