import { describe, expect, test } from 'vitest';
import {
  chain,
  describeParameter,
  type GradientTransformation,
  init,
  scaleByStd,
  sgd,
  tensor,
  update,
  type ZnormOptions,
  znorm,
} from '../../src/index.ts';
import { bind } from './binding.ts';
import { randomNumbers } from './random-gradients.ts';

/** Mean and deviation as the kernel finds them: with statistics renewed at every step, the state keeps them. */
async function measured(values: Float32Array, shape = [values.length], options: ZnormOptions = {}) {
  const chainOf = chain(znorm({ ...options, statistics: { every: 1 } }), sgd({ learningRate: 1 }));
  const bound = await bind(chainOf, [describeParameter('w', shape)], { w: { shape, data: values } }, 1);
  bound.gradients.w.set(values);
  const { state } = bound.update.step(bound.state);
  return { mean: state.slots.w['znorm.mean'].data, std: state.slots.w['znorm.std'].data };
}

/** The same with 106 bits: every sum is kept as a float64 and the rounding error it made (Knuth's two-sum). */
function precise(values: ArrayLike<number>): { mean: number; std: number } {
  const sumOf = (term: (x: number) => number) => {
    let sum = 0;
    let lost = 0;
    for (let k = 0; k < values.length; k++) {
      const x = term(values[k]);
      const next = sum + x;
      lost += Math.abs(sum) >= Math.abs(x) ? sum - next + x : x - next + sum;
      sum = next;
    }
    return sum + lost;
  };
  const mean = sumOf((x) => x) / values.length;
  return { mean, std: Math.sqrt(sumOf((x) => (x - mean) ** 2) / values.length) };
}

function normal(length: number, mean: number, std: number): Float32Array {
  const random = randomNumbers(length);
  return Float32Array.from({ length }, () => mean + std * (random() + random() + random()));
}

describe('mean and deviation', () => {
  test.each([
    ['centred', 0, 1],
    ['with a mean of a third of the deviation', 0.3, 1],
    ['with a mean a hundred times the deviation', 100, 1],
    ['with a mean a million times the deviation', 1, 1e-6],
    ['of size 1e-20', 0, 1e-20],
    ['of size 1e-42, where float32 has four digits left', 0, 1e-40],
    ['of size 1e30', 3e29, 1e30],
  ])('%s are right to 2^-24 of the deviation, for any length', async (_, mean, std) => {
    for (const length of [2, 3, 7, 31, 32, 33, 100, 4099, 8192, 8193, 50_001]) {
      const values = normal(length, mean, std);
      const expected = precise(values);
      const got = await measured(values);
      // Float32 is where the update ends; eight-fold sums in float32 leave 1e-9, exact sums 1e-15.
      expect(Math.abs(got.mean[0] - expected.mean) / expected.std, `mean of ${length}`).toBeLessThan(
        2 ** -24,
      );
      expect(Math.abs(got.std[0] / expected.std - 1), `deviation of ${length}`).toBeLessThan(2 ** -24);
    }
  });

  test('of a constant are that constant and 0, to the last bit', async () => {
    for (const constant of [0.1, -1e-3, 1 / 3, 1e20, 1e-30, 0]) {
      for (const length of [2, 5, 64, 4097, 40_000]) {
        const value = Math.fround(constant);
        const got = await measured(new Float32Array(length).fill(value));
        expect([got.mean[0], got.std[0]], `${constant} × ${length}`).toEqual([value, 0]);
      }
    }
  });

  test('of one outlier among equal elements are right: the worst case for sums about an element', async () => {
    for (const at of [0, 1, 20_000]) {
      const values = new Float32Array(20_001).fill(1);
      values[at] = 1e6;
      const expected = precise(values);
      const got = await measured(values);
      expect(Math.abs(got.mean[0] / expected.mean - 1)).toBeLessThan(2 ** -24);
      expect(Math.abs(got.std[0] / expected.std - 1)).toBeLessThan(2 ** -24);
    }
  });

  test('of what sums to 0 but for rounding: the mean is right to a millionth of itself, small as it is', async () => {
    // As below a softmax. Under Adam the elements that are 0 move by what the mean is, whatever its size.
    for (const length of [101, 4099, 50_001]) {
      const values = normal(length, 0, 1);
      values[length - 1] = 0;
      values[length - 1] = -values.reduce((sum, x) => sum + x, 0);
      const expected = precise(values);
      expect(Math.abs(expected.mean)).toBeLessThan(1e-8);
      const got = await measured(values);
      expect(Math.abs(got.mean[0] / expected.mean - 1), `${length}`).toBeLessThan(1e-6);
    }
  });

  test('of rows are those of each row, wherever rows begin', async () => {
    const values = normal(7 * 1025, 0.2, 1);
    const got = await measured(values, [7, 1025], { scope: 'output' });
    for (let row = 0; row < 7; row++) {
      const expected = precise(values.subarray(row * 1025, (row + 1) * 1025));
      expect(Math.abs(got.mean[row] - expected.mean) / expected.std).toBeLessThan(2 ** -24);
      expect(Math.abs(got.std[row] / expected.std - 1)).toBeLessThan(2 ** -24);
    }
  });
});

describe('a constant gradient never becomes noise', () => {
  const transformations: [string, GradientTransformation][] = [
    ['znorm', znorm({ eps: 0 })],
    ['znorm by row', znorm({ eps: 0, scope: 'output' })],
    ['znorm by layer', znorm({ eps: 0, scope: 'layer' })],
    ['znorm, zero', znorm({ eps: 0, onDegenerate: 'zero' })],
    ['znorm, pass', znorm({ eps: 0, onDegenerate: 'pass' })],
    ['znorm twice', chain(znorm({ eps: 0 }), znorm({ eps: 0 }))],
    ['scaleByStd', scaleByStd({ eps: 0 })],
  ];
  test.each(transformations)('%s', async (_, transformation) => {
    for (const constant of [0.1, 1 / 3, -7e-9, 12345.678]) {
      const shape = [11, 77];
      const values = tensor(new Float32Array(847).fill(constant), shape);
      const both = chain(transformation, sgd({ learningRate: 1 }));
      const infos = [describeParameter('w', shape)];
      const bound = await bind(both, infos, { w: values });
      bound.gradients.w.set(values.data);
      const { updates } = bound.update.propose(bound.state);
      const expected = update(both, { w: values }, init(both, { w: values })).updates.w.data;
      // Nothing is left, or the gradient itself: at most one rounding of it.
      const tolerance = Math.abs(constant) * 2 ** -24;
      updates.w.data.forEach((u, k) => {
        expect(Math.abs(u - expected[k])).toBeLessThanOrEqual(tolerance);
      });
    }
  });
});
