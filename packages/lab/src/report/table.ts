import type { ComparisonResult, Difference, MethodResult } from '../comparison.ts';
import { mean } from '../stats/mean.ts';
import { percent, plusMinus, points, pValue } from './numbers.ts';

/** One method in words and digits, as the terminal, the page and the Markdown all show it; `—` where nothing is known. */
export interface TableRow {
  method: string;
  learningRate: string;
  /** Seeds that finished, of those asked for. */
  seeds: string;
  /** Test accuracy in percent: mean ± half of the 95 % interval. */
  accuracy: string;
  bestSeed: string;
  loss: string;
  stepMs: string;
  /** Paired difference to the baseline in points, with its interval. */
  difference: string;
  p: string;
  pHolm: string;
}

const unknown = '—';

/** The rows of the table, one a method, in the order of the record. */
export function tableRows(result: ComparisonResult): TableRow[] {
  return result.methods.map((method) => {
    const { seeds, differenceToBaseline: difference } = method;
    const of = result.config.seeds.length;
    return {
      method: method.name,
      learningRate: String(method.learningRate),
      seeds: seeds.length === of ? String(of) : `${seeds.length} of ${of}`,
      accuracy: accuracyCell(method),
      bestSeed: seeds.length === 0 ? unknown : percent(Math.max(...seeds.map((seed) => seed.testAccuracy))),
      loss: seeds.length === 0 ? unknown : mean(seeds.map((seed) => seed.testLoss)).toFixed(3),
      stepMs: seeds.length === 0 ? unknown : milliseconds(mean(seeds.map((seed) => seed.stepMs))),
      difference: difference === null ? unknown : differenceCell(difference),
      p: difference === null ? unknown : difference.p === null ? 'too few seeds' : pValue(difference.p),
      pHolm: typeof difference?.pHolm === 'number' ? pValue(difference.pHolm) : unknown,
    };
  });
}

function accuracyCell({ seeds, mean, ci95 }: MethodResult): string {
  if (mean === null) return seeds.length === 0 ? 'failed' : unknown;
  return ci95 === null ? percent(mean) : `${percent(mean)} ${plusMinus(ci95)}`;
}

function differenceCell({ mean, ci95 }: Difference): string {
  if (mean === null) return unknown;
  return ci95 === null ? points(mean) : `${points(mean)} [${points(ci95[0])}, ${points(ci95[1])}]`;
}

/** Times under 100 ms with one decimal, longer ones without. */
function milliseconds(time: number): string {
  return time < 100 ? time.toFixed(1) : time.toFixed(0);
}
