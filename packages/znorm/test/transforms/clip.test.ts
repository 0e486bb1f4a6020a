import { describe, expect, it } from 'vitest';
import { clipByBlockRms, clipByGlobalNorm, clipByNorm, clipByValue, masked } from '../../src/index.ts';
import { expectElements } from '../closeness.ts';
import { firstStep } from '../stepping.ts';

describe('clipByValue', () => {
  it('limits each element on its own', () => {
    const { w } = firstStep(clipByValue({ clipValue: 0.25 }), { w: [-3, -0.25, 0, 0.125, 9] });
    expect(Array.from(w.data)).toEqual([-0.25, -0.25, 0, 0.125, 0.25]);
  });
});

describe('clipByNorm', () => {
  it('shortens each tensor on its own, to the norm exactly, keeping its direction', () => {
    const { long, short } = firstStep(clipByNorm({ maxNorm: 2 }), { long: [30, -40], short: [0.3, -0.4] });
    expectElements(long.data, [1.2, -1.6]);
    expectElements(short.data, [0.3, -0.4]);
  });

  it('leaves a gradient whose norm is the limit as it is, to the bit', () => {
    const { w } = firstStep(clipByNorm({ maxNorm: 5 }), { w: [3, -4] });
    expect(Array.from(w.data)).toEqual([3, -4]);
  });
});

describe('clipByBlockRms', () => {
  it('limits the root mean square of each tensor, whatever its size', () => {
    const { long, short } = firstStep(clipByBlockRms({ maxRms: 1 }), { long: [6, -8, 0, 0], short: [0.5] });
    expectElements(long.data, [1.2, -1.6, 0, 0]);
    expectElements(short.data, [0.5]);
  });
});

describe('clipByGlobalNorm', () => {
  it('shortens all tensors by one factor', () => {
    const { a, b } = firstStep(clipByGlobalNorm({ maxNorm: 6.5 }), { a: [3, 4], b: [12] });
    expectElements(a.data, [1.5, 2]);
    expectElements(b.data, [6]);
  });

  it('finds the norm of gradients of very different size', () => {
    const { a, b } = firstStep(clipByGlobalNorm({ maxNorm: 1 }), { a: [3e20, 4e20], b: [1e-10] });
    expectElements(a.data, [0.6, 0.8]);
    expectElements(b.data, [2e-31]);
  });

  it('behind a mask counts only the selected tensors', () => {
    const clip = masked(clipByGlobalNorm({ maxNorm: 1 }), { path: 'a' });
    const { a, b } = firstStep(clip, { a: [3, 4], b: [12] });
    expectElements(a.data, [0.6, 0.8]);
    expectElements(b.data, [12]);
  });

  it('makes every tensor NaN if one element is', () => {
    const { a, b } = firstStep(clipByGlobalNorm({ maxNorm: 1 }), { a: [NaN, 1], b: [2] });
    expectElements(a.data, [NaN, NaN]);
    expectElements(b.data, [NaN]);
  });
});

describe('a limit that is not a finite number > 0 is refused', () => {
  it.each([
    [0, '0'],
    [-1, '-1'],
    [NaN, 'NaN'],
    [Infinity, 'Infinity'],
    ['1', "'1'"],
    [undefined, 'undefined'],
  ])('%s', (bad, shown) => {
    const value = bad as number;
    const message = (where: string, option: string) =>
      new RangeError(`${where}: expected \`${option}\` to be a finite number > 0, got ${shown}.`);
    expect(() => clipByValue({ clipValue: value })).toThrow(message('clipByValue', 'clipValue'));
    expect(() => clipByNorm({ maxNorm: value })).toThrow(message('clipByNorm', 'maxNorm'));
    expect(() => clipByGlobalNorm({ maxNorm: value })).toThrow(message('clipByGlobalNorm', 'maxNorm'));
  });
});
