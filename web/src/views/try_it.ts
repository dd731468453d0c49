// The model on one's own input: a field for each input, and what comes out.
import { button, html, sentence } from '../dom';
import type { EngineClient } from '../engine_client';
import type { InputField } from '../inputs/field';
import { imageField, isImage } from '../inputs/image';
import { jsonField } from '../inputs/json';
import { isPad, padField } from '../inputs/pad';
import type { TensorInfo, ModelInfo } from '../protocol';
import { showOutputs } from './outputs';

export class TryIt {
  #engine: EngineClient;
  #inputs: HTMLElement;
  #outputs: HTMLElement;
  #fields: InputField[] = [];
  #running = false;
  #again = false;

  constructor(engine: EngineClient, inputs: HTMLElement, outputs: HTMLElement) {
    this.#engine = engine;
    this.#inputs = inputs;
    this.#outputs = outputs;
  }

  show({ inputs }: ModelInfo): void {
    this.#fields = inputs.map((input) => this.#field(input, inputs.length));
    this.#outputs.replaceChildren();
    this.#inputs.replaceChildren(html('div', { class: 'try' }, ...this.#fields.map(({ element }) => element)));
    const single = inputs.length === 1 ? inputs[0] : undefined;
    const live = single !== undefined && (isPad(single) || isImage(single));
    if (!live)
      this.#inputs.append(
        html(
          'div',
          { class: 'actions' },
          button('Predict', () => this.#predict()),
        ),
      );
  }

  #field(input: TensorInfo, count: number): InputField {
    const onError = (error: unknown): void => this.#say(error);
    const onChange = count === 1 ? () => this.#predict() : () => undefined;
    if (count === 1 && isPad(input)) return padField(input, onChange, onError);
    return isImage(input) ? imageField(input, onChange, onError) : jsonField(input);
  }

  #say(error: unknown): void {
    this.#outputs.replaceChildren(html('p', { class: 'quiet' }, sentence(error)));
  }

  /** One prediction at a time; while one runs, the latest input waits, earlier ones are skipped. */
  async #predict(): Promise<void> {
    if (this.#running) {
      this.#again = true;
      return;
    }
    this.#running = true;
    const fields = this.#fields;
    try {
      const predictions = await this.#engine.call(
        'predict',
        fields.map((field) => field.read()),
      );
      if (fields === this.#fields) showOutputs(this.#outputs, predictions);
    } catch (error) {
      this.#say(error);
    }
    this.#running = false;
    if (!this.#again) return;
    this.#again = false;
    await this.#predict();
  }
}
