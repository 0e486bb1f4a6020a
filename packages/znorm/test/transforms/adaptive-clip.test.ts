import { describe, expect, it } from 'vitest';
import { adaptiveClip, init, tensor, update } from '../../src/index.ts';
import { expectElements } from '../closeness.ts';
import { firstStep } from '../stepping.ts';

describe('adaptiveClip', () => {
  it('limits each output unit by the norm of its own weights', () => {
    // Units have weights of norm 5 and 0.5 and gradients of norm 1: limits are 0.5 and 0.05.
    const { w } = firstStep(
      adaptiveClip({ clipping: 0.1 }),
      { w: tensor([0.6, 0.8, 0.6, 0.8], [2, 2]) },
      { w: tensor([3, 4, 0.3, 0.4], [2, 2]) },
    );
    expectElements(w.data, [0.3, 0.4, 0.03, 0.04]);
  });

  it('takes units along the output axis that the adapter names', () => {
    const info = { path: 'w', shape: [2, 2], outputAxis: 1, role: 'kernel' } as const;
    const { w } = firstStep(
      adaptiveClip({ clipping: 0.1 }),
      { w: tensor([0.6, 0.6, 0.8, 0.8], [2, 2]) },
      { w: tensor([3, 0.3, 4, 0.4], [2, 2]) },
      { w: info },
    );
    expectElements(w.data, [0.3, 0.03, 0.4, 0.04]);
  });

  it.each([[[4]], [[1, 4]], [[4, 1]]])('takes a tensor of shape [%s] as a whole', (shape) => {
    const { w } = firstStep(
      adaptiveClip({ clipping: 0.1 }),
      { w: tensor([1, 1, 1, 1], shape) },
      { w: tensor([5, 0, 0, 0], shape) },
    );
    expectElements(w.data, [0.25, 0.25, 0.25, 0.25]);
  });

  it('counts the norm of zero weights as eps, so that they can grow', () => {
    const { w } = firstStep(adaptiveClip({ clipping: 0.1, eps: 0.5 }), { w: [-3, 4] }, { w: [0, 0] });
    expectElements(w.data, [-0.03, 0.04]);
    expectElements(firstStep(adaptiveClip(), { w: [-3, 4] }, { w: [0, 0] }).w.data, [-0.6e-5, 0.8e-5]);
  });

  it('leaves gradients within the limit as they are, to the bit', () => {
    const { w } = firstStep(adaptiveClip({ clipping: 0.01 }), { w: [0.003, -0.004] }, { w: [3, 4] });
    expect(w.data).toEqual(Float32Array.of(0.003, -0.004));
  });

  it('says how to pass params when it gets none', () => {
    const gradients = { w: tensor([1, 2]) };
    expect(() => update(adaptiveClip(), gradients, init(adaptiveClip(), gradients))).toThrow(
      new TypeError("adaptiveClip: expected params, got undefined at 'w'. Pass params to update()."),
    );
  });

  it('refuses limits that are not finite and > 0', () => {
    expect(() => adaptiveClip({ clipping: 0 })).toThrow(
      new RangeError('adaptiveClip: expected `clipping` to be a finite number > 0, got 0.'),
    );
    expect(() => adaptiveClip({ eps: -1 })).toThrow(
      new RangeError('adaptiveClip: expected `eps` to be a finite number > 0, got -1.'),
    );
  });
});
