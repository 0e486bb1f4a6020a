import { describe, expect, test } from 'vitest';
import {
  fanInUniform,
  glorotNormal,
  glorotUniform,
  heNormal,
  heUniform,
  type Initializer,
  ones,
  zeros,
} from '../src/initializers.ts';
import { randomStream } from '../src/random.ts';

const shape = [32, 16, 3, 3];
const fanIn = 16 * 9;
const fanOut = 32 * 9;

function filled(initializer: Initializer, of: readonly number[] = shape): Float32Array {
  const out = new Float32Array(of.reduce((size, axis) => size * axis, 1));
  initializer(out, of, randomStream(0, 'initial', 1));
  return out;
}

const deviation = (values: Float32Array) =>
  Math.sqrt(values.reduce((sum, x) => sum + x * x, 0) / values.length);

describe('variance, to the published formulas', () => {
  // Relative standard error of a deviation over n = 4608 draws is at most sqrt(2/n)/2 = 1 %; four of them.
  const tolerance = 0.04;
  test.each<[string, Initializer, number, number]>([
    ['heNormal', heNormal(), Math.sqrt(2 / fanIn), Infinity],
    ['heNormal, fan out', heNormal({ fan: 'out' }), Math.sqrt(2 / fanOut), Infinity],
    ['heUniform', heUniform(), Math.sqrt(2 / fanIn), Math.sqrt(6 / fanIn)],
    ['heUniform, fan out', heUniform({ fan: 'out' }), Math.sqrt(2 / fanOut), Math.sqrt(6 / fanOut)],
    ['glorotNormal', glorotNormal, Math.sqrt(2 / (fanIn + fanOut)), Infinity],
    ['glorotUniform', glorotUniform, Math.sqrt(2 / (fanIn + fanOut)), Math.sqrt(6 / (fanIn + fanOut))],
    ['fanInUniform', fanInUniform(), Math.sqrt(1 / (3 * fanIn)), 1 / Math.sqrt(fanIn)],
  ])('%s', (_, initializer, std, bound) => {
    const values = filled(initializer);
    expect(Math.abs(deviation(values) / std - 1)).toBeLessThan(tolerance);
    expect(Math.max(...values.map(Math.abs))).toBeLessThanOrEqual(Math.fround(bound));
  });
});

test('constants', () => {
  expect(filled(zeros).every((x) => x === 0)).toBe(true);
  expect(filled(ones).every((x) => x === 1)).toBe(true);
});

test("a bias takes its bound from its layer's inputs", () => {
  const values = filled(fanInUniform(100), [5000]);
  expect(Math.max(...values)).toBeLessThanOrEqual(Math.fround(0.1));
  expect(Math.max(...values)).toBeGreaterThan(0.099);
});

test('a vector has no fan', () => {
  expect(() => filled(heNormal(), [8])).toThrow(
    new RangeError(
      'initializer: expected a shape [out, in, ...kernel], got [8]. Use zeros, ones or fanInUniform(inputs) for vectors.',
    ),
  );
});
