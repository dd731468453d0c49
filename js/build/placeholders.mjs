// What wasm-split leaves in the first part for each function of the rest: an import, a placeholder that is in a table until the rest
// puts the function there. That is thousands of imports, which take long to download and to instantiate. Here they become one import,
// that fetches the rest, and one function for each of their types, which calls it and then takes the call through the table.
import {
  CALL, CALL_INDIRECT, END, FUNCTION, I32_CONST, REF_FUNC, Reader, SECTION, list, number, readElements, readExports, readImports, readSections, text, walkBody,
  withLength, writeElements, writeSections,
} from './wasm_binary.mjs';

/** wasm-split's name for placeholders. */
const PLACEHOLDERS = 'placeholder.deferred';
/** See js/src/engine/parts.ts. */
const FETCH_REST = { module: 'rest', name: 'fetch' };
const FUNCTION_TYPE = 0x60;
const I32 = 0x7f;

const readVector = (reader) => reader.list((r) => r.byte());
const readType = (reader) => {
  if (reader.byte() !== FUNCTION_TYPE) throw new Error('The engine has types beside those of functions');
  return { params: readVector(reader), results: readVector(reader) };
};

/** The types of a module, to which others can be added. */
class Types {
  #all;

  constructor(section) {
    this.#all = new Reader(section).list((reader) => reader.span(readType));
  }
  get(index) {
    return readType(new Reader(this.#all[index]));
  }
  indexOf({ params, results }) {
    const bytes = Buffer.from([FUNCTION_TYPE, ...list(params.map((p) => [p])), ...list(results.map((r) => [r]))]);
    const found = this.#all.findIndex((type) => bytes.equals(type));
    return found >= 0 ? found : this.#all.push(bytes) - 1;
  }
  get section() {
    return list(this.#all);
  }
}

/** What comes in the place of the placeholders; functions by their new numbers. */
class Callers {
  #types;
  #byType = new Map();
  functions = [];

  /** `fetch`: the import's number; `first`: that of the first new function; `global`: that of a new global, 0 at first. */
  constructor(types, table, { fetch, first, global }) {
    this.#types = types;
    this.table = table;
    this.first = first;
    const nothing = { params: [], results: [] };
    // if (!global) { fetch(); global = 1; }
    const fetchOnce = [0x23, ...number(global), 0x45, 0x04, 0x40, CALL, ...number(fetch), I32_CONST, 1, 0x24, ...number(global), END, END];
    this.#add(types.indexOf(nothing), fetchOnce);
  }
  #add(type, instructions) {
    this.functions.push({ type, body: withLength(Buffer.from([0, ...instructions])) }); // no locals
    return this.first + this.functions.length - 1;
  }
  /** The function that takes what `type` takes and the place in the table. */
  of(type) {
    if (!this.#byType.has(type)) {
      const { params, results } = this.#types.get(type);
      const get = params.flatMap((_, i) => [0x20, ...number(i)]);
      const body = [CALL, ...number(this.first), ...get, 0x20, ...number(params.length), CALL_INDIRECT, ...number(type), ...number(this.table), END];
      this.#byType.set(type, this.#add(this.#types.indexOf({ params: [...params, I32], results }), body));
    }
    return this.#byType.get(type);
  }
}

/** The table that holds nothing but placeholders, and the others' elements with functions renumbered. */
function withoutPlaceholderTable(section, isPlaceholder, renumber) {
  const segments = readElements(section);
  const placeholders = segments.find(({ functions }) => functions.every(isPlaceholder));
  const others = segments.filter((segment) => segment !== placeholders);
  if (placeholders === undefined || others.some(({ functions }) => functions.some(isPlaceholder)))
    throw new Error('The placeholders of wasm-split are not in a table of their own');
  return {
    table: placeholders.table,
    section: writeElements(others.map(({ head, functions }) => ({ head, functions: functions.map(renumber) }))),
  };
}

function renumberExports(section, renumber) {
  return list(
    readExports(section).map(({ name, kind, index }) => [...text(name), kind, ...number(kind === FUNCTION ? renumber(index) : index)]),
  );
}

/** A body with functions renumbered, calls through the callers' table as calls of `callers`. */
function rewriteBody(body, renumber, callers) {
  const parts = [];
  walkBody(body, (code, bytes) => {
    const operand = code === null ? null : new Reader(bytes.subarray(1));
    if (code === CALL || code === REF_FUNC) return parts.push(Buffer.from([code, ...number(renumber(operand.number()))]));
    if (code === CALL_INDIRECT) {
      const type = operand.number();
      if (operand.number() === callers.table) return parts.push(Buffer.from([CALL, ...number(callers.of(type))]));
    }
    return parts.push(bytes);
  });
  return withLength(Buffer.concat(parts));
}

/** The first part of an engine as wasm-split has made it, as bytes → the same without placeholders. */
export function withoutPlaceholders(module) {
  const sections = readSections(module);
  const section = (id) => sections.find((s) => s.id === id);
  const change = (id, how) => (section(id).bytes = how(section(id).bytes));

  const imports = readImports(section(SECTION.import).bytes);
  const imported = imports.filter(({ isFunction }) => isFunction);
  const fetch = imported.findIndex((i) => i.module === PLACEHOLDERS);
  if (!imported.slice(fetch).every((i) => i.module === PLACEHOLDERS)) throw new Error('The placeholders are not the last imports');
  const renumber = (index) => {
    if (index < fetch) return index;
    if (index >= imported.length) return index - imported.length + fetch + 1;
    throw new Error('A placeholder is called directly');
  };
  const isPlaceholder = (index) => index >= fetch && index < imported.length;

  const types = new Types(section(SECTION.type).bytes);
  const kept = imports.filter((i) => i.module !== PLACEHOLDERS).map(({ bytes }) => bytes);
  const fetchType = types.indexOf({ params: [], results: [] });
  kept.push(Buffer.from([...text(FETCH_REST.module), ...text(FETCH_REST.name), 0, ...number(fetchType)]));
  change(SECTION.import, () => list(kept));

  const functions = new Reader(section(SECTION.function).bytes).list((r) => r.number());
  const global = imports.filter(({ kind }) => kind === 3).length + new Reader(section(SECTION.global).bytes).number();
  const elements = withoutPlaceholderTable(section(SECTION.element).bytes, isPlaceholder, renumber);
  const callers = new Callers(types, elements.table, { fetch, first: fetch + 1 + functions.length, global });
  const bodies = new Reader(section(SECTION.code).bytes).list((r) => rewriteBody(r.bytesOfLength(), renumber, callers));

  change(SECTION.type, () => types.section);
  change(SECTION.function, () => list([...functions, ...callers.functions.map(({ type }) => type)].map(number)));
  change(SECTION.global, (bytes) => addOne(bytes, [I32, 1, I32_CONST, 0, END]));
  change(SECTION.export, (bytes) => renumberExports(bytes, renumber));
  change(SECTION.element, () => elements.section);
  change(SECTION.code, () => list([...bodies, ...callers.functions.map(({ body }) => body)]));
  return writeSections(module, sections);
}

/** A list of items that need not be looked at, and one more. */
function addOne(bytes, item) {
  const reader = new Reader(bytes);
  const count = reader.number();
  return Buffer.concat([Buffer.from(number(count + 1)), reader.bytes.subarray(reader.at), Buffer.from(item)]);
}
