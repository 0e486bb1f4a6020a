import { axisX, image, scale } from '@observablehq/plot';
import { encode } from 'fast-png';
import { figureSvg } from './figure.ts';
import type { Html } from './html.ts';

/** A colour of eight-bit channels; alpha 0 leaves the page to be seen. */
export type Rgba = readonly [number, number, number, number];

export interface ColorScale {
  kind: 'log' | 'diverging';
  domain: [number, number];
  colorOf(value: number): Rgba;
}

const blank: Rgba = [0, 0, 0, 0];

/** Values further than this many decades below the largest take the colour of the lowest. */
const mostDecades = 8;

/**
 * Logarithmic colours (viridis) over whole decades, for sizes that differ by orders of magnitude. What has no
 * logarithm (exactly 0, not finite) stays blank. Null when nothing can be coloured.
 */
export function logScale(values: readonly number[]): ColorScale | null {
  const exponents = values.filter((value) => value > 0 && Number.isFinite(value)).map(Math.log10);
  if (exponents.length === 0) return null;
  const high = Math.ceil(Math.max(...exponents));
  const low = Math.max(Math.min(Math.floor(Math.min(...exponents)), high - 1), high - mostDecades);
  const domain: [number, number] = [10 ** low, 10 ** high];
  const { apply } = scale({ color: { type: 'log', domain, scheme: 'viridis', clamp: true } })!;
  return {
    kind: 'log',
    domain,
    colorOf: (value) => (value > 0 && Number.isFinite(value) ? parsed(apply(value)) : blank),
  };
}

/**
 * Diverging colours (blue, white, red) for values of either sign around zero: logarithmic down to a thousandth of
 * the largest size, linear across zero. Null when nothing can be coloured.
 */
export function divergingScale(values: readonly number[]): ColorScale | null {
  const sizes = values.filter(Number.isFinite).map(Math.abs);
  if (sizes.length === 0) return null;
  const largest = Math.max(...sizes);
  const high = largest > 0 ? 10 ** Math.ceil(Math.log10(largest)) : 1;
  const domain: [number, number] = [-high, high];
  const { apply } = scale({
    color: {
      type: 'diverging-symlog',
      domain,
      constant: linearBelow * high,
      scheme: 'RdBu',
      reverse: true,
      clamp: true,
    },
  })!;
  return {
    kind: 'diverging',
    domain,
    colorOf: (value) => (Number.isFinite(value) ? parsed(apply(value)) : blank),
  };
}

/** Plot answers `#rrggbb` or `rgb(r, g, b)`. */
function parsed(color: string): Rgba {
  const channels = color.startsWith('#')
    ? [1, 3, 5].map((start) => Number.parseInt(color.slice(start, start + 2), 16))
    : color.match(/\d+/g)!.map(Number);
  return [channels[0]!, channels[1]!, channels[2]!, 255];
}

/**
 * A grid of cells as a PNG of one pixel a cell, for an `<img>` or SVG `<image>` that scales it without smoothing:
 * a thousandth of the size of as many SVG rectangles.
 */
export function cellsPng(
  columns: number,
  rows: number,
  colorOf: (column: number, row: number) => Rgba,
): string {
  const data = new Uint8Array(4 * columns * rows);
  for (let row = 0; row < rows; row++) {
    for (let column = 0; column < columns; column++) {
      data.set(colorOf(column, row), 4 * (row * columns + column));
    }
  }
  const png = encode({ width: columns, height: rows, data, channels: 4, depth: 8 });
  return `data:image/png;base64,${Buffer.from(png).toString('base64')}`;
}

/** A diverging scale is linear below this share of its end, logarithmic above. */
const linearBelow = 1 / 1000;

const legend = { width: 360, height: 44, marginLeft: 24, marginRight: 24, marginTop: 4, marginBottom: 26 };

/** The scale as a bar of its colours with numbers below. */
export function scaleLegend({ kind, domain, colorOf }: ColorScale, title: string): Html {
  const [low, high] = domain;
  const width = legend.width - legend.marginLeft - legend.marginRight;
  const x =
    kind === 'log'
      ? ({ type: 'log', domain, range: [0, width] } as const)
      : ({ type: 'symlog', domain, constant: linearBelow * high, range: [0, width] } as const);
  const valueAt = scale({ x })!.invert!;
  const bar = cellsPng(width, 1, (column) => colorOf(valueAt(column + 0.5)));
  const decades = Math.round(Math.log10(high / low));
  const ticks =
    kind === 'log'
      ? Array.from({ length: decades + 1 }, (_, decade) => low * 10 ** decade).filter(
          (_, decade) => decades <= 5 || decade % 2 === decades % 2,
        )
      : [-high, -high / 100, 0, high / 100, high];
  return figureSvg(title, {
    ...legend,
    x: { ...x, range: [legend.marginLeft, legend.marginLeft + width] },
    marks: [
      image([bar], {
        src: (source: string) => source,
        frameAnchor: 'middle',
        width,
        height: legend.height - legend.marginTop - legend.marginBottom,
        preserveAspectRatio: 'none',
      }),
      axisX(ticks, { tickSize: 3, tickFormat: powerOfTen, label: null }),
    ],
  });
}

const superscripts = '⁰¹²³⁴⁵⁶⁷⁸⁹';

/** 0.001 → `10⁻³`, −10 → `−10`, 1 → `1`. */
function powerOfTen(value: number): string {
  if (value === 0) return '0';
  const sign = value < 0 ? '−' : '';
  const exponent = Math.round(Math.log10(Math.abs(value)));
  if (exponent === 0 || exponent === 1) return `${sign}${10 ** exponent}`;
  const digits = [...String(Math.abs(exponent))].map((digit) => superscripts[Number(digit)]).join('');
  return `${sign}10${exponent < 0 ? '⁻' : ''}${digits}`;
}
