// Preloaded (node --import) into a program that saves: ends it by SIGKILL at its n-th change of the file system.
//
// DIE_AT: which change, from 1; 0 lets all happen. DIE_HOW: 'before' it; or 'half', with half of the bytes written or one file of a
// folder removed. The names of the changes go to DIE_LIST, a file, when the program ends by itself.
import fs from 'node:fs';
import { join } from 'node:path';

const dieAt = Number(process.env.DIE_AT ?? 0);
const half = process.env.DIE_HOW === 'half';
const promises = { ...fs.promises };
const { rmSync, readdirSync, statSync, writeFileSync } = fs;
const changes = [];

/** Resolves where the program lives on. `part` does half of what is asked. */
async function change(name, part) {
  if (changes.push(name) !== dieAt) return;
  if (half) await part?.();
  process.kill(process.pid, 'SIGKILL');
  await new Promise(() => undefined);
}

function removeOneFile(path) {
  const isFolder = statSync(path, { throwIfNoEntry: false })?.isDirectory();
  const first = isFolder ? readdirSync(path, { recursive: true }).find((name) => statSync(join(path, name)).isFile()) : undefined;
  if (first !== undefined) rmSync(join(path, first));
}

const parts = { rm: removeOneFile };
for (const name of [
  'rename',
  'rm',
  'rmdir',
  'unlink',
  'mkdir',
  'writeFile',
  'appendFile',
  'copyFile',
  'link',
  'symlink',
  'truncate',
]) {
  fs.promises[name] = async (...args) => {
    await change(name, () => parts[name]?.(args[0]));
    return promises[name](...args);
  };
}
fs.promises.open = async (path, flags, ...rest) => {
  if (flags !== 'r') await change('open');
  const handle = await promises.open(path, flags, ...rest);
  for (const name of ['write', 'sync', 'truncate']) {
    const original = handle[name].bind(handle);
    handle[name] = async (...args) => {
      const [bytes, at = 0] = args;
      await change(name, () => name === 'write' && original(bytes, at, Math.floor((bytes.length - at) / 2)));
      return original(...args);
    };
  }
  return handle;
};
process.on('exit', () => process.env.DIE_LIST && writeFileSync(process.env.DIE_LIST, JSON.stringify(changes)));
