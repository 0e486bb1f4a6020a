import type { ComparisonResult, Difference, MethodResult } from '../comparison.ts';
import { advantage, differenceText, type Metric, plusMinus, valueText } from '../metric.ts';
import { mean } from '../stats/mean.ts';
import { pValue } from './numbers.ts';

/** One method in words and digits, as the terminal, the page and the Markdown all show it; `—` where nothing is known. */
export interface TableRow {
  method: string;
  learningRate: string;
  /** Seeds that finished, of those asked for. */
  seeds: string;
  /** The primary metric on the test set: mean ± half of the 95 % interval. */
  primary: string;
  bestSeed: string;
  /** The second metric on the test set, mean; empty where there is only one. */
  second: string;
  stepMs: string;
  /** Paired difference to the baseline, with its interval. */
  difference: string;
  p: string;
  pHolm: string;
}

const unknown = '—';

/** The rows of the table, one a method, in the order of the record. */
export function tableRows(result: ComparisonResult): TableRow[] {
  const [primary, second] = result.metrics;
  return result.methods.map((method) => {
    const { seeds, differenceToBaseline: difference } = method;
    const of = result.config.seeds.length;
    return {
      method: method.name,
      learningRate: String(method.learningRate),
      seeds: seeds.length === of ? String(of) : `${seeds.length} of ${of}`,
      primary: primaryCell(method, primary),
      bestSeed: seeds.length === 0 ? unknown : valueText(primary, bestOf(method, primary)),
      second: second === undefined ? '' : meanCell(method, second),
      stepMs: seeds.length === 0 ? unknown : milliseconds(mean(seeds.map((seed) => seed.stepMs))),
      difference: difference === null ? unknown : differenceCell(difference, primary),
      p: difference === null ? unknown : difference.p === null ? 'too few seeds' : pValue(difference.p),
      pHolm: typeof difference?.pHolm === 'number' ? pValue(difference.pHolm) : unknown,
    };
  });
}

function primaryCell({ seeds, mean, ci95 }: MethodResult, metric: Metric): string {
  if (mean === null) return seeds.length === 0 ? 'failed' : unknown;
  return ci95 === null ? valueText(metric, mean) : `${valueText(metric, mean)} ${plusMinus(metric, ci95)}`;
}

/** The mean of a metric on the test set over seeds. */
export function meanCell({ seeds }: MethodResult, metric: Metric): string {
  return seeds.length === 0 ? unknown : valueText(metric, mean(seeds.map(({ test }) => test[metric.name]!)));
}

function bestOf({ seeds }: MethodResult, metric: Metric): number {
  return seeds
    .map(({ test }) => test[metric.name]!)
    .reduce((best, value) => (advantage(metric, value, best) > 0 ? value : best));
}

/** `+1.84 [+1.20, +2.48]`: the mean paired difference and its interval. */
export function differenceCell({ mean, ci95 }: Difference, metric: Metric): string {
  if (mean === null) return unknown;
  const text = (value: number) => differenceText(metric, value);
  return ci95 === null ? text(mean) : `${text(mean)} [${text(ci95[0])}, ${text(ci95[1])}]`;
}

/** Times under 100 ms with one decimal, longer ones without. */
function milliseconds(time: number): string {
  return time < 100 ? time.toFixed(1) : time.toFixed(0);
}
