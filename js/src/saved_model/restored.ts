// What a SavedModel holds, as JavaScript objects: attributes by name, variables, functions that can be called.
import { native } from '../engine/index.js';
import type { NativeVariable } from '../engine/native.js';
import { RuntimeError, TypeError, ValueError } from '../errors.js';
import { CompiledFunction } from '../functions/trace.js';
import { Handle } from '../handle.js';
import { type Variable, variableFrom } from '../variable.js';
import {
  type Bound,
  type Leaf,
  type Parameters,
  type Spec,
  bind,
  describe,
  isPlainObject,
  matches,
  pack,
  parametersOf,
} from './match.js';

interface FunctionJson {
  name: string;
  inputs: { tuple: [{ tuple: Spec[] }, { dict: [string, Spec][] }] };
  outputs: Spec;
}
interface NodeJson {
  kind: 'object' | 'variable' | 'function' | 'concrete';
  children: Record<string, number>;
  identifier?: string;
  traces?: number[];
  spec?: Spec;
  keywords?: string[];
  positional?: number;
}
export interface GraphJson {
  nodes: NodeJson[];
  functions: FunctionJson[];
}

/** A function that TensorFlow traced. A last argument that is a plain object of parameters' names is taken as keywords. */
export interface RestoredFunction {
  (...args: unknown[]): unknown;
  /** What each trace takes and returns. */
  readonly traces: readonly { name: string; inputs: Spec; outputs: Spec }[];
}

/** What `savedModel.load` returns: the object that was saved, without its class. */
export interface LoadedGraph extends Disposable {
  /** All variables, each once. */
  readonly variables: Variable[];
  readonly trainableVariables: Variable[];
  /** The functions that were saved to be served. */
  readonly signatures: Record<string, RestoredFunction>;
  /** The object's `__call__`, where it has one. */
  readonly call?: RestoredFunction;
  /** Frees variables and functions. */
  dispose(): void;
  // Whatever the object had: variables, functions, objects, lists.
  readonly [attribute: string]: unknown;
}

/** The engine's side of a SavedModel, and the functions that have been made of it. */
class Graph {
  readonly #handle: Handle;
  readonly #compiled = new Map<number, CompiledFunction>();
  #disposed = false;

