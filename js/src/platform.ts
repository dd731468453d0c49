// What differs between Node and browsers, in one place. Node's modules are looked up at run time, so that bundlers for
// browsers never see them.
import { RuntimeError } from './errors.js';

type NodeFs = typeof import('node:fs');
type NodePath = typeof import('node:path');
type NodeUrl = typeof import('node:url');
type NodeOs = typeof import('node:os');

/** Whether Node's own modules are there (Bun and Deno have them too). */
export function isNode(): boolean {
  return (
    typeof process === 'object' &&
    typeof process.versions?.node === 'string' &&
    (process as { type?: string }).type !== 'renderer'
  );
}

/** A module of Node's. REQUIRES: isNode(). */
export async function builtin<T>(name: string): Promise<T> {
  const lookup = (process as { getBuiltinModule?: (name: string) => object }).getBuiltinModule;
  if (lookup !== undefined) return lookup(name) as T;
  return (await import(/* webpackIgnore: true */ /* @vite-ignore */ name)) as T;
}

export interface NodeModules {
  fs: NodeFs;
  path: NodePath;
  url: NodeUrl;
  os: NodeOs;
}

/** Node's file modules. REQUIRES: isNode(). */
export async function nodeModules(): Promise<NodeModules> {
  const [fs, path, url, os] = await Promise.all([
    builtin<NodeFs>('node:fs'),
    builtin<NodePath>('node:path'),
    builtin<NodeUrl>('node:url'),
    builtin<NodeOs>('node:os'),
  ]);
  return { fs, path, url, os };
}

/** Node's file modules at once. Throws RuntimeError where they have to be waited for. */
export function nodeModulesNow(): NodeModules {
  const lookup = isNode() ? (process as { getBuiltinModule?: <T>(name: string) => T }).getBuiltinModule : undefined;
  if (lookup === undefined) throw new RuntimeError('This needs the file system of Node 20.16 or later.');
  return {
    fs: lookup<NodeFs>('node:fs'),
    path: lookup<NodePath>('node:path'),
    url: lookup<NodeUrl>('node:url'),
    os: lookup<NodeOs>('node:os'),
  };
}

/** A file that can be read at once, at any time. */
export interface LocalFile {
  path: string;
  exists(): boolean;
  read(): Uint8Array<ArrayBuffer>;
}

/** The file: URL or path in Node; null for what has to be fetched. */
export async function localFile(place: string | URL): Promise<LocalFile | null> {
  const text = String(place);
  if (!isNode() || (/^[a-z][a-z0-9+.-]+:/i.test(text) && !text.startsWith('file:'))) return null;
  const { fs, path, url } = await nodeModules();
  const file = path.resolve(text.startsWith('file:') ? url.fileURLToPath(text) : text); // before the process goes elsewhere
  return {
    path: file,
    exists: () => fs.existsSync(file),
    read: () => fs.readFileSync(file), // in pieces it takes 4 ms more
  };
}

/** What relative paths are relative to. */
export async function baseUrl(): Promise<string> {
  return isNode() ? (await nodeModules()).url.pathToFileURL('./').href : location.href;
}

/** How many threads the machine runs at a time. */
export async function processorCount(): Promise<number> {
  const count = isNode() ? (await builtin<NodeOs>('node:os')).availableParallelism() : navigator.hardwareConcurrency;
  return Math.max(1, count || 1);
}

/** Lets timers, input and painting run: a new task, without the 4 ms that nested setTimeout calls cost. */
export function nextTask(): Promise<void> {
  return new Promise((resolve) => {
    if (typeof setImmediate === 'function') {
      setImmediate(resolve);
    } else {
      const channel = new MessageChannel();
      channel.port1.onmessage = () => {
        channel.port1.close();
        resolve();
      };
      channel.port2.postMessage(null);
    }
  });
}
