import { crc32, deflateRawSync, inflateRawSync } from 'node:zlib';

/** A zip of files, written out by the book. */
export function zipOf(files, { compress = false, breakChecksum = false } = {}) {
  const parts = [];
  const directory = [];
  let offset = 0;
  for (const [name, content] of files) {
    const bytes = Buffer.from(content);
    const stored = compress ? deflateRawSync(bytes) : bytes;
    const common = Buffer.alloc(26);
    common.writeUInt16LE(20, 0);
    common.writeUInt16LE(compress ? 8 : 0, 4);
    common.writeUInt32LE((crc32(bytes) ^ (breakChecksum ? 1 : 0)) >>> 0, 10);
    common.writeUInt32LE(stored.length, 14);
    common.writeUInt32LE(bytes.length, 18);
    common.writeUInt16LE(Buffer.byteLength(name), 22);
    const local = [Buffer.from('PK\x03\x04', 'latin1'), common, Buffer.from(name), stored];
    const tail = Buffer.alloc(14);
    tail.writeUInt32LE(offset, 10);
    directory.push(Buffer.from('PK\x01\x02\x14\x00', 'latin1'), common, tail, Buffer.from(name));
    parts.push(...local);
    offset += local.reduce((size, part) => size + part.length, 0);
  }
  const central = Buffer.concat(directory);
  const end = Buffer.alloc(22);
  end.write('PK\x05\x06', 'latin1');
  end.writeUInt16LE(files.length, 8);
  end.writeUInt16LE(files.length, 10);
  end.writeUInt32LE(central.length, 12);
  end.writeUInt32LE(offset, 16);
  return Buffer.concat([...parts, central, end]);
}

/** The members of a zip whose sizes stand before them, as Python's zipfile writes it: path → content. */
export function unzipped(zip) {
  const files = new Map();
  for (let at = 0; zip.readUInt32LE(at) === 0x04034b50;) {
    const [stored, name, extra] = [zip.readUInt32LE(at + 18), zip.readUInt16LE(at + 26), zip.readUInt16LE(at + 28)];
    const begin = at + 30 + name + extra;
    const content = zip.subarray(begin, begin + stored);
    const path = zip.toString('utf8', at + 30, at + 30 + name);
    files.set(path, zip.readUInt16LE(at + 8) === 0 ? content : inflateRawSync(content));
    at = begin + stored;
  }
  return files;
}
