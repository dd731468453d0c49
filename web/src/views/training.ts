// Training in the page: data, settings, start and stop. The optimizer's state lives in the model, so each run goes on where the last
// one, or the one in Python before saving, stopped.
import { fitToModel, loadDigits, readDataFile, takesDigits, type Samples } from '../data';
import { byId, formatNumber, sentence } from '../dom';
import type { EngineClient } from '../engine_client';
import type { Event, Logs, ModelInfo, TrainOptions } from '../protocol';
import { Curves } from './curves';

const DEFAULT_LEARNING_RATE = 0.001;

function logsText(logs: Logs): string {
  return Object.entries(logs)
    .map(([name, value]) => `${name.replace('val_', 'validation ')} ${formatNumber(value)}`)
    .join(', ');
}

/** float32 widened to double shows its error: 0.001 as 0.0010000000474974513. */
function shortest(float32: number): string {
  for (let digits = 1; digits < 9; digits++) {
    const text = Number(float32.toPrecision(digits));
    if (Math.fround(text) === Math.fround(float32)) return String(text);
  }
  return String(float32);
}

export class Training {
  #engine: EngineClient;
  #onTrained: (model: ModelInfo) => void;
  #model: ModelInfo | null = null;
  #epochs = 0;
  #form = byId('train-form', HTMLFormElement);
  #start = byId('train', HTMLButtonElement);
  #stop = byId('stop', HTMLButtonElement);
  #status = byId('train-status', HTMLElement);
  #now = byId('train-now', HTMLElement);
  #file = byId('train-file', HTMLInputElement);
  #loss = byId('loss', HTMLSelectElement);
  #curves = new Curves(byId('curves', HTMLElement));

  constructor(engine: EngineClient, onTrained: (model: ModelInfo) => void) {
    this.#engine = engine;
    this.#onTrained = onTrained;
    this.#form.addEventListener('submit', (event) => {
      event.preventDefault();
      void this.#train();
    });
    this.#stop.addEventListener('click', () => {
      this.#stop.disabled = true;
      this.#engine.call('stop').catch((error: unknown) => this.#say(sentence(error)));
    });
    this.#file.addEventListener('change', () => this.#choose('file'));
  }

  show(model: ModelInfo): void {
    const digits = takesDigits(model);
    this.#curves.clear();
    this.#radio('digits').disabled = !digits;
    this.#choose(digits ? 'digits' : 'file');
    byId('loss-field', HTMLElement).hidden = model.compiled;
    byId('learning-rate', HTMLInputElement).value = shortest(model.learningRate ?? DEFAULT_LEARNING_RATE);
    this.#now.textContent = '';
    this.#update(model);
  }

  /** What the engine reports while it trains. */
  hear(event: Event): void {
    if (event.event === 'batch') {
      this.#curves.addBatch(event.epoch, event.batch, event.batches, event.logs);
      this.#now.textContent = `Epoch ${event.epoch + 1} of ${this.#epochs}, batch ${event.batch + 1} of ${event.batches}: ${logsText(event.logs)}`;
    } else if (event.event === 'epoch') {
      this.#curves.addEpoch(event.epoch, event.logs);
      this.#say(`Epoch ${event.epoch + 1} of ${this.#epochs}: ${logsText(event.logs)}.`);
    }
  }

  #radio(value: string): HTMLInputElement {
    const radio = this.#form.querySelector(`input[name="data"][value="${value}"]`);
    if (!(radio instanceof HTMLInputElement)) throw new Error(`index.html has no choice of data "${value}".`);
    return radio;
  }

  #choose(value: string): void {
    this.#radio(value).checked = true;
  }

  #say(text: string): void {
    this.#status.textContent = text;
  }

  #update(model: ModelInfo): void {
    this.#model = model;
    const steps = model.iterations;
    this.#start.textContent = steps ? 'Train on' : 'Train';
    this.#say(steps ? `The optimizer has done ${steps.toLocaleString('en')} steps; training goes on from there.` : '');
  }

  async #samples(): Promise<Samples> {
    if (this.#radio('digits').checked) return loadDigits();
    const file = this.#file.files?.[0];
    if (!file) throw new Error('Choose a file with training data.');
    return readDataFile(file);
  }

  async #options(model: ModelInfo): Promise<TrainOptions> {
    const number = (id: string): number => byId(id, HTMLInputElement).valueAsNumber;
    const loss = model.compiled ? null : this.#loss.value;
    const learningRate = number('learning-rate');
    return {
      data: fitToModel(await this.#samples(), model, loss ?? model.loss),
      epochs: number('epochs'),
      batchSize: number('batch-size'),
      learningRate: Number.isNaN(learningRate) ? null : learningRate,
      loss,
    };
  }

  async #train(): Promise<void> {
    if (this.#model === null || this.#start.disabled) return;
    this.#setRunning(true);
    try {
      const options = await this.#options(this.#model);
      this.#epochs = options.epochs;
      this.#curves.beginRun();
      const trained = await this.#engine.call('train', options);
      byId('loss-field', HTMLElement).hidden = trained.compiled;
      this.#update(trained);
      this.#onTrained(trained);
    } catch (error) {
      this.#say(sentence(error));
    }
    this.#setRunning(false);
  }

  #setRunning(running: boolean): void {
    this.#start.disabled = running;
    this.#stop.disabled = !running;
  }
}
