import { describe, expect, it } from 'vitest';
import { tensor, trustRatio } from '../../src/index.ts';
import { expectElements } from '../closeness.ts';
import { firstStep } from '../stepping.ts';

describe('trustRatio', () => {
  it('gives every update its share of the norm of its own parameter', () => {
    const { a, b } = firstStep(
      trustRatio({ coefficient: 0.5 }),
      { a: tensor([3, 4]), b: tensor([0, -2]) },
      { a: tensor([6, 8]), b: tensor([0.25, 0]) },
    );
    expectElements(a.data, [3, 4]);
    expectElements(b.data, [0, -0.125]);
  });

  it('lets the gradient pass where the parameter or the gradient is 0', () => {
    const { a, b } = firstStep(
      trustRatio(),
      { a: tensor([3, 4]), b: tensor([0, 0]) },
      { a: [0, 0], b: [1, 1] },
    );
    expect([...a.data, ...b.data]).toEqual([3, 4, 0, 0]);
  });

  it('refuses a coefficient of 0', () => {
    expect(() => firstStep(trustRatio({ coefficient: 0 }), { a: [1] })).toThrow(
      new RangeError('trustRatio: expected `coefficient` to be a finite number > 0, got 0.'),
    );
  });
});
