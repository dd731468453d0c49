// Runs one contestant: the same in a Node process of its own and in a page.
const isNode = typeof process === 'object' && process.versions?.node !== undefined;

async function bytesOf(url) {
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

/** What adapters see of the place they run in; `urls` say where things are. */
function environment({ variant, backend, urls }) {
  const read = (name) => bytesOf(urls.models + name);
  return {
    place: isNode ? 'node' : 'chromium',
    variant,
    backend,
    ours: urls.ours,
    models: urls.models,
    read,
    floats: async (name) => new Float32Array((await read(name)).slice().buffer),
    package: (name) => bytesOf(urls.packages + name),
    path: (name) => (isNode ? new URL(urls.packages + name).pathname : urls.packages + name),
    runScript,
  };
}

let run;

/** Loads what `row` needs and runs it once; returns the output, or null where there is none to compare. */
export async function prepare(options, row) {
  const { prepare: prepareRow } = await import(options.urls.bundle);
  const prepared = await prepareRow(row, environment(options));
  run = prepared.run;
  return prepared.output === undefined ? null : Array.from(prepared.output);
}

/** [milliseconds by the clock, milliseconds of the process's CPU or null] of each of `count` runs. */
export async function time(count) {
  const times = [];
  for (let i = 0; i < count; ++i) {
    const cpu = isNode ? process.cpuUsage() : null,
      start = performance.now();
    await run();
    const wall = performance.now() - start,
      used = isNode ? process.cpuUsage(cpu) : null;
    times.push([wall, used && (used.user + used.system) / 1000]);
  }
  return times;
}

export const calls = { prepare, time };

if (isNode && process.send !== undefined) {
  process.on('message', async ({ call, args }) => {
    const answer = await calls[call](...args).then(
      (value) => ({ value }),
      (error) => ({ error: String(error?.message ?? error) }),
    );
    process.send(answer);
  });
}
