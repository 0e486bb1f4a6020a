import { describe, expect, it } from 'vitest';
import { addDecayedWeights, init, tensor, update } from '../../src/index.ts';
import { expectElements } from '../closeness.ts';
import { firstStep } from '../stepping.ts';

describe('addDecayedWeights', () => {
  it('adds a share of each parameter to its gradient', () => {
    const { w } = firstStep(addDecayedWeights({ weightDecay: 0.5 }), { w: [1, 2] }, { w: [10, -20] });
    expectElements(w.data, [6, -8]);
  });

  it('leaves alone what is not selected', () => {
    const gradients = { 'a/kernel': tensor([1, 2], [1, 2]), 'a/bias': tensor([3]) };
    const decay = addDecayedWeights({ weightDecay: 1, select: { minRank: 2 } });
    const updates = firstStep(decay, gradients);
    expectElements(updates['a/kernel'].data, [2, 4]);
    expect(updates['a/bias']).toBe(gradients['a/bias']);
  });

  it('says how to pass params when it gets none', () => {
    const gradients = { w: tensor([1]) };
    const decay = addDecayedWeights({ weightDecay: 1 });
    expect(() => update(decay, gradients, init(decay, gradients))).toThrow(
      new TypeError("addDecayedWeights: expected params, got undefined at 'w'. Pass params to update()."),
    );
  });

  it('refuses a negative decay and an unknown role', () => {
    expect(() => addDecayedWeights({ weightDecay: -1 })).toThrow(
      new RangeError('addDecayedWeights: expected `weightDecay` to be a finite number >= 0, got -1.'),
    );
    expect(() => addDecayedWeights({ weightDecay: 1, select: { role: 'weight' as 'kernel' } })).toThrow(
      new RangeError(
        "addDecayedWeights: expected `select.role` to be one of kernel, bias, normalization, embedding, attention, recurrent, got 'weight'.",
      ),
    );
  });
});
