import { readFileSync } from 'node:fs';
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { bootstrapInterval } from '../../src/stats/bootstrap.ts';
import { interquartileMean, probabilityOfImprovement } from '../../src/stats/robust.ts';

const reference = JSON.parse(readFileSync(new URL('golden/reference.json', import.meta.url), 'utf8'));

interface BootstrapReference {
  values: number[];
  percentile: { interval: number[]; strayOfOne: number[] };
  bca: { interval: number[]; strayOfOne: number[] };
}

describe('bootstrap interval', () => {
  test.each(
    (reference.bootstrap as BootstrapReference[]).flatMap((sample) =>
      (['percentile', 'bca'] as const).map((method) => ({ ...sample, method })),
    ),
  )('$method of $values is where scipy.stats.bootstrap puts it', ({ values, method, ...sample }) => {
    const { interval, strayOfOne } = sample[method];
    const ours = bootstrapInterval(values, { method })!;
    ours.forEach((end, index) => {
      // Four times what one of scipy's own intervals strays by chance, with as many resamples; where a quantile
      // of five values sits on an atom scipy strays by rounding only, and so may we.
      expect(Math.abs(end - interval[index]!)).toBeLessThan(4 * strayOfOne[index]! + 1e-4);
    });
  });

  test('the same seed gives the same interval, another seed another', () => {
    const { values } = reference.samples['twelve, skewed'];
    expect(bootstrapInterval(values)).toEqual(bootstrapInterval(values));
    expect(bootstrapInterval(values, { seed: 2 })).not.toEqual(bootstrapInterval(values, { seed: 3 }));
  });

  test('moves with a shift and stretches with a factor', () => {
    const sample = fc.array(fc.integer({ min: -50, max: 50 }), { minLength: 3, maxLength: 8 });
    fc.assert(
      fc.property(sample, (values) => {
        const [low, high] = bootstrapInterval(values, { resamples: 400 })!;
        const [movedLow, movedHigh] = bootstrapInterval(
          values.map((value) => 4 * value + 32),
          { resamples: 400 },
        )!;
        // Relative rounding of sums of a few numbers of size 232.
        expect(Math.abs(movedLow - (4 * low + 32))).toBeLessThan(1e-10);
        expect(Math.abs(movedHigh - (4 * high + 32))).toBeLessThan(1e-10);
      }),
      { numRuns: 30 },
    );
  });

  test('equal values leave no width, and one value no interval', () => {
    expect(bootstrapInterval([0.5, 0.5, 0.5])).toEqual([0.5, 0.5]);
    expect(bootstrapInterval([0.5])).toBeNull();
  });

  test('takes any statistic', () => {
    const largest = (sample: readonly number[]) => Math.max(...sample);
    // The largest of a resample never exceeds the largest seen, and is it in 1 − (2/3)³ of resamples.
    const [low, high] = bootstrapInterval([1, 2, 3], {
      statistic: largest,
      method: 'percentile',
      level: 0.2,
    })!;
    expect([low, high]).toEqual([3, 3]);
  });
});

describe('interquartile mean', () => {
  test('is what scipy.stats.trim_mean at one quarter says', () => {
    for (const sample of Object.values<{ values: number[]; interquartileMean: number }>(reference.samples)) {
      expect(interquartileMean(sample.values)).toBeCloseTo(sample.interquartileMean, 14);
    }
  });

  test('one broken seed of four does not move it', () => {
    expect(interquartileMean([0.7, 0.72, 0.71, 0.1])).toBeCloseTo(
      interquartileMean([0.7, 0.72, 0.71, 0.69])!,
      14,
    );
    expect(interquartileMean([])).toBeNull();
  });
});

describe('probability of improvement', () => {
  test('is the Mann-Whitney U of scipy over the number of pairs', () => {
    for (const { x, y, probability } of reference.probabilityOfImprovement) {
      expect(probabilityOfImprovement(x, y)).toBeCloseTo(probability, 14);
    }
  });

  test('both directions sum to one, and a method against itself is one half', () => {
    const scores = fc.array(fc.integer({ min: 0, max: 5 }), { minLength: 1, maxLength: 6 });
    fc.assert(
      fc.property(scores, scores, (x, y) => {
        expect(probabilityOfImprovement(x, y)! + probabilityOfImprovement(y, x)!).toBeCloseTo(1, 12);
        expect(probabilityOfImprovement(x, x)).toBeCloseTo(0.5, 12);
      }),
    );
    expect(probabilityOfImprovement([], [1])).toBeNull();
  });
});
