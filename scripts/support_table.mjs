// What the built package can do, as the tables in README.md: formats by trying them, the rest from the engine's registry.
//
//   node scripts/support_table.mjs           prints the tables
//   node scripts/support_table.mjs --write   puts them into README.md
//   node scripts/support_table.mjs --check   fails where README.md has others
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath, pathToFileURL } from 'node:url';
import * as keras from 'keras-wasm';

const ROOT = fileURLToPath(new URL('..', import.meta.url));
const README = join(ROOT, 'README.md');
const MODELS = join(ROOT, 'examples', 'models');
const BEGIN = '<!-- support: made by scripts/support_table.mjs -->';
const END = '<!-- /support -->';

/** Reading takes what TensorFlow wrote where the repository has it, else what was just written. */
const FORMATS = [
  {
    name: 'HDF5, whole model',
    files: '`.h5`, `.hdf5`',
    read: () => keras.loadModel(join(MODELS, 'digits.h5')),
    write: (model, path) => model.save(`${path}.h5`),
  },
  {
    name: 'SavedModel with Keras metadata',
    files: 'a folder',
    read: () => keras.loadModel(join(MODELS, 'digits')),
    write: (model, path) => model.save(path),
  },
  {
    name: 'SavedModel with Keras metadata',
    files: '`.zip`',
    read: (model, path) => keras.loadModel(`${path}.zip`),
    write: (model, path) => model.save(`${path}.zip`),
  },
  {
    name: 'HDF5, weights alone',
    files: '`.h5`, `.weights.h5`',
    read: (model, path) => model.loadWeights(`${path}-weights.h5`),
    write: (model, path) => model.saveWeights(`${path}-weights.h5`),
  },
  {
    name: 'TensorFlow checkpoint of weights',
    files: '`.index`, `.data-…`',
    read: (model) => model.loadWeights(join(MODELS, 'digits/variables/variables')),
    write: (model, path) => model.saveWeights(`${path}-checkpoint`),
  },
  {
    name: 'Keras v3 archive',
    files: '`.keras`',
    read: (model, path) => keras.loadModel(`${path}-v3.keras`),
    write: (model, path) => model.save(`${path}-v3.keras`, { saveFormat: 'keras' }),
  },
];

/** Whether `attempt` works; an error that is none of the package's own is a bug of this script. */
async function works(attempt) {
  try {
    await attempt();
    return true;
  } catch (error) {
    if (error instanceof keras.KerasError) return false;
    throw error;
  }
}

async function formatRows() {
  const folder = await mkdtemp(join(tmpdir(), 'keras-wasm-formats-'));
  try {
    const model = await keras.loadModel(join(MODELS, 'digits.h5'));
    const rows = [];
    for (const { name, files, read, write } of FORMATS) {
      const path = join(folder, 'model');
      const written = await works(() => write(model, path));
      const readable = await works(() => read(model, path));
      rows.push([name, files, readable ? 'yes' : 'not yet', written ? 'yes' : 'not yet']);
    }
    return rows;
  } finally {
    await rm(folder, { recursive: true });
  }
}

/** The tables of the engine that the package carries. */
async function readRegistry() {
  const folder = join(ROOT, 'dist', 'package');
  const { default: createEngine } = await import(pathToFileURL(join(folder, 'keras-simd.mjs')).href);
  const engine = await createEngine({ wasmBinary: await readFile(join(folder, 'keras-simd.wasm')) });
  return JSON.parse(engine.registry());
}

/** Classes, without the aliases that stand in the registry too. */
const classes = (names) => [...new Set(names)].filter((name) => /^[A-Z]/.test(name)).sort();
const code = (names) => names.map((name) => `\`${name}\``).join(', ');

function partRows(registry) {
  const callbacks = Object.keys(keras.callbacks).filter((name) => /^[A-Z]/.test(name) && name !== 'Callback');
  const parts = {
    Models: ['Functional', 'Sequential'],
    Layers: registry.layers.map(({ className }) => className).sort(),
    Activations: [...registry.activations].sort(),
    Losses: classes(registry.losses),
    Metrics: classes(registry.metrics),
    Optimizers: classes(registry.optimizers),
    Initializers: classes(registry.initializers),
    Regularizers: classes(registry.regularizers),
    Constraints: classes(registry.constraints),
    Callbacks: callbacks.sort(),
  };
  return Object.entries(parts).map(([name, list]) => [name, String(list.length), code(list)]);
}

/** Functions of `keras.ops` by the namespace that has them; those of math and linalg stand in `keras.ops` too. */
function opRows() {
  const spaces = Object.entries(keras.ops).filter(([name, value]) => typeof value === 'object' && name !== 'raw');
  const inSpaces = new Set(spaces.flatMap(([, space]) => Object.values(space)));
  const own = Object.keys(keras.ops).filter((name) => typeof keras.ops[name] === 'function' && !inSpaces.has(keras.ops[name]));
  const row = ([space, names]) => [`\`${space}\``, code(names.sort())];
  return [['keras.ops', own], ...spaces.map(([name, space]) => [`keras.ops.${name}`, Object.keys(space)]).sort()].map(row);
}

const table = (head, rows) => [head, head.map(() => '---'), ...rows].map((cells) => `| ${cells.join(' | ')} |`).join('\n');

async function supportTables() {
  const registry = await readRegistry();
  return [
    BEGIN,
    table(['format', 'files', 'read', 'write'], await formatRows()),
    table(['of Keras 2.15', '', 'names'], partRows(registry)),
    'Ops that custom layers are written with (those of `math` and `linalg` stand in `keras.ops` too, and ' +
      `\`keras.ops.raw\` has ${Object.keys(keras.ops.raw).length} by their TensorFlow names):`,
    table(['in', 'names'], opRows()),
    END,
  ].join('\n\n');
}

const made = await supportTables();
const readme = await readFile(README, 'utf8').catch(() => '');
const [begin, end] = [readme.indexOf(BEGIN), readme.indexOf(END)];
if (process.argv.includes('--write')) {
  if (begin < 0 || end < begin) throw new Error(`README.md has no place for the tables: ${BEGIN} … ${END}`);
  await writeFile(README, readme.slice(0, begin) + made + readme.slice(end + END.length));
} else if (process.argv.includes('--check')) {
  if (begin < 0 || readme.slice(begin, end + END.length) !== made) {
    console.error('README.md is stale: run `node scripts/support_table.mjs --write`.');
    process.exitCode = 1;
  }
} else {
  console.log(made);
}
