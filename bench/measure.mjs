// One row in one place: every contestant checked, then timed in turns.
import { readFileSync } from 'node:fs';
import { join } from 'node:path';

import { CONTESTANTS } from './table.mjs';

const OUTPUT_TOLERANCE = 1e-3; // max|a - b| / max|b|: all contestants compute the same function

export const median = (values) => {
  const sorted = [...values].sort((a, b) => a - b),
    middle = sorted.length >> 1;
  return sorted.length % 2 === 1 ? sorted[middle] : (sorted[middle - 1] + sorted[middle]) / 2;
};
const quantile = (values, part) =>
  [...values].sort((a, b) => a - b)[Math.min(values.length - 1, Math.floor(values.length * part))];

/** What the row must give, by TensorFlow; of files, how many weights are in there. */
function expectedOutput(row, folders) {
  if (row.weights !== undefined) return [row.weights];
  if (row.kind !== 'predict') return null;
  const bytes = readFileSync(join(folders.models, `${row.model}-${row.batch}.output`));
  return new Float32Array(bytes.buffer, bytes.byteOffset, bytes.byteLength / 4);
}

function check(output, expected) {
  if (expected === null) return;
  if (output.length !== expected.length) throw new Error(`${output.length} outputs, not ${expected.length}`);
  let worst = 0,
    largest = 0;
  expected.forEach((value, i) => {
    worst = Math.max(worst, Math.abs(value - output[i]));
    largest = Math.max(largest, Math.abs(value));
  });
  if (!(worst <= OUTPUT_TOLERANCE * largest)) throw new Error(`outputs differ from TensorFlow's by ${worst} of ${largest}`);
}

const contestantsOf = (row) => CONTESTANTS.filter(({ adapter }) => row.adapters.includes(adapter));
const reasonOf = (error) => error.message.split('\n')[0];

async function openAll(place, row, folders) {
  const opened = [];
  for (const contestant of contestantsOf(row)) {
    const entry = { contestant, times: [] };
    opened.push(entry);
    try {
      entry.session = await place.open({ ...contestant, ...row.with?.[contestant.adapter] });
      check(await entry.session.prepare(row), expectedOutput(row, folders));
      if (row.warmUp !== 0) await entry.session.time(row.runs);
    } catch (error) {
      entry.reason = reasonOf(error);
    }
  }
  return opened;
}

/** In turns; each in the session that it keeps. */
async function measureWarm(place, row, folders) {
  const entries = await openAll(place, row, folders);
  for (let round = 0; round < row.rounds; ++round) {
    for (const entry of entries) {
      if (entry.reason !== undefined) continue;
      await entry.session.time(row.runs).then(
        (times) => entry.times.push(...times),
        (error) => (entry.reason = reasonOf(error)),
      );
    }
  }
  for (const entry of entries) {
    if (entry.reason === undefined) entry.memory = await entry.session.memoryBytes();
    await entry.session?.close();
  }
  return entries;
}

/** In turns; each time in a session that knows nothing. */
async function measureCold(place, row) {
  const entries = contestantsOf(row).map((contestant) => ({ contestant, times: [] }));
  for (let round = 0; round < row.rounds; ++round) {
    for (const entry of entries) {
      const session = await place.open(entry.contestant);
      await session.coldStart({ ...row, files: row.files[entry.contestant.adapter](row) }).then(
        (times) => entry.times.push(times),
        (error) => (entry.reason = reasonOf(error)),
      );
      await session.close();
    }
  }
  return entries;
}

/**
 * [{ name, variant, reason } or { name, variant, wall, low, high, least, cpu, runs, memory }]: median, quartiles and minimum in
 * milliseconds, bytes.
 */
export async function measureRow(place, row, folders) {
  const entries = row.kind === 'cold' ? await measureCold(place, row) : await measureWarm(place, row, folders);
  return entries.map(({ contestant: { name, variant }, reason, times, memory }) => {
    if (reason !== undefined) return { name, variant, reason };
    const walls = times.map(([wall]) => wall),
      cpus = times.map(([, cpu]) => cpu).filter((cpu) => cpu !== null);
    return {
      name,
      variant,
      wall: median(walls),
      low: quantile(walls, 0.25),
      high: quantile(walls, 0.75),
      least: Math.min(...walls),
      cpu: cpus.length > 0 ? median(cpus) : null,
      runs: walls.length,
      memory,
    };
  });
}
