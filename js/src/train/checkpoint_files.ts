// The files of a checkpoint wherever they lie: `<prefix>.index` and its shards, and the `checkpoint` file of a folder, which
// names the latest prefix.
import { NotFoundError, ValueError } from '../errors.js';
import { type SourceFile, readWhole } from '../io/files.js';
import type { HttpOptions } from '../io/http.js';
import { nodeFolder } from '../io/node.js';
import { type ModelSource, isPath, openSource } from '../io/source.js';

const INDEX = '.index';
const STATE = 'checkpoint';

/** An open checkpoint: files by what follows the prefix, and what has to be done when they are no longer needed. */
export interface CheckpointFiles {
  prefix: string;
  open(suffix: string): Promise<SourceFile>;
  close(): Promise<void>;
}

/** The path that the text of a `checkpoint` file names as the latest, or null. */
export function latestInState(text: string): string | null {
  const found = /^\s*model_checkpoint_path\s*:\s*(?:"((?:[^"\\]|\\.)*)"|'((?:[^'\\]|\\.)*)')/m.exec(text);
  return found === null ? null : unescapeText(found[1] ?? found[2] ?? '');
}

/** Undoes protobuf's escapes: octal and hexadecimal bytes of UTF-8, `\n`, `\"`, … */
function unescapeText(text: string): string {
  const bytes: number[] = [];
  const simple: Record<string, number> = { n: 10, r: 13, t: 9, a: 7, b: 8, f: 12, v: 11 };
  for (const [part, octal, hex, escaped] of text.matchAll(/\\([0-7]{1,3})|\\[xX]([0-9a-fA-F]{1,2})|\\(.)|[^\\]+/gsu)) {
    if (octal !== undefined) bytes.push(parseInt(octal, 8) & 255);
    else if (hex !== undefined) bytes.push(parseInt(hex, 16));
    else if (escaped !== undefined && escaped in simple) bytes.push(simple[escaped] as number);
    else bytes.push(...new TextEncoder().encode(escaped ?? part));
  }
  return new TextDecoder().decode(Uint8Array.from(bytes));
}

/** Where in a folder a state file points. Paths that are absolute or lead out of the folder count by their last name alone. */
function insideFolder(path: string): string {
  const parts = path.split(/[\\/]/).filter((part) => part !== '' && part !== '.');
  const leaves = /^([\\/]|[a-zA-Z]:)/.test(path) || path.includes('://') || parts.includes('..');
  return leaves ? (parts.at(-1) ?? '') : parts.join('/');
}

async function latestOf(state: SourceFile): Promise<string> {
  const latest = latestInState(new TextDecoder().decode(await readWhole(state)));
  const name = latest === null ? '' : insideFolder(latest);
  if (name === '' || name === '..') throw new ValueError(`${state.path} names no checkpoint.`, { path: state.path });
  return name;
}

/** Files of which the name is put together: paths and URLs. */
async function openPrefix(source: string, options: HttpOptions): Promise<CheckpointFiles> {
  const opened: (() => Promise<void> | void)[] = [];
  const openFile = async (path: string): Promise<SourceFile> => {
    const { files, close } = await openSource(path, options);
    if (close) opened.push(close);
    return { ...(files[0] as SourceFile), path };
  };
  const close = async (): Promise<void> => {
    await Promise.all(opened.splice(0).map((end) => end()));
  };
  try {
    const folder = isPath(source) ? await nodeFolder(source) : /\/$/.test(source) ? source : null;
    const prefix = folder === null ? source.replace(/\.index$/, '') : folder + (await latestOf(await openFile(folder + STATE)));
    return { prefix, open: (suffix) => openFile(prefix + suffix), close };
  } catch (error) {
    await close();
    throw error;
  }
}

async function prefixAmong(files: readonly SourceFile[]): Promise<string> {
  const indexes = files.filter(({ path }) => path.endsWith(INDEX)).map(({ path }) => path.slice(0, -INDEX.length));
  if (indexes.length === 1) return indexes[0] as string;
  if (indexes.length === 0)
    throw new NotFoundError(`There is no '.index' file among the ${files.length} files: not a checkpoint.`);
  const states = files.filter(({ path }) => path === STATE || path.endsWith(`/${STATE}`));
  if (states.length !== 1) {
    throw new ValueError(
      `There are ${indexes.length} checkpoints (${indexes.join(', ')}) and no single 'checkpoint' file says which is meant.`,
    );
  }
  const state = states[0] as SourceFile;
  return state.path.slice(0, -STATE.length) + (await latestOf(state));
}

/** Opens the checkpoint behind a source. The caller closes it. */
export async function openCheckpoint(source: ModelSource, options: HttpOptions): Promise<CheckpointFiles> {
  if ((typeof source === 'string' && !source.startsWith('indexeddb://')) || source instanceof URL)
    return openPrefix(String(source), options);
  const { files, close } = await openSource(source, options);
  try {
    const prefix = await prefixAmong(files);
    return {
      prefix,
      open: async (suffix) => {
        const found = files.find(({ path }) => path === prefix + suffix);
        if (found === undefined) throw new NotFoundError(`${prefix}${suffix} is missing.`, { path: prefix + suffix });
        return found;
      },
      close: async () => close?.(),
    };
  } catch (error) {
    await close?.();
    throw error;
  }
}
