import { readFileSync } from 'node:fs';
import { fillNormal, randomStream } from '@znorm/train';
import { describe, expect, test } from 'vitest';
import { meanInterval, standardDeviation } from '../../src/stats/mean.ts';
import { normalCdf, normalQuantile } from '../../src/stats/normal.ts';
import { studentT } from '../../src/stats/student-t.ts';

const reference = JSON.parse(readFileSync(new URL('golden/reference.json', import.meta.url), 'utf8'));

describe("Student's t", () => {
  test.each<{ level: number; degreesOfFreedom: number; t: number }>(reference.studentT)(
    'level $level with $degreesOfFreedom degrees of freedom is what scipy says',
    ({ level, degreesOfFreedom, t }) => {
      // At 0.9999 the tail of 1e-4 is what is left of 1 − area: four of sixteen digits are gone.
      expect(Math.abs(studentT(level, degreesOfFreedom) / t - 1)).toBeLessThan(1e-11);
    },
  );

  test('one degree of freedom is Cauchy and two have a closed form, to the last digits', () => {
    expect(studentT(0.5, 1)).toBeCloseTo(1, 14);
    expect(studentT(0.95, 1) / Math.tan((0.95 * Math.PI) / 2)).toBeCloseTo(1, 12);
    expect(studentT(0.95, 2) / (0.95 * Math.sqrt(2 / (1 - 0.95 ** 2)))).toBeCloseTo(1, 12);
  });

  test.each([
    [1.2, 4, 'studentT: expected `level` to be a number between 0 and 1, got 1.2.'],
    [Number.NaN, 4, 'studentT: expected `level` to be a number between 0 and 1, got NaN.'],
    [0.95, 0, 'studentT: expected `degreesOfFreedom` to be a whole number >= 1, got 0.'],
    [0.95, 2.5, 'studentT: expected `degreesOfFreedom` to be a whole number >= 1, got 2.5.'],
  ])('level %d with %d degrees of freedom is refused', (level, degreesOfFreedom, message) => {
    expect(() => studentT(level, degreesOfFreedom)).toThrow(new RangeError(message));
  });
});

describe('normal distribution', () => {
  test('distribution function is what scipy says', () => {
    // Absolute: the series sums around 1/2, so a tail of 1e-9 keeps seven digits.
    for (const { x, cdf } of reference.normal) expect(Math.abs(normalCdf(x) - cdf)).toBeLessThan(1e-15);
  });

  test('quantiles are what scipy says', () => {
    // 1e-16 in Φ is 1e-13 in x where the density is 1e-3, the farthest point here.
    for (const { p, x } of reference.normalQuantile)
      expect(Math.abs(normalQuantile(p) - x)).toBeLessThan(1e-12);
  });

  test('the ends are infinite, and beyond eight deviations nothing is left', () => {
    expect([normalQuantile(0), normalQuantile(1)]).toEqual([-Infinity, Infinity]);
    expect([normalCdf(-40), normalCdf(40)]).toEqual([0, 1]);
  });
});

describe('interval of a mean', () => {
  const samples: Record<
    string,
    { values: number[]; standardDeviation: number; tInterval95: [number, number] }
  > = reference.samples;

  test.each(Object.entries(samples))('%s: deviation and interval are what scipy says', (_, sample) => {
    expect(Math.abs(standardDeviation(sample.values) / sample.standardDeviation - 1)).toBeLessThan(1e-13);
    const [low, high] = meanInterval(sample.values)!;
    expect(Math.abs(low - sample.tInterval95[0])).toBeLessThan(1e-13);
    expect(Math.abs(high - sample.tInterval95[1])).toBeLessThan(1e-13);
  });

  test('one value tells nothing of the spread, so there is no interval', () => {
    expect(meanInterval([0.7])).toBeNull();
    expect(meanInterval([])).toBeNull();
  });

  test('holds the true mean in 95 % of simulated comparisons of 3 and of 5 seeds', () => {
    const random = randomStream(1, 'coverage');
    const trials = 10_000;
    for (const seeds of [3, 5]) {
      let held = 0;
      for (let trial = 0; trial < trials; trial++) {
        const accuracies = new Float32Array(seeds);
        fillNormal(random, accuracies, 0.7, 0.01);
        const [low, high] = meanInterval([...accuracies])!;
        if (low <= 0.7 && 0.7 <= high) held++;
      }
      // Three standard deviations of a share of 0.95 over 10,000 trials: 3·√(0.95·0.05/10,000) = 0.0065.
      // The normal 1.96 in place of Student's t would hold only 0.81 and 0.88.
      expect(Math.abs(held / trials - 0.95)).toBeLessThan(0.0065);
    }
  });
});
