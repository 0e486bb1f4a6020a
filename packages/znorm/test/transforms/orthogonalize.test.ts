import { describe, expect, it } from 'vitest';
import { type ArrayTensor, arrays, orthogonalize, type ParameterInfo, tensor } from '../../src/index.ts';
import { normals } from '../carriers/statistics-accuracy.ts';
import { relativeError } from '../closeness.ts';
import { firstStep } from '../stepping.ts';

const info = (shape: readonly number[], outputAxis: number): ParameterInfo => ({
  path: 'w',
  shape,
  outputAxis,
  role: 'kernel',
});
const apply = (g: ArrayTensor, outputAxis = 0) =>
  firstStep(orthogonalize(), { w: g }, { w: g }, { w: info(g.shape, outputAxis) }).w;

describe('orthogonalize', () => {
  it('moves every singular value to between 0.7 and 1.2', () => {
    const g = tensor(normals(24, 1), [4, 6]);
    const u = apply(g);
    // The quadratic form xᵀ u uᵀ x lies between the squared singular values, for every direction x.
    const squared = arrays.matmul(u, arrays.transpose(u, [1, 0]));
    for (let seed = 0; seed < 50; seed++) {
      const x = tensor(normals(4, 10 + seed), [1, 4]);
      const form = arrays.matmul(arrays.matmul(x, squared), arrays.transpose(x, [1, 0])).data[0];
      const stretch = Math.sqrt(form) / Math.hypot(...x.data);
      expect(stretch).toBeGreaterThan(0.65);
      expect(stretch).toBeLessThan(1.25);
    }
  });

  it('of a tall matrix is larger by the root of its ratio, and the transpose of the wide one', () => {
    const wide = tensor(normals(12, 3), [2, 6]);
    const tall = arrays.transpose(wide, [1, 0]);
    const expected = arrays.mul(arrays.transpose(apply(wide), [1, 0]), Math.sqrt(3));
    expect(relativeError(apply(tall).data, expected.data)).toBeLessThan(1e-6); // the same products, one more rounding
  });

  it('does the same in every layout: output first and output last', () => {
    const first = tensor(normals(36, 5), [4, 3, 3]);
    const last = arrays.transpose(first, [1, 2, 0]);
    const expected = arrays.transpose(apply(first), [1, 2, 0]);
    expect(apply(last, 2).data).toEqual(expected.data);
  });

  it('hands over vectors as they came', () => {
    const g = tensor([1, 2, 3]);
    expect(apply(g)).toBe(g);
  });

  it('refuses no steps at all', () => {
    expect(() => orthogonalize({ steps: 0 })).toThrow(
      new RangeError('orthogonalize: expected `steps` to be a whole number >= 1, got 0.'),
    );
  });
});
