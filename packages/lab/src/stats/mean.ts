import { studentT } from './student-t.ts';

/** An interval as [low, high]. */
export type Interval = [number, number];

/** Arithmetic mean; NaN of nothing. */
export function mean(values: readonly number[]): number {
  return values.reduce((sum, value) => sum + value, 0) / values.length;
}

/** Sample standard deviation, n − 1 in the denominator; NaN under two values. */
export function standardDeviation(values: readonly number[]): number {
  const center = mean(values);
  const squares = values.reduce((sum, value) => sum + (value - center) ** 2, 0);
  return values.length < 2 ? Number.NaN : Math.sqrt(squares / (values.length - 1));
}

/**
 * Student-t interval of the mean, for values that are roughly normal and independent (seeds are).
 *
 *     mean ± t(level, n − 1) · s / √n
 *
 * @param level  share of such intervals that hold the true mean. @default 0.95
 * @returns null under two values, where nothing is known of the spread
 */
export function meanInterval(values: readonly number[], level = 0.95): Interval | null {
  if (values.length < 2) return null;
  const center = mean(values);
  const half = (studentT(level, values.length - 1) * standardDeviation(values)) / Math.sqrt(values.length);
  return [center - half, center + half];
}
