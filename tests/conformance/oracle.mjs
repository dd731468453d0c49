// The real TensorFlow as a child process (check.py), started once a suite. Asks one thing at a time; tensors travel in files.
import { spawn } from 'node:child_process';
import { existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { homedir, tmpdir } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';

import { readTensor, root, writeTensors } from '../support.mjs';

/** The Python with TensorFlow 2.15.1 that `npm test` installs, or the one named in KERAS_WASM_TF_PYTHON. */
export function oraclePython() {
  const cache = process.env.XDG_CACHE_HOME || join(homedir(), '.cache');
  const python = process.env.KERAS_WASM_TF_PYTHON || join(cache, 'keras-wasm', 'venv-tf', 'bin', 'python');
  return existsSync(python) ? python : null;
}

/** Tensors of an answer; `tensor(entry)` reads one. */
class Answer {
  #bytes;

  constructor(result) {
    Object.assign(this, result);
    this.#bytes = readFileSync(result.data);
    rmSync(result.data);
  }
  tensor(entry) {
    return readTensor(this.#bytes, entry);
  }
  tensors(entries) {
    return entries.map((entry) => this.tensor(entry));
  }
}

export class Oracle {
  #child;
  #lines;
  #count = 0;
  #errors = '';

  /** A folder for files that tests hand to TensorFlow; gone after `close`. */
  folder = mkdtempSync(join(tmpdir(), 'keras-wasm-conformance-'));

  async start() {
    this.#child = spawn(oraclePython(), [join(root, 'tests/conformance/check.py')], { stdio: ['pipe', 'pipe', 'pipe'] });
    this.#child.stderr.on('data', (text) => (this.#errors = (this.#errors + text).slice(-4000)));
    this.#lines = createInterface({ input: this.#child.stdout })[Symbol.asyncIterator]();
    this.versions = (await this.#line()).ready;
  }
  async close() {
    this.#child?.stdin.end();
    rmSync(this.folder, { recursive: true, force: true });
  }
  /** A new empty folder below `folder`. */
  subfolder(name) {
    const path = join(this.folder, name);
    rmSync(path, { recursive: true, force: true });
    mkdirSync(path, { recursive: true });
    return path;
  }

  /** load_model → config, weights, optimizer, compile information, and outputs on `inputs` where given. */
  describeModel(path, inputs) {
    return this.#ask('describe_model', { path, ...(inputs && this.#send(inputs, (entries) => ({ inputs: entries }))) });
  }
  /** tf.saved_model.load → outputs of serving_default on inputs by name. */
  serving(path, names, inputs) {
    return this.#ask('serving', { path, names, ...this.#send(inputs, (entries) => ({ inputs: entries })) });
  }
  /** Every numeric entry of a checkpoint. */
  checkpoint(prefix) {
    return this.#ask('checkpoint', { prefix });
  }
  /** Python's zipfile: members of an archive, checksums verified, extracted to a folder. */
  unzip(path, dir) {
    return this.#ask('unzip', { path, dir });
  }
  /** Python's zipfile again: a folder as an archive, made as programs do that write to a pipe. */
  zipFolder(folder, path) {
    return this.#ask('zip_folder', { folder, path });
  }
  /** load_model, then train_on_batch on each step {x, y}. */
  resume(path, steps) {
    return this.#ask('resume', { path, ...this.#sendSteps(steps) });
  }
  /** load_model, then save_weights as a checkpoint. */
  saveWeights(path, prefix) {
    return this.#ask('save_weights', { path, prefix });
  }
  /** load_model, emptied, then restored from a checkpoint that must be consumed, then trained on. */
  restore(path, prefix, checkpoint, steps = []) {
    return this.#ask('restore', { path, prefix, checkpoint, ...this.#sendSteps(steps) });
  }
  /** A tree of objects, restored from a checkpoint. */
  restoreTree(prefix) {
    return this.#ask('restore_tree', { prefix });
  }
  /** A calibrated model of keras.applications, saved in both formats to a folder of its own. */
  calibrated(arch) {
    return this.#ask('calibrated', { arch, dir: this.subfolder(arch) });
  }

  /** A command of weights_commands.py. */
  aboutWeights(cmd, args) {
    return this.#ask(`h5_${cmd}`, args);
  }

  /** A command of subclassed_commands.py. */
  aboutSubclassed(cmd, args) {
    return this.#ask(`subclassed_${cmd}`, args);
  }

  #sendSteps(steps) {
    const list = (v) => (Array.isArray(v) ? v : [v]);
    return this.#send(
      steps.flatMap((step) => [...list(step.x), ...list(step.y)]),
      (entries) => {
        const next = (v) => entries.splice(0, list(v).length);
        return { steps: steps.map((step) => ({ x: next(step.x), y: next(step.y) })) };
      },
    );
  }
  #send(tensors, arrange) {
    const data = join(this.folder, `question_${this.#count + 1}.bin`);
    const entries = writeTensors(data, tensors);
    return { data, ...arrange(entries) };
  }
  async #ask(cmd, args) {
    const id = ++this.#count;
    this.#child.stdin.write(JSON.stringify({ id, cmd, scratch: this.folder, ...args }) + '\n');
    const answer = await this.#line();
    if (answer.id !== id) throw new Error(`TensorFlow answered ${answer.id}, asked was ${id}`);
    if (answer.error) throw new Error(`TensorFlow: ${answer.error}`);
    return new Answer(answer.result);
  }
  async #line() {
    const { value, done } = await this.#lines.next();
    if (done) throw new Error(`TensorFlow ended: ${this.#errors}`);
    return JSON.parse(value);
  }
}
