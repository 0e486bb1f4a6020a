import { axisX, axisY, dot, link, type Markish, ruleX } from '@observablehq/plot';
import { type ComparisonResult, primaryMetric } from '../comparison.ts';
import { differenceText, type Metric, pointsOf } from '../metric.ts';
import { pairsOf } from '../stats/pairing.ts';
import { baselineOf } from './decision.ts';
import { figureSvg, methodColor } from './figure.ts';
import type { Html } from './html.ts';

interface Row {
  name: string;
  color: string;
  pairs: { seed: number; difference: number }[];
  mean: number;
  low: number;
  high: number;
}

/**
 * Paired differences to the baseline: for each method the mean on the bar of its 95 % interval,
 * a ring a seed below, and one rule at zero. Null when nothing is compared.
 */
export function differencesFigure(result: ComparisonResult): Html | null {
  const rows = rowsOf(result);
  const metric = primaryMetric(result);
  const { label, better, adjective } = metric;
  const scale = metric.format === 'percent' ? 100 : 1;
  const direction = adjective === undefined ? `, ${better} is better` : '';
  if (rows.length === 0) return null;
  const longest = Math.max(...rows.map(({ name }) => shortened(name).length));
  const values = rows.flatMap(({ low, high, pairs }) => [low, high, ...pairs.map((pair) => pair.difference)]);
  return figureSvg(
    `Test ${label} minus that of ${result.baseline}, seed by seed, with mean and 95 % interval`,
    {
      width: 460,
      height: 60 + 44 * rows.length,
      marginTop: 8,
      marginBottom: 42,
      marginLeft: 24 + 7 * longest,
      marginRight: 20,
      x: {
        nice: true,
        domain: domainWithZero(values.map((value) => scale * value)),
        transform: (difference: number) => scale * difference,
      },
      y: { type: 'band', domain: rows.map(({ name }) => name), label: null },
      marks: [
        axisX({
          label: `${label}${pointsOf(metric)} against ${result.baseline}${direction}`,
          labelAnchor: 'center',
          labelArrow: 'none',
          ticks: 6,
          tickSize: 4,
        }),
        axisY({ tickSize: 0, tickFormat: shortened, fontWeight: 600 }),
        ruleX([0], { strokeOpacity: 0.5 }),
        ...rows.flatMap((row) => marksOf(row, metric)),
      ],
    },
  );
}

function rowsOf(result: ComparisonResult): Row[] {
  const names = result.methods.map((method) => method.name);
  const baseline = baselineOf(result);
  const metric = primaryMetric(result).name;
  return result.methods.flatMap(({ name, seeds, differenceToBaseline }) => {
    if (differenceToBaseline === null || differenceToBaseline.mean === null) return [];
    const { mean, ci95 } = differenceToBaseline;
    const [low, high] = ci95 ?? [mean, mean];
    const pairs = pairsOf(seeds, baseline?.seeds ?? []).map(({ run, partner }) => ({
      seed: run.seed,
      difference: run.test[metric]! - partner.test[metric]!,
    }));
    return [{ name, color: methodColor(names, result.baseline, name), pairs, mean, low, high }];
  });
}

function marksOf({ name, color, pairs, mean, low, high }: Row, metric: Metric): Markish[] {
  const above = { y: () => name, dy: -6 };
  return [
    link([name], {
      x1: () => low,
      x2: () => high,
      y1: () => name,
      y2: () => name,
      dy: above.dy,
      stroke: color,
      strokeWidth: 9,
      strokeOpacity: 0.28,
      strokeLinecap: 'butt',
    }),
    dot([name], { ...above, x: () => mean, r: 5, fill: color }),
    dot(pairs, {
      x: 'difference',
      y: () => name,
      dy: 8,
      r: 2.5,
      stroke: color,
      title: ({ seed, difference }) =>
        `seed ${seed}: ${differenceText(metric, difference)}${pointsOf(metric)}`,
    }),
  ];
}

function domainWithZero(values: number[]): [number, number] {
  const low = Math.min(0, ...values);
  const high = Math.max(0, ...values);
  return low === high ? [-1, 1] : [low, high];
}

function shortened(name: string): string {
  return name.length > 16 ? `${name.slice(0, 15)}…` : name;
}
