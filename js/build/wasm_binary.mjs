// Reads and writes WebAssembly's binary format, as far as split.mjs needs it.

/** The numbers of sections. */
export const SECTION = { type: 1, import: 2, function: 3, table: 4, global: 6, export: 7, start: 8, element: 9, code: 10 };
export const FUNCTION = 0;
export const TABLE = 1;
export const END = 0x0b;
export const CALL = 0x10;
export const CALL_INDIRECT = 0x11;
export const I32_CONST = 0x41;
export const REF_FUNC = 0xd2;

export class Reader {
  constructor(bytes) {
    this.bytes = bytes;
    this.at = 0;
  }
  get ended() {
    return this.at >= this.bytes.length;
  }
  byte() {
    return this.bytes[this.at++];
  }
  take(count) {
    this.at += count;
    return this.bytes.subarray(this.at - count, this.at);
  }
  /** LEB128, also of signed numbers' low 32 bits where only their bytes are wanted. */
  number() {
    let value = 0;
    for (let shift = 0; ; shift += 7) {
      const byte = this.byte();
      if (shift < 32) value |= (byte & 127) << shift;
      if (byte < 128) return value >>> 0;
    }
  }
  bytesOfLength() {
    return this.take(this.number());
  }
  /** What `read` gives, as often as the number says that comes first. */
  list(read) {
    return Array.from({ length: this.number() }, () => read(this));
  }
  /** The bytes that `skip` walks over. */
  span(skip) {
    const start = this.at;
    skip(this);
    return this.bytes.subarray(start, this.at);
  }
}

/** LEB128 without a sign. */
export function number(value) {
  const bytes = [];
  for (; value > 127; value >>>= 7) bytes.push((value & 127) | 128);
  return [...bytes, value];
}

/** LEB128 of what i32.const takes, of a number that is not negative. */
export function signedNumber(value) {
  const bytes = [];
  for (; value > 63; value >>>= 7) bytes.push((value & 127) | 128);
  return [...bytes, value];
}

/** A name, as imports and exports have it. */
export const text = (string) => withLength(Buffer.from(string));
export const withLength = (bytes) => Buffer.concat([Buffer.from(number(bytes.length)), bytes]);
export const list = (items) => Buffer.concat([Buffer.from(number(items.length)), ...items.map((item) => Buffer.from(item))]);

/** [{ id, bytes }] */
export function readSections(module) {
  const reader = new Reader(module);
  reader.take(8);
  const sections = [];
  while (!reader.ended) sections.push({ id: reader.byte(), bytes: reader.bytesOfLength() });
  return sections;
}

export function writeSections(module, sections) {
  return Buffer.concat([module.subarray(0, 8), ...sections.flatMap(({ id, bytes }) => [Buffer.of(id), withLength(bytes)])]);
}

/** [{ module, kind, type, bytes }]: `type` of functions only. */
export function readImports(section) {
  return new Reader(section).list((reader) => {
    const result = {};
    result.bytes = reader.span(() => {
      result.module = Buffer.from(reader.bytesOfLength()).toString();
      result.name = Buffer.from(reader.bytesOfLength()).toString();
      result.kind = reader.byte();
      if (result.kind === FUNCTION) result.type = reader.number();
      else if (result.kind === 3) reader.take(2); // a global's type and mutability
      else if (result.kind === 4) reader.take(1), reader.number(); // a tag's
      else skipLimits(reader, result.kind);
    });
    result.isFunction = result.kind === FUNCTION;
    return result;
  });
}

/** [{ table, head, functions }] of a section of tables' elements; `head`: all before the functions. */
export function readElements(section) {
  return new Reader(section).list((reader) => {
    let table = 0;
    const head = reader.span(() => {
      const flags = reader.byte();
      if (flags !== 0 && flags !== 2) throw new Error(`The engine's tables are filled in an unknown way: ${flags}`);
      if (flags === 2) table = reader.number();
      if (reader.byte() !== I32_CONST) throw new Error("A place in the engine's tables is no constant");
      reader.number();
      reader.byte(); // the end of the constant
      if (flags === 2) reader.byte(); // what is in it: functions
    });
    return { table, head, functions: reader.list((r) => r.number()) };
  });
}

export const writeElements = (segments) =>
  list(segments.map(({ head, functions }) => Buffer.concat([head, list(functions.map(number))])));

/** [{ name, kind, index, bytes }] */
export function readExports(section) {
  return new Reader(section).list((reader) => {
    const result = {};
    result.bytes = reader.span(() => {
      result.name = Buffer.from(reader.bytesOfLength()).toString();
      result.kind = reader.byte();
      result.index = reader.number();
    });
    return result;
  });
}

function skipLimits(reader, kind) {
  if (kind === 1) reader.byte(); // a table's type
  const flags = reader.byte();
  reader.number();
  if ((flags & 1) !== 0) reader.number();
}

/** Opcodes by what follows them; those of one byte that are not here have nothing. */
const IMMEDIATES = new Map();
const set = (skip, ...ranges) => {
  for (const [from, to = from] of ranges) for (let code = from; code <= to; ++code) IMMEDIATES.set(code, skip);
};
const one = (reader) => reader.number();
const two = (reader) => (reader.number(), reader.number());
set(one, [0x02, 0x04], [0x06, 0x09], [0x0c, 0x0d], [CALL], [0x18], [0x20, 0x26], [0x3f, 0x40], [I32_CONST], [0x42], [0xd0], [REF_FUNC]);
set(two, [CALL_INDIRECT], [0x28, 0x3e]);
set((reader) => (reader.list(one), reader.number()), [0x0e]);
set((reader) => reader.list(one), [0x1c]);
set((reader) => reader.take(4), [0x43]);
set((reader) => reader.take(8), [0x44]);
set((reader) => skipBulk(reader, reader.number()), [0xfc]);
set((reader) => skipVector(reader, reader.number()), [0xfd]);
set((reader) => (reader.number() === 3 ? reader.byte() : two(reader)), [0xfe]);
/** Ends of the operators of one byte; tail calls, try_table and other later ones between them are unknown here. */
const LAST_PLAIN = 0xc4;
const UNKNOWN = [0x0a, 0x12, 0x13, 0x14, 0x15, 0x1f];

function skipBulk(reader, code) {
  if (code < 8) return; // conversions
  reader.number();
  if (code === 8 || code === 10 || code === 12 || code === 14) reader.number();
}

function skipVector(reader, code) {
  if (code <= 11 || code === 92 || code === 93) two(reader);
  else if (code === 12 || code === 13) reader.take(16);
  else if (code >= 21 && code <= 34) reader.byte();
  else if (code >= 84 && code <= 91) two(reader), reader.byte();
}

/** Calls `visit` with the opcode and the bytes of each instruction of a function's body, after its locals. */
export function walkBody(body, visit) {
  const reader = new Reader(body);
  const locals = reader.span(() => reader.list((r) => (r.number(), r.byte())));
  visit(null, locals);
  while (!reader.ended) {
    const start = reader.at;
    const code = reader.byte();
    const skip = IMMEDIATES.get(code);
    if (skip === undefined && (code > LAST_PLAIN || UNKNOWN.includes(code)))
      throw new Error(`Instruction ${code} of WebAssembly is not known to js/build/wasm_binary.mjs`);
    skip?.(reader);
    visit(code, body.subarray(start, reader.at));
  }
}
