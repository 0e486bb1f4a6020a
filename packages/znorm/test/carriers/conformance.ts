import { describe, expect, test } from 'vitest';
import { type ArrayTensor, tensor } from '../../src/backends/arrays.ts';
import type { Named } from '../../src/parameters.ts';
import { weightedSum } from '../../src/tensor-ops.ts';
import type { Carrier, Computation } from './carrier.ts';
import { statisticsAccuracy } from './statistics-accuracy.ts';

/** What every backend must compute: the rules of `TensorOps`, one line of table a promise. */
interface Case {
  readonly promise: string;
  readonly inputs: Named<ArrayTensor>;
  readonly compute: Computation;
  readonly expected: Named<ArrayTensor>;
  /** Largest relative error. @default 0: the values were chosen so that nothing is rounded */
  readonly within?: number;
}

/** A correctly rounded operation, or one that divides by multiplying with a rounded reciprocal. */
const oneRounding = 2 ** -23;

const { NaN: nan, POSITIVE_INFINITY: inf } = Number;
const scalar = (value: number): ArrayTensor => ({ shape: [], data: Float64Array.of(value) });
const grid = tensor([1, -2, 3, 0.5, -0.25, 8], [2, 3]);
const row = tensor([2, 4, -1]);
const column = tensor([10, 20], [2, 1]);
const special = tensor([nan, inf, -inf, 0, 5]);
const cube = tensor(
  Array.from({ length: 24 }, (_, i) => i - 5),
  [2, 3, 4],
);

