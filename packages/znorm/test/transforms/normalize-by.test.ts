import { describe, expect, it } from 'vitest';
import { normalizeByNorm, type Scope, tensor } from '../../src/index.ts';
import { expectElements } from '../closeness.ts';
import { firstStep } from '../stepping.ts';

const gradients = {
  'a/kernel': tensor([3, 4, 0, 0], [2, 2]),
  'a/bias': tensor([12]),
  'b/kernel': tensor([84], [1, 1]),
};

describe('normalizeByNorm', () => {
  it.each([
    ['tensor', [0.6, 0.8, 0, 0], [1], [1]],
    ['output', [0.6, 0.8, 0, 0], [1], [1]],
    ['layer', [3 / 13, 4 / 13, 0, 0], [12 / 13], [1]],
    ['global', [3 / 85, 4 / 85, 0, 0], [12 / 85], [84 / 85]],
  ] as const)('divides by the norm of its scope: %s', (scope, kernel, bias, other) => {
    const updates = firstStep(normalizeByNorm({ scope }), gradients);
    expectElements(updates['a/kernel'].data, kernel);
    expectElements(updates['a/bias'].data, bias);
    expectElements(updates['b/kernel'].data, other);
  });

  it('has norm 1 whatever the size of the gradient', () => {
    for (const size of [1e-24, 1e-3, 1, 1e20]) {
      expectElements(firstStep(normalizeByNorm(), { w: [3 * size, -4 * size] }).w.data, [0.6, -0.8]);
    }
  });

  it('refuses an unknown scope', () => {
    expect(() => normalizeByNorm({ scope: 'row' as Scope })).toThrow(
      new RangeError(
        "normalizeByNorm: expected `scope` to be one of 'tensor', 'layer', 'output', 'head', 'global', got 'row'.",
      ),
    );
  });
});
