// Which files a SavedModel has in assets/, as its saved_model.pb tells: what cannot be listed, as a folder behind a URL, is fetched
// by these names. Only the fields on the way are read, from a Blob that may be large.
const META_GRAPHS = 2; // of SavedModel
const ASSET_FILE_DEF = 6; // of MetaGraphDef
const FILENAME = 2; // of AssetFileDef

const VARINT = 0; // wire types
const BYTES = 2;
const HEAD = 20; // bytes that a field's number and its size or value take at most

interface Span {
  begin: number;
  end: number;
}

/** A variable-length integer of `bytes` and the place behind it; null where it does not end, or is larger than any file. */
function varint(bytes: Uint8Array, at: number): [number, number] | null {
  let value = 0;
  for (let i = 0; i < 8; i++) {
    const byte = bytes[at + i];
    if (byte === undefined) return null;
    value += (byte & 0x7f) * 2 ** (7 * i);
    if (byte < 0x80) return [value, at + i + 1];
  }
  return null;
}

/** Where the values of a message's field `wanted` stand, as far as the message can be read: the engine tells what is broken. */
async function fieldsOf(blob: Blob, message: Span, wanted: number): Promise<Span[]> {
  const found: Span[] = [];
  for (let at = message.begin; at < message.end;) {
    const head = new Uint8Array(await blob.slice(at, Math.min(at + HEAD, message.end)).arrayBuffer());
    const tag = varint(head, 0);
    const value = tag && varint(head, tag[1]);
    const type = tag && tag[0] % 8;
    if (!value || (type !== BYTES && type !== VARINT)) break; // the messages on the way have no fields of other types
    const begin = at + value[1];
    const end = begin + (type === BYTES ? value[0] : 0);
    if (end > message.end) break;
    if (type === BYTES && Math.floor(tag[0] / 8) === wanted) found.push({ begin, end });
    at = end;
  }
  return found;
}

/** Names below assets/. One that leads out of it is left out. */
export async function assetNames(savedModel: Blob): Promise<string[]> {
  const names = new Set<string>();
  for (const graph of await fieldsOf(savedModel, { begin: 0, end: savedModel.size }, META_GRAPHS)) {
    for (const asset of await fieldsOf(savedModel, graph, ASSET_FILE_DEF)) {
      for (const { begin, end } of await fieldsOf(savedModel, asset, FILENAME)) {
        names.add(new TextDecoder().decode(await savedModel.slice(begin, end).arrayBuffer()));
      }
    }
  }
  return [...names].filter((name) => name.split('/').every((part) => part !== '' && part !== '.' && part !== '..'));
}
