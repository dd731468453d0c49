// Files that a user drops or chooses, each with its path inside the folder it came in.
import type { NamedFile } from './protocol';

/** Names of one file each must not be mistaken for folders: only a folder that holds everything is taken off. */
function withoutRoot(files: NamedFile[]): NamedFile[] {
  const root = files[0]?.path.split('/', 1)[0] ?? '';
  const isRoot = files.every(({ path }) => path.startsWith(`${root}/`));
  return isRoot ? files.map(({ path, file }) => ({ path: path.slice(root.length + 1), file })) : files;
}

/** What an <input type="file"> holds, folder or not. */
export function filesFromInput(list: FileList): NamedFile[] {
  return withoutRoot([...list].map((file) => ({ path: file.webkitRelativePath || file.name, file })));
}

function fileOf(entry: FileSystemFileEntry): Promise<File> {
  return new Promise((resolve, reject) => entry.file(resolve, reject));
}

/** readEntries() hands out a folder in portions (100 in Chromium); an empty one is the end. */
async function childrenOf(folder: FileSystemDirectoryEntry): Promise<FileSystemEntry[]> {
  const reader = folder.createReader();
  const children: FileSystemEntry[] = [];
  for (;;) {
    const portion = await new Promise<FileSystemEntry[]>((resolve, reject) => reader.readEntries(resolve, reject));
    if (portion.length === 0) return children;
    children.push(...portion);
  }
}

async function walk(entry: FileSystemEntry): Promise<NamedFile[]> {
  if (entry.isFile) return [{ path: entry.fullPath.replace(/^\//, ''), file: await fileOf(entry as FileSystemFileEntry) }];
  const children = await childrenOf(entry as FileSystemDirectoryEntry);
  return (await Promise.all(children.map(walk))).flat();
}

/** What was dropped. Entries must be asked for during the event, so call this before anything is awaited. */
export async function filesFromDrop(transfer: DataTransfer): Promise<NamedFile[]> {
  const entries = [...transfer.items].map((item) => item.webkitGetAsEntry()).filter((entry) => entry !== null);
  if (entries.length === 0) return filesFromInput(transfer.files);
  return withoutRoot((await Promise.all(entries.map(walk))).flat());
}

/** Hands bytes to the browser's downloads. */
export function download(bytes: Uint8Array<ArrayBuffer>, name: string): void {
  const url = URL.createObjectURL(new Blob([bytes], { type: 'application/octet-stream' }));
  const link = document.createElement('a');
  link.href = url;
  link.download = name;
  link.click();
  // The browser has taken its own reference by the next task at the latest; a minute spares slow "save as" dialogs.
  setTimeout(() => URL.revokeObjectURL(url), 60_000);
}
