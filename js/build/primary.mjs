// What wasm-split leaves in the first part for each of its functions that the rest calls: an export, which the rest imports. That is
// over a thousand objects of JavaScript's to be made when the first part is instantiated. Here they become one table, through which
// the rest calls.
import {
  CALL, CALL_INDIRECT, END, FUNCTION, I32_CONST, REF_FUNC, Reader, SECTION, TABLE, list, number, readElements, readExports, readImports, readSections,
  signedNumber, text, walkBody, withLength, writeElements, writeSections,
} from './wasm_binary.mjs';

/** The table's name among the first part's exports. */
const NAME = 'functions';
/** What the rest imports from. */
const PRIMARY = 'primary';
const FUNCTION_REFERENCE = 0x70;

/** The first part with a table of the functions of these names. */
function withTable(module, names, prefix) {
  const sections = readSections(module);
  const section = (id) => sections.find((s) => s.id === id);
  const exported = readExports(section(SECTION.export).bytes);
  const functions = names.map((name) => exported.find((e) => e.kind === FUNCTION && e.name === name).index);
  const tables = new Reader(section(SECTION.table).bytes).list((reader) => reader.span(skipTable));
  const imported = readImports(section(SECTION.import).bytes).filter(({ kind }) => kind === TABLE).length;
  const table = imported + tables.length;

  const kept = exported.filter(({ name, kind }) => kind !== FUNCTION || !name.startsWith(prefix)).map(({ bytes }) => bytes);
  section(SECTION.export).bytes = list([...kept, [...text(NAME), TABLE, ...number(table)]]);
  section(SECTION.table).bytes = list([...tables, tableOf(names.length)]);
  const filled = { head: Buffer.from([2, ...number(table), I32_CONST, 0, END, 0]), functions };
  section(SECTION.element).bytes = writeElements([...readElements(section(SECTION.element).bytes), filled]);
  return writeSections(module, sections);
}

const tableOf = (size) => [FUNCTION_REFERENCE, 1, ...number(size), ...number(size)];
function skipTable(reader) {
  reader.byte(); // its type
  const hasMost = (reader.byte() & 1) !== 0;
  reader.number();
  if (hasMost) reader.number();
}

/** The rest with calls through the table in the place of calls of imports. */
function callingTable(module, imports, imported) {
  const sections = readSections(module);
  const section = (id) => sections.find((s) => s.id === id);
  if ([SECTION.table, SECTION.start, SECTION.export].some(section)) throw new Error("The engine's second part has more than functions");
  const table = imports.filter(({ kind }) => kind === TABLE).length;
  const renumber = (index) => {
    if (index < imported.length) throw new Error('A function of the first part is more than called in the second');
    return index - imported.length;
  };
  const kept = imports.filter(({ isFunction }) => !isFunction).map(({ bytes }) => bytes);
  section(SECTION.import).bytes = list([...kept, [...text(PRIMARY), ...text(NAME), TABLE, ...tableOf(imported.length)]]);
  const elements = readElements(section(SECTION.element).bytes);
  section(SECTION.element).bytes = writeElements(elements.map(({ head, functions }) => ({ head, functions: functions.map(renumber) })));
  const bodies = new Reader(section(SECTION.code).bytes).list((reader) => {
    const parts = [];
    walkBody(reader.bytesOfLength(), (code, bytes) => {
      if (code !== CALL && code !== REF_FUNC) return parts.push(bytes);
      const index = new Reader(bytes.subarray(1)).number();
      if (code === REF_FUNC || index >= imported.length) return parts.push(Buffer.from([code, ...number(renumber(index))]));
      const call = [CALL_INDIRECT, ...number(imported[index].type), ...number(table)];
      return parts.push(Buffer.from([I32_CONST, ...signedNumber(index), ...call]));
    });
    return withLength(Buffer.concat(parts));
  });
  section(SECTION.code).bytes = list(bodies);
  return writeSections(module, sections);
}

/** Both parts of an engine, as bytes → the same, the rest calling the first part through a table. `prefix`: of the exports' names. */
export function joinedByTable(first, rest, prefix) {
  const imports = readImports(readSections(rest).find(({ id }) => id === SECTION.import).bytes);
  const imported = imports.filter(({ isFunction }) => isFunction);
  const names = imported.map(({ name }) => name);
  return { first: withTable(first, names, prefix), rest: callingTable(rest, imports, imported) };
}
