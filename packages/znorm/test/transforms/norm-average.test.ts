import { describe, expect, it } from 'vitest';
import { normalizeByNormAverage } from '../../src/index.ts';
import { expectElements } from '../closeness.ts';
import { trajectory } from '../stepping.ts';

describe('normalizeByNormAverage', () => {
  it('averages squared norms, from the first gradient that is not 0', () => {
    const updates = trajectory(normalizeByNormAverage({ decay: 0.75, eps: 1e-20 }), [
      [0, 0],
      [3, 4],
      [0, 10],
    ]);
    const second = Math.sqrt(0.75 * 25 + 0.25 * 100);
    expectElements(updates.flat(), [0, 0, 0.6, 0.8, 0, 10 / second]);
  });

  it('takes gradients whose square float32 does not hold', () => {
    const updates = trajectory(normalizeByNormAverage({ eps: 1e-30 }), [
      [3e30, -4e30],
      [3e30, -4e30],
    ]);
    expectElements(updates.flat(), [0.6, -0.8, 0.6, -0.8]);
  });

  it('refuses a decay of 1', () => {
    expect(() => normalizeByNormAverage({ decay: 1 })).toThrow(
      new RangeError('normalizeByNormAverage: expected `decay` to be a number >= 0 and < 1, got 1.'),
    );
  });
});
