import { describe, expect, it } from 'vitest';
import { chain, descent, scaleByLearningRate, znorm } from '../../src/index.ts';
import { expectElements } from '../closeness.ts';
import { firstStep, tensors } from '../stepping.ts';

describe('descent', () => {
  it.each([
    ['steepest descent', [3, -4], [-0.3, 0.4], 1],
    ['straight uphill', [3, -4], [3, -4], -1],
    ['across', [1, 0], [0, 5], 0],
    ['at 60 degrees', [1, 0], [-1, Math.sqrt(3)], 0.5],
    ['no gradient', [0, 0], [1, 1], 0],
    ['no update', [1, 1], [0, 0], 0],
    ['an infinite gradient', [Infinity, 1], [-1, 0], NaN],
  ])('%s', (_what, g, u, cosine) => {
    // Elements are float32, sums are not.
    expectElements([descent(tensors({ w: g }), tensors({ w: u })).cosine], [cosine], 1e-7);
  });

  it('never exceeds 1 by rounding', () => {
    for (let size = 1; size < 500; size++) {
      const g = Array.from({ length: size }, (_, k) => Math.sin((k + 1) * size));
      const u = g.map((x) => -0.3 * x);
      const { cosine } = descent(tensors({ w: g }), tensors({ w: u }));
      expect(cosine).toBeLessThanOrEqual(1);
      expect(cosine).toBeGreaterThan(1 - 1e-13);
    }
  });

  it('is found for each tensor and for all together', () => {
    const gradients = tensors({ a: [3], b: [4] });
    const updates = tensors({ a: [-1], b: [1] });
    const { cosine, tensors: each } = descent(gradients, updates);
    expect(each).toEqual({ a: 1, b: -1 });
    expectElements([cosine], [(3 - 4) / (Math.SQRT2 * 5)], 1e-15);
  });

  it('of znorm under plain gradient descent is the share of the gradient that is not its mean', () => {
    const g = [1, 2, 6];
    const updates = firstStep(chain(znorm(), scaleByLearningRate({ learningRate: 0.1 })), { w: g });
    const [norm, std] = [Math.sqrt(41), Math.sqrt(14 / 3)];
    // Float32 updates: a few roundings.
    expectElements([descent(tensors({ w: g }), updates).cosine], [(Math.sqrt(3) * std) / norm], 1e-6);
  });

  it('of huge and tiny tensors neither overflows nor vanishes', () => {
    const { tensors: each } = descent(
      tensors({ a: [1e20, 1e20], b: [1e-24, 1e-24] }),
      tensors({ a: [-1e20, -1e20], b: [1e-24, 1e-24] }),
    );
    expectElements([each.a, each.b], [1, -1], 1e-15);
  });

  it('refuses an update that is missing or of another size', () => {
    expect(() => descent(tensors({ w: [1, 2] }), {})).toThrow(
      new RangeError("descent: expected an update of 2 elements, got none at 'w'."),
    );
    expect(() => descent(tensors({ w: [1, 2] }), tensors({ w: [1] }))).toThrow(
      new RangeError("descent: expected an update of 2 elements, got 1 at 'w'."),
    );
  });
});
