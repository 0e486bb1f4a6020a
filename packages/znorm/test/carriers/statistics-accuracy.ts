import { expect, test } from 'vitest';
import { type ArrayTensor, tensor } from '../../src/backends/arrays.ts';
import { type Named, sizeOf } from '../../src/parameters.ts';
import type { Computation } from './carrier.ts';

/** Repeatable numbers, close to a normal distribution: the sum of 12 uniform ones less 6. */
export function normals(size: number, seed = 1): number[] {
  let state = seed;
  const uniform = () => {
    state = (Math.imul(state, 1664525) + 1013904223) >>> 0;
    return state / 2 ** 32;
  };
  return Array.from({ length: size }, () => Array.from({ length: 12 }, uniform).reduce((a, b) => a + b) - 6);
}

function float64Moments(data: ArrayLike<number>): { mean: number; std: number; norm: number } {
  const values = Array.from(data);
  const mean = values.reduce((a, b) => a + b, 0) / values.length;
  const sumOfSquares = (center: number) => values.reduce((a, b) => a + (b - center) ** 2, 0);
  return { mean, std: Math.sqrt(sumOfSquares(mean) / values.length), norm: Math.sqrt(sumOfSquares(0)) };
}

const momentsOf: Computation = (ops, { x }) => ({ ...ops.moments(x), alone: ops.mean(x), norm: ops.norm(x) });

/** Shapes of 3, 1000, a prime, and 147,456 elements: a bias, and kernels as large as a ResNet's. */
const sizes = [[3], [1000], [50_257], [64, 256, 3, 3]];
const constants = [0.1, 1 / 3, -7.7, 1e20, 1e-24];
/** One list of numbers for each size, drawn once. */
const samples = sizes.map((shape) => ({ shape, values: normals(sizeOf(shape)) }));

/** How exact `mean`, `moments` and `norm` are, on what is hard for float32. */
export function statisticsAccuracy(
  run: (inputs: Named<ArrayTensor>, compute: Computation) => Promise<Named<ArrayTensor>>,
) {
  test.each(constants.flatMap((constant) => sizes.map((shape) => [constant, shape] as const)))(
    'a constant %s of shape %j has that mean, and a deviation below the floor of znorm',
    async (constant, shape) => {
      const x = tensor(new Float32Array(sizeOf(shape)).fill(constant), shape);
      const value = x.data[0];
      const { mean, std, alone, norm } = await run({ x }, momentsOf);
      // One rounding where the mean is kept in float32.
      expect(Math.abs(mean.data[0] - value)).toBeLessThanOrEqual(2 ** -24 * Math.abs(value));
      expect(alone.data[0]).toBe(mean.data[0]);
      // relativeMinStd of znorm is 2^-21; a naive float32 sum of 147,456 equal terms gives 2^-10.
      expect(std.data[0]).toBeLessThanOrEqual(2 ** -24 * Math.abs(value));
      const exact = Math.sqrt(sizeOf(shape)) * Math.abs(value);
      expect(Math.abs(norm.data[0] - exact)).toBeLessThanOrEqual(1e-6 * exact);
    },
  );

  test.each([
    ['of size 1', 1, 0],
    ['of size 1e20', 1e20, 0],
    ['of size 1e-24', 1e-24, 0],
    ['around 10,000', 1, 1e4],
    ['of size 1e-24 around -1e-20', 1e-24, -1e-20],
  ])('the moments of numbers %s are those found in float64', async (_, size, offset) => {
    for (const { shape, values } of samples) {
      const x = tensor(
        Float32Array.from(values, (value) => size * value + offset),
        shape,
      );
      const exact = float64Moments(x.data);
      const { mean, std, norm } = await run({ x }, momentsOf);
      // Sums in blocks of 32 lose up to about ten roundings (6e-7); an offset costs the rounding of the mean itself.
      expect(Math.abs(std.data[0] - exact.std)).toBeLessThanOrEqual(1e-6 * exact.std);
      expect(Math.abs(norm.data[0] - exact.norm)).toBeLessThanOrEqual(1e-6 * exact.norm);
      expect(Math.abs(mean.data[0] - exact.mean)).toBeLessThanOrEqual(
        2 ** -24 * Math.abs(exact.mean) + 1e-6 * exact.std,
      );
    }
  });

  test('two values, and one element among zeros, have exact moments too', async () => {
    const signs = tensor(
      Float32Array.from({ length: 147_456 }, (_, i) => (i % 2 === 0 ? 0.1 : -0.1)),
      [384, 384],
    );
    const two = await run({ x: signs }, momentsOf);
    expect(Math.abs(two.std.data[0] - signs.data[0])).toBeLessThanOrEqual(1e-6 * signs.data[0]);
    expect(Math.abs(two.mean.data[0])).toBeLessThanOrEqual(1e-9);

    const spike = new Float32Array(50_257);
    spike[40_000] = 3;
    const one = await run({ x: tensor(spike) }, momentsOf);
    const exact = float64Moments(spike);
    expect(Math.abs(one.std.data[0] - exact.std)).toBeLessThanOrEqual(1e-6 * exact.std);
    expect(Math.abs(one.mean.data[0] - exact.mean)).toBeLessThanOrEqual(1e-6 * exact.std);
    expect(one.norm.data[0]).toBeCloseTo(3, 6);
  });

  test('the moments of each output unit are those of its elements alone, in either layout', async () => {
    const [out, width] = [5, 1152];
    const values = Float32Array.from(
      normals(out * width),
      (value, i) => value * 10 ** (Math.floor(i / width) - 2),
    );
    const { mean, std, lastMean, lastStd } = await run(
      { x: tensor(values, [out, 128, 3, 3]) },
      (ops, { x }) => {
        const last = ops.transpose(x, [2, 3, 1, 0]);
        const turned = ops.moments(last, [0, 1, 2]);
        return { ...ops.moments(x, [1, 2, 3]), lastMean: turned.mean, lastStd: turned.std };
      },
    );
    expect([mean.shape, lastStd.shape]).toEqual([
      [out, 1, 1, 1],
      [1, 1, 1, out],
    ]);
    for (let unit = 0; unit < out; unit++) {
      const exact = float64Moments(values.subarray(unit * width, (unit + 1) * width));
      for (const found of [std, lastStd])
        expect(Math.abs(found.data[unit] - exact.std)).toBeLessThanOrEqual(1e-6 * exact.std);
      for (const found of [mean, lastMean])
        expect(Math.abs(found.data[unit] - exact.mean)).toBeLessThanOrEqual(1e-6 * exact.std);
    }
  });
}
