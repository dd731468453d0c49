// Runs one contestant: the same in a Node process of its own and in a page.
const isNode = typeof process === 'object' && process.versions?.node !== undefined;

/** What is in memory before the time runs: url → bytes. */
const held = new Map();

async function bytesOf(url) {
  if (held.has(url)) return held.get(url);
  if (url.startsWith('file:')) {
    const { readFile } = await import('node:fs/promises');
    return new Uint8Array(await readFile(new URL(url)));
  }
  const response = await fetch(url);
  if (!response.ok) throw new Error(`HTTP ${response.status} ${url}`);
  return new Uint8Array(await response.arrayBuffer());
}

async function runScript(path) {
  const [{ readFile }, vm, { createRequire }] = await Promise.all([
    import('node:fs/promises'),
    import('node:vm'),
    import('node:module'),
  ]);
  globalThis.require ??= createRequire(import.meta.url);
  globalThis.__filename = path;
  globalThis.__dirname = path.slice(0, path.lastIndexOf('/'));
  vm.runInThisContext(await readFile(path, 'utf8'), path);
}

/** A file of a model; where its converter failed, it left a file that says why. */
async function readModel(url) {
  return bytesOf(url).catch(async (error) => {
    const reason = await bytesOf(`${url}.failed`).catch(() => null);
    throw reason === null ? error : new Error(new TextDecoder().decode(reason));
  });
}

/** What adapters see of the place they run in; `urls` say where things are. */
function environment({ variant, backend, urls }) {
  const read = (name) => readModel(urls.models + name);
  const input = async ({ model, batch, dtype }) => {
    const { buffer } = (await read(`${model}-${batch}.input`)).slice();
    return dtype === 'int32' ? new Int32Array(buffer) : new Float32Array(buffer);
  };
  return {
    place: isNode ? 'node' : 'chromium',
    variant,
    backend,
    ours: urls.ours,
    models: urls.models,
    read,
    input,
    package: (name) => bytesOf(urls.packages + name),
    url: (name) => urls.packages + name,
    path: (name) => (isNode ? new URL(urls.packages + name).pathname : urls.packages + name),
    runScript,
  };
}

/** All memories of WebAssembly modules that are made from now on. */
function watchMemories() {
  const memories = new Set();
  const { Memory, instantiate, instantiateStreaming } = WebAssembly;
  const note = (result) => {
    for (const value of Object.values((result.instance ?? result).exports)) if (value instanceof Memory) memories.add(value);
    return result;
  };
  WebAssembly.instantiate = (...args) => instantiate(...args).then(note);
  WebAssembly.instantiateStreaming = (...args) => instantiateStreaming(...args).then(note);
  WebAssembly.Memory = class extends Memory {
    constructor(descriptor) {
      super(descriptor);
      memories.add(this);
    }
  };
  return memories;
}

const memories = watchMemories();
let run;

/** Loads what `row` needs and runs it once; returns the output, or null where there is none to compare. */
export async function prepare(options, row) {
  const { prepare: prepareRow } = await import(options.urls.bundle);
  const prepared = await prepareRow(row, environment(options));
  run = prepared.run;
  return prepared.output === undefined ? null : Array.from(prepared.output);
}

/** [milliseconds by the clock, milliseconds of the process's CPU or null] */
async function timed(work) {
  const cpu = isNode ? process.cpuUsage() : null,
    start = performance.now();
  await work();
  const wall = performance.now() - start,
    used = isNode ? process.cpuUsage(cpu) : null;
  return [wall, used && (used.user + used.system) / 1000];
}

/** The times of each of `count` runs. */
export async function time(count) {
  const times = [];
  for (let i = 0; i < count; ++i) times.push(await timed(run));
  return times;
}

/** From the import of the library to the first output; the model's files and the input are in memory. */
export async function coldStart(options, row) {
  for (const name of [`${row.model}-${row.batch}.input`, ...row.files]) {
    const url = options.urls.models + name;
    held.set(url, await readModel(url));
  }
  return timed(() => prepare(options, row));
}

/** Bytes of WebAssembly memory, which never gives any back: the most that was needed so far. */
export async function memoryBytes() {
  return [...memories].reduce((sum, { buffer }) => sum + buffer.byteLength, 0);
}

export const calls = { prepare, time, coldStart, memoryBytes };

if (isNode && process.send !== undefined) {
  process.on('message', async ({ call, args }) => {
    const answer = await calls[call](...args).then(
      (value) => ({ value }),
      (error) => ({ error: String(error?.message ?? error) }),
    );
    process.send(answer);
  });
}
