import { describe, expect, it } from 'vitest';
import {
  accumulate,
  adam,
  advance,
  chain,
  init,
  linear,
  nonfinite,
  sgd,
  tensor,
  trace,
  update,
} from '../../src/index.ts';
import { steps, trajectory } from '../stepping.ts';

describe('accumulate', () => {
  it('takes the mean of k gradients on every k-th, and nothing on the others', () => {
    const updates = trajectory(accumulate({ steps: 3 }), [[1], [2], [6], [-3], [0], [0], [5]]);
    expect(updates).toEqual([[0], [0], [3], [0], [0], [-1], [0]]);
  });

  it('takes the steps that the chain takes of the means alone: moments and schedule count no micro-batch', () => {
    const inner = chain(trace(), adam({ learningRate: linear({ from: 1, to: 0, steps: 3 }) }));
    // Halves of sums: exact in float32.
    const micro = [
      [1, 8],
      [3, -4],
      [0.5, 0],
      [0.25, 2],
      [-6, 1],
      [2, 1],
    ];
    const means = [
      [2, 2],
      [0.375, 1],
      [-2, 1],
    ];
    const accumulated = trajectory(chain(accumulate({ steps: 2 }), inner), micro);
    expect(accumulated.filter((_, i) => i % 2 === 1)).toEqual(trajectory(inner, means));
    expect(accumulated.filter((_, i) => i % 2 === 0)).toEqual(
      [
        [0, 0],
        [0, 0],
        [0, 0],
      ].map((u) => u.map(Math.abs)),
    );
  });

  it('behind a guard counts only the micro-batches that are used', () => {
    const guarded = chain(nonfinite({ action: 'skip' }), accumulate({ steps: 2 }));
    expect(trajectory(guarded, [[2], [NaN], [4], [6], [8]])).toEqual([[0], [0], [3], [0], [7]]);
  });

  it('starts every sum anew, whatever the last one came to', () => {
    const updates = trajectory(accumulate({ steps: 2 }), [[Infinity], [1], [1], [3]]);
    expect(updates).toEqual([[0], [Infinity], [0], [2]]);
  });

  it('does not count waiting as skipping', () => {
    const optimizer = chain(accumulate({ steps: 4 }), sgd({ learningRate: 1 }));
    const states = steps(
      optimizer,
      [[1], [1], [1], [1]].map((w) => ({ w })),
    ).map(({ state }) => state.gates);
    expect(states.map(({ accumulate }) => [accumulate.passed, accumulate.skippedInARow])).toEqual([
      [0, 0],
      [0, 0],
      [0, 0],
      [1, 0],
    ]);
    const state = init(optimizer, { w: tensor([1]) });
    expect(advance(optimizer, state, state.slots, { accumulate: 0 }).gates).toEqual(state.gates);
  });

  it('of one gradient hands it over', () => {
    const gradients = { w: tensor([3, -1]) };
    const one = accumulate({ steps: 1 });
    expect(Array.from(update(one, gradients, init(one, gradients)).updates.w.data)).toEqual([3, -1]);
  });

  it('refuses half a step', () => {
    expect(() => accumulate({ steps: 0.5 })).toThrow(
      new RangeError('accumulate: expected `steps` to be a whole number >= 1, got 0.5.'),
    );
  });
});
