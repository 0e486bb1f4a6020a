import { frozen, knownOptions, nonNegative, optionError, positiveInteger } from './option-checks.ts';

/**
 * A number that depends on the step, as data: it can be read and saved. `at(step)` is pure, steps count from 0, and
 * past its end a schedule holds its last value.
 */
export interface Schedule {
  readonly name: string;
  readonly options: object;
  readonly at: (step: number) => number;
}

/** A number, a schedule, or a function of the step; a chain with a function runs but cannot be saved. */
export type LearningRate = number | Schedule | ((step: number) => number);

/**
 * The same value at every step.
 *
 * @example
 * constant({ value: 0.1 }).at(7); // 0.1
 */
export function constant(options: { readonly value: number }): Schedule {
  knownOptions('constant', options, ['value']);
  const value = nonNegative('constant', 'value', options.value);
  return schedule('constant', options, () => value);
}

export interface CosineOptions {
  /** Value at step 0. */
  readonly from: number;
  /** Steps until the end. */
  readonly steps: number;
  /** Share of `from` that is left at the end (Optax and Keras: `alpha`). @default 0 */
  readonly finalFraction?: number;
}

/**
 * Half a cosine from `from` down to `finalFraction · from`.
 *
 *     at(t) = from · (f + (1 − f) · (1 + cos(π · min(t / steps, 1))) / 2),   f = finalFraction
 *
 * @throws RangeError if `from` or `finalFraction` is negative, or `steps` is not a whole number >= 1
 * @example
 * cosine({ from: 0.1, steps: 100 }).at(50); // 0.05
 * @see Loshchilov & Hutter 2017, arXiv 1608.03983; PyTorch, CosineAnnealingLR
 */
export function cosine(options: CosineOptions): Schedule {
  knownOptions('cosine', options, ['from', 'steps', 'finalFraction']);
  const from = nonNegative('cosine', 'from', options.from);
  const steps = positiveInteger('cosine', 'steps', options.steps);
  const fraction = nonNegative('cosine', 'finalFraction', options.finalFraction ?? 0);
  return schedule('cosine', options, (step) => {
    const height = (1 + Math.cos(Math.PI * progress(step, steps))) / 2;
    return from * (fraction + (1 - fraction) * height);
  });
}

export interface LinearOptions {
  /** Value at step 0. */
  readonly from: number;
  /** Value at the end. */
  readonly to: number;
  /** Steps until the end. */
  readonly steps: number;
}

/**
 * A straight line.
 *
 *     at(t) = from + (to − from) · min(t / steps, 1)
 *
 * @throws RangeError if an end is negative, or `steps` is not a whole number >= 1
 * @example
 * linear({ from: 0.1, to: 0, steps: 100 }).at(25); // 0.075
 */
export function linear(options: LinearOptions): Schedule {
  knownOptions('linear', options, ['from', 'to', 'steps']);
  const from = nonNegative('linear', 'from', options.from);
  const to = nonNegative('linear', 'to', options.to);
  const steps = positiveInteger('linear', 'steps', options.steps);
  return schedule('linear', options, (step) => {
    const share = progress(step, steps);
    return from * (1 - share) + to * share;
  });
}

export interface StepDecayOptions {
  /** Value before the first boundary. */
  readonly from: number;
  /** Steps at which the value changes, rising. */
  readonly boundaries: readonly number[];
  /** What it is multiplied by: one number for every boundary, or a list with one for each. @default 0.1 */
  readonly factors?: number | readonly number[];
}

/**
 * Stairs: at each boundary the value is multiplied by a factor.
 *
 *     at(t) = from · Π factors[i] over boundaries[i] <= t
 *
 * @throws RangeError if boundaries are not rising whole numbers, or factors are negative or not as many
 * @example
 * stepDecay({ from: 0.1, boundaries: [100, 150] }).at(120); // 0.01
 * @see PyTorch, MultiStepLR and StepLR
 */
export function stepDecay(options: StepDecayOptions): Schedule {
  knownOptions('stepDecay', options, ['from', 'boundaries', 'factors']);
  const from = nonNegative('stepDecay', 'from', options.from);
  const boundaries = rising('stepDecay', options.boundaries);
  const { factors = 0.1 } = options;
  const list = typeof factors === 'number' ? boundaries.map(() => factors) : [factors].flat();
  if (list.length !== boundaries.length) {
    throw optionError('stepDecay', 'factors', `to be a number or a list of ${boundaries.length}`, factors);
  }
  for (const factor of list) nonNegative('stepDecay', 'factors', factor);
  return schedule('stepDecay', options, (step) =>
    boundaries.reduce((value, boundary, i) => (boundary <= step ? value * list[i] : value), from),
  );
}

