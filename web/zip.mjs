// Packs files into a zip, stored, not deflated: SavedModels are mostly float weights, which hardly shrink.
import { crc32 } from 'node:zlib';

const LOCAL_HEADER = 0x04034b50;
const CENTRAL_HEADER = 0x02014b50;
const END = 0x06054b50;
const VERSION = 20;
// Bit 11: names are UTF-8.
const FLAGS = 1 << 11;
// 1 January 1980, the format's first day: the same files always make the same zip.
const DATE = (1 << 5) | 1;

/** What local and central header have in common, from "version needed" to "extra length". */
function common(name, bytes) {
  const fields = Buffer.alloc(26);
  fields.writeUInt16LE(VERSION, 0);
  fields.writeUInt16LE(FLAGS, 2);
  fields.writeUInt16LE(DATE, 8);
  fields.writeUInt32LE(crc32(bytes), 10);
  fields.writeUInt32LE(bytes.length, 14);
  fields.writeUInt32LE(bytes.length, 18);
  fields.writeUInt16LE(name.length, 22);
  return fields;
}

function numbers(...values) {
  return Buffer.concat(
    values.map(([value, size]) => {
      const field = Buffer.alloc(size);
      field.writeUIntLE(value, 0, size);
      return field;
    }),
  );
}

/** @param {{path: string, bytes: Buffer}[]} files */
export function zip(files) {
  const members = [];
  const directory = [];
  let offset = 0;
  for (const { path, bytes } of files) {
    const name = Buffer.from(path);
    const member = Buffer.concat([numbers([LOCAL_HEADER, 4]), common(name, bytes), name, bytes]);
    // Comment length, disk, internal and external attributes are 0.
    directory.push(
      Buffer.concat([
        numbers([CENTRAL_HEADER, 4], [VERSION, 2]),
        common(name, bytes),
        Buffer.alloc(10),
        numbers([offset, 4]),
        name,
      ]),
    );
    members.push(member);
    offset += member.length;
  }
  const central = Buffer.concat(directory);
  const end = numbers([END, 4], [0, 4], [files.length, 2], [files.length, 2], [central.length, 4], [offset, 4], [0, 2]);
  return Buffer.concat([...members, central, end]);
}
