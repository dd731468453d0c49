// Keras's progress bar, character by character.

const WIDTH = 30;
const REDRAW_SECONDS = 0.05;

type Values = readonly (readonly [name: string, value: number])[];

/** Python's '%.4f' and '%.4e'. */
function valueText(value: number, isSmall: boolean): string {
  if (Number.isNaN(value)) return 'nan';
  if (!Number.isFinite(value)) return value > 0 ? 'inf' : '-inf';
  if (!isSmall) return value.toFixed(4);
  const [digits, exponent] = value.toExponential(4).split('e') as [string, string];
  return `${digits}e${exponent[0]}${exponent.slice(1).padStart(2, '0')}`;
}

function perStep(seconds: number): string {
  if (seconds >= 1 || seconds === 0) return `${Math.round(seconds)}s/step`;
  if (seconds >= 1e-3) return `${Math.round(seconds * 1e3)}ms/step`;
  return `${Math.round(seconds * 1e6)}us/step`;
}

function etaText(seconds: number): string {
  const two = (n: number): string => String(Math.floor(n)).padStart(2, '0');
  if (seconds > 3600) return `${Math.floor(seconds / 3600)}:${two((seconds % 3600) / 60)}:${two(seconds % 60)}`;
  return seconds > 60 ? `${Math.floor(seconds / 60)}:${two(seconds % 60)}` : `${Math.floor(seconds)}s`;
}

/** The bar of one epoch. `verbose` 1 redraws a line, 2 prints one when the epoch ends. */
export class Progbar {
  readonly #target: number | null;
  readonly #verbose: number;
  readonly #write: (text: string) => void;
  readonly #now: () => number;
  readonly #start: number;
  #lastDraw = -Infinity;
  #lineWidth = 0;
  #seen = 0;
  #firstStepEnd: number | null = null;

  constructor(
    target: number | null,
    verbose: number,
    write: (text: string) => void,
    now = (): number => performance.now() / 1000,
  ) {
    [this.#target, this.#verbose, this.#write, this.#now] = [target, verbose, write, now];
    this.#start = now();
  }

  /** Shows that `done` steps are done. */
  update(done: number, values: Values, finalize = false): void {
    const now = this.#now();
    this.#seen = done;
    this.#firstStepEnd ??= done > 0 ? now : null;
    if (this.#verbose === 2) {
      if (finalize) this.#writeSummaryLine(values, now);
      return;
    }
    if (this.#verbose !== 1 || (!finalize && now - this.#lastDraw < REDRAW_SECONDS && done !== this.#target)) return;
    this.#lastDraw = now;
    const target = finalize ? (this.#target ?? done) : this.#target;
    let line = this.#bar(done, target) + this.#timing(done, target, now, finalize);
    for (const [name, value] of values)
      line += ` - ${name}: ${valueText(value, !(Math.abs(value) > 1e-3) && !Number.isNaN(value))}`;
    const width = line.length;
    const padding = ' '.repeat(Math.max(0, this.#lineWidth - width));
    this.#write('\b'.repeat(this.#lineWidth) + '\r' + line + padding + (finalize ? '\n' : ''));
    this.#lineWidth = width;
  }

  #bar(done: number, target: number | null): string {
    if (target === null) return `${String(done).padStart(7)}/Unknown`;
    const filled = Math.floor((WIDTH * done) / target);
    let bar = filled > 0 ? '='.repeat(filled - 1) + (done < target ? '>' : '=') : '';
    bar += '.'.repeat(WIDTH - filled);
    return `${String(done).padStart(String(target).length)}/${target} [${bar}]`;
  }

  #timing(done: number, target: number | null, now: number, finalize: boolean): string {
    const step = this.#secondsPerStep(done, now);
    if (target === null || finalize) return ` - ${Math.round(now - this.#start)}s ${perStep(step)}`;
    return ` - ETA: ${etaText(step * (target - done))}`;
  }

  /** The first step, in which the model is traced, does not count once there are others. */
  #secondsPerStep(done: number, now: number): number {
    if (done <= 0) return 0;
    if (this.#firstStepEnd !== null && done > 1) return (now - this.#firstStepEnd) / (done - 1);
    return (now - this.#start) / done;
  }

  #writeSummaryLine(values: Values, now: number): void {
    const target = this.#target ?? this.#seen;
    const seconds = now - this.#start;
    let line = `${String(this.#seen).padStart(String(target).length)}/${target} - ${Math.round(seconds)}s`;
    for (const [name, value] of values) line += ` - ${name}: ${valueText(value, !(value > 1e-3) && !Number.isNaN(value))}`;
    line += ` - ${perStep(seconds).replace('/step', '/epoch')} - ${perStep(this.#secondsPerStep(this.#seen, now))}`;
    this.#write(line + '\n');
  }
}
