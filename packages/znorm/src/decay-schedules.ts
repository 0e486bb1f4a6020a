import { knownOptions, nonNegative, positive, positiveInteger, trueOrFalse } from './option-checks.ts';
import { progress, type Schedule, schedule } from './schedules.ts';

export interface PolynomialOptions {
  /** Value at step 0. */
  readonly from: number;
  /** Value at the end. @default 0 */
  readonly to?: number;
  /** Steps until the end. */
  readonly steps: number;
  /** 1 is a straight line; above 1 falls early and ends gently. @default 1 */
  readonly power?: number;
}

/**
 * A power of the way that is left.
 *
 *     at(t) = to + (from − to) · (1 − min(t / steps, 1))^power
 *
 * @throws RangeError if an end is negative, `power` is not > 0, or `steps` is not a whole number >= 1
 * @example
 * polynomial({ from: 0.1, steps: 100, power: 2 }).at(50); // 0.025
 * @see PyTorch, PolynomialLR; Optax, polynomial_schedule
 */
export function polynomial(options: PolynomialOptions): Schedule {
  knownOptions('polynomial', options, ['from', 'to', 'steps', 'power']);
  const from = nonNegative('polynomial', 'from', options.from);
  const to = nonNegative('polynomial', 'to', options.to ?? 0);
  const steps = positiveInteger('polynomial', 'steps', options.steps);
  const power = positive('polynomial', 'power', options.power ?? 1);
  return schedule('polynomial', options, (step) => to + (from - to) * (1 - progress(step, steps)) ** power);
}

export interface ExponentialOptions {
  /** Value at step 0. */
  readonly from: number;
  /** What the value is multiplied by in `steps` steps. */
  readonly factor: number;
  /** @default 1 */
  readonly steps?: number;
  /** Multiply once every `steps` steps instead of a little at each. @default false */
  readonly staircase?: boolean;
}

/**
 * The same factor over and over.
 *
 *     at(t) = from · factor^(t / steps),   or, as a staircase, from · factor^⌊t / steps⌋
 *
 * @throws RangeError if `from` is negative, `factor` is not > 0, or `steps` is not a whole number >= 1
 * @example
 * exponential({ from: 0.1, factor: 0.5, steps: 10 }).at(20); // 0.025
 * @see PyTorch, ExponentialLR; Optax, exponential_decay
 */
export function exponential(options: ExponentialOptions): Schedule {
  knownOptions('exponential', options, ['from', 'factor', 'steps', 'staircase']);
  const from = nonNegative('exponential', 'from', options.from);
  const factor = positive('exponential', 'factor', options.factor);
  const steps = positiveInteger('exponential', 'steps', options.steps ?? 1);
  const staircase = trueOrFalse('exponential', 'staircase', options.staircase ?? false);
  return schedule('exponential', options, (step) => {
    const times = step / steps;
    return from * factor ** (staircase ? Math.floor(times) : times);
  });
}
