import { decayRate, knownOptions, optionError, positive, positiveInteger } from '../option-checks.ts';

export interface LearningRateRangeOptions {
  /** Takes one training step at this rate, and gives the loss before it. With `injectable`, set the rate and step. */
  readonly step: (learningRate: number) => number | Promise<number>;
  /** First rate. @default 1e-6 */
  readonly from?: number;
  /** Last rate. @default 10 */
  readonly to?: number;
  /** Steps in all. @default 100 */
  readonly steps?: number;
  /** Decay of the moving average of the losses. @default 0.9 */
  readonly smoothing?: number;
  /** Ends once the smoothed loss is this many times its least. @default 4 */
  readonly divergence?: number;
}

export interface LearningRateRange {
  readonly rates: readonly number[];
  readonly losses: readonly number[];
  /** Moving average of the losses, corrected for its start. */
  readonly smoothed: readonly number[];
  /** Where the smoothed loss falls fastest, a step: a rate to train at. */
  readonly steepest: number;
  /** Where the smoothed loss is least: beyond it training comes apart. The highest rate of a schedule lies below. */
  readonly lowest: number;
  /** Whether it ended because the loss grew, and not at the last rate. */
  readonly diverged: boolean;
}

/**
 * The learning-rate range test: trains at rates that grow step by step, and watches where the loss falls and where it
 * comes apart. What it trains is spoilt afterwards: use a model and an optimizer of its own.
 *
 *     rate_i = from · (to / from)^(i / (steps − 1))
 *     s_i = smoothing · s_{i−1} + (1 − smoothing) · loss_i,   smoothed_i = s_i / (1 − smoothing^{i+1})
 *
 * @throws RangeError if an option is out of its range, or the first loss is not finite
 * @example
 * let w = 1; // gradient descent on w², which comes apart at rates above 1
 * const range = await learningRateRange({
 *   from: 1e-3,
 *   to: 10,
 *   step: (learningRate) => {
 *     const loss = w * w;
 *     w -= learningRate * 2 * w;
 *     return loss;
 *   },
 * });
 * range.diverged; // true
 * range.steepest < 1; // true
 * @see Smith 2017, Cyclical learning rates, arXiv 1506.01186
 */
export async function learningRateRange(options: LearningRateRangeOptions): Promise<LearningRateRange> {
  const where = 'learningRateRange';
  knownOptions(where, options, ['step', 'from', 'to', 'steps', 'smoothing', 'divergence']);
  const from = positive(where, 'from', options.from ?? 1e-6);
  const to = positive(where, 'to', options.to ?? 10);
  if (!(to > from)) throw optionError(where, 'to', `to be more than from, ${from}`, to);
  const steps = positiveInteger(where, 'steps', options.steps ?? 100);
  if (steps < 3) throw optionError(where, 'steps', 'to be at least 3', steps);
  const smoothing = decayRate(where, 'smoothing', options.smoothing ?? 0.9);
  const divergence = positive(where, 'divergence', options.divergence ?? 4);
  if (!(divergence > 1)) throw optionError(where, 'divergence', 'to be a number > 1', divergence);

  const rates: number[] = [];
  const losses: number[] = [];
  const smoothed: number[] = [];
  let average = 0;
  let least = Infinity;
  let diverged = false;
  for (let i = 0; i < steps && !diverged; i++) {
    const rate = from * (to / from) ** (i / (steps - 1));
    const loss = await options.step(rate);
    if (i === 0 && !Number.isFinite(loss)) {
      throw new RangeError(
        `${where}: expected a finite loss at the first rate, ${rate}, got ${loss}. Begin lower.`,
      );
    }
    average = smoothing * average + (1 - smoothing) * loss;
    const corrected = average / (1 - smoothing ** (i + 1));
    diverged = !(corrected <= divergence * least);
    if (!Number.isFinite(corrected)) break;
    rates.push(rate);
    losses.push(loss);
    smoothed.push(corrected);
    least = Math.min(least, corrected);
  }

  const lowest = smoothed.indexOf(least);
  // The change that a rate makes is seen in the next loss. Rates beyond the least loss are not asked.
  const falls = smoothed.slice(1, Math.max(2, lowest + 1)).map((value, i) => smoothed[i] - value);
  const steepest = falls.indexOf(Math.max(...falls));
  return {
    rates,
    losses,
    smoothed,
    steepest: rates[Math.max(0, steepest)],
    lowest: rates[lowest],
    diverged,
  };
}
