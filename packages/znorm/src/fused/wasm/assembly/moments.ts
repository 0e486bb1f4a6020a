// Mean and deviations of a span of a gradient.
import { addExactly, addFast, addSampled, begin, limitedOne, squares, sum } from './sums';

/** What was measured last: the mean, and Σ (x − mean)². */
export let mean: f64 = 0;
export let deviations: f64 = 0;

/** Mean and deviations from the sums of a whole span, or, where those do not do, from the span once more. */
export function concludeMoments(start: usize, count: u32, limit: f32): void {
  mean = sum / <f64>count;
  deviations = squares - sum * mean;
  // With |mean| below the deviation, at most half of Σ x² cancels, and so at most one bit.
  const fastDoes = inRange(count) && deviations >= 0.5 * squares;
  if (fastDoes) return;
  // Two passes in float64. The mean is taken about the first element, so that of a constant it is that element to
  // the last bit and the deviations are 0.
  const first = firstElement(start, limit);
  begin();
  addExactly(start, count, limit, first);
  mean = first + sum / <f64>count;
  begin();
  addExactly(start, count, limit, mean);
  concludeAboutMean(count);
}

/** The same where only Σ x² counts: it becomes the deviations, about a mean of 0. */
export function concludeSquares(start: usize, count: u32, limit: f32): void {
  if (!inRange(count)) {
    begin();
    addExactly(start, count, limit, 0);
  }
  mean = 0;
  deviations = squares;
}

/** Moments of `count` elements, `stride` apart: the two passes. */
export function measureSample(start: usize, stride: u32, count: u32, limit: f32): void {
  const first = firstElement(start, limit);
  begin();
  addSampled(start, stride, count, limit, first);
  mean = first + sum / <f64>count;
  begin();
  addSampled(start, stride, count, limit, mean);
  concludeAboutMean(count);
}

/** Σ x². */
export function sumOfSquares(start: usize, count: u32): f64 {
  begin();
  addFast(start, count, Infinity, true);
  concludeSquares(start, count, Infinity);
  return deviations;
}

/** What to take a mean about: the first element, unless ∞ − ∞ would make the mean NaN where it is ∞. */
function firstElement(start: usize, limit: f32): f64 {
  const first = <f64>limitedOne(load<f32>(start), limit);
  return isFinite(first) ? first : 0;
}

/** Σ (x − mean)², less what the rounding of the mean has added to it. */
function concludeAboutMean(count: u32): void {
  deviations = squares - (sum * sum) / <f64>count;
  if (deviations < 0) deviations = 0;
}

/** Squares were taken in float32: whether none became infinite, and none that counts fell below 2^-126. */
function inRange(count: u32): bool {
  return squares < Infinity && squares >= <f64>count * 7.888609052210118e-31; // 2^-100
}

/** Whether every element is finite: its exponent is not all ones. */
export function allFinite(start: usize, count: u32): bool {
  const magnitude = i32x4.splat(0x7fffffff);
  let largest = i32x4.splat(0);
  let at = start;
  for (const end = start + ((<usize>count >> 2) << 4); at < end; at += 16) {
    largest = i32x4.max_s(largest, v128.and(v128.load(at), magnitude));
  }
  if (v128.any_true(i32x4.ge_s(largest, i32x4.splat(0x7f800000)))) return false;
  for (const end = start + (<usize>count << 2); at < end; at += 4) {
    if ((load<i32>(at) & 0x7fffffff) >= 0x7f800000) return false;
  }
  return true;
}
