import { describe, expect, test } from 'vitest';
import {
  fillNormal,
  fillUniform,
  integer,
  murmur3,
  naturalLogarithm,
  normalPair,
  permutation,
  randomStream,
  uniform,
} from '../src/random.ts';

const take = (count: number, next: () => number) => Array.from({ length: count }, next);

describe('named streams', () => {
  test('give the same bits on every machine, for ever', () => {
    // Computed by an independent implementation in Python. A change here changes every run ever recorded.
    expect(take(4, randomStream(0, 'shuffle', 0))).toEqual([2351563202, 732786014, 2794148058, 1774733832]);
  });

  test('differ when seed, name or any counter differs', () => {
    const keys: Array<[number, string, ...number[]]> = [
      [0, 'a'],
      [1, 'a'],
      [0, 'b'],
      [0, 'a', 0],
      [0, 'a', 1],
      [0, 'a', 1, 2],
      [0, 'a', 12],
      [2 ** 40, 'a'],
    ];
    const firsts = keys.map((key) => randomStream(...key)());
    expect(new Set(firsts).size).toBe(keys.length);
  });

  test('reject what is not a whole number', () => {
    expect(() => randomStream(-1, 'shuffle')).toThrow(
      new RangeError(
        "randomStream: expected the seed and counters of 'shuffle' to be whole numbers >= 0, got -1.",
      ),
    );
    expect(() => randomStream(0, 'shuffle', 1.5)).toThrow(RangeError);
  });

  test('neighbouring counters are uncorrelated', () => {
    const count = 20_000;
    const a = take(count, () => 0).map((_, i) => uniform(randomStream(7, 'mask', i), -1, 1));
    const b = take(count, () => 0).map((_, i) => uniform(randomStream(7, 'mask', i + 1), -1, 1));
    const correlation = a.reduce((sum, x, i) => sum + x * b[i], 0) / (count / 3);
    // Under independence the correlation has standard deviation 1/sqrt(count) = 0.007; the streams are fixed.
    expect(Math.abs(correlation)).toBeLessThan(0.025);
  });
});

test('the hash is MurmurHash3 x86_32: the test values published with SMHasher ports', () => {
  const hash = (text: string, seed: number) => murmur3(new TextEncoder().encode(text), seed) >>> 0;
  expect(hash('', 0)).toBe(0);
  expect(hash('', 1)).toBe(0x514e28b7);
  expect(hash('', 0xffffffff)).toBe(0x81f16f39);
  expect(hash('test', 0)).toBe(0xba6bd213);
  expect(hash('test', 0x9747b28c)).toBe(0x704b81dc);
  expect(hash('Hello, world!', 0)).toBe(0xc0363e43);
  expect(hash('The quick brown fox jumps over the lazy dog', 0x9747b28c)).toBe(0x2fa826cd);
});

describe('distributions', () => {
  test('the logarithm agrees with Math.log within 2 units of the last place', () => {
    for (let i = 1; i <= 2000; i++) {
      const x = (i / 2000) ** 8;
      expect(Math.abs(naturalLogarithm(x) - Math.log(x))).toBeLessThanOrEqual(
        2 * 2 ** -52 * Math.abs(Math.log(x)),
      );
    }
    expect(naturalLogarithm(2 ** -64)).toBeCloseTo(-64 * Math.LN2, 12);
  });

  test('whole numbers below a bound are uniform, also where the bound does not divide 2³²', () => {
    const counts = [0, 0, 0, 0, 0, 0, 0];
    const next = randomStream(3, 'dice');
    for (let i = 0; i < 70_000; i++) counts[integer(next, 7)]++;
    // χ² with 6 degrees of freedom; 22.5 is its 99.9 % point. The stream is fixed, so this cannot flicker.
    const chiSquared = counts.reduce((sum, count) => sum + (count - 10_000) ** 2 / 10_000, 0);
    expect(chiSquared).toBeLessThan(22.5);
  });

  test('draws past the last full bucket are redrawn', () => {
    const draws = [2 ** 32 - 1, 2 ** 31 - 1];
    expect(integer(() => draws.shift()!, 3)).toBe(1);
    expect(integer(() => 2 ** 32 - 1, 2 ** 32)).toBe(2 ** 32 - 1);
    expect(() => integer(() => 0, 0)).toThrow(
      new RangeError('integer: expected `bound` to be a whole number from 1 to 2^32, got 0.'),
    );
  });

  test('a permutation holds every number once and places the first one anywhere alike', () => {
    expect([...permutation(randomStream(1, 'order'), 1000)].sort((a, b) => a - b)).toEqual([
      ...Array(1000).keys(),
    ]);
    const places = [0, 0, 0, 0];
    for (let i = 0; i < 8000; i++) places[permutation(randomStream(1, 'order', i), 4).indexOf(0)]++;
    // 99.9 % point of χ² with 3 degrees of freedom.
    expect(places.reduce((sum, count) => sum + (count - 2000) ** 2 / 2000, 0)).toBeLessThan(16.3);
    expect(permutation(randomStream(0, 'none'), 0)).toHaveLength(0);
  });

  test('normal numbers have the moments and tails of the normal distribution', () => {
    const values = new Float32Array(200_001);
    fillNormal(randomStream(5, 'weights'), values);
    const moment = (power: number) => values.reduce((sum, x) => sum + x ** power, 0) / values.length;
    // Five standard errors of each sample moment: sqrt(1, 2, 15, 96 / n).
    const error = (variance: number) => 5 * Math.sqrt(variance / values.length);
    expect(Math.abs(moment(1))).toBeLessThan(error(1));
    expect(Math.abs(moment(2) - 1)).toBeLessThan(error(2));
    expect(Math.abs(moment(3))).toBeLessThan(error(15));
    expect(Math.abs(moment(4) - 3)).toBeLessThan(error(96));
    const beyondTwo = values.filter((x) => Math.abs(x) > 2).length / values.length;
    expect(Math.abs(beyondTwo - 0.0455)).toBeLessThan(error(0.0455));
  });

  test('a filled array follows mean and deviation, and is the sequence of pairs', () => {
    const values = new Float32Array(3);
    fillNormal(randomStream(5, 'weights'), values, 10, 0.5);
    const next = randomStream(5, 'weights');
    const pairs = [...normalPair(next), ...normalPair(next)];
    expect([...values]).toEqual(pairs.slice(0, 3).map((z) => Math.fround(10 + 0.5 * z)));
  });

  test('uniform numbers stay inside their range', () => {
    const values = new Float32Array(10_000);
    fillUniform(randomStream(2, 'bias'), values, -0.25, 0.25);
    expect(Math.min(...values)).toBeGreaterThanOrEqual(-0.25);
    expect(Math.max(...values)).toBeLessThanOrEqual(0.25);
    const mean = values.reduce((sum, x) => sum + x, 0) / values.length;
    expect(Math.abs(mean)).toBeLessThan((5 * 0.5) / Math.sqrt(12 * values.length));
  });
});