const elementwise: readonly Case[] = [
  {
    promise: 'a row is added to every row',
    inputs: { grid, row },
    compute: (ops, { grid, row }) => ({ u: ops.add(grid, row) }),
    expected: { u: tensor([3, 2, 2, 2.5, 3.75, 7], [2, 3]) },
  },
  {
    promise: 'a column is taken from every column, from either side',
    inputs: { grid, column },
    compute: (ops, { grid, column }) => ({ left: ops.sub(grid, column), right: ops.sub(column, grid) }),
    expected: {
      left: tensor([-9, -12, -7, -19.5, -20.25, -12], [2, 3]),
      right: tensor([9, 12, 7, 19.5, 20.25, 12], [2, 3]),
    },
  },
  {
    promise: 'a column and a row stretch each other to a matrix',
    inputs: { row, column },
    compute: (ops, { row, column }) => ({ u: ops.mul(row, column) }),
    expected: { u: tensor([20, 40, -10, 40, 80, -20], [2, 3]) },
  },
  {
    promise: 'a scalar tensor and a number meet any shape from either side',
    inputs: { grid, half: scalar(0.5) },
    compute: (ops, { grid, half }) => ({
      tensor: ops.mul(half, grid),
      right: ops.mul(grid, 0.5),
      left: ops.sub(1, grid),
    }),
    expected: {
      tensor: tensor([0.5, -1, 1.5, 0.25, -0.125, 4], [2, 3]),
      right: tensor([0.5, -1, 1.5, 0.25, -0.125, 4], [2, 3]),
      left: tensor([0, 3, -2, 0.5, 1.25, -7], [2, 3]),
    },
  },
  {
    promise: 'two numbers give a scalar',
    inputs: {},
    compute: (ops) => ({ u: ops.mul(3, -1), v: ops.lessEqual(1, 2) }),
    expected: { u: scalar(-3), v: scalar(1) },
  },
  {
    promise: 'division by tensors and numbers, and by zero',
    inputs: { grid, row, zero: tensor([1, -1, 0]) },
    compute: (ops, { grid, row, zero }) => ({
      row: ops.div(grid, row),
      number: ops.div(grid, 3),
      inverse: ops.div(2, row),
      byZero: ops.div(zero, ops.sub(row, row)),
    }),
    expected: {
      row: tensor([0.5, -0.5, -3, 0.25, -0.0625, -8], [2, 3]),
      number: tensor([1 / 3, -2 / 3, 1, 1 / 6, -1 / 12, 8 / 3], [2, 3]),
      inverse: tensor([1, 0.5, -2]),
      byZero: tensor([inf, -inf, nan]),
    },
    within: oneRounding,
  },
  {
    promise: 'maximum and minimum choose, and propagate NaN from either side',
    inputs: { special, other: tensor([1, 1, 1, nan, 7]) },
    compute: (ops, { special, other }) => ({
      larger: ops.maximum(special, other),
      smaller: ops.minimum(special, other),
      swapped: ops.maximum(other, special),
      atLeast: ops.maximum(special, 1),
      atMost: ops.minimum(1, special),
    }),
    expected: {
      larger: tensor([nan, inf, 1, nan, 7]),
      smaller: tensor([nan, 1, -inf, nan, 5]),
      swapped: tensor([nan, inf, 1, nan, 7]),
      atLeast: tensor([nan, inf, 1, 1, 5]),
      atMost: tensor([nan, 1, -inf, 0, 1]),
    },
  },
  {
    promise: 'roots, absolute values and signs, of special values too',
    inputs: { special, x: tensor([4, 2.25, 0, -1]) },
    compute: (ops, { special, x }) => ({
      root: ops.sqrt(x),
      specialRoot: ops.sqrt(special),
      abs: ops.abs(special),
      sign: ops.sign(special),
      signs: ops.sign(x),
    }),
    expected: {
      root: tensor([2, 1.5, 0, nan]),
      specialRoot: tensor([nan, inf, nan, 0, Math.sqrt(5)]),
      abs: tensor([nan, inf, inf, 0, 5]),
      sign: tensor([nan, 1, -1, 0, 1]),
      signs: tensor([1, 1, 0, -1]),
    },
    within: oneRounding,
  },
  {
    promise: 'comparisons give 1 or 0, and 0 where either side is NaN',
    inputs: { special, other: tensor([nan, inf, 0, 0, 4]) },
    compute: (ops, { special, other }) => ({
      tensors: ops.lessEqual(special, other),
      number: ops.lessEqual(special, 0),
      left: ops.lessEqual(0, special),
    }),
    expected: {
      tensors: tensor([0, 1, 1, 1, 0]),
      number: tensor([0, 0, 1, 1, 0]),
      left: tensor([0, 1, 0, 1, 1]),
    },
  },
  {
    promise:
      'finite is everything but NaN and infinities, up to the largest and down to the smallest float32',
    inputs: { special, edge: tensor([3.4028234663852886e38, -3.4028234663852886e38, 1.5e-45, -0]) },
    compute: (ops, { special, edge }) => ({ special: ops.isFinite(special), edge: ops.isFinite(edge) }),
    expected: { special: tensor([0, 0, 0, 1, 1]), edge: tensor([1, 1, 1, 1]) },
  },
  {
    promise: 'where takes nothing from the side not chosen, and any value but 0 as true',
    inputs: { condition: tensor([1, 0, -2, 0.5, 0]), special, row: tensor([1, 2, 3, 4, 5]) },
    compute: (ops, { condition, special, row }) => ({
      tensors: ops.where(condition, row, special),
      numbers: ops.where(condition, 1, -1),
      scalars: ops.where(condition, row, 0),
    }),
    expected: {
      tensors: tensor([1, inf, 3, 4, 5]),
      numbers: tensor([1, -1, 1, 1, -1]),
      scalars: tensor([1, 0, 3, 4, 0]),
    },
  },
  {
    promise: 'where broadcasts its condition and both sides',
    inputs: { grid, flag: scalar(0), chosen: tensor([1, 0], [2, 1]), row },
    compute: (ops, { grid, flag, chosen, row }) => ({
      flag: ops.where(flag, 7, grid),
      rows: ops.where(chosen, grid, row),
    }),
    expected: { flag: grid, rows: tensor([1, -2, 3, 2, 4, -1], [2, 3]) },
  },
  {
    promise: 'a product is taken in the order written: (x · 0.001) · x does not overflow where x · x does',
    inputs: { x: tensor([1e20, -1e20]) },
    compute: (ops, { x }) => ({ u: ops.mul(ops.mul(x, 0.001), x) }),
    expected: { u: tensor([1e37, 1e37]) },
    within: 4 * oneRounding,
  },
  {
    promise: 'NaN and infinity times a number are not numbers, even times 0',
    inputs: { special },
    compute: (ops, { special }) => ({ u: ops.mul(special, 0) }),
    expected: { u: tensor([nan, nan, nan, 0, 0]) },
  },
  {
    promise: 'a weighted sum is two products and a sum',
    inputs: { grid, row, half: scalar(0.5) },
    compute: (ops, { grid, row, half }) => ({
      tensors: weightedSum(ops, half, grid, 3, row),
      number: weightedSum(ops, 2, grid, 1, 0.5),
    }),
    expected: {
      tensors: tensor([6.5, 11, -1.5, 6.25, 11.875, 1], [2, 3]),
      number: tensor([2.5, -3.5, 6.5, 1.5, 0, 16.5], [2, 3]),
    },
  },
];

