// What programs that save to one place at once agree on: names that tell whose a file is, and a lock, `<name>.keras-wasm-lock`,
// for what takes several steps to be replaced. What a program that died has left is told by its process, which no longer runs.
import type { NodeModules } from '../platform.js';
import { codeOf } from './files.js';

const LOCK = '.keras-wasm-lock';
/** The holder touches its lock this often… */
const HEARTBEAT_MS = 2_000;
/** …and is dead if it has not for so long: for holders on other machines, and threads that were ended. */
const DEAD_MS = 20_000;
/** A lock without a name in it is being made, or was left so. */
const NAMELESS_MS = 1_000;
const POLL_MS = 10;

/** A name for what this call makes: machine, process, call. */
export function ownTag({ os }: NodeModules): string {
  return `${machine(os)}-${process.pid}-${crypto.randomUUID().slice(0, 8)}`;
}

/** FNV-1a of the host's name. */
function machine(os: NodeModules['os']): string {
  let hash = 0x811c9dc5;
  for (const byte of new TextEncoder().encode(os.hostname())) hash = Math.imul(hash ^ byte, 0x01000193);
  return (hash >>> 0).toString(36);
}

/** Whether the process that a tag names has ended. */
function isLeftOver(tag: string, changedMs: number, { os }: NodeModules): boolean {
  const [host, pid] = tag.split('-');
  if (host !== machine(os)) return false;
  // In a container every program may have the same number: one that is older than this process is another's.
  if (Number(pid) === process.pid) return changedMs + 1_000 < Date.now() - process.uptime() * 1_000;
  try {
    process.kill(Number(pid), 0);
    return false;
  } catch (error) {
    return codeOf(error) === 'ESRCH';
  }
}

/** Removes files `<path><mark>-<tag>` of programs that have ended. */
export async function removeLeftOvers(path: string, mark: string, node: NodeModules): Promise<void> {
  const { fs, path: paths } = node;
  const start = `${paths.basename(path)}${mark}-`;
  for (const name of await fs.promises.readdir(paths.dirname(path)).catch(() => [])) {
    if (!name.startsWith(start)) continue;
    const file = paths.join(paths.dirname(path), name);
    const stat = await fs.promises.stat(file).catch(() => null);
    if (stat !== null && isLeftOver(name.slice(start.length), stat.mtimeMs, node)) await fs.promises.rm(file, { force: true });
  }
}

interface LockState {
  tag: string;
  changedMs: number;
}

/** Null where there is no lock. */
async function stateOf(lock: string, { fs }: NodeModules): Promise<LockState | null> {
  try {
    const tag = await fs.promises.readFile(lock, 'utf8');
    return { tag, changedMs: (await fs.promises.stat(lock)).mtimeMs };
  } catch (error) {
    if (codeOf(error) === 'ENOENT') return null;
    throw error;
  }
}

/** Takes a lock away, unless it is no longer the one that was seen. */
async function breakLock(lock: string, tag: string, node: NodeModules): Promise<void> {
  const { fs } = node;
  const aside = `${lock}-${ownTag(node)}`;
  try {
    await fs.promises.rename(lock, aside);
  } catch (error) {
    if (codeOf(error) === 'ENOENT') return;
    throw error;
  }
  if ((await fs.promises.readFile(aside, 'utf8')) !== tag) await fs.promises.link(aside, lock).catch(() => undefined);
  await fs.promises.rm(aside, { force: true });
}

/** Removes the lock of a save whose process has ended. */
export async function removeDeadLock(path: string, node: NodeModules): Promise<void> {
  const state = await stateOf(path + LOCK, node);
  if (state !== null && isLeftOver(state.tag, state.changedMs, node)) await breakLock(path + LOCK, state.tag, node);
}

/** Whether the lock was taken before `giveUp` ended the wait for it. */
async function acquire(lock: string, tag: string, node: NodeModules, giveUp: () => boolean): Promise<boolean> {
  let seen = '';
  let since = 0;
  for (;;) {
    try {
      await node.fs.promises.writeFile(lock, tag, { flag: 'wx' });
      return true;
    } catch (error) {
      if (codeOf(error) !== 'EEXIST') throw error;
    }
    const state = await stateOf(lock, node);
    if (state === null) continue;
    const now = performance.now();
    if (seen !== `${state.tag} ${state.changedMs}`) {
      seen = `${state.tag} ${state.changedMs}`;
      since = now;
    }
    const isDead = now - since > (state.tag === '' ? NAMELESS_MS : DEAD_MS);
    if (isDead || isLeftOver(state.tag, state.changedMs, node)) await breakLock(lock, state.tag, node);
    else if (giveUp()) return false;
    else await new Promise((resolve) => setTimeout(resolve, POLL_MS));
  }
}

/**
 * Runs `action` while no other program holds the lock of `path`. It calls `check` before what must not happen without the lock,
 * which throws where another program took this one for dead. Null, and nothing done, where `giveUp` ended the wait for the lock.
 */
export async function withLock<T>(
  path: string,
  node: NodeModules,
  action: (check: () => Promise<void>) => Promise<T>,
  giveUp = (): boolean => false,
): Promise<T | null> {
  const { fs } = node;
  const lock = path + LOCK;
  const tag = ownTag(node);
  await removeLeftOvers(lock, '', node);
  if (!(await acquire(lock, tag, node, giveUp))) return null;
  const touch = (): void => void fs.promises.utimes(lock, new Date(), new Date()).catch(() => undefined);
  const heartbeat = setInterval(touch, HEARTBEAT_MS);
  const isHeld = async (): Promise<boolean> => (await stateOf(lock, node))?.tag === tag;
  try {
    return await action(async () => {
      if (!(await isHeld())) throw new Error('another program has taken over the save');
    });
  } finally {
    clearInterval(heartbeat);
    if (await isHeld()) await fs.promises.rm(lock, { force: true });
  }
}
