import { randomStream } from '@znorm/train';

/** Up to this many pairs every sign pattern is tried: 2^20 sums take about 10 ms. */
const exactUpTo = 20;

export interface SignFlipOptions {
  /** Random patterns when there are too many to try all. @default 100_000 */
  flips?: number;
  /** Seed of those patterns. @default 1 */
  seed?: number;
}

/**
 * Two-sided paired permutation test that the differences are symmetric around zero.
 *
 * If the two methods were interchangeable, each difference could as well have had the other sign. So
 *
 *     p = share of the 2ⁿ sign patterns s with |Σ sᵢ·dᵢ| ≥ |Σ dᵢ|
 *
 * exactly up to 20 pairs; beyond, over m random patterns of which b reach it, (b + 1)/(m + 1), which is never 0
 * and never too small on average. Assumes no distribution; the smallest p that n pairs can reach is 2/2ⁿ.
 *
 * @param differences  one a pair; at least one
 * @throws RangeError  if there are none, or one is not finite
 * @see Phipson and Smyth 2010, Permutation p-values should never be zero
 */
export function signFlipTest(differences: readonly number[], options: SignFlipOptions = {}): number {
  const bad = differences.findIndex((d) => !Number.isFinite(d));
  if (bad >= 0) {
    throw new RangeError(
      `signFlipTest: expected finite differences, got ${differences[bad]} at differences[${bad}].`,
    );
  }
  if (differences.length === 0)
    throw new RangeError('signFlipTest: expected at least one difference, got none.');

  // Sums that are equal on paper differ by rounding (0.1 + 0.2 and 0.3); a tie must count as reaching.
  const size = differences.reduce((sum, d) => sum + Math.abs(d), 0);
  const observed = Math.abs(differences.reduce((sum, d) => sum + d, 0)) - 1e-12 * size;
  if (differences.length <= exactUpTo) {
    return countReaching(differences, observed, 0, 0) / 2 ** differences.length;
  }
  const { flips = 100_000, seed = 1 } = options;
  const random = randomStream(seed, 'sign-flip');
  let reaching = 0;
  for (let flip = 0; flip < flips; flip++) {
    let sum = 0;
    for (const d of differences) sum += random() < 2 ** 31 ? d : -d;
    if (Math.abs(sum) >= observed) reaching++;
  }
  return (reaching + 1) / (flips + 1);
}

/** How many sign patterns of the differences from `index` on bring |sum| to `observed`. */
function countReaching(differences: readonly number[], observed: number, index: number, sum: number): number {
  if (index === differences.length) return Math.abs(sum) >= observed ? 1 : 0;
  const d = differences[index]!;
  return (
    countReaching(differences, observed, index + 1, sum + d) +
    countReaching(differences, observed, index + 1, sum - d)
  );
}

/** The smallest p value the exact test can reach with so many pairs: all signs equal, either way. */
export function smallestSignFlipP(pairs: number): number {
  return Math.min(1, 2 / 2 ** pairs);
}

/** The fewest pairs with which one of `comparisons` tests could fall under `alpha` after Holm's correction. */
export function pairsNeeded(comparisons: number, alpha: number): number {
  let pairs = 1;
  while (comparisons * smallestSignFlipP(pairs) >= alpha) pairs++;
  return pairs;
}

/**
 * Two-sided exact Wilcoxon signed-rank test: the sign-flip test of the signed ranks of |d|. Zero differences
 * are dropped, ties share their mean rank; conditional on the ties, so exact with them too.
 *
 * @returns 1 when every difference is zero
 */
export function wilcoxonTest(differences: readonly number[], options: SignFlipOptions = {}): number {
  // Differences that are equal on paper differ by rounding (0.72 − 0.70 and 0.71 − 0.69) and must tie.
  const rounding = 1e-12 * Math.max(...differences.map(Math.abs));
  const nonzero = differences.filter((d) => Math.abs(d) > rounding);
  if (nonzero.length === 0) return 1;
  const signedRanks = nonzero.map((d) => {
    const excess = nonzero.map((other) => Math.abs(other) - Math.abs(d));
    const below = excess.filter((e) => e < -rounding).length;
    const tied = excess.filter((e) => Math.abs(e) <= rounding).length;
    return Math.sign(d) * (below + (tied + 1) / 2);
  });
  return signFlipTest(signedRanks, options);
}
