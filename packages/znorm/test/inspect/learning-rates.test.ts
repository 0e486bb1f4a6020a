import { describe, expect, it } from 'vitest';
import {
  adam,
  addDecayedWeights,
  chain,
  type LearningRateRangeOptions,
  learningRateRange,
  momentum,
  normalizeByNorm,
  scale,
  sgd,
  suggestLearningRate,
  tensor,
  zeroNonFinite,
  znorm,
} from '../../src/index.ts';
import { normals } from '../carriers/statistics-accuracy.ts';
import { expectElements } from '../closeness.ts';

const gradients = [1, 2, 3].map((seed) => ({
  'a/kernel': tensor(normals(12, seed), [3, 4]),
  'a/bias': tensor(normals(3, 10 + seed)),
}));
const params = gradients[0];

describe('suggestLearningRate', () => {
  it('of a chain for itself is its own rate', () => {
    const { learningRate, tensors } = suggestLearningRate({
      reference: chain(znorm(), momentum({ learningRate: 0.03 })),
      candidate: (learningRate) => chain(znorm(), momentum({ learningRate })),
      gradients,
      params,
    });
    expectElements([learningRate, ...Object.values(tensors)], [0.03, 1, 1], 1e-6);
  });

  it('undoes a factor', () => {
    const { learningRate } = suggestLearningRate({
      reference: sgd({ learningRate: 0.1 }),
      candidate: (learningRate) => chain(scale({ factor: 5 }), sgd({ learningRate })),
      gradients,
      params,
    });
    expectElements([learningRate], [0.02], 1e-6);
  });

  it('of znorm under SGD for Adam is about its rate: √d elements of size 1 against √d signs', () => {
    const { learningRate, tensors } = suggestLearningRate({
      reference: adam({ learningRate: 1e-3 }),
      candidate: (learningRate) => chain(znorm(), sgd({ learningRate })),
      gradients: gradients.slice(0, 1),
      params,
    });
    expectElements([learningRate], [1e-3], 1e-6);
    expectElements(Object.values(tensors), [1, 1], 1e-6);
  });

  it('says which tensors will move faster and which slower than under the reference', () => {
    const uneven = [{ large: tensor([30, -40]), small: tensor([0.3, 0.4]) }];
    const { tensors } = suggestLearningRate({
      reference: sgd({ learningRate: 1 }),
      candidate: (learningRate) => chain(normalizeByNorm(), sgd({ learningRate })),
      gradients: uneven,
      params: uneven[0],
    });
    const rate = Math.sqrt((2500 + 0.25) / 2);
    expectElements([tensors.large, tensors.small], [rate / 50, rate / 0.5], 1e-6);
  });

  it('takes the parameters along, for decay of both', () => {
    const decayed = (learningRate: number) =>
      chain(addDecayedWeights({ weightDecay: 0.5 }), sgd({ learningRate }));
    const { learningRate } = suggestLearningRate({
      reference: decayed(1e-3),
      candidate: decayed,
      gradients: gradients.slice(0, 1),
      params,
    });
    expectElements([learningRate], [1e-3], 1e-6);
  });

  it('refuses what has no size', () => {
    const options = { reference: sgd({ learningRate: 0.1 }), candidate: () => zeroNonFinite(), params };
    expect(() => suggestLearningRate({ ...options, gradients: [] })).toThrow(
      new RangeError('suggestLearningRate: expected gradients of at least one batch, got none.'),
    );
    const nan = [
      { ...params, 'a/bias': tensor([NaN, NaN, NaN]), 'a/kernel': tensor(new Float32Array(12), [3, 4]) },
    ];
    expect(() => suggestLearningRate({ ...options, gradients: nan })).toThrow(
      new RangeError(
        'suggestLearningRate: expected updates that are finite and not 0, got NaN of the reference and 0 of the candidate. Are the gradients finite, and the first rates not those of a warm-up?',
      ),
    );
  });
});

describe('learningRateRange', () => {
  const parabola = () => {
    let w = 1;
    return (rate: number) => {
      const loss = 1 + w * w;
      w -= rate * 2 * w;
      return loss;
    };
  };

  it('of a parabola lies below the rate at which gradient descent comes apart', async () => {
    const range = await learningRateRange({ from: 1e-3, to: 100, steps: 60, smoothing: 0, step: parabola() });
    expect(range.diverged).toBe(true);
    expect(range.rates[0]).toBeCloseTo(1e-3, 12);
    expect(range.rates[1] / range.rates[0]).toBeCloseTo(1e5 ** (1 / 59), 12);
    // w falls by 1 − 2 rate a step: the loss falls fastest long before 1, and grows from there on.
    expect(range.steepest).toBeLessThan(range.lowest);
    expect(range.lowest).toBeLessThan(2);
    expect(range.losses.length).toBeLessThan(60);
  });

  it('smooths by a moving average that is corrected for its start', async () => {
    const losses = [4, 2, 1, 1];
    let i = 0;
    const range = await learningRateRange({
      from: 1,
      to: 8,
      steps: 4,
      smoothing: 0.5,
      step: async () => losses[i++],
    });
    expectElements([...range.rates], [1, 2, 4, 8], 1e-12);
    expectElements(
      [...range.smoothed],
      [4, (1 + 1) / 0.75, (0.5 + 0.5 + 0.5) / 0.875, (0.25 + 0.25 + 0.25 + 0.5) / 0.9375],
      1e-12,
    );
    expect({ ...range, rates: 0, smoothed: 0 }).toEqual({
      rates: 0,
      smoothed: 0,
      losses,
      steepest: 1,
      lowest: 8,
      diverged: false,
    });
  });

  it('ends at a loss that is not finite', async () => {
    const losses = [2, 1, NaN, 1];
    let i = 0;
    const range = await learningRateRange({ from: 1, to: 8, steps: 4, step: () => losses[i++] });
    expect([range.losses, range.diverged]).toEqual([[2, 1], true]);
  });

  it.each<[Partial<LearningRateRangeOptions>, string]>([
    [{ from: 0 }, 'expected `from` to be a finite number > 0, got 0.'],
    [{ from: 1, to: 0.5 }, 'expected `to` to be more than from, 1, got 0.5.'],
    [{ steps: 2 }, 'expected `steps` to be at least 3, got 2.'],
    [{ smoothing: 1 }, 'expected `smoothing` to be a number >= 0 and < 1, got 1.'],
    [{ divergence: 1 }, 'expected `divergence` to be a number > 1, got 1.'],
    [{ step: () => NaN }, 'expected a finite loss at the first rate, 0.000001, got NaN. Begin lower.'],
  ])('refuses %o', async (options, complaint) => {
    await expect(learningRateRange({ step: () => 1, ...options })).rejects.toThrow(
      new RangeError(`learningRateRange: ${complaint}`),
    );
  });
});
