import { describe, expect, test } from 'vitest';
import { auroc } from '../../src/metrics/auroc.ts';
import { hausdorff95 } from '../../src/metrics/hausdorff.ts';
import * as overlaps from '../../src/metrics/overlap.ts';
import golden from './golden/metrics.json' with { type: 'json' };

/** As `words` of golden/metrics.py. */
function words(seed: number, count: number): number[] {
  let state = BigInt(seed);
  return Array.from({ length: count }, () => {
    state = (state * 1103515245n + 12345n) % 2n ** 31n;
    return Number(state >> 8n);
  });
}

const [height, width] = golden.size as [number, number];

/** As `mask` of golden/metrics.py. */
function mask(seed: number): Uint8Array {
  const discs = Array.from({ length: seed % 4 }, (_, k) => {
    const [a, b, r] = words(100 * seed + k, 3) as [number, number, number];
    return { y: a % height, x: b % width, radius: 4 + (r % 8) };
  });
  return Uint8Array.from({ length: height * width }, (_, i) =>
    Number(
      discs.some(
        ({ y, x, radius }) => (Math.floor(i / width) - y) ** 2 + ((i % width) - x) ** 2 <= radius ** 2,
      ),
    ),
  );
}

describe("as by scipy's definitions", () => {
  // Both sides compute in float64 with a few operations: equal to the last digits.
  test.each(golden.masks)(
    'masks $predicted and $truth',
    ({ predicted, truth, hausdorff95: distance, ...expected }) => {
      const [a, b] = [mask(predicted), mask(truth)];
      const counts = overlaps.overlap(a, b);
      for (const [name, value] of Object.entries(expected))
        expect({ ...overlaps }[name as 'dice'](counts), name).toBeCloseTo(value, 12);
      expect(hausdorff95(a, b, [height, width])).toBeCloseTo(distance, 12);
    },
  );

  test.each(golden.auroc)(
    'AUROC of $count samples with $levels scores',
    ({ seed, count, levels, auroc: area }) => {
      const scores = words(seed, count).map((word) => word % levels);
      const labels = words(seed + 1, count).map((word) => Number(word % 3 === 0));
      expect(auroc(scores, labels)).toBeCloseTo(area, 12);
    },
  );
});

describe('definitions', () => {
  test('counts of several masks add up', () => {
    const [a, b] = [overlaps.overlap([1, 1, 0], [1, 0, 1]), overlaps.overlap([255, 0, 0], [1, 0, 0])];
    expect(overlaps.addOverlaps(a, b)).toEqual({ truePositives: 2, falsePositives: 1, falseNegatives: 1 });
  });

  test('F1 is Dice; a perfect mask has distance 0; a missed one the diagonal', () => {
    const counts = overlaps.overlap(mask(13), mask(14));
    const [p, r] = [overlaps.precision(counts), overlaps.recall(counts)];
    expect(overlaps.dice(counts)).toBeCloseTo((2 * p * r) / (p + r), 12);
    expect(hausdorff95(mask(6), mask(6), [height, width])).toBe(0);
    expect(hausdorff95(mask(0), mask(6), [height, width])).toBe(Math.hypot(height, width));
  });

  test('AUROC is ½ for equal scores, and its complement for turned ones', () => {
    expect(auroc([1, 1, 1], [0, 1, 1])).toBe(0.5);
    const [scores, labels] = [words(9, 30), words(10, 30).map((word) => word % 2)];
    const turned = scores.map((score) => -score);
    expect(auroc(turned, labels)).toBeCloseTo(1 - auroc(scores, labels), 12);
  });

  test('what cannot be measured is named', () => {
    expect(() => auroc([1, 2], [1, 1])).toThrow(
      'auroc: expected samples of both classes, got 2 positive and 0 negative.',
    );
    expect(() => auroc([1, Number.NaN], [1, 0])).toThrow(
      'auroc: expected scores that are numbers, got NaN at 1.',
    );
    expect(() => auroc([1], [1, 0])).toThrow('auroc: expected one score a label, got 1 and 2.');
    expect(() => overlaps.overlap([1], [1, 0])).toThrow(
      'overlap: expected two masks of one size, got 1 and 2 pixels.',
    );
    expect(() => hausdorff95([1], [1, 0], [1, 2])).toThrow(
      'hausdorff95: expected masks of 1×2 pixels, got one of 1.',
    );
  });
});
