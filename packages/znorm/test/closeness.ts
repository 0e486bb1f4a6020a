import { expect } from 'vitest';

/** Largest |actual − expected| over largest |expected|: an error relative to the tensor, not to its smallest element. */
export function relativeError(actual: ArrayLike<number>, expected: ArrayLike<number>): number {
  expect(actual.length).toBe(expected.length);
  let error = 0;
  let size = 0;
  for (let k = 0; k < expected.length; k++) {
    error = Math.max(error, Math.abs(actual[k] - expected[k]));
    size = Math.max(size, Math.abs(expected[k]));
  }
  return error === 0 ? 0 : error / size;
}

/**
 * Element by element: the same NaN, infinity or zero, else equal within `tolerance`, relative. The default is four
 * roundings to float32 (2^-24 each).
 */
export function expectElements(actual: ArrayLike<number>, expected: readonly number[], tolerance = 2 ** -22) {
  const shown = `got [${Array.from(actual).join(', ')}], expected [${expected.join(', ')}]`;
  const alike =
    actual.length === expected.length &&
    expected.every(
      (value, k) =>
        Object.is(actual[k] + 0, value + 0) || Math.abs(actual[k] - value) <= tolerance * Math.abs(value),
    );
  expect(alike, shown).toBe(true);
}
