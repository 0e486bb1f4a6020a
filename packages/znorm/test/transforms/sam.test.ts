import { describe, expect, it } from 'vitest';
import {
  type ArrayTensor,
  applyUpdates,
  init,
  type Named,
  samPerturbation,
  tensor,
  update,
} from '../../src/index.ts';
import { normals } from '../carriers/statistics-accuracy.ts';
import { expectElements } from '../closeness.ts';
import { firstStep } from '../stepping.ts';

describe('samPerturbation', () => {
  it('goes a distance of rho along the gradient of all tensors together', () => {
    const { a, b } = firstStep(samPerturbation({ rho: 0.13 }), { a: [3, 4], b: [-12] });
    expectElements([...a.data, ...b.data], [0.03, 0.04, -0.12]);
  });

  it('adaptive, goes by shares of each parameter', () => {
    const weights = { a: [2, 0.5], b: [-1] };
    const { a, b } = firstStep(samPerturbation({ adaptive: true }), { a: [3, 4], b: [6] }, weights);
    const norm = Math.hypot(6, 2, 6);
    expectElements([...a.data, ...b.data], [(0.5 * 12) / norm, (0.5 * 1) / norm, (0.5 * 6) / norm]);
  });

  it('stays where the gradient is 0', () => {
    expect(Array.from(firstStep(samPerturbation(), { a: [0, 0] }).a.data)).toEqual([0, 0]);
  });

  it('is no shorter way up than any other: none of its length climbs more', () => {
    const g = normals(20, 1);
    const climb = (way: ArrayLike<number>) => g.reduce((sum, x, k) => sum + x * way[k], 0);
    const best = climb(firstStep(samPerturbation({ rho: 0.3 }), { w: g }).w.data);
    for (let seed = 2; seed < 100; seed++) {
      const way = normals(20, seed);
      const length = Math.hypot(...way);
      expect(climb(way.map((x) => (0.3 * x) / length))).toBeLessThan(best);
    }
  });

  it('gives the gradient at the worst point of a parabola: A (w + rho · A w / ‖A w‖)', () => {
    const a = [8, 0.5];
    const params = { w: tensor([0.5, -4]) };
    const gradientAt = ({ w }: Named<ArrayTensor>) => ({ w: tensor(Array.from(w.data, (x, k) => a[k] * x)) });
    const sam = samPerturbation({ rho: 0.25 });
    const { updates: uphill } = update(sam, gradientAt(params), init(sam, params));
    const sharp = gradientAt(applyUpdates(params, uphill));
    const norm = Math.hypot(4, 2);
    expectElements(sharp.w.data, [8 * (0.5 + 1 / norm), 0.5 * (-4 - 0.5 / norm)]);
  });

  it('refuses what is no distance', () => {
    expect(() => samPerturbation({ rho: 0 })).toThrow(
      new RangeError('samPerturbation: expected `rho` to be a finite number > 0, got 0.'),
    );
  });
});
