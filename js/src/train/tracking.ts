// What a checkpoint can hold, found in JavaScript's objects: layers, models, variables, optimizers, other checkpoints, and
// plain objects, arrays and Maps of them. Names are those of the properties, in order of assignment.
import type { NativeTrackedNode, NativeTrackedTree } from '../engine/native.js';

/** @internal Implemented by everything that has a place of its own in the engine, and by checkpoints. */
export interface Tracked {
  /** A node of the tree, or the properties to look at. */
  _trackedNode(): NativeTrackedNode | { properties: [name: string, value: unknown][] };
}

function isTracked(value: object): value is Tracked {
  return '_trackedNode' in value && typeof value._trackedNode === 'function';
}

/** Lists, dicts and what they are called in SavedModels; null for objects that are not looked into. */
function contentsOf(value: object): { kind: string; entries: [name: string, value: unknown][] } | null {
  if (Array.isArray(value)) return { kind: 'trackable_list_wrapper', entries: value.map((item, i) => [String(i), item]) };
  if (value instanceof Map) {
    const entries = [...value].filter(([key]) => typeof key === 'string') as [string, unknown][];
    return { kind: 'trackable_dict_wrapper', entries };
  }
  const prototype: unknown = Object.getPrototypeOf(value);
  if (prototype !== Object.prototype && prototype !== null) return null;
  return { kind: 'trackable_dict_wrapper', entries: Object.entries(value) };
}

class TreeWriter {
  readonly nodes: NativeTrackedNode[] = [];
  readonly #numbers = new Map<object, number | null>();

  /** The number of the node; null for what holds nothing, and for objects that are being looked into further up. */
  add(value: unknown): number | null {
    if (typeof value !== 'object' || value === null) return null;
    const known = this.#numbers.get(value);
    if (known !== undefined) return known;
    this.#numbers.set(value, null);
    const number = this.#make(value);
    this.#numbers.set(value, number);
    return number;
  }
  #make(value: object): number | null {
    if (isTracked(value)) {
      const node = value._trackedNode();
      if (!('properties' in node)) return this.nodes.push(node) - 1;
      return this.container('_generic_user_object', node.properties);
    }
    const contents = contentsOf(value);
    if (contents === null) return null;
    const children = this.#children(contents.entries);
    return children.length === 0 ? null : this.nodes.push({ kind: contents.kind, children }) - 1;
  }
  /** A node that is there even without children. */
  container(kind: string, entries: readonly [name: string, value: unknown][]): number {
    return this.nodes.push({ kind, children: this.#children(entries) }) - 1;
  }
  #children(entries: readonly [name: string, value: unknown][]): [string, number][] {
    return entries.flatMap(([name, value]) => {
      const number = this.add(value);
      return number === null ? [] : [[name, number] as [string, number]];
    });
  }
  tree(root: number, attached: readonly [name: string, value: unknown][] = []): NativeTrackedTree {
    return { nodes: this.nodes, root, attached: this.#children(attached) };
  }
}

/** @internal The tree below some properties, and `attached` to its root beside them. */
export function treeOfProperties(properties: readonly [name: string, value: unknown][]): NativeTrackedTree {
  const writer = new TreeWriter();
  return writer.tree(writer.container('_generic_user_object', properties));
}

/** @internal The tree below an object, with more children attached to it. */
export function treeOf(root: object, attached: readonly [name: string, value: unknown][] = []): NativeTrackedTree {
  const writer = new TreeWriter();
  return writer.tree(writer.add(root) ?? writer.container('_generic_user_object', []), attached);
}

/** @internal Whether something can have a place in a checkpoint. */
export function isTrackable(value: unknown): value is object {
  return typeof value === 'object' && value !== null && (isTracked(value) || contentsOf(value) !== null);
}