  constructor(
    id: number,
    readonly json: GraphJson,
  ) {
    this.#handle = new Handle(this, 'graph', id);
  }
  run(number: number, leaves: readonly Leaf[]): unknown {
    if (this.#disposed) throw new RuntimeError('This SavedModel has been disposed of.');
    let compiled = this.#compiled.get(number);
    if (compiled === undefined) {
      compiled = new CompiledFunction(native().graphFunction(this.#handle.id, number));
      this.#compiled.set(number, compiled);
    }
    return pack((this.json.functions[number] as FunctionJson).outputs, compiled.call(leaves));
  }
  dispose(): void {
    if (this.#disposed) return;
    this.#disposed = true;
    for (const compiled of this.#compiled.values()) compiled.dispose();
    this.#compiled.clear();
    this.#handle.dispose();
  }
}

/** Calls the first trace that takes the arguments: as they are, or after numbers and arrays have become tensors. */
function callMatching(graph: Graph, name: string, traces: readonly number[], candidates: readonly Bound[]): unknown {
  for (const { positional, keywords } of candidates) {
    for (const convert of [false, true]) {
      for (const number of traces) {
        const leaves: Leaf[] = [];
        const [args, kwargs] = (graph.json.functions[number] as FunctionJson).inputs.tuple;
        if (matches(args, positional, convert, leaves) && matches(kwargs, keywords, convert, leaves))
          return graph.run(number, leaves);
      }
    }
  }
  const [got] = candidates as [Bound];
  const options = traces.map((number, i) => {
    const [args, kwargs] = (graph.json.functions[number] as FunctionJson).inputs.tuple;
    return `\n\nOption ${i + 1}:\n  Positional arguments: ${describe(args)}\n  Keyword arguments: ${describe(kwargs)}`;
  });
  throw new ValueError(
    `Could not find matching concrete function to call loaded from the SavedModel. Got for '${name}':\n` +
      `  Positional arguments: ${describe(got.positional)}\n  Keyword arguments: ${describe(got.keywords)}\n\n` +
      `Expected these arguments to match one of the following ${traces.length} option(s):${options.join('')}`,
  );
}

/** The ways in which a call may be meant: a last plain object as keywords, or as an argument that is a dict. */
function bindings(name: string, parameters: Parameters, args: readonly unknown[]): Bound[] {
  const found: Bound[] = [];
  const errors: unknown[] = [];
  const attempt = (positional: readonly unknown[], keywords: Record<string, unknown>): void => {
    try {
      found.push(bind(name, parameters, positional, keywords));
    } catch (error) {
      errors.push(error);
    }
  };
  const last = args.at(-1);
  if (isPlainObject(last)) attempt(args.slice(0, -1), last);
  attempt(args, {});
  if (found.length === 0) throw errors[0];
  return found;
}

function polymorphic(graph: Graph, name: string, node: NodeJson): (...args: unknown[]) => unknown {
  const parameters = parametersOf(node.spec ?? null);
  const traces = node.traces ?? [];
  return (...args) => {
    if (traces.length === 0) {
      throw new ValueError(
        `Found zero restored functions for caller function '${name}': it was never called before it was saved.`,
      );
    }
    return callMatching(graph, name, traces, bindings(name, parameters, args));
  };
}

/** A signature or a single trace: its tensors by name, or in order as far as that was allowed. */
function concrete(graph: Graph, name: string, node: NodeJson): (...args: unknown[]) => unknown {
  const [number] = node.traces as [number];
  const [args, { dict }] = (graph.json.functions[number] as FunctionJson).inputs.tuple;
  return (...given) => {
    const [only] = given;
    const byName = dict.length > 0 && given.length === 1 && isPlainObject(only);
    if (args.tuple.length > 0 || dict.length === 0) {
      return callMatching(graph, name, [number], [{ positional: given, keywords: {} }]);
    }
    if (!byName && (given.length !== 1 || dict.length !== 1)) {
      throw new TypeError(`${name}() takes its inputs by name: {${dict.map(([key]) => key).join(', ')}}.`);
    }
    const keywords = byName ? only : { [(dict[0] as [string, Spec])[0]]: only };
    const missing = dict.filter(([key]) => !Object.hasOwn(keywords, key)).map(([key]) => key);
    if (missing.length > 0) throw new TypeError(`${name}() missing required arguments: ${missing.join(', ')}`);
    const unknown = Object.keys(keywords).filter((key) => !dict.some(([known]) => known === key));
    if (unknown.length > 0) throw new TypeError(`${name}() got unexpected keyword arguments: ${unknown.join(', ')}`);
    return callMatching(graph, name, [number], [{ positional: [], keywords }]);
  };
}

const LISTS = ['trackable_list_wrapper', 'trackable_tuple_wrapper'];

/** Makes the objects of a SavedModel; each node once. */
class Builder {
  readonly #made = new Map<number, unknown>();

  constructor(
    readonly graph: Graph,
    readonly variables: ReadonlyMap<number, Variable>,
  ) {}

  make(id: number, name: string): unknown {
    if (this.#made.has(id)) return this.#made.get(id);
    const node = this.graph.json.nodes[id] as NodeJson;
    const object = this.#start(id, node, name);
    this.#made.set(id, object);
    if (node.kind === 'variable') return object;
    for (const [key, child] of Object.entries(node.children)) {
      const value = this.make(child, key);
      if (key !== '__proto__')
        Object.defineProperty(object, key, { value, enumerable: true, configurable: true, writable: true });
      if (key === '__call__' && !('call' in node.children)) {
        Object.defineProperty(object, 'call', { value, enumerable: false, configurable: true });
      }
    }
    return object;
  }

  #start(id: number, node: NodeJson, name: string): object {
    if (node.kind === 'variable') return this.variables.get(id) as Variable;
    if (node.kind === 'object') return LISTS.includes(node.identifier ?? '') ? [] : {};
    const call = node.kind === 'function' ? polymorphic(this.graph, name, node) : concrete(this.graph, name, node);
    const traces = (node.traces ?? []).map((number) => this.graph.json.functions[number]);
    return Object.defineProperties(call, { name: { value: name }, traces: { value: traces } });
  }
}

/** @internal Puts together what the engine has loaded. */
export function restore(id: number, description: string, natives: readonly (NativeVariable | null)[]): LoadedGraph {
  const json = JSON.parse(description) as GraphJson;
  const graph = new Graph(id, json);
  const variables = new Map<number, Variable>();
  natives.forEach((info, node) => info && variables.set(node, variableFrom(info)));
  const root = new Builder(graph, variables).make(0, 'root') as Record<string, unknown>;
  const all = [...variables.values()];
  const define = (key: string, value: unknown): void => {
    if (!Object.hasOwn(root, key)) Object.defineProperty(root, key, { value, enumerable: false, configurable: true });
  };
  define('variables', all);
  define(
    'trainableVariables',
    all.filter(({ trainable }) => trainable),
  );
  define('signatures', {});
  const dispose = (): void => {
    graph.dispose();
    for (const variable of all) variable.dispose();
  };
  define('dispose', dispose);
  Object.defineProperty(root, Symbol.dispose, { value: dispose });
  return root as unknown as LoadedGraph;
}
