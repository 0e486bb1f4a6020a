import {
  knownOptions,
  nonNegative,
  oneOf,
  optionError,
  positiveInteger,
  withDefaults,
} from './option-checks.ts';
import { isSchedule, type Schedule } from './schedules.ts';
import { stages } from './stages.ts';
import type { GradientTransformation } from './transformation.ts';

/** A learning rate that is set by hand while training goes on. */
export interface Injectable extends Schedule {
  /** The rate from the next step on. @throws RangeError if it is set to anything but a finite number >= 0 */
  value: number;
}

/**
 * A learning rate that can be read and set at run time. Rates are fed to each step as numbers, so the next step has
 * it; under `jit` of jax-js, feed them yourself with `feed()` of `znorm/jax`.
 *
 * It is no function of the step, and its value no part of the optimizer's state: after restoring a checkpoint, set it.
 * Any other option is changed by going on with a chain of the same names: state is named, so
 * `update(chain(znorm({ eps: 1e-6 }), adam({ b1: 0.95 })), gradients, state)` takes over where another left off.
 *
 * @throws RangeError if `value` is not a finite number >= 0
 * @example
 * const rate = injectable({ value: 0.1 });
 * const optimizer = chain(znorm(), sgd({ learningRate: rate }));
 * rate.value = 0.05;
 * scalarsAt(optimizer, init(optimizer, params)); // { 'scaleByLearningRate.learningRate': 0.05 }
 * @see Optax, inject_hyperparams
 */
export function injectable(options: { readonly value: number }): Injectable {
  knownOptions('injectable', options, ['value']);
  let value = nonNegative('injectable', 'value', options.value);
  return Object.freeze({
    name: 'injectable',
    options: Object.freeze({ ...options }),
    at: () => value,
    get value() {
      return value;
    },
    set value(next) {
      value = nonNegative('injectable', 'value', next);
    },
  });
}

/**
 * The rates of a chain that can be set, by `stage.option`: for chains read from JSON, whose parts nobody holds.
 *
 * @example
 * const optimizer = fromJSON([{ adam: { learningRate: { injectable: { value: 0.001 } } } }]);
 * injectables(optimizer)['scaleByLearningRate.learningRate'].value = 0.0005;
 */
export function injectables(transformation: GradientTransformation): Readonly<Record<string, Injectable>> {
  const found = stages(transformation).flatMap(({ key, primitive }) =>
    Object.entries(primitive.options).flatMap(([option, value]) =>
      isSchedule(value) && value.name === 'injectable' ? [[`${key}.${option}`, value]] : [],
    ),
  );
  return Object.fromEntries(found);
}

export interface ReduceOnPlateauOptions {
  /** The rate, or a schedule of it, before any reduction. */
  readonly from: number | Schedule;
  /** What the rate is multiplied by on a plateau. @default 0.1 */
  readonly factor?: number;
  /** Observations without improvement that are waited for. @default 10 */
  readonly patience?: number;
  /** Share of the best value that counts as improvement. @default 1e-4 */
  readonly threshold?: number;
  /** Whether small values are good (a loss) or large ones (an accuracy). @default 'min' */
  readonly mode?: 'min' | 'max';
  /** Observations after a reduction before any are counted again. @default 0 */
  readonly cooldown?: number;
  /** Smallest share of `from` that is left. @default 0 */
  readonly minFraction?: number;
}

/** What a plateau schedule remembers: plain data, to be saved with a checkpoint. */
export interface PlateauMemory {
  /** What the rate is multiplied by now. */
  readonly fraction: number;
  /** Best value so far; null before the first. */
  readonly best: number | null;
  /** Observations in a row without improvement. */
  readonly waited: number;
  /** Observations that are still not counted. */
  readonly cooldown: number;
}

export interface PlateauSchedule extends Schedule {
  /** Takes note of a validation loss, after each epoch or whenever there is one. */
  observe(value: number): void;
  /** Read it to save it, set it to go on from there. */
  memory: PlateauMemory;
}

/**
 * Lowers the learning rate when what is observed gets no better.
 *
 *     at(t) = from(t) · fraction
 *     fraction ← max(fraction · factor, minFraction)   after more than `patience` values in a row that are not
 *                                                      below (1 − threshold) · best (min), above (1 + threshold) · best (max)
 *
 * It is no function of the step: what it has observed is in its `memory`, no part of the optimizer's state. NaN is no
 * improvement.
 *
 * @throws RangeError if an option is out of its range
 * @example
 * const rate = reduceOnPlateau({ from: 0.1, factor: 0.5, patience: 0 });
 * const optimizer = chain(znorm(), momentum({ learningRate: rate }));
 * for (const loss of [2, 1, 1]) rate.observe(loss);
 * rate.at(0); // 0.05
 * @see PyTorch, ReduceLROnPlateau
 */
export function reduceOnPlateau(options: ReduceOnPlateauOptions): PlateauSchedule {
  const where = 'reduceOnPlateau';
  const defaults = {
    from: 0,
    factor: 0.1,
    patience: 10,
    threshold: 1e-4,
    mode: 'min' as const,
    cooldown: 0,
    minFraction: 0,
  };
  knownOptions(where, options, Object.keys(defaults));
  const settings = withDefaults<ReduceOnPlateauOptions>(defaults, options);
  const { factor, patience, threshold, cooldown, minFraction } = settings;
  const mode = oneOf(where, 'mode', settings.mode, ['min', 'max']);
  const base = options.from;
  const from = isSchedule(base) ? base.at : () => base;
  if (!isSchedule(base)) nonNegative(where, 'from', base);
  if (!(factor > 0 && factor < 1)) throw optionError(where, 'factor', 'to be a number > 0 and < 1', factor);
  for (const [name, count] of Object.entries({ patience, cooldown })) {
    if (count !== 0) positiveInteger(where, name, count);
  }
  nonNegative(where, 'threshold', threshold);
  nonNegative(where, 'minFraction', minFraction);

  let memory: PlateauMemory = { fraction: 1, best: null, waited: 0, cooldown: 0 };
  const improves = (value: number, best: number) =>
    mode === 'min' ? value < best * (1 - threshold) : value > best * (1 + threshold);
  return Object.freeze({
    name: where,
    options: Object.freeze({ ...options }),
    at: (step: number) => from(step) * memory.fraction,
    observe(value: number) {
      const better = memory.best === null ? !Number.isNaN(value) : improves(value, memory.best);
      const best = better ? value : memory.best;
      const resting = memory.cooldown > 0;
      const waited = better || resting ? 0 : memory.waited + 1;
      const left = Math.max(0, memory.cooldown - 1);
      memory =
        waited > patience
          ? { fraction: Math.max(memory.fraction * factor, minFraction), best, waited: 0, cooldown }
          : { fraction: memory.fraction, best, waited, cooldown: left };
    },
    get memory() {
      return memory;
    },
    set memory(saved) {
      memory = { ...saved };
    },
  });
}
