import { describe, expect, it } from 'vitest';
import { arrays, tensor } from '../../src/index.ts';
import { hypot } from '../../src/transforms/hypot.ts';
import { expectElements } from '../closeness.ts';

/** Float32 tensors round every operation to float32, as a carrier does that has nothing else. */
const inFloat32 = (...terms: number[]) =>
  hypot(
    arrays,
    terms.map((term) => tensor([term], [])),
  ).data;

describe('hypot in float32', () => {
  it.each([
    [[3, -4], 5],
    [[-7], 7],
    [[3e38, 1e38], Math.sqrt(10) * 1e38],
    [[3e20, 4e20], 5e20],
    [[3e-24, 4e-24], 5e-24],
    [[3e20, 4e-24], 3e20],
    [[0, 0, 0], 0],
    [[Infinity, 1], Infinity],
    [[NaN, 1], NaN],
    [[NaN, Infinity], NaN],
  ])('of %j is %d', (terms, expected) => {
    expect(inFloat32(...terms)).toBeInstanceOf(Float32Array);
    expectElements(inFloat32(...terms), [expected]);
  });

  it('works element by element', () => {
    const { data } = hypot(arrays, [tensor([3, 0, 1e20]), tensor([4, 2, 0])]);
    expectElements(data, [5, 2, 1e20]);
  });
});
