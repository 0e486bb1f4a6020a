import { knownOptions, nonNegative, oneOf, optionError, positive, positiveInteger } from './option-checks.ts';
import { type Schedule, schedule } from './schedules.ts';

export interface CyclicOptions {
  /** Lowest value, at the start of every cycle. */
  readonly from: number;
  /** Highest value of the first cycle. */
  readonly to: number;
  /** Steps from the lowest to the highest. */
  readonly stepsUp: number;
  /** Steps back. @default stepsUp */
  readonly stepsDown?: number;
  /** What the height is multiplied by from cycle to cycle; 0.5 is PyTorch's `triangular2`. @default 1 */
  readonly cycleFactor?: number;
  /** What the height is multiplied by from step to step; PyTorch's `gamma` of `exp_range`. @default 1 */
  readonly stepFactor?: number;
}

/**
 * Up and down in straight lines, without end.
 *
 *     at(t) = from + (to − from) · cycleFactor^c · stepFactor^t · h,   c = ⌊t / (stepsUp + stepsDown)⌋
 *
 * where h rises from 0 to 1 over `stepsUp` steps of each cycle c and falls back over `stepsDown`.
 *
 * @throws RangeError if an end is negative, a factor is not in (0, 1], or steps are not whole numbers >= 1
 * @example
 * cyclic({ from: 0.1, to: 0.5, stepsUp: 4 }).at(3); // 0.4
 * @see Smith 2017, arXiv 1506.01186; PyTorch, CyclicLR
 */
export function cyclic(options: CyclicOptions): Schedule {
  const names = ['from', 'to', 'stepsUp', 'stepsDown', 'cycleFactor', 'stepFactor'];
  knownOptions('cyclic', options, names);
  const from = nonNegative('cyclic', 'from', options.from);
  const to = nonNegative('cyclic', 'to', options.to);
  const up = positiveInteger('cyclic', 'stepsUp', options.stepsUp);
  const down = positiveInteger('cyclic', 'stepsDown', options.stepsDown ?? up);
  const cycleFactor = shrinking('cycleFactor', options.cycleFactor ?? 1);
  const stepFactor = shrinking('stepFactor', options.stepFactor ?? 1);
  return schedule('cyclic', options, (step) => {
    const cycle = Math.floor(step / (up + down));
    const place = step - cycle * (up + down);
    const height = place <= up ? place / up : (up + down - place) / down;
    return from + (to - from) * height * cycleFactor ** cycle * stepFactor ** step;
  });
}

function shrinking(option: string, factor: number): number {
  if (typeof factor === 'number' && factor > 0 && factor <= 1) return factor;
  throw optionError('cyclic', option, 'to be a number > 0 and <= 1', factor);
}

export interface OneCycleOptions {
  /** Highest value. */
  readonly peak: number;
  /** Steps of the whole cycle. */
  readonly steps: number;
  /** Share of the steps before the peak (PyTorch: `pct_start`). @default 0.3 */
  readonly riseFraction?: number;
  /** Share of the peak at step 0 (PyTorch: 1 / `div_factor`). @default 0.04 */
  readonly startFraction?: number;
  /** Share of the peak at the end (PyTorch: 1 / (`div_factor` · `final_div_factor`)). @default 4e-6 */
  readonly finalFraction?: number;
  /** How it rises and falls. @default 'cosine' */
  readonly anneal?: 'cosine' | 'linear';
}

/**
 * Up to a peak, and down to next to nothing: one cycle for the whole of training.
 *
 *     at(t) = peak · (a + (b − a) · s(p))
 *
 * from a = startFraction to b = 1 at step riseFraction · steps − 1, and from a = 1 to b = finalFraction at step
 * steps − 1; p is the share of the way, s(p) = (1 − cos(π p)) / 2, or p if linear.
 *
 * @throws RangeError if a number is out of its range, or the rise ends before step 1 or after the last
 * @example
 * oneCycle({ peak: 0.5, steps: 10 }).at(2); // 0.5
 * @see Smith & Topin 2018, arXiv 1708.07120; PyTorch, OneCycleLR
 */
export function oneCycle(options: OneCycleOptions): Schedule {
  const names = ['peak', 'steps', 'riseFraction', 'startFraction', 'finalFraction', 'anneal'];
  knownOptions('oneCycle', options, names);
  const peak = nonNegative('oneCycle', 'peak', options.peak);
  const steps = positiveInteger('oneCycle', 'steps', options.steps);
  const rise = positive('oneCycle', 'riseFraction', options.riseFraction ?? 0.3);
  const start = nonNegative('oneCycle', 'startFraction', options.startFraction ?? 1 / 25);
  const final = nonNegative('oneCycle', 'finalFraction', options.finalFraction ?? 1 / 25e4);
  const anneal = oneOf('oneCycle', 'anneal', options.anneal ?? 'cosine', ['cosine', 'linear']);
  const top = rise * steps - 1;
  const end = steps - 1;
  if (!(top > 0 && top < end)) {
    throw optionError('oneCycle', 'riseFraction', `to put the peak between steps 0 and ${end}`, rise);
  }
  const eased = (share: number) => (anneal === 'linear' ? share : (1 - Math.cos(Math.PI * share)) / 2);
  return schedule('oneCycle', options, (step) => {
    if (step <= top) return peak * (start + (1 - start) * eased(step / top));
    return peak * (1 + (final - 1) * eased((Math.min(step, end) - top) / (end - top)));
  });
}
