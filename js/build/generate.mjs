// Writes js/src/generated/: classes, argument types and ops, made from the engine's own tables. Needs the engine built.
import { mkdir, readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';

const HEADER = '// Made by js/build/generate.mjs from the tables of the engine. Not committed.\n';

const camel = (key) => key.replace(/(?<=.)_+([a-z0-9])/g, (_, letter) => letter.toUpperCase());

// Names that tfjs-layers has; all others follow the rule.
const FACTORIES = { ReLU: 'reLU', LeakyReLU: 'leakyReLU', PReLU: 'prelu', ELU: 'elu', RMSprop: 'rmsprop', SGD: 'sgd', LSTM: 'lstm', GRU: 'gru',
  SimpleRNN: 'simpleRNN', RNN: 'rnn', KLDivergence: 'klDivergence', AUC: 'auc', L1: 'l1', L2: 'l2', L1L2: 'l1l2' };

/** `Conv2D` → `conv2d`, `MaxPooling2D` → `maxPooling2d`, `MinMaxNorm` → `minMaxNorm`. */
function factoryName(className) {
  if (FACTORIES[className]) return FACTORIES[className];
  const lowered = className.replace(/^[A-Z]+(?=[A-Z][a-z])|^[A-Z]+/, (capitals) => capitals.toLowerCase());
  return lowered.replace(/(\d)D/g, '$1d');
}

const TYPES = {
  int: 'number', float: 'number', bool: 'boolean', string: 'string', any: 'unknown', int1: 'number | readonly number[]',
  int2: 'number | readonly number[]', int3: 'number | readonly number[]', list: 'readonly unknown[] | number',
  shape: 'readonly (number | null)[]', activation: 'ActivationLike | null', initializer: 'InitializerLike | null',
  regularizer: 'RegularizerLike | null', constraint: 'ConstraintLike | null',
};

function argsType(keys, indent = '  ') {
  return keys.map(({ key, kind, required }) => `${indent}${camel(key)}${required ? '' : '?'}: ${TYPES[kind] ?? 'unknown'};\n`).join('');
}

/** Keys of a class from the config of a default object. */
function keysOf(config) {
  const kindOf = (value) => (typeof value === 'boolean' ? 'bool' : typeof value === 'number' ? 'float' : typeof value === 'string' ? 'string' : 'any');
  return Object.entries(config).map(([key, value]) => ({ key, kind: kindOf(value), required: false }));
}

function layersFile(layers) {
  let text = `${HEADER}import type { ActivationLike, ConstraintLike, InitializerLike, RegularizerLike } from '../layers/types.js';
import { BUILTIN, Layer, type LayerArgs, layerClasses } from '../layers/layer.js';
import type { Existing } from '../handle.js';

`;
  for (const { className, keys } of layers) {
    const required = keys.some((key) => key.required);
    text += `export interface ${className}Args extends LayerArgs {\n${argsType(keys.filter(({ key }) => !['name', 'dtype', 'trainable', 'batch_input_shape'].includes(key)))}}
/** Keras's layer \`${className}\`. */
export class ${className} extends Layer {
  static readonly [BUILTIN] = true;
  static readonly className: string = '${className}';
  static readonly configKeys: readonly string[] = ${JSON.stringify(keys.map(({ key }) => key))};
  constructor(args${required ? '' : '?'}: ${className}Args | Existing) {
    super(args);
  }
}
layerClasses.set('${className}', ${className});
/** A \`${className}\` layer. */
export function ${factoryName(className)}(args${required ? '' : '?'}: ${className}Args): ${className} {
  return new ${className}(args);
}

`;
  }
  return text;
}

function objectsFile(kind, base, classes) {
  const what = base.toLowerCase();
  let text = `${HEADER}import { ${base}, type ObjectModule, objectModule } from '../objects/base.js';\n\nexport { ${base} };\n`;
  for (const { className, keys } of classes) {
    text += `
export interface ${className}Args {
${argsType(keys)}}
/** Keras's ${what} \`${className}\`. */
export class ${className} extends ${base} {
  static readonly className: string = '${className}';
  static readonly configKeys: readonly string[] = ${JSON.stringify(keys.map(({ key }) => key))};
  constructor(args: ${className}Args = {}) {
    super(args);
  }
}
/** A \`${className}\` ${what}. */
export function ${factoryName(className)}(args?: ${className}Args): ${className} {
  return new ${className}(args);
}
`;
  }
  return text + `
const all: ObjectModule<${base}> = objectModule<${base}>('${what}', ${base}, [${classes.map(({ className }) => className).join(', ')}]);
/** \`{class_name, config}\` of an object. */
export const serialize: ObjectModule<${base}>['serialize'] = all.serialize;
/** An object from its config or its name. */
export const deserialize: ObjectModule<${base}>['deserialize'] = all.deserialize;
/** An object from its name, its config, or itself. */
export const get: ObjectModule<${base}>['get'] = all.get;
`;
}

function optimizersFile(classes) {
  let text = `${HEADER}import type { Existing } from '../handle.js';
import { Optimizer, type OptimizerArgs, optimizerClasses } from '../objects/optimizer.js';

export { Optimizer, type OptimizerArgs, deserialize, get, serialize } from '../objects/optimizer.js';
`;
  for (const { className, keys } of classes) {
    const own = keys.filter(({ key }) => !['name', 'learning_rate', 'weight_decay', 'clipnorm', 'clipvalue', 'global_clipnorm'].includes(key));
    text += `
export interface ${className}Args extends OptimizerArgs {
${argsType(own)}}
/** Keras's optimizer \`${className}\`. */
export class ${className} extends Optimizer {
  static readonly className: string = '${className}';
  static readonly configKeys: readonly string[] = ${JSON.stringify(keys.map(({ key }) => key))};
  constructor(args: ${className}Args | Existing = {}) {
    super(args);
  }
}
optimizerClasses.set('${className}', ${className});
/** A new \`${className}\` optimizer. */
export function ${factoryName(className)}(args?: ${className}Args): ${className} {
  return new ${className}(args);
}
`;
  }
  return text;
}

const ATTR_TYPES = { int: 'number', float: 'number', bool: 'boolean', string: 'string', type: 'DType', shape: 'SymbolicShape', 'list(int)': 'readonly number[]',
  'list(float)': 'readonly number[]', 'list(bool)': 'readonly boolean[]', 'list(string)': 'readonly string[]', 'list(type)': 'readonly DType[]' };

function opFunction(op, name) {
  const derived = new Set(op.inputs.map(({ typeAttr }) => typeAttr));
  const attrs = op.attrs.filter((attr) => !derived.has(attr.name) && ATTR_TYPES[attr.kind] && attr.name !== 'N');
  const types = op.inputs.map((input, i) => `T${i}`);
  const generics = op.inputs.map((input, i) => `T${i} extends Operand`).join(', ');
  const params = op.inputs.map((input, i) => `${camel(input.name)}: ${input.list ? `readonly T${i}[]` : `T${i}`}`);
  if (attrs.length > 0) {
    const optional = attrs.every((attr) => attr.optional);
    params.push(`options${optional ? '?' : ''}: { ${attrs.map((attr) => `${camel(attr.name)}${attr.optional ? '?' : ''}: ${ATTR_TYPES[attr.kind]}`).join('; ')} }`);
  }
  const inputs = op.inputs.map(({ name: input }) => camel(input)).join(', ');
  const result = `Result<${types.join(' | ') || 'never'}>`;
  const many = op.outputs !== 1 || op.listOutput;
  return `/** TensorFlow's op \`${op.name}\`. */
function ${name}${generics ? `<${generics}>` : ''}(${params.join(', ')}): ${many ? `${result}[]` : result} {
  return callOp(OPS.${op.name}, [${inputs}]${attrs.length > 0 ? ', options' : ''})${many ? '' : '[0]'} as ${many ? `${result}[]` : result};
}
`;
}

/** Not what only rewrites make, and no ops on handles (variables): Variable has methods for them. */
function isPublic({ name, inputs }) {
  return !name.startsWith('_') && inputs.every(({ dtype }) => dtype !== 'resource' && dtype !== 'variant');
}

/** As js/src/ops/call.ts reads it. */
const inputText = ({ name, list, typeAttr, dtype }) => `${name}${list ? '*' : ''}${typeAttr ? `:${typeAttr}` : ''}${dtype ? `=${dtype}` : ''}`;

function opsFile(ops) {
  let text = `${HEADER}import type { DType } from '../dtype.js';
import { type OpInfo, type Operand, type Result, callOp } from '../ops/call.js';
import type { SymbolicShape } from '../symbolic.js';

/** Every op of the engine by its TensorFlow name. */
export const OPS = {
${ops.map((op) => `  ${op.name}: '${[op.name, ...op.inputs.map(inputText)].join(' ')}',`).join('\n')}
} satisfies Record<string, OpInfo>;

`;
  const spaces = {};
  for (const op of ops.filter(({ js }) => js)) {
    const [space, name] = op.js.includes('.') ? op.js.split('.') : ['top', op.js];
    const own = `${space}_${name}`;
    text += opFunction(op, own);
    (spaces[space] ??= []).push(`${name}: ${own}`);
  }
  for (const [space, entries] of Object.entries(spaces)) text += `\nexport const ${space} = { ${entries.join(', ')} };\n`;
  return text;
}

function activationsFile(names) {
  let text = `${HEADER}import { type Activation, namedActivation } from '../objects/activation.js';\n\n`;
  for (const name of names) text += `export const ${camel(name)}: Activation = namedActivation('${name}');\n`;
  return text + `\nexport const ALL: readonly Activation[] = [${names.map(camel).join(', ')}];\n`;
}

/** Generates into `out`. `glue` is the path of the engine's glue. */
export async function generate(glue, out) {
  const { default: createEngine } = await import(pathToFileURL(glue).href);
  const engine = await createEngine({ wasmBinary: await readFile(glue.replace(/\.mjs$/, '.wasm')) });
  engine.init({ seed: 0, threads: 1, limits: {}, error: (name, message) => new Error(`${name}: ${message}`) });
  const tables = JSON.parse(engine.registry());
  // Aliases stand in the tables too: a class has one name, with a capital.
  const described = (kind) => [...new Set(tables[kind])].filter((name) => /^[A-Z]/.test(name)).map((className) => {
    let config = {};
    try {
      config = JSON.parse(engine.canonicalConfig(kind, JSON.stringify({ class_name: className, config: {} })).replace(/\bNaN\b|-?\bInfinity\b/g, 'null')).config;
    } catch (error) {
      if (!/required/.test(error.message)) throw error;
    }
    return { className, keys: keysOf(config) };
  });
  const optimizers = [...new Set(tables.optimizers)].filter((name) => /^[A-Z]/.test(name)).map((className) => {
    const id = engine.createOptimizer(JSON.stringify({ class_name: className, config: {} }));
    return { className, keys: keysOf(JSON.parse(engine.optimizerState(id).config)) };
  });
  await mkdir(out, { recursive: true });
  const files = {
    'layers.ts': layersFile(tables.layers),
    'optimizers.ts': optimizersFile(optimizers),
    'initializers.ts': objectsFile('initializers', 'Initializer', described('initializers')),
    'regularizers.ts': objectsFile('regularizers', 'Regularizer', described('regularizers')),
    'constraints.ts': objectsFile('constraints', 'Constraint', described('constraints')),
    'losses.ts': objectsFile('losses', 'Loss', described('losses')),
    'metrics.ts': objectsFile('metrics', 'Metric', described('metrics')),
    'activations.ts': activationsFile(tables.activations),
    'ops.ts': opsFile(tables.ops.filter(isPublic)),
  };
  for (const [name, text] of Object.entries(files)) await writeFile(join(out, name), text);
}
