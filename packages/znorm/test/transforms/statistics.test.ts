import { describe, expect, it } from 'vitest';
import { describeParameter, type StatisticsMode, tensor, znorm } from '../../src/index.ts';
import { samplePattern } from '../../src/transforms/statistics.ts';
import { expectElements } from '../closeness.ts';
import { firstStep, steps, trajectory } from '../stepping.ts';

/** Means 2, 6, 1, 4 and deviations 1, 2, 3, 0.5. */
const gradients = [
  [1, 3],
  [4, 8],
  [-2, 4],
  [3.5, 4.5],
];
const means = [2, 6, 1, 4];
const stds = [1, 2, 3, 0.5];

function standardizedBy(statistics: readonly (readonly [number, number])[]): number[][] {
  return gradients.map((g, t) => g.map((x) => (x - statistics[t][0]) / statistics[t][1]));
}

describe('statistics by moving average', () => {
  it('standardize by the average of the steps before, the first step by its own', () => {
    const decay = 0.75;
    let [mean, std] = [means[0], stds[0]];
    const averages = gradients.map((_, t) => {
      const used = [mean, std] as const;
      mean = decay * mean + (1 - decay) * means[t];
      std = decay * std + (1 - decay) * stds[t];
      return used;
    });
    const updates = trajectory(znorm({ eps: 0, statistics: { ema: decay } }), gradients);
    expectElements(updates.flat(), standardizedBy(averages).flat());
  });

  it('with decay 0 are those of the step before', () => {
    const before = [0, 0, 1, 2].map((t) => [means[t], stds[t]] as const);
    const updates = trajectory(znorm({ eps: 0, statistics: { ema: 0 } }), gradients);
    expectElements(updates.flat(), standardizedBy(before).flat());
  });

  it('are kept row by row in scope output, and pooled over a layer after averaging', () => {
    const rows = steps(znorm({ eps: 0, scope: 'output', statistics: { ema: 0 } }), [
      { w: tensor([1, 3, 10, 30], [2, 2]) },
      { w: tensor([2, 2, 20, 40], [2, 2]) },
    ]);
    expectElements(rows[1].updates.w.data, [0, 0, 0, 2]);

    const layer = steps(znorm({ eps: 0, scope: 'layer', statistics: { ema: 0 } }), [
      { 'a/kernel': [-1, -1], 'a/bias': [1, 1] },
      { 'a/kernel': [5, 6], 'a/bias': [7, 8] },
    ]);
    expectElements(layer[1].updates['a/kernel'].data, [5, 6]);
    expectElements(layer[1].updates['a/bias'].data, [7, 8]);
  });
});

describe('statistics of every k-th step', () => {
  it('are kept in between', () => {
    const kept = [0, 0, 0, 3].map((t) => [means[t], stds[t]] as const);
    const updates = trajectory(znorm({ eps: 0, statistics: { every: 3 } }), gradients);
    expectElements(updates.flat(), standardizedBy(kept).flat());
  });

  it('with k = 1 are exact, to the bit', () => {
    expect(trajectory(znorm({ statistics: { every: 1 } }), gradients)).toEqual(
      trajectory(znorm(), gradients),
    );
  });

  it('are taken at once for a parameter that joins in between', () => {
    const results = steps(
      znorm({ eps: 0, statistics: { every: 3 } }),
      [{ a: [1, 3] }, { a: [1, 3], b: [4, 8] }],
      { a: [1, 3], b: [4, 8] },
    );
    expectElements(results[1].updates.b.data, [-1, 1]);
  });
});

describe('statistics of a sample', () => {
  it('are those of every stride-th element', () => {
    const w = Array.from({ length: 30 }, (_, k) => Math.sin(k * k));
    const { stride, offset } = samplePattern(describeParameter('w', [30]), 0.15, 3);
    expect([stride, offset]).toEqual([7, 3]);
    const picked = w.filter((_, k) => k % stride === offset);
    const mean = picked.reduce((sum, x) => sum + x) / picked.length;
    const std = Math.sqrt(picked.reduce((sum, x) => sum + (x - mean) ** 2, 0) / picked.length);
    const updates = firstStep(znorm({ eps: 0, statistics: { sample: 0.15, seed: 3 } }), { w });
    // Elements near the mean lose digits of the float32 input to cancellation.
    expectElements(
      updates.w.data,
      w.map((x) => (x - mean) / std),
      1e-5,
    );
  });

  it('with fraction 1 are exact, to the bit', () => {
    expect(trajectory(znorm({ statistics: { sample: 1 } }), gradients)).toEqual(
      trajectory(znorm(), gradients),
    );
  });

  it('visit every row and every column', () => {
    const [rows, columns] = [16, 36];
    const { stride, offset } = samplePattern(describeParameter('w', [rows, columns]), 0.1, 0);
    const visited = { rows: new Set<number>(), columns: new Set<number>() };
    for (let k = offset; k < rows * columns; k += stride) {
      visited.rows.add(Math.floor(k / columns));
      visited.columns.add(k % columns);
    }
    expect(visited.rows.size).toBe(rows);
    expect(visited.columns.size).toBe(columns);
  });

  it('hold at least two elements, whatever the fraction and the seed', () => {
    for (let size = 2; size < 40; size++) {
      for (const seed of [-5, 0, 1, 1000]) {
        const { stride, offset } = samplePattern(describeParameter('w', [size]), 0.001, seed);
        expect(offset).toBeGreaterThanOrEqual(0);
        expect(Math.ceil((size - offset) / stride)).toBeGreaterThanOrEqual(2);
      }
    }
  });
});

describe('a statistics mode is refused', () => {
  const modes = "to be 'exact', { ema }, { every } or { sample, seed }";
  it.each<[unknown, string]>([
    ['fast', `expected \`statistics\` ${modes}, got 'fast'.`],
    [{}, `expected \`statistics\` ${modes}, got {}.`],
    [{ ema: 1 }, 'expected `statistics.ema` to be a number >= 0 and < 1, got 1.'],
    [{ every: 0 }, 'expected `statistics.every` to be a whole number >= 1, got 0.'],
    [{ every: 1.5 }, 'expected `statistics.every` to be a whole number >= 1, got 1.5.'],
    [{ sample: 0 }, 'expected `statistics.sample` to be a number > 0 and <= 1, got 0.'],
    [{ sample: '0.5' }, "expected `statistics.sample` to be a number > 0 and <= 1, got '0.5'."],
    [{ sample: 0.5, seed: 0.5 }, 'expected `statistics.seed` to be a whole number, got 0.5.'],
  ])('%o', (statistics, complaint) => {
    expect(() => znorm({ statistics: statistics as StatisticsMode })).toThrow(
      new RangeError(`znorm: ${complaint}`),
    );
  });

  it('with an option of another', () => {
    expect(() => znorm({ statistics: { ema: 0.9, every: 2 } as StatisticsMode })).toThrow(
      new TypeError('znorm.statistics: unknown option `every`. Known options: ema.'),
    );
  });

  it('for a sample of rows', () => {
    expect(() => znorm({ scope: 'output', statistics: { sample: 0.5 } })).toThrow(
      new RangeError(
        "znorm: expected `statistics.sample` to go with scope 'tensor', 'layer' or 'global', got 'output'.",
      ),
    );
  });
});
