import { describe, expect, it } from 'vitest';
import { scaleByAdamax, scaleByLion, scaleByNadam } from '../../src/index.ts';
import { expectElements } from '../closeness.ts';
import { trajectory } from '../stepping.ts';

const constant = Array.from({ length: 6 }, () => [0.75, -1.5]);

describe('scaleByAdamax', () => {
  it('of a constant gradient is its sign at every step', () => {
    for (const u of trajectory(scaleByAdamax(), constant)) expectElements(u, [1, -1], 1e-6);
  });

  it('divides by the largest gradient of late, which fades', () => {
    const updates = trajectory(scaleByAdamax({ b1: 0, b2: 0.5, eps: 1e-12 }), [[8], [1], [1], [1], [1]]);
    expectElements(updates.flat(), [1, 1 / 4, 1 / 2, 1, 1]);
  });

  it.each([
    [{ b1: 1 }, '`b1` to be a number >= 0 and < 1, got 1'],
    [{ b2: -1 }, '`b2` to be a number >= 0 and < 1, got -1'],
    [{ eps: 0 }, '`eps` to be a finite number > 0, got 0'],
  ])('refuses %o', (options, complaint) => {
    expect(() => scaleByAdamax(options)).toThrow(new RangeError(`scaleByAdamax: expected ${complaint}.`));
  });
});

describe('scaleByNadam', () => {
  it('without a first moment is the gradient over the root of its mean square', () => {
    for (const u of trajectory(scaleByNadam({ b1: 0 }), constant)) expectElements(u, [1, -1], 1e-6);
  });

  it('counts its own steps, whatever step is asked for first', () => {
    const scalars = (first: number) => {
      const { gradientShare } = scaleByNadam().scalars ?? {};
      gradientShare(first);
      return [0, 1, 2, 3].map(gradientShare);
    };
    expect(scalars(40)).toEqual(scalars(0));
  });

  it('refuses a negative momentumDecay', () => {
    expect(() => scaleByNadam({ momentumDecay: -1 })).toThrow(
      new RangeError('scaleByNadam: expected `momentumDecay` to be a finite number >= 0, got -1.'),
    );
  });
});

describe('scaleByLion', () => {
  it('moves every element by 1, by the sign of momentum and gradient together', () => {
    // mu = (0.01 · 4, …): 0.9 · 0.04 outweighs 0.1 · −0.2, and not 0.1 · −0.5.
    expect(
      trajectory(scaleByLion(), [
        [4, 4, 0],
        [-0.2, -0.5, 0],
      ]),
    ).toEqual([
      [1, 1, 0],
      [1, -1, 0],
    ]);
  });

  it('refuses a decay of 1', () => {
    expect(() => scaleByLion({ b2: 1 })).toThrow(
      new RangeError('scaleByLion: expected `b2` to be a number >= 0 and < 1, got 1.'),
    );
  });
});
