// Holds the direction of includes in core/, wasm/ and tests/: who may include whom, and who may see which library.
// base ← tensor ← kernels ← ops ← graph ← keras ← saving ← wasm, and base ← formats ← saving.
import { readdirSync, readFileSync } from 'node:fs';
import { dirname, join, relative, sep } from 'node:path';
import { fileURLToPath } from 'node:url';

const ROOT = dirname(dirname(fileURLToPath(import.meta.url)));

/** Rooms whose headers a room may include, besides its own. */
const MAY_INCLUDE = {
  'core/base': [],
  'core/tensor': ['core/base'],
  'core/kernels': ['core/base', 'core/tensor'],
  'core/ops': ['core/base', 'core/tensor', 'core/kernels'],
  'core/graph': ['core/base', 'core/tensor', 'core/kernels', 'core/ops'],
  'core/keras': ['core/base', 'core/tensor', 'core/kernels', 'core/ops', 'core/graph'],
  'core/formats': ['core/base'],
  'core/saving': ['core/base', 'core/tensor', 'core/kernels', 'core/ops', 'core/graph', 'core/keras', 'core/formats'],
  wasm: ['core/base', 'core/tensor', 'core/kernels', 'core/ops', 'core/graph', 'core/keras', 'core/formats', 'core/saving'],
};

/** Third-party headers, and the only folders and files that may see them. */
const LIBRARIES = [
  {
    name: 'protobuf',
    headers: /^(proto|google\/protobuf)\//,
    folders: [
      'core/graph',
      'core/formats/parse_proto.h',
      'core/formats/saved_model',
      'core/formats/tensor_bundle',
      'core/saving',
    ],
  },
  { name: 'the JSON library', headers: /^nlohmann\//, folders: ['core/keras/config', 'core/saving'] },
  { name: 'Eigen', headers: /^(unsupported\/)?Eigen\//, folders: ['core/kernels'] },
  { name: 'zlib', headers: /^z(lib|conf)\.h$/, folders: ['core/formats'] },
  { name: 'Emscripten', headers: /^emscripten/, folders: ['wasm'] },
];
const BANNED = /^(iostream|format|regex|filesystem)$/;

const within = (path, folder) => path === folder || path.startsWith(`${folder}/`);
const roomOf = (path) => Object.keys(MAY_INCLUDE).find((room) => within(path, room));

function* includesOf(text) {
  for (const [index, line] of text.split('\n').entries()) {
    const found = line.match(/^\s*#\s*include\s+([<"])([^>"]+)[>"]/);
    if (found) yield { line: index + 1, quoted: found[1] === '"', header: found[2] };
  }
}

/** What is wrong with an include of `path`, or undefined. */
function complaint(path, { quoted, header }) {
  const room = roomOf(path);
  const target = roomOf(header);
  if (header.split('/').includes('..')) return 'includes go by path from the root, without ".."';
  if (target && target !== room && !MAY_INCLUDE[room].includes(target)) return `${room} must not include headers of ${target}`;
  const library = LIBRARIES.find(({ headers }) => headers.test(header));
  if (library) {
    if (!library.folders.some((folder) => within(path, folder)))
      return `only ${library.folders.join(', ')} may see ${library.name}`;
  } else if (quoted && !target) {
    return 'a quoted include names a file by its path from the root (core/…, wasm/…)';
  }
  if (room !== 'wasm' && BANNED.test(header))
    return `<${header}> is not for the core: it is large, slow or throws where we cannot`;
  return undefined;
}

/** Own header first: `x.cc` beside `x.h` begins with it. */
function firstInclude(path, includes, files) {
  const own = path.replace(/\.cc$/, '.h');
  if (own === path || !files.has(own) || includes[0]?.header === own) return [];
  return [{ line: includes[0]?.line ?? 1, what: `the first include is the file's own header, "${own}"` }];
}

function check(path, files) {
  const includes = [...includesOf(readFileSync(join(ROOT, path), 'utf8'))];
  const wrong = includes.map((include) => ({ line: include.line, what: complaint(path, include) })).filter(({ what }) => what);
  return [...wrong, ...firstInclude(path, includes, files)].map(({ line, what }) => `${path}:${line}: ${what}`);
}

const files = new Set(
  ['core', 'wasm'].flatMap((folder) =>
    readdirSync(join(ROOT, folder), { recursive: true, withFileTypes: true })
      .filter((entry) => entry.isFile() && /\.(cc|h|inc)$/.test(entry.name))
      .map((entry) =>
        relative(ROOT, join(entry.parentPath ?? entry.path, entry.name))
          .split(sep)
          .join('/'),
      ),
  ),
);
const complaints = [...files].sort().flatMap((path) => check(path, files));
for (const line of complaints) console.error(line);
console.log(`${files.size} files, ${complaints.length} wrong includes`);
if (complaints.length > 0) process.exitCode = 1;
