// How much memory loads and predictions take beyond the weights themselves, in Node, each in a process of its own. Loads are of
// 1 GB from an H5 file and from a checkpoint, predictions by the six models. Of the process it is the peak of its resident
// memory, of the engine that of its heap.
import { execFileSync, fork } from 'node:child_process';
import { mkdtempSync, readdirSync, rmSync, statSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath, pathToFileURL } from 'node:url';

import { MODELS } from './table.mjs';

const LOADS = [
  { name: 'H5, contiguous, from a path', kind: 'h5', from: 'path', file: 'large.h5' },
  { name: 'H5, contiguous, from a Blob', kind: 'h5', from: 'blob', file: 'large.h5' },
  { name: 'H5, chunks with shuffle and gzip, from a path', kind: 'h5', from: 'path', file: 'large_gzip.h5' },
  { name: 'H5, chunks with shuffle and gzip, from a Blob', kind: 'h5', from: 'blob', file: 'large_gzip.h5' },
  { name: 'checkpoint, from a path', kind: 'checkpoint', from: 'path', file: 'large' },
];

function inProcess(folders, options) {
  const args = [pathToFileURL(join(folders.package, 'index.js')).href, join(folders.models, 'cnn.h5'), JSON.stringify(options)];
  const child = fork(fileURLToPath(new URL('memory_host.mjs', import.meta.url)), args, {
    stdio: ['ignore', 'ignore', 'inherit', 'ipc'],
  });
  return new Promise((resolve, reject) => {
    child.on('message', resolve);
    child.on('exit', (code) => reject(new Error(`${JSON.stringify(options)}: the process ended with code ${code}`)));
  });
}

/** [{ name, file, weights, process, engine, seconds }]: bytes, the two in the middle beyond the weights. */
export async function measureMemory(folders, python) {
  const folder = mkdtempSync(join(tmpdir(), 'keras-wasm-memory-'));
  try {
    console.log('Making models of 1 GB');
    execFileSync(python, [join(folders.bench, 'make_large.py'), folder], { stdio: ['ignore', 'ignore', 'inherit'] });
    await inProcess(folders, { kind: 'make', folder, file: 'large' });
    const rows = [];
    for (const load of LOADS) {
      const files = readdirSync(folder).filter((name) => name === load.file || name.startsWith(`${load.file}.data-`));
      const file = files.reduce((sum, name) => sum + statSync(join(folder, name)).size, 0);
      const measured = { name: load.name, file, ...(await inProcess(folders, { ...load, folder })) };
      rows.push(measured);
      console.log(
        `memory   ${load.name.padEnd(46)} ${(measured.process / 1e6).toFixed(0)} MB beyond the weights (engine ${(measured.engine / 1e6).toFixed(0)} MB), ${measured.seconds.toFixed(2)} s`,
      );
    }
    return rows;
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}

/**
 * [{ title, batch, weights, activations, engine, peak }]: bytes; what the planner counted for activations, and the engine's heap
 * beyond the weights, in use after a prediction and at its largest (the load before it included).
 */
export async function measurePredictions(folders) {
  const rows = [];
  for (const { model, title, shape, dtype, graph, runs } of MODELS) {
    for (const batch of Object.keys(runs).map(Number)) {
      const options = { kind: 'predict', folder: folders.models, file: `${model}.${graph ? 'zip' : 'h5'}`, graph, dtype };
      const measured = { title, batch, ...(await inProcess(folders, { ...options, shape: [batch, ...shape] })) };
      rows.push(measured);
      const { weights, activations, engine, peak } = measured;
      const [a, b, c, d] = [weights, activations, engine, peak].map((bytes) => (bytes / 1e6).toFixed(2));
      console.log(
        `memory   ${model}, batch ${batch}: weights ${a} MB, activations ${b}; engine beyond the weights ${c}, at its peak ${d}`,
      );
    }
  }
  return rows;
}
