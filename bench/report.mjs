// RESULTS.md from what was measured.
const milliseconds = (value) => (value >= 100 ? value.toFixed(0) : value >= 10 ? value.toFixed(1) : value.toFixed(2));
const kilobytes = (bytes) => (bytes / 1000).toFixed(0);

const table = (head, rows) => [head, head.map(() => '---'), ...rows].map((cells) => `| ${cells.join(' | ')} |`).join('\n');

function rowTable({ row, results }) {
  const isTraining = row.kind === 'train';
  const timed = results.filter(({ reason }) => reason === undefined);
  const rate = isTraining ? ['samples/s'] : row.bytes ? ['GB/s'] : [];
  const perSecond = (time) => (isTraining ? (1000 * row.batch) / time : row.bytes / time / 1e6).toPrecision(3);
  const head = ['', 'median ms', 'quartiles', 'CPU ms', ...rate, 'runs'];
  const cells = timed.map(({ name, wall, low, high, cpu, runs }) => [
    name,
    milliseconds(wall),
    `${milliseconds(low)} – ${milliseconds(high)}`,
    cpu === null ? '' : milliseconds(cpu),
    ...rate.map(() => perSecond(cpu ?? wall)),
    String(runs),
  ]);
  const left = results.filter(({ reason }) => reason !== undefined).map(({ name, reason }) => `Left out: ${name}: ${reason}`);
  return [table(head, cells), ...left].join('\n\n');
}

function section({ name, version, rows }) {
  return rows.map((entry) => `### ${entry.row.title}, ${name} ${version}\n\n${rowTable(entry)}`).join('\n\n');
}

/** The file's text. `about`: { date, machine, load, commit, command, peers }. */
export function report({ about, places, sizes }) {
  return `# Results of \`${about.command}\`

Written by the benchmark itself. ${about.date}; ${about.machine}; load average ${about.load}, so other work shared the
processors: a median by the clock includes waiting for them, CPU time (Node only, of the whole process, its compiler and
collector too) does not. Engine: as of commit ${about.commit}. Peers: ${about.peers}.

Contestants take turns, each in a process or page of its own, on one thread. Before it is timed, a contestant's output must agree
with TensorFlow 2.15.1 within 1e-3. All have the same weights: tfjs reads Keras's own JSON and raw weights, LiteRT.js and
onnxruntime-web a file made from the same model by their converters. keras-wasm loads the H5 file and is called by
\`predictOnBatch\`. Its H5 row makes a whole model, the others arrays of the weights only. Rates are by CPU time where there is one.

${places.map(section).join('\n\n')}

### Download to a first prediction, brotli of quality 9

${table(
  ['', 'scripts kB', 'wasm kB', 'together kB'],
  sizes.map(({ name, script, wasm, total }) => [name, kilobytes(script), kilobytes(wasm), kilobytes(total)]),
)}
`;
}