const reductions: readonly Case[] = [
  {
    promise: 'sums, means and maxima of everything are scalars',
    inputs: { grid, cube, one: scalar(4) },
    compute: (ops, { grid, cube, one }) => ({
      sum: ops.sum(grid),
      mean: ops.mean(cube),
      max: ops.max(grid),
      ofOne: ops.sum(one),
      meanOfOne: ops.mean(one),
    }),
    expected: {
      sum: scalar(10.25),
      mean: scalar(6.5),
      max: scalar(8),
      ofOne: scalar(4),
      meanOfOne: scalar(4),
    },
  },
  {
    promise: 'along axes, the reduced ones stay at size 1',
    inputs: { cube },
    compute: (ops, { cube }) => ({
      first: ops.sum(cube, [0]),
      outer: ops.sum(cube, [0, 2]),
      inner: ops.max(cube, [1, 2]),
      all: ops.mean(cube, [0, 1, 2]),
      mean: ops.mean(cube, [1]),
    }),
    expected: {
      first: tensor([2, 4, 6, 8, 10, 12, 14, 16, 18, 20, 22, 24], [1, 3, 4]),
      outer: tensor([20, 52, 84], [1, 3, 1]),
      inner: tensor([6, 18], [2, 1, 1]),
      all: tensor([6.5], [1, 1, 1]),
      mean: tensor([-1, 0, 1, 2, 11, 12, 13, 14], [2, 1, 4]),
    },
  },
  {
    promise: 'the norm and the moments of everything and along axes',
    inputs: { x: tensor([3, 4, -6, 8, 0, 0], [3, 2]) },
    compute: (ops, { x }) => {
      const whole = ops.moments(x);
      const rows = ops.moments(x, [1]);
      return {
        norm: ops.norm(x),
        norms: ops.norm(x, [1]),
        mean: whole.mean,
        std: whole.std,
        means: rows.mean,
        stds: rows.std,
      };
    },
    expected: {
      norm: scalar(Math.sqrt(125)),
      norms: tensor([5, 10, 0], [3, 1]),
      mean: scalar(1.5),
      std: scalar(Math.sqrt(125 / 6 - 2.25)),
      means: tensor([3.5, 1, 0], [3, 1]),
      stds: tensor([0.5, 7, 0], [3, 1]),
    },
    within: 4 * oneRounding,
  },
  {
    promise: 'NaN propagates through every reduction, wherever it stands',
    inputs: { x: tensor([nan, 1, 2, 1, nan, 2, 1, 2, nan, 1, 2, 3], [4, 3]) },
    compute: (ops, { x }) => {
      const { mean, std } = ops.moments(x, [1]);
      return {
        sum: ops.sum(x, [1]),
        max: ops.max(x, [1]),
        mean,
        std,
        norm: ops.norm(x, [1]),
        all: ops.max(x),
      };
    },
    expected: {
      sum: tensor([nan, nan, nan, 6], [4, 1]),
      max: tensor([nan, nan, nan, 3], [4, 1]),
      mean: tensor([nan, nan, nan, 2], [4, 1]),
      std: tensor([nan, nan, nan, Math.sqrt(2 / 3)], [4, 1]),
      norm: tensor([nan, nan, nan, Math.sqrt(14)], [4, 1]),
      all: scalar(nan),
    },
    within: 4 * oneRounding,
  },
  {
    promise: 'infinity propagates: an infinite norm and mean, a deviation that is no number',
    inputs: { x: tensor([inf, 1, 2, 3, -inf, 1], [2, 3]) },
    compute: (ops, { x }) => {
      const { mean, std } = ops.moments(x, [1]);
      return { sum: ops.sum(x, [1]), max: ops.max(x, [1]), mean, std, norm: ops.norm(x, [1]) };
    },
    expected: {
      sum: tensor([inf, -inf], [2, 1]),
      max: tensor([inf, 3], [2, 1]),
      mean: tensor([inf, -inf], [2, 1]),
      std: tensor([nan, nan], [2, 1]),
      norm: tensor([inf, inf], [2, 1]),
    },
  },
];

