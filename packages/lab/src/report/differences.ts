import { axisX, axisY, dot, link, type Markish, ruleX } from '@observablehq/plot';
import type { ComparisonResult } from '../comparison.ts';
import { pairsOf } from '../stats/pairing.ts';
import { baselineOf } from './decision.ts';
import { figureSvg, methodColor } from './figure.ts';
import type { Html } from './html.ts';
import { points } from './numbers.ts';

interface Row {
  name: string;
  color: string;
  pairs: { seed: number; difference: number }[];
  mean: number;
  low: number;
  high: number;
}

/**
 * Paired differences to the baseline in accuracy points: for each method the mean on the bar of its 95 % interval,
 * a ring a seed below, and one rule at zero. Null when nothing is compared.
 */
export function differencesFigure(result: ComparisonResult): Html | null {
  const rows = rowsOf(result);
  if (rows.length === 0) return null;
  const longest = Math.max(...rows.map(({ name }) => shortened(name).length));
  const values = rows.flatMap(({ low, high, pairs }) => [low, high, ...pairs.map((pair) => pair.difference)]);
  return figureSvg(
    `Test accuracy minus that of ${result.baseline}, seed by seed, with mean and 95 % interval`,
    {
      width: 460,
      height: 60 + 44 * rows.length,
      marginTop: 8,
      marginBottom: 42,
      marginLeft: 24 + 7 * longest,
      marginRight: 20,
      x: { nice: true, domain: domainWithZero(values), transform: (difference: number) => 100 * difference },
      y: { type: 'band', domain: rows.map(({ name }) => name), label: null },
      marks: [
        axisX({
          label: `accuracy points against ${result.baseline}`,
          labelAnchor: 'center',
          labelArrow: 'none',
          ticks: 6,
          tickSize: 4,
        }),
        axisY({ tickSize: 0, tickFormat: shortened, fontWeight: 600 }),
        ruleX([0], { strokeOpacity: 0.5 }),
        ...rows.flatMap(marksOf),
      ],
    },
  );
}

function rowsOf(result: ComparisonResult): Row[] {
  const names = result.methods.map((method) => method.name);
  const baseline = baselineOf(result);
  return result.methods.flatMap(({ name, seeds, differenceToBaseline }) => {
    if (differenceToBaseline === null || differenceToBaseline.mean === null) return [];
    const { mean, ci95 } = differenceToBaseline;
    const [low, high] = ci95 ?? [mean, mean];
    const pairs = pairsOf(seeds, baseline?.seeds ?? []).map(({ run, partner }) => ({
      seed: run.seed,
      difference: run.testAccuracy - partner.testAccuracy,
    }));
    return [{ name, color: methodColor(names, result.baseline, name), pairs, mean, low, high }];
  });
}

function marksOf({ name, color, pairs, mean, low, high }: Row): Markish[] {
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
      title: ({ seed, difference }) => `seed ${seed}: ${points(difference)} points`,
    }),
  ];
}

function domainWithZero(values: number[]): [number, number] {
  const low = Math.min(0, ...values);
  const high = Math.max(0, ...values);
  return low === high ? [-1, 1] : [100 * low, 100 * high];
}

function shortened(name: string): string {
  return name.length > 16 ? `${name.slice(0, 15)}…` : name;
}
