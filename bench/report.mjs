// RESULTS.md from what was measured.
const milliseconds = (value) => (value >= 100 ? value.toFixed(0) : value >= 10 ? value.toFixed(1) : value.toFixed(2));
const kilobytes = (bytes) => (bytes / 1000).toFixed(0);
const megabytes = (bytes) => (bytes / 1e6).toFixed(0);

const table = (head, rows) => [head, head.map(() => '---'), ...rows].map((cells) => `| ${cells.join(' | ')} |`).join('\n');

/** The column that a kind of row has beside times: its head, and its cell for a result. */
function rateColumn(row, results) {
  if (row.kind === 'train') return ['samples/s', ({ time }) => ((1000 * row.batch) / time).toPrecision(3)];
  if (row.bytes) return ['GB/s', ({ time }) => (row.bytes / time / 1e6).toPrecision(3)];
  if (row.flops === undefined) return ['memory MB', ({ memory }) => (memory === undefined ? '' : (memory / 1e6).toFixed(0))];
  const peakOf = (variant) => results.find(({ name }) => name === `${variant} peak`);
  const share = ({ variant, least }) => `${((100 * peakOf(variant).least) / least).toFixed(0)} %`;
  return ['GFLOPS (of peak)', (result) => `${(row.flops / result.least / 1e6).toFixed(1)} (${share(result)})`];
}

function rowTable({ row, results }) {
  const timed = results.filter(({ reason }) => reason === undefined);
  const [rate, rateOf] = rateColumn(row, timed);
  const head = ['', 'median ms', 'quartiles', 'least', 'CPU ms', rate, 'runs'];
  const cells = timed.map((result) => [
    result.name,
    milliseconds(result.wall),
    `${milliseconds(result.low)} – ${milliseconds(result.high)}`,
    milliseconds(result.least),
    result.cpu === null ? '' : milliseconds(result.cpu),
    rateOf({ ...result, time: result.cpu ?? result.wall }),
    String(result.runs),
  ]);
  const left = results.filter(({ reason }) => reason !== undefined).map(({ name, reason }) => `Left out: ${name}: ${reason}`);
  return [table(head, cells), ...left].join('\n\n');
}

function section({ name, version, rows }) {
  return rows.map((entry) => `### ${entry.row.title}, ${name} ${version}\n\n${rowTable(entry)}`).join('\n\n');
}

/** The file's text. `about`: { date, machine, load, commit, command, peers }. */
export function report({ about, places, sizes, memory, predictions }) {
  return `# Results of \`${about.command}\`

Written by the benchmark itself. ${about.date}; ${about.machine}; load average ${about.load}, so other work shared the
processors: a median by the clock includes waiting for them, CPU time (Node only, of the whole process, its compiler and
collector too) does not. Engine: as of commit ${about.commit}. Peers: ${about.peers}.

Contestants take turns, each in a process or page of its own, on one thread where the row says nothing else; Node knows relaxed SIMD. Before it is timed, a
contestant's output must agree with TensorFlow 2.15.1 within 1e-3. All have the same weights; the peers read files made from the
same model by their converters. keras-wasm loads the H5 file and is called by \`predictOnBatch\`, but for the LSTM and the
transformer, whose layers it does not have yet: there it loads TensorFlow's SavedModel and calls the signature. Memory is that of the WebAssembly modules, which never shrinks. Rates are by CPU
time where there is one; those of matrix products by the quickest run, as is the peak: a loop of multiply-adds between registers.

${places.map(section).join('\n\n')}

### Download to a first prediction, brotli of quality 9

${table(
  ['', 'scripts kB', 'wasm kB', 'together kB'],
  sizes.map(({ name, script, wasm, total }) => [name, kilobytes(script), kilobytes(wasm), kilobytes(total)]),
)}

### Memory of a load beyond its weights, Node

At its peak: resident memory of the process, heap of the engine, each less what there was before and less the weights.

${table(
  ['', 'file MB', 'weights MB', 'process MB', 'engine MB', 's'],
  memory.map(({ name, file, weights, process, engine, seconds }) => [
    name,
    ...[file, weights, process, engine].map(megabytes),
    seconds.toFixed(2),
  ]),
)}

### Memory of a prediction, Node

Activations are what the planner counts: intermediate values and results. The engine's heap is beyond the weights: in use after a
prediction, and at its largest, the load before it included.

${table(
  ['', 'batch', 'weights MB', 'activations MB', 'engine MB', 'its peak MB'],
  predictions.map(({ title, batch, weights, activations, engine, peak }) => [
    title,
    String(batch),
    ...[weights, activations, engine, peak].map((bytes) => (bytes / 1e6).toFixed(2)),
  ]),
)}
`;
}