const movements: readonly Case[] = [
  {
    promise: 'full and copy make tensors of the values asked for',
    inputs: { grid },
    compute: (ops, { grid }) => ({
      scalar: ops.full([], 2.5),
      matrix: ops.full([2, 2], -1),
      copy: ops.copy(grid),
    }),
    expected: { scalar: scalar(2.5), matrix: tensor([-1, -1, -1, -1], [2, 2]), copy: grid },
  },
  {
    promise: 'shape, reshape and transpose',
    inputs: { cube, grid },
    compute: (ops, { cube, grid }) => ({
      flat: ops.reshape(grid, [6]),
      again: ops.reshape(ops.reshape(grid, [3, 2, 1]), ops.shape(grid)),
      transposed: ops.transpose(grid, [1, 0]),
      turned: ops.transpose(cube, [2, 0, 1]),
    }),
    expected: {
      flat: tensor([1, -2, 3, 0.5, -0.25, 8]),
      again: grid,
      transposed: tensor([1, 0.5, -2, -0.25, 3, 8], [3, 2]),
      turned: tensor(
        [0, 1, 2, 3].flatMap((k) => [0, 1].flatMap((i) => [0, 1, 2].map((j) => 12 * i + 4 * j + k - 5))),
        [4, 2, 3],
      ),
    },
  },
  {
    promise: 'the product of two matrices',
    inputs: { grid, other: tensor([1, 0, 2, 4, -1, 1], [3, 2]) },
    compute: (ops, { grid, other }) => ({ u: ops.matmul(grid, other) }),
    expected: { u: tensor([-6, -5, -8, 7], [2, 2]) },
  },
  {
    promise: 'a sample is every stride-th element of the flattened tensor from an offset',
    inputs: { cube },
    compute: (ops, { cube }) => ({
      even: ops.sample(cube, 6, 0),
      uneven: ops.sample(cube, 7, 2),
      last: ops.sample(cube, 24, 23),
      rest: ops.sample(cube, 1, 21),
    }),
    expected: {
      even: tensor([-5, 1, 7, 13]),
      uneven: tensor([-3, 4, 11, 18]),
      last: tensor([18]),
      rest: tensor([16, 17, 18]),
    },
  },
  {
    promise: 'a branch on a number or a tensor gives the chosen side, untouched by NaN on the other',
    inputs: { yes: scalar(1), no: scalar(0), grid, bad: tensor([nan, inf, 0, 0, 0, nan], [2, 3]) },
    compute(ops, { yes, no, grid, bad }) {
      const good = () => [grid, ops.sum(grid)];
      const broken = () => [bad, ops.sum(bad)];
      const [a, b] = ops.branch(yes, good, broken);
      const [c, d] = ops.branch(no, broken, good);
      const [e] = ops.branch(1, good, broken);
      const [f] = ops.branch(0, broken, good);
      return { a, b, c, d, e: ops.copy(e), f: ops.copy(f) };
    },
    expected: { a: grid, b: scalar(10.25), c: grid, d: scalar(10.25), e: grid, f: grid },
  },
  {
    promise: 'tidy hands back nested records as they are, whatever else was made inside',
    inputs: { grid },
    compute(ops, { grid }) {
      const result = ops.tidy(() => {
        const doubled = ops.mul(grid, 2);
        ops.add(doubled, 1);
        return { deep: [{ doubled: ops.tidy(() => ops.add(doubled, 0)), same: grid }], count: 3 };
      });
      return {
        doubled: ops.mul(result.deep[0].doubled, result.count),
        same: ops.add(result.deep[0].same, 0),
      };
    },
    expected: { doubled: tensor([6, -12, 18, 3, -1.5, 48], [2, 3]), same: grid },
  },
];

const empty: readonly Case[] = [
  {
    promise: 'an empty tensor has norm 0 and sum 0, and stays empty',
    inputs: { x: tensor([], [0, 3]) },
    compute: (ops, { x }) => ({ norm: ops.norm(x), sum: ops.sum(ops.isFinite(x)), x: ops.mul(x, 2) }),
    expected: { norm: scalar(0), sum: scalar(0), x: tensor([], [0, 3]) },
  },
];

/**
 * Runs every promise of `TensorOps` on a carrier.
 *
 * @param skips promises that the carrier cannot keep, each with the reason
 */
export function conformance(carrier: Carrier, skips: Readonly<Record<string, string>> = {}): void {
  async function run(inputs: Named<ArrayTensor>, compute: Computation): Promise<Named<ArrayTensor>> {
    const compiled = carrier.compile(compute);
    try {
      return await compiled.run(inputs);
    } finally {
      await compiled.release();
    }
  }

  describe(carrier.name, () => {
    const cases = [...elementwise, ...reductions, ...movements, ...empty];
    for (const { promise, inputs, compute, expected, within = 0 } of cases) {
      if (promise in skips) {
        test.skip(`${promise} (${skips[promise]})`);
        continue;
      }
      test(promise, async () => {
        const results = await run(inputs, compute);
        for (const [name, { shape, data }] of Object.entries(expected)) {
          expect(results[name].shape, `shape of ${name}`).toEqual(shape);
          data.forEach((value, i) => {
            const found = results[name].data[i];
            // Infinities and NaN are compared as they are: their difference is no number.
            if (!Number.isFinite(value)) expect(found, `${name}[${i}]`).toBe(value);
            else
              expect(Math.abs(found - value), `${name}[${i}]`).toBeLessThanOrEqual(within * Math.abs(value));
          });
        }
      });
    }
    for (const promise of Object.keys(skips)) {
      if (!cases.some((known) => known.promise === promise)) {
        throw new RangeError(`conformance: expected to skip a known promise, got '${promise}'.`);
      }
    }
    statisticsAccuracy(run);
  });
}
