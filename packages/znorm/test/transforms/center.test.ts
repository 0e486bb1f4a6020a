import { describe, expect, it } from 'vitest';
import { center, chain, scaleByStd, tensor, znorm } from '../../src/index.ts';
import { expectElements } from '../closeness.ts';
import { firstStep } from '../stepping.ts';

describe('center', () => {
  it('takes the mean off each tensor, vectors included, and leaves its size alone', () => {
    const updates = firstStep(center(), { kernel: tensor([1, 2, 3, 10], [2, 2]), bias: tensor([-1, 5]) });
    expectElements(updates.kernel.data, [-3, -2, -1, 6]);
    expectElements(updates.bias.data, [-3, 3]);
  });

  it('takes one mean of a row, a layer or everything, as `scope` says', () => {
    const gradients = {
      'a/kernel': tensor([1, 3, 10, 20], [2, 2]),
      'a/bias': tensor([4, 4]),
      b: tensor([2, 4]),
    };
    const byScope = (scope: 'output' | 'layer' | 'global') => {
      const { 'a/kernel': kernel, 'a/bias': bias, b } = firstStep(center({ scope }), gradients);
      return [...kernel.data, ...bias.data, ...b.data];
    };
    expectElements(byScope('output'), [-1, 1, -5, 5, 0, 0, -1, 1]);
    expectElements(byScope('layer'), [-6, -4, 3, 13, -3, -3, -1, 1]);
    expectElements(byScope('global'), [-5, -3, 4, 14, -2, -2, -4, -2]);
  });

  it("leaves vectors alone under `apply: 'matrices'`, and tensors of one element always", () => {
    const gradients = { w: tensor([1, 3], [1, 2]), b: tensor([1, 2]), s: tensor([3], []) };
    const updates = firstStep(center({ apply: 'matrices' }), gradients);
    expectElements(updates.w.data, [-1, 1]);
    expect(updates.b).toBe(gradients.b);
    expect(firstStep(center(), gradients).s).toBe(gradients.s);
  });

  it('and scaleByStd are znorm', () => {
    const gradients = { w: tensor([0.3, -0.1, 0.2, 0.9], [2, 2]), b: tensor([5, 7, 6]) };
    const halves = firstStep(chain(center(), scaleByStd()), gradients);
    const whole = firstStep(znorm(), gradients);
    for (const path of ['w', 'b'] as const) expectElements(halves[path].data, [...whole[path].data], 1e-6); // two roundings
  });

  it('makes 0 of a constant gradient, however large', () => {
    expect([...firstStep(center(), { w: [0.1, 0.1, 0.1] }).w.data]).toEqual([0, 0, 0]);
    expect([...firstStep(center(), { w: [1e30, 1e30] }).w.data]).toEqual([0, 0]);
  });

  it('refuses what it does not know', () => {
    expect(() => center({ scope: 'row' as never })).toThrow(
      new RangeError(
        "center: expected `scope` to be one of 'tensor', 'layer', 'output', 'head', 'global', got 'row'.",
      ),
    );
    expect(() => center({ apply: 'vectors' as never })).toThrow(
      new RangeError("center: expected `apply` to be one of 'all', 'matrices', got 'vectors'."),
    );
  });
});