export interface WarmupOptions {
  /** Steps until `into` takes over. */
  readonly steps: number;
  /** What comes after, counted from the end of the warm-up. */
  readonly into: number | Schedule;
  /** Value at step 0. @default 0 */
  readonly from?: number;
}

/**
 * A straight line up to the start of another schedule, then that schedule.
 *
 *     at(t) = from + (into(0) − from) · t / steps   for t < steps,   into(t − steps) after
 *
 * @throws RangeError if `from` is negative, or `steps` is not a whole number >= 1
 * @example
 * warmup({ steps: 5, into: cosine({ from: 0.1, steps: 95 }) }).at(5); // 0.1
 * @see Goyal et al. 2017, arXiv 1706.02677
 */
export function warmup(options: WarmupOptions): Schedule {
  knownOptions('warmup', options, ['steps', 'into', 'from']);
  const steps = positiveInteger('warmup', 'steps', options.steps);
  const into = scheduleOf('warmup', 'into', options.into);
  const rise = linear({ from: nonNegative('warmup', 'from', options.from ?? 0), to: into.at(0), steps });
  return schedule('warmup', options, (step) => (step < steps ? rise.at(step) : into.at(step - steps)));
}

export interface JoinedOptions {
  /** In order; each counts its steps from its own beginning. */
  readonly schedules: readonly (number | Schedule)[];
  /** The step at which each one but the first begins, rising. */
  readonly boundaries: readonly number[];
}

/**
 * One schedule after another.
 *
 *     at(t) = schedules[i](t − boundaries[i − 1])   for the last i whose beginning is <= t
 *
 * @throws RangeError unless there is one boundary less than schedules, rising
 * @example
 * joined({ schedules: [0.1, linear({ from: 0.1, to: 0, steps: 10 })], boundaries: [50] }).at(55); // 0.05
 */
export function joined(options: JoinedOptions): Schedule {
  knownOptions('joined', options, ['schedules', 'boundaries']);
  const boundaries = rising('joined', options.boundaries);
  if (!Array.isArray(options.schedules) || options.schedules.length !== boundaries.length + 1) {
    const expected = `to be a list of ${boundaries.length + 1}, one more than boundaries`;
    throw optionError('joined', 'schedules', expected, options.schedules);
  }
  const schedules = options.schedules.map((part, i) => scheduleOf('joined', `schedules[${i}]`, part));
  return schedule('joined', options, (step) => {
    const index = boundaries.filter((boundary) => boundary <= step).length;
    return schedules[index].at(step - (index === 0 ? 0 : boundaries[index - 1]));
  });
}

/**
 * A learning rate as a function of the step that answers for its values.
 *
 * @throws RangeError at once for a number that is not > 0, and at the step where a schedule or a function gives
 *   anything but a finite number >= 0
 */
export function learningRateAt(where: string, rate: LearningRate): (step: number) => number {
  const at = typeof rate === 'function' ? rate : isSchedule(rate) ? rate.at : undefined;
  if (!at) {
    if (typeof rate === 'number' && rate > 0 && rate < Infinity) return () => rate;
    const expected = 'to be a finite number > 0, a schedule or a function of the step';
    throw optionError(where, 'learningRate', expected, rate);
  }
  return (step) => {
    const value = at(step);
    if (Number.isFinite(value) && value >= 0) return value;
    throw optionError(where, 'learningRate', `to be a finite number >= 0 at step ${step}`, value);
  };
}

/** Tells a schedule from other options. */
export function isSchedule(value: unknown): value is Schedule {
  return typeof value === 'object' && value !== null && 'at' in value && typeof value.at === 'function';
}

function scheduleOf(where: string, option: string, value: number | Schedule): Schedule {
  if (isSchedule(value)) return value;
  if (typeof value !== 'number') throw optionError(where, option, 'to be a number or a schedule', value);
  return constant({ value: nonNegative(where, option, value) });
}

/** Makes a schedule of a pure function and the options that say which. */
export function schedule(name: string, options: object, at: (step: number) => number): Schedule {
  return Object.freeze({ name, options: frozen(options), at });
}

/** Share of the way from step 0 to `steps`, held at the end. */
export function progress(step: number, steps: number): number {
  return Math.min(step / steps, 1);
}

function rising(where: string, boundaries: readonly number[]): readonly number[] {
  const rises = (step: number, i: number) =>
    Number.isSafeInteger(step) && step > (i === 0 ? 0 : boundaries[i - 1]);
  if (!Array.isArray(boundaries) || !boundaries.every(rises)) {
    throw optionError(where, 'boundaries', 'to be a list of rising whole numbers >= 1', boundaries);
  }
  // A copy: what a caller does to the list later changes no schedule.
  return [...boundaries];
}
