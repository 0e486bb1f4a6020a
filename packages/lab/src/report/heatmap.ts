import { axisFx, axisX, axisY, image, ruleY } from '@observablehq/plot';
import type { ComparisonResult, GradientSnapshot, LayerStatistics } from '../comparison.ts';
import { type ColorScale, cellsPng, divergingScale, logScale } from './color-scale.ts';
import { figureSvg } from './figure.ts';
import type { Html } from './html.ts';

/** The gradients of one method that the heat maps show: those of one seed. */
export interface GradientTrack {
  method: string;
  seed: number;
  snapshots: GradientSnapshot[];
}

/**
 * One track a method that recorded gradients, all of the first seed that the most methods recorded: maps of equal
 * initial weights and equal batches can be compared cell by cell.
 */
export function gradientTracks(result: ComparisonResult): GradientTrack[] {
  const all = result.methods.flatMap((method) =>
    method.seeds.flatMap(({ seed, gradients = [] }) =>
      gradients.length === 0 ? [] : [{ method: method.name, seed, snapshots: gradients }],
    ),
  );
  const count = (seed: number) => all.filter((track) => track.seed === seed).length;
  const shared = all.map((track) => track.seed).sort((a, b) => count(b) - count(a) || a - b)[0];
  return all.filter((track) => track.seed === shared);
}

export type MappedStatistic = 'norm' | 'mean' | 'std';
const sides = ['before', 'after'] as const;

/** One scale for a statistic over every method, layer, step and side, so that equal colours are equal values. */
export function sharedScale(tracks: readonly GradientTrack[], statistic: MappedStatistic): ColorScale | null {
  const values = tracks.flatMap(({ snapshots }) =>
    snapshots.flatMap(({ layers }) => layers.flatMap((layer) => sides.map((side) => layer[side][statistic]))),
  );
  return statistic === 'mean' ? divergingScale(values) : logScale(values);
}

const size = { width: 460, marginTop: 22, marginRight: 12, marginBottom: 34, marginLeft: 60 };
/** The two panels and the gap between them share what the margins leave of the width. */
const gap = 0.12;
const panelWidth = ((size.width - size.marginLeft - size.marginRight) / (2 - gap)) * (1 - gap);

/** Layer × step before and after the transformation: a row a parameter, input layers on top, a column a step recorded. */
export function heatmapFigure(
  { method, snapshots }: GradientTrack,
  statistic: MappedStatistic,
  { colorOf }: ColorScale,
): Html {
  const paths = snapshots[0]!.layers.map(({ path }) => path);
  // Up to six pixels a row where that is not too tall, but never less than one.
  const height = Math.max(paths.length, Math.min(240, 6 * paths.length));
  const panels = sides.map((side) => ({
    side,
    src: cellsPng(snapshots.length, paths.length, (column, row) =>
      colorOf(statisticOf(snapshots[column]!, paths[row]!, side, statistic)),
    ),
  }));
  const groups = layerGroups(paths);
  const labelled = groups.filter(({ start, end }) => ((end - start) / paths.length) * height >= 11);
  const columns = [...new Set([0, snapshots.length - 1])];

  return figureSvg(`${method}: ${statistic} of each layer's gradient at each step, before and after`, {
    ...size,
    height: height + size.marginTop + size.marginBottom,
    fx: { domain: sides, paddingInner: gap, paddingOuter: 0, round: false, label: null },
    x: { domain: [0, snapshots.length], label: null },
    y: { domain: [paths.length, 0], label: null },
    marks: [
      image(panels, {
        fx: 'side',
        src: 'src',
        frameAnchor: 'middle',
        width: panelWidth,
        height,
        preserveAspectRatio: 'none',
        imageRendering: 'pixelated',
      }),
      ruleY(groups.slice(1), { y: 'start', stroke: 'var(--paper)', strokeWidth: 0.75 }),
      axisFx({ anchor: 'top', tickSize: 0 }),
      axisY(
        labelled.map(({ start, end }) => (start + end) / 2),
        {
          tickSize: 0,
          tickFormat: (_: number, index: number) => labelled[index]!.name,
        },
      ),
      axisX(
        columns.map((column) => column + 0.5),
        {
          tickSize: 3,
          tickFormat: (_: number, index: number) => String(snapshots[columns[index]!]!.step),
          label: 'step',
          labelAnchor: 'center',
          labelArrow: 'none',
        },
      ),
    ],
  });
}

function statisticOf(
  { layers }: GradientSnapshot,
  path: string,
  side: (typeof sides)[number],
  statistic: keyof LayerStatistics,
): number {
  return layers.find((layer) => layer.path === path)?.[side][statistic] ?? Number.NaN;
}

/** Runs of rows whose paths share their first segment, such as `stage2`. */
function layerGroups(paths: readonly string[]): { name: string; start: number; end: number }[] {
  const groups: { name: string; start: number; end: number }[] = [];
  paths.forEach((path, row) => {
    const name = path.split('/')[0]!;
    const last = groups.at(-1);
    if (last?.name === name) last.end = row + 1;
    else groups.push({ name, start: row, end: row + 1 });
  });
  return groups;
}
