import { describe, expect, it } from 'vitest';
import { centralize, describeParameter, tensor } from '../../src/index.ts';
import { expectElements } from '../closeness.ts';
import { firstStep } from '../stepping.ts';

describe('centralize', () => {
  it('removes the mean of each output unit', () => {
    const { w } = firstStep(centralize(), { w: tensor([1, 2, 3, -10, 0, 40], [2, 3]) });
    expectElements(w.data, [-1, 0, 1, -20, -10, 30]);
  });

  it('takes all axes but the output axis of a convolution kernel', () => {
    const { w } = firstStep(centralize(), { w: tensor([1, 2, 3, 6, 5, 5, 5, 5], [2, 1, 2, 2]) });
    expectElements(w.data, [-2, -1, 0, 3, 0, 0, 0, 0]);
  });

  it('follows the output axis that the adapter names', () => {
    const info = { ...describeParameter('w', [2, 3]), outputAxis: 1 };
    const { w } = firstStep(centralize(), { w: tensor([1, 2, 3, 5, 0, 3], [2, 3]) }, undefined, { w: info });
    expectElements(w.data, [-2, 1, 0, 2, -1, 0]);
  });

  it('passes vectors, scalars and units of one weight through: they would become 0 and never train', () => {
    const gradients = { b: tensor([1, 2]), s: tensor([3], []), column: tensor([4, 5], [2, 1]) };
    const updates = firstStep(centralize(), gradients);
    for (const path of ['b', 's', 'column'] as const) expect(updates[path]).toBe(gradients[path]);
  });
});
