import { describe, expect, it } from 'vitest';
import { scaleByAdadelta, scaleByAdagrad } from '../../src/index.ts';
import { expectElements } from '../closeness.ts';
import { trajectory } from '../stepping.ts';

describe('scaleByAdagrad', () => {
  it('of a constant gradient falls as 1 / sqrt(t)', () => {
    const updates = trajectory(scaleByAdagrad(), [[3], [3], [3], [3]]);
    expectElements(
      updates.flat(),
      [1, 2, 3, 4].map((t) => 1 / Math.sqrt(t)),
    );
  });

  it('starts its sum where it is told', () => {
    expectElements(trajectory(scaleByAdagrad({ initialAccumulator: 16 }), [[3]])[0], [3 / 5]);
  });

  it('refuses a negative start', () => {
    expect(() => scaleByAdagrad({ initialAccumulator: -1 })).toThrow(
      new RangeError('scaleByAdagrad: expected `initialAccumulator` to be a finite number >= 0, got -1.'),
    );
  });
});

describe('scaleByAdadelta', () => {
  it('gives updates that do not depend on the unit of the gradient', () => {
    const gradients = [
      [3, -1],
      [1, 2],
      [-2, 5],
    ];
    const grown = gradients.map((g) => g.map((x) => 1e6 * x));
    const large = trajectory(scaleByAdadelta(), grown);
    // eps is 1e-6 of squares that are 1 and more.
    trajectory(scaleByAdadelta(), gradients).forEach((u, t) => {
      expectElements(u, large[t], 1e-4);
    });
  });

  it('refuses a decay of 1', () => {
    expect(() => scaleByAdadelta({ rho: 1 })).toThrow(
      new RangeError('scaleByAdadelta: expected `rho` to be a number >= 0 and < 1, got 1.'),
    );
  });
});
