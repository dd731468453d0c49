// Where the boxes and lines of a layer graph go: rows by longest path from the inputs, crossings reduced by ordering each
// row by its neighbours' average place (Sugiyama, Tagawa, Toda 1981). A line that passes a row has a narrow place of its own there,
// so that skip connections run beside the boxes, not behind them.

export interface GraphNode {
  name: string;
  /** Names of the nodes before it. */
  inbound: string[];
  width: number;
}

export interface Point {
  x: number;
  y: number;
}

export interface Layout {
  width: number;
  height: number;
  /** Centre of each box, by name. */
  boxes: Map<string, Point>;
  /** Points that each line goes through, from one box's centre to the next's. */
  lines: Point[][];
}

interface Place {
  row: number;
  width: number;
  x: number;
  above: Place[];
  below: Place[];
}

const PASSING_WIDTH = 14;
const GAP = 26;
const SWEEPS = 12;

/** Rows by longest path. Layers that nothing orders (a file may name a cycle) stay where they were first met. */
function rowsOf(nodes: GraphNode[]): Map<string, number> {
  const byName = new Map(nodes.map((node) => [node.name, node]));
  const rows = new Map<string, number>();
  const waiting = [...nodes];
  for (let before = -1; waiting.length > 0 && waiting.length !== before;) {
    before = waiting.length;
    for (const node of waiting.splice(0)) {
      const inbound = node.inbound.filter((name) => byName.has(name));
      if (inbound.every((name) => rows.has(name)))
        rows.set(node.name, Math.max(-1, ...inbound.map((name) => rows.get(name) as number)) + 1);
      else waiting.push(node);
    }
  }
  for (const { name } of waiting) rows.set(name, 0);
  return rows;
}

function link(above: Place, below: Place): void {
  above.below.push(below);
  below.above.push(above);
}

/** Places for one line: its ends and one in each row between. */
function route(from: Place, to: Place, grid: Place[][]): Place[] {
  const path = [from];
  for (let row = from.row + 1; row < to.row; row++) {
    const passing: Place = { row, width: PASSING_WIDTH, x: 0, above: [], below: [] };
    grid[row]?.push(passing);
    link(path.at(-1) as Place, passing);
    path.push(passing);
  }
  link(path.at(-1) as Place, to);
  return [...path, to];
}

function average(places: Place[], otherwise: number): number {
  return places.length === 0 ? otherwise : places.reduce((sum, { x }) => sum + x, 0) / places.length;
}

/** Moves the places of a row to where they want to be, as far as their widths allow, keeping their order. */
function settle(row: Place[], wanted: number[]): void {
  const distance = (i: number): number => ((row[i - 1] as Place).width + (row[i] as Place).width) / 2 + GAP;
  const fromLeft = [...wanted];
  for (let i = 1; i < row.length; i++) fromLeft[i] = Math.max(fromLeft[i] as number, (fromLeft[i - 1] as number) + distance(i));
  const fromRight = [...wanted];
  for (let i = row.length - 1; i > 0; i--)
    fromRight[i - 1] = Math.min(fromRight[i - 1] as number, (fromRight[i] as number) - distance(i));
  // Both keep the distances, so their mean does too, and it leans to neither side.
  row.forEach((place, i) => {
    place.x = ((fromLeft[i] as number) + (fromRight[i] as number)) / 2;
  });
}

function sweep(grid: Place[][], neighbours: 'above' | 'below', reorder: boolean): void {
  for (const row of neighbours === 'above' ? grid : [...grid].reverse()) {
    const wanted = new Map(row.map((place) => [place, average(place[neighbours], place.x)]));
    if (reorder) row.sort((a, b) => (wanted.get(a) as number) - (wanted.get(b) as number));
    settle(
      row,
      row.map((place) => wanted.get(place) as number),
    );
  }
}

export function layOut(nodes: GraphNode[], rowHeight: number): Layout {
  const rows = rowsOf(nodes);
  const grid: Place[][] = Array.from({ length: Math.max(0, ...rows.values()) + 1 }, () => []);
  const places = new Map<string, Place>();
  for (const { name, width } of nodes) {
    const place: Place = { row: rows.get(name) as number, width, x: 0, above: [], below: [] };
    places.set(name, place);
    grid[place.row]?.push(place);
  }
  const paths = nodes.flatMap(({ name, inbound }) =>
    inbound.flatMap((from) => {
      const start = places.get(from),
        end = places.get(name);
      return start && end && start.row < end.row ? [route(start, end, grid)] : [];
    }),
  );
  for (const row of grid)
    settle(
      row,
      row.map(() => 0),
    );
  for (let i = 0; i < SWEEPS; i++) sweep(grid, i % 2 === 0 ? 'above' : 'below', i < SWEEPS / 2);
  return measured(grid, places, paths, rowHeight);
}

function measured(grid: Place[][], places: Map<string, Place>, paths: Place[][], rowHeight: number): Layout {
  const all = grid.flat();
  const left = Math.min(0, ...all.map(({ x, width }) => x - width / 2)) - GAP;
  const right = Math.max(0, ...all.map(({ x, width }) => x + width / 2)) + GAP;
  const point = ({ x, row }: Place): Point => ({ x: x - left, y: (row + 0.5) * rowHeight });
  return {
    width: right - left,
    height: grid.length * rowHeight,
    boxes: new Map([...places].map(([name, place]) => [name, point(place)])),
    lines: paths.map((path) => path.map(point)),
  };
}
