import { expect, test } from 'vitest';
import { tensor, znorm } from '../../src/index.ts';
import { normals } from '../carriers/statistics-accuracy.ts';
import { firstStep } from '../stepping.ts';

/** Share by which a number may be off that was rounded to the 11 significant bits of a float16. */
const h = 2 ** -11;

function rounded(x: number): number {
  if (x === 0) return 0;
  const unit = 2 ** (Math.floor(Math.log2(Math.abs(x))) - 10);
  return Math.round(x / unit) * unit;
}

test.each([0, 0.3, 3, 30])(
  'a gradient rounded to 16 bits, with a mean of %s deviations, is standardized within the bound of the docs',
  (offset) => {
    const g = normals(5000, 7).map((x) => x + offset);
    const exact = firstStep(znorm(), { w: tensor(g) }).w.data;
    const found = firstStep(znorm(), { w: tensor(g.map(rounded)) }).w.data;
    const mean = (values: readonly number[]) => values.reduce((sum, x) => sum + x, 0) / values.length;
    const sigma = Math.sqrt(mean(g.map((x) => (x - mean(g)) ** 2)));
    const [size, rms] = [mean(g.map(Math.abs)), Math.sqrt(mean(g.map((x) => x * x)))];
    const shares = g.map((x, i) => {
      const bound = (h * (Math.abs(x) + size + Math.abs(exact[i]) * rms)) / sigma;
      return Math.abs(found[i] - exact[i]) / bound;
    });
    expect(Math.max(...shares)).toBeLessThanOrEqual(1);
    // Not so wide that it says nothing: a single rounding uses up a part of it.
    expect(Math.max(...shares)).toBeGreaterThan(0.1);
  },
);
