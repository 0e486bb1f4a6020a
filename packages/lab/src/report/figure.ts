import { type PlotOptions, plot } from '@observablehq/plot';
import { parseHTML } from 'linkedom';
import { type Html, trusted } from './html.ts';

/** A document without a browser, for Plot to draw in. */
export const svgDocument: Document = parseHTML('<!doctype html><html><body></body></html>').document;

/**
 * Draws a plot to SVG text.
 *
 * @param title  what the figure shows, for those who cannot see it
 */
export function figureSvg(title: string, options: PlotOptions): Html {
  const svg = plot({
    ...options,
    document: svgDocument,
    style: { fontFamily: 'inherit', fontSize: '12px', background: 'none', overflow: 'visible' },
  });
  svg.setAttribute('role', 'img');
  const titleElement = svgDocument.createElementNS('http://www.w3.org/2000/svg', 'title');
  titleElement.textContent = title;
  svg.prepend(titleElement);
  return trusted(svg.outerHTML);
}

/**
 * Colours by method, as CSS variables of the stylesheet so that they follow light and dark: the baseline is grey,
 * the others take the colours of Okabe and Ito, which most colour-blind people can tell apart.
 */
export function methodColor(names: readonly string[], baseline: string | null, name: string): string {
  if (name === baseline) return 'var(--baseline)';
  const others = names.filter((other) => other !== baseline);
  return `var(--method-${others.indexOf(name) % methodColors})`;
}

/** How many method colours the stylesheet defines; after these they repeat, and labels tell the methods apart. */
const methodColors = 6;

/** Moves sorted positions apart to at least `gap`, as little as that takes, and keeps them between `low` and `high`. */
export function spread(positions: readonly number[], gap: number, low: number, high: number): number[] {
  const order = positions.map((_, index) => index).sort((a, b) => positions[a]! - positions[b]!);
  const out = [...positions];
  let floor = low;
  for (const index of order) {
    out[index] = Math.max(out[index]!, floor);
    floor = out[index]! + gap;
  }
  let ceiling = high;
  for (const index of order.toReversed()) {
    out[index] = Math.min(out[index]!, ceiling);
    ceiling = out[index]! - gap;
  }
  return out;
}
