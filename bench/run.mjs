// npm run bench: measures every row of table.mjs in Node and in Chromium and writes RESULTS.md.
// `--only=cnn-1,h5` (or `memory`, `predictions`) and `--place=node` measure a part and write nothing; `--rounds=2` is for the hurried.
import { execFileSync } from 'node:child_process';
import { writeFileSync } from 'node:fs';
import { cpus, loadavg } from 'node:os';
import { join } from 'node:path';

import { measureRow } from './measure.mjs';
import { measureMemory, measurePredictions } from './memory.mjs';
import { chromiumPlace, nodePlace } from './places.mjs';
import { report } from './report.mjs';
import { folders, setUp, tensorflowPython } from './setup.mjs';
import { measureSizes } from './sizes.mjs';
import { PEERS, ROWS } from './table.mjs';

const option = (name) => process.argv.find((argument) => argument.startsWith(`--${name}=`))?.split('=')[1];
const only = option('only')?.split(','),
  onlyPlace = option('place');
const rounds = Number(option('rounds') ?? Infinity);
const isWhole = only === undefined && onlyPlace === undefined;
const git = (...args) => execFileSync('git', args, { cwd: folders.bench, encoding: 'utf8' }).trim();

function describe(startLoad) {
  const dirty = git('status', '--porcelain', '--', '../core', '../wasm', '../cmake') === '' ? '' : ' with changes';
  return {
    date: new Date().toISOString().slice(0, 10),
    machine: `${cpus().length} × ${cpus()[0].model.trim()}`,
    load: `${startLoad.toFixed(1)} at the start and ${loadavg()[0].toFixed(1)} at the end`,
    commit: engineCommit + dirty,
    command: ['npm run bench', ...process.argv.slice(2)].join(' -- '),
    peers: Object.entries(PEERS)
      .map(([name, version]) => `${name} ${version}`)
      .join(', '),
  };
}

async function measurePlace(openPlace) {
  const place = await openPlace(folders),
    rows = [];
  for (const row of ROWS.filter(({ id }) => only?.includes(id) ?? true)) {
    const results = await measureRow(place, { ...row, rounds: Math.min(row.rounds, rounds) }, folders);
    rows.push({ row, results });
    for (const { name, wall, least, cpu, reason } of results) {
      console.log(
        `${place.name.padEnd(8)} ${row.id.padEnd(16)} ${name.padEnd(20)} ${reason ?? `${wall.toFixed(2)} ms, least ${least.toFixed(2)}${cpu === null ? '' : `, CPU ${cpu.toFixed(2)}`}`}`,
      );
    }
  }
  await place.close();
  return { name: place.name, version: place.version, rows };
}

// The commit that last changed the engine: it stays true when the results are committed after it.
const engineCommit = git('log', '-1', '--format=%h', '--', '../core', '../wasm', '../cmake');
const startLoad = loadavg()[0];
await setUp();
const sizes = isWhole ? await measureSizes(folders) : [];
const memory = isWhole || only?.includes('memory') ? await measureMemory(folders, tensorflowPython()) : [];
const predictions = isWhole || only?.includes('predictions') ? await measurePredictions(folders) : [];
const places = [];
for (const [name, open] of Object.entries({ node: nodePlace, chromium: chromiumPlace })) {
  if (onlyPlace === undefined || onlyPlace === name) places.push(await measurePlace(open));
  // After each place, so that a run that is broken off leaves what it has.
  if (isWhole)
    writeFileSync(join(folders.bench, 'RESULTS.md'), report({ about: describe(startLoad), places, sizes, memory, predictions }));
}
process.exit(0);
