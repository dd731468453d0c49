// The model's layers as a graph, drawn as SVG.
import { svg } from '../dom';
import { layOut, type Point } from '../graph_layout';
import type { LayerInfo } from '../protocol';

const ROW_HEIGHT = 84;
const BOX_HEIGHT = 56;
const LONGEST_NAME = 26;
// Average advance of system-ui at 13 px, a little generous.
const CHARACTER_WIDTH = 7.4;

function shortened(text: string, length: number): string {
  return text.length <= length ? text : `${text.slice(0, length - 1)}…`;
}

function boxWidth({ name, className, outputShape }: LayerInfo): number {
  const longest = Math.max(name.length, className.length, outputShape.length * 0.9);
  return Math.max(110, Math.min(longest, LONGEST_NAME) * CHARACTER_WIDTH + 20);
}

function box(layer: LayerInfo, { x, y }: Point): SVGGElement {
  const width = boxWidth(layer);
  const line = (text: string, dy: number, kind: string): SVGTextElement =>
    svg(
      'text',
      { x, y: y + dy, 'text-anchor': 'middle', class: kind },
      shortened(text, LONGEST_NAME + (kind === 'name' ? 0 : 4)),
    );
  const isInput = layer.inbound.length === 0;
  return svg(
    'g',
    { class: isInput ? 'input' : 'layer' },
    svg('title', {}, `${layer.name}: ${layer.className} ${layer.outputShape}`),
    svg('rect', { x: x - width / 2, y: y - BOX_HEIGHT / 2, width, height: BOX_HEIGHT, rx: 8 }),
    line(layer.name, -10, 'name'),
    line(layer.className, 6, 'class'),
    line(layer.outputShape, 20, 'class'),
  );
}

/** A line down through its points, upright where it meets boxes and rows. */
function curve(points: Point[]): string {
  const last = points.length - 1;
  let path = '';
  points.forEach(({ x, y }, i) => {
    const top = i === 0 ? y + BOX_HEIGHT / 2 : y - BOX_HEIGHT / 2;
    const before = points[i - 1];
    if (before === undefined) {
      path = `M${x} ${top}`;
      return;
    }
    const middle = (before.y + y) / 2;
    path += `C${before.x} ${middle} ${x} ${middle} ${x} ${top}`;
    if (i < last) path += `V${y + BOX_HEIGHT / 2}`;
  });
  return path;
}

export function showArchitecture(target: HTMLElement, layers: LayerInfo[]): void {
  const layout = layOut(
    layers.map((layer) => ({ name: layer.name, inbound: layer.inbound, width: boxWidth(layer) })),
    ROW_HEIGHT,
  );
  const graph = svg('svg', {
    class: 'graph',
    role: 'img',
    'aria-label': `Graph of ${layers.length} layers; the summary below tells the same as text`,
    width: layout.width,
    height: layout.height,
    viewBox: `0 0 ${layout.width} ${layout.height}`,
  });
  for (const points of layout.lines) graph.append(svg('path', { d: curve(points), 'marker-end': 'url(#arrow)' }));
  graph.prepend(
    svg(
      'defs',
      {},
      svg(
        'marker',
        { id: 'arrow', viewBox: '0 0 8 8', refX: 7, refY: 4, markerWidth: 7, markerHeight: 7, orient: 'auto' },
        svg('polygon', { points: '0,0 8,4 0,8' }),
      ),
    ),
  );
  for (const layer of layers) graph.append(box(layer, layout.boxes.get(layer.name) as Point));
  target.replaceChildren(graph);
  target.scrollLeft = (target.scrollWidth - target.clientWidth) / 2;
}
