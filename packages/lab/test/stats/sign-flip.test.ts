import { readFileSync } from 'node:fs';
import { randomStream, uniform } from '@znorm/train';
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { pairsNeeded, signFlipTest, smallestSignFlipP, wilcoxonTest } from '../../src/stats/sign-flip.ts';

const reference = JSON.parse(readFileSync(new URL('golden/reference.json', import.meta.url), 'utf8'));
const samples: Record<string, { values: number[]; signFlipP: number }> = reference.samples;

/** Accuracy differences as they come: whole numbers of test images over 10,000. */
const differences = fc
  .array(fc.integer({ min: -300, max: 300 }), { minLength: 1, maxLength: 9 })
  .map((images) => images.map((image) => image / 10_000));

describe('sign-flip test', () => {
  test.each(Object.entries(samples))('%s: p is what scipy.stats.permutation_test says', (_, sample) => {
    // Both count sign patterns exactly, so the same count over the same power of two.
    expect(signFlipTest(sample.values)).toBe(sample.signFlipP);
  });

  test('p is a whole, even count of the 2ⁿ patterns, at least 2/2ⁿ and at most 1', () => {
    fc.assert(
      fc.property(differences, (values) => {
        const patterns = signFlipTest(values) * 2 ** values.length;
        expect(patterns % 2).toBe(0);
        expect(patterns).toBeGreaterThanOrEqual(2);
        expect(patterns).toBeLessThanOrEqual(2 ** values.length);
      }),
    );
  });

  test('swapping the methods, reordering the seeds or changing the unit changes nothing', () => {
    fc.assert(
      fc.property(differences, fc.double({ min: 0.01, max: 1000, noNaN: true }), (values, unit) => {
        const p = signFlipTest(values);
        expect(signFlipTest(values.map((d) => -d))).toBe(p);
        expect(signFlipTest(values.toReversed())).toBe(p);
        expect(signFlipTest(values.map((d) => d * unit))).toBe(p);
      }),
    );
  });

  test('a shift to all-positive differences brings p to the smallest that so many pairs can reach', () => {
    fc.assert(
      fc.property(differences, (values) => {
        // Subtracting any positive d lowers the sum, so only the pattern observed and its mirror reach it.
        const shifted = values.map((d) => d - Math.min(...values) + 0.001);
        expect(signFlipTest(shifted)).toBe(smallestSignFlipP(values.length));
      }),
    );
  });

  test('a larger effect on one seed never raises p when all seeds agree on its sign', () => {
    expect(signFlipTest([0.01, 0.02, 0.03])).toBe(0.25);
    expect(signFlipTest([0.01, 0.02, 5])).toBe(0.25);
  });

  test('equal methods give p = 1', () => {
    expect(signFlipTest([0, 0, 0, 0])).toBe(1);
    expect(signFlipTest([0.1, -0.1])).toBe(1);
  });

  test('sums that are equal on paper tie despite rounding: shares give the p of whole images', () => {
    fc.assert(
      fc.property(fc.array(fc.integer({ min: -9, max: 9 }), { minLength: 3, maxLength: 9 }), (images) => {
        expect(signFlipTest(images.map((image) => image / 10_000))).toBe(signFlipTest(images));
      }),
    );
  });

  test('under the null it rejects at 5 % no more than one time in twenty', () => {
    const random = randomStream(1, 'null hypothesis');
    const trials = 4000;
    let rejected = 0;
    for (let trial = 0; trial < trials; trial++) {
      if (signFlipTest(Array.from({ length: 7 }, () => uniform(random, -1, 1))) <= 0.05) rejected++;
    }
    // Of 128 equally likely p values 6/128 = 0.0469 are the largest ≤ 0.05; 3·√(0.0469·0.953/4000) = 0.010.
    expect(Math.abs(rejected / trials - 6 / 128)).toBeLessThan(0.01);
  });

  test('over 20 pairs it samples: the same seed the same p, near the exact one, never 0', () => {
    const random = randomStream(1, 'twenty pairs');
    const twenty = Array.from({ length: 20 }, () => uniform(random, -0.45, 0.55));
    // Three pairs more that hardly weigh: the exact p of the twenty is the truth to reach by sampling.
    const many = [...twenty, 1e-9, 1e-9, 1e-9];
    const exact = signFlipTest(twenty);
    expect(exact).toBeGreaterThan(0.01);
    expect(exact).toBeLessThan(0.5);
    // Five standard deviations of a share of 100,000.
    expect(Math.abs(signFlipTest(many) - exact)).toBeLessThan(5 * Math.sqrt((exact * (1 - exact)) / 100_000));
    expect(signFlipTest(many)).toBe(signFlipTest(many));
    expect(signFlipTest(many, { seed: 2 })).not.toBe(signFlipTest(many, { seed: 3 }));
    expect(signFlipTest(many.map(Math.abs), { flips: 999 })).toBe(1 / 1000);
  });

  test('nothing to test, or a value that is not finite, is refused', () => {
    expect(() => signFlipTest([])).toThrow(
      new RangeError('signFlipTest: expected at least one difference, got none.'),
    );
    expect(() => signFlipTest([0.1, Number.NaN])).toThrow(
      new RangeError('signFlipTest: expected finite differences, got NaN at differences[1].'),
    );
  });
});

describe('reach of the test', () => {
  test.each([
    [1, 1],
    [3, 0.25],
    [5, 0.0625],
    [6, 0.03125],
  ])('%d pairs can reach p = %d at best', (pairs, p) => expect(smallestSignFlipP(pairs)).toBe(p));

  test.each([
    [1, 6],
    [2, 7],
    [3, 7],
    [4, 8],
  ])('%d comparisons need %d pairs for one to fall under 0.05 after correction', (comparisons, pairs) => {
    expect(pairsNeeded(comparisons, 0.05)).toBe(pairs);
    expect(comparisons * smallestSignFlipP(pairs)).toBeLessThan(0.05);
    expect(comparisons * smallestSignFlipP(pairs - 1)).toBeGreaterThanOrEqual(0.05);
  });
});

describe('Wilcoxon signed-rank test', () => {
  test('p is what scipy.stats.wilcoxon says where there are no ties', () => {
    for (const { values, p } of reference.wilcoxon) expect(wilcoxonTest(values)).toBe(p);
  });

  test('zeros are dropped and only the order of sizes counts', () => {
    expect(wilcoxonTest([0, 0.01, 0.02, 0.03])).toBe(wilcoxonTest([1, 10, 100]));
    expect(wilcoxonTest([0, 0])).toBe(1);
  });

  test('differences that are equal on paper tie despite rounding', () => {
    const a = 0.52 - 0.5;
    const b = 0.42 - 0.4;
    expect(a).not.toBe(b);
    expect(wilcoxonTest([a, -b, 0.05, 0.06])).toBe(wilcoxonTest([2, -2, 5, 6]));
  });
});
