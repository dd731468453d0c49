// The page's side of the engine's worker.
import type { Answer, Event, RequestName, Requests } from './protocol';

interface Waiting {
  resolve(value: unknown): void;
  reject(error: Error): void;
}

/** Calls the engine in its worker; `onEvent` hears of progress. */
export class EngineClient {
  #worker: Worker;
  #waiting = new Map<number, Waiting>();
  #nextId = 1;

  constructor(onEvent: (event: Event) => void) {
    this.#worker = new Worker('worker.js', { type: 'module', name: 'keras-wasm' });
    this.#worker.onmessage = ({ data }: MessageEvent<Answer | Event>) => {
      if ('event' in data) onEvent(data);
      else this.#settle(data);
    };
    this.#worker.onerror = (event) => {
      const error = new Error(event.message || 'The engine could not be started.');
      for (const waiting of this.#waiting.values()) waiting.reject(error);
      this.#waiting.clear();
    };
  }

  call<Name extends RequestName>(name: Name, ...args: Requests[Name]['args']): Promise<Requests[Name]['result']> {
    const id = this.#nextId++;
    return new Promise((resolve, reject) => {
      this.#waiting.set(id, { resolve: resolve as (value: unknown) => void, reject });
      this.#worker.postMessage({ id, name, args });
    });
  }

  #settle(answer: Answer): void {
    const waiting = this.#waiting.get(answer.id);
    this.#waiting.delete(answer.id);
    if ('error' in answer) waiting?.reject(new Error(answer.error));
    else waiting?.resolve(answer.result);
  }
}
