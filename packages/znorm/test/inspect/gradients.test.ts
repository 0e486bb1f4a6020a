import { describe, expect, it } from 'vitest';
import { inspectGradients, tensor } from '../../src/index.ts';
import { expectElements } from '../closeness.ts';
import { tensors } from '../stepping.ts';

const summaryOf = (values: readonly number[]) => inspectGradients(tensors({ w: values })).tensors.w;

describe('the summary of a tensor', () => {
  it.each([
    [
      'numbers',
      [1, -2, 0, 5],
      { size: 4, mean: 1, std: Math.sqrt(6.5), norm: Math.sqrt(30), zeros: 0.25, largest: 5, nonfinite: 0 },
    ],
    ['zeros', [0, 0], { size: 2, mean: 0, std: 0, norm: 0, zeros: 1, largest: 0, nonfinite: 0 }],
    ['a constant', [3, 3, 3, 3], { size: 4, mean: 3, std: 0, norm: 6, zeros: 0, largest: 3, nonfinite: 0 }],
    ['one element', [-7], { size: 1, mean: -7, std: 0, norm: 7, zeros: 0, largest: 7, nonfinite: 0 }],
    ['nothing', [], { size: 0, mean: 0, std: 0, norm: 0, zeros: 0, largest: 0, nonfinite: 0 }],
    [
      'NaN',
      [1, NaN, 0, -2],
      { size: 4, mean: NaN, std: NaN, norm: NaN, zeros: 0.25, largest: 2, nonfinite: 1 },
    ],
    [
      'infinity',
      [1, -Infinity],
      { size: 2, mean: -Infinity, std: NaN, norm: Infinity, zeros: 0, largest: Infinity, nonfinite: 1 },
    ],
  ])('of %s', (_what, values, expected) => {
    expect(summaryOf(values)).toEqual(expected);
  });

  it('of 1e20 and 1e-24 neither overflows nor vanishes', () => {
    for (const size of [1e20, 1e-24]) {
      const { mean, std, norm } = summaryOf([3 * size, -5 * size]);
      expectElements([mean, std, norm], [-size, 4 * size, Math.sqrt(34) * size]);
    }
  });

  it('has the deviation of a large mean with small differences', () => {
    expect(summaryOf([1e6 + 1, 1e6 + 3]).std).toBe(1);
  });

  it('of any constant has a deviation of exactly 0', () => {
    for (const value of [0.1, -1 / 3, 1e20, 1e-24]) {
      expect(inspectGradients({ w: tensor(new Float32Array(1000).fill(value)) }).tensors.w.std).toBe(0);
    }
  });
});

describe('across layers', () => {
  const gradients = tensors({
    'first/kernel': [3],
    'first/bias': [4],
    'dead/kernel': [0, 0],
    'last/kernel': [0.5],
  });

  it('kernel and bias of a layer count together', () => {
    const { layers, norm } = inspectGradients(gradients);
    expect(layers).toEqual({ first: 5, dead: 0, last: 0.5 });
    expect(norm).toBe(Math.sqrt(25.25));
  });

  it('the ratio is that of the largest to the smallest norm, zeros and broken layers left out', () => {
    const broken = { ...gradients, ...tensors({ 'broken/kernel': [NaN] }) };
    expect(inspectGradients(broken).ratio).toEqual({ value: 10, largest: 'first', smallest: 'last' });
    expect(inspectGradients(tensors({ w: [0] })).ratio).toBeUndefined();
  });

  it('a layer vanishes by its root mean square', () => {
    const inspected = tensors({
      'large/kernel': new Array(100).fill(1e-8),
      'small/kernel': [1.01e-8],
      zero: [0],
      none: [],
    });
    expect(inspectGradients(inspected).vanishing).toEqual(['large', 'zero']);
    expect(inspectGradients(gradients, { vanishing: 0.5 }).vanishing).toEqual(['dead', 'last']);
  });

  it('a layer explodes by its norm, or when it is not finite', () => {
    const inspected = tensors({
      'a/kernel': [60, 80],
      'b/kernel': [99],
      'c/kernel': [NaN],
      'd/kernel': [-Infinity],
    });
    expect(inspectGradients(inspected).exploding).toEqual(['a', 'c', 'd']);
    expect(inspectGradients(gradients, { exploding: 5 }).exploding).toEqual(['first']);
  });
});

it('refuses thresholds out of range and unknown ones', () => {
  expect(() => inspectGradients({}, { vanishing: -1 })).toThrow(
    new RangeError('inspectGradients: expected `vanishing` to be a finite number >= 0, got -1.'),
  );
  expect(() => inspectGradients({}, { exploding: 0 })).toThrow(
    new RangeError('inspectGradients: expected `exploding` to be a finite number > 0, got 0.'),
  );
  expect(() => inspectGradients({}, { exploding: 1, vanishin: 1 } as never)).toThrow(
    new TypeError('inspectGradients: unknown option `vanishin`. Did you mean `vanishing`?'),
  );
});
