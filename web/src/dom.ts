// Small helpers to make and find elements. Text always goes in as text, so nothing a file says becomes markup.

type Attributes = Record<string, string | number | boolean>;
type Child = Node | string;

const SVG = 'http://www.w3.org/2000/svg';

/** The element of index.html with this id; `type` says which kind it must be. */
export function byId<T extends HTMLElement>(id: string, type: new () => T): T {
  const element = document.getElementById(id);
  if (!(element instanceof type)) throw new Error(`index.html has no ${type.name} with the id "${id}".`);
  return element;
}

function fill<T extends Element>(element: T, attributes: Attributes, children: Child[]): T {
  for (const [name, value] of Object.entries(attributes)) {
    if (value !== false) element.setAttribute(name, value === true ? '' : String(value));
  }
  element.append(...children);
  return element;
}

export function html<Tag extends keyof HTMLElementTagNameMap>(
  tag: Tag,
  attributes: Attributes = {},
  ...children: Child[]
): HTMLElementTagNameMap[Tag] {
  return fill(document.createElement(tag), attributes, children);
}

export function svg<Tag extends keyof SVGElementTagNameMap>(
  tag: Tag,
  attributes: Attributes = {},
  ...children: Child[]
): SVGElementTagNameMap[Tag] {
  return fill(document.createElementNS(SVG, tag), attributes, children);
}

export function button(label: string, onClick: () => void): HTMLButtonElement {
  const element = html('button', { type: 'button' }, label);
  element.addEventListener('click', onClick);
  return element;
}

/** A colour of main.css, as canvases need it. */
export function themeColour(name: 'ink' | 'quiet' | 'line' | 'accent' | 'bar'): string {
  return getComputedStyle(document.documentElement).getPropertyValue(`--${name}`).trim();
}

/** A number short enough for a table. */
export function formatNumber(value: number): string {
  return Number.isInteger(value) && Math.abs(value) < 1e6 ? String(value) : value.toPrecision(4);
}

/** An error as the page shows it: one sentence. */
export function sentence(error: unknown): string {
  const text = (error instanceof Error ? error.message : String(error)).trim();
  return /[.!?]$/.test(text) ? text : `${text}.`;
}
