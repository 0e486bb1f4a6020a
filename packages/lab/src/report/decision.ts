import { type ComparisonResult, type MethodResult, primaryMetric } from '../comparison.ts';
import { advantage } from '../metric.ts';
import { pairsOf } from '../stats/pairing.ts';
import { pairsNeeded, smallestSignFlipP } from '../stats/sign-flip.ts';

/** A difference counts when its corrected p is under this. */
export const alpha = 0.05;

/**
 * What may be said of a method against the baseline.
 * `better` and `worse`, in the metric's own direction, need both the corrected exact test and the interval to agree; `same` is weights equal bit for
 * bit on every paired seed; `untested` is too few pairs for a test.
 */
export type Decision = 'better' | 'worse' | 'undecided' | 'same' | 'untested';

/** Decides for one method; null for the baseline itself or when there is none. */
export function decide(method: MethodResult, result: ComparisonResult): Decision | null {
  const difference = method.differenceToBaseline;
  if (difference === null) return null;
  if (sameWeights(method, baselineOf(result))) return 'same';
  const { pHolm, ci95, mean } = difference;
  if (pHolm === null || ci95 === null || mean === null) return 'untested';
  const leavesOutZero = ci95[0] > 0 || ci95[1] < 0;
  if (pHolm >= alpha || !leavesOutZero) return 'undecided';
  return advantage(primaryMetric(result), mean, 0) > 0 ? 'better' : 'worse';
}

/** The record of the baseline, if it is among the methods. */
export function baselineOf(result: ComparisonResult): MethodResult | undefined {
  return result.methods.find((method) => method.name === result.baseline);
}

function sameWeights(method: MethodResult, baseline: MethodResult | undefined): boolean {
  const pairs = pairsOf(method.seeds, baseline?.seeds ?? []);
  return pairs.length > 0 && pairs.every(({ run, partner }) => run.weightsHash === partner.weightsHash);
}

/** What the exact test could have shown at best, given the pairs and the number of comparisons. */
export interface Reach {
  pairs: number;
  comparisons: number;
  smallestP: number;
  /** After Holm's correction. */
  smallestPHolm: number;
  /** The fewest pairs that could bring one comparison under alpha. */
  pairsNeeded: number;
}

/** The reach of a comparison; null when nothing is compared. */
export function reachOf(result: ComparisonResult): Reach | null {
  const differences = result.methods.flatMap((method) => method.differenceToBaseline ?? []);
  if (differences.length === 0) return null;
  // A method that lost its seeds is not tested, and does not weigh on the others; if none is, all would have been.
  const comparisons = differences.filter(({ p }) => p !== null).length || differences.length;
  const pairs = Math.max(...differences.map((difference) => difference.pairs));
  const smallestP = smallestSignFlipP(pairs);
  return {
    pairs,
    comparisons,
    smallestP,
    smallestPHolm: Math.min(1, comparisons * smallestP),
    pairsNeeded: pairsNeeded(comparisons, alpha),
  };
}
