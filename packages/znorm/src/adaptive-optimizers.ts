import { advice, decayNames, rate, type WeightDecayOptions, weightDecayOf } from './optimizer-parts.ts';
import { knownOptions } from './option-checks.ts';
import type { LearningRate } from './schedules.ts';
import { type Composite, named } from './transformation.ts';
import {
  type ScaleByAdadeltaOptions,
  type ScaleByAdagradOptions,
  scaleByAdadelta,
  scaleByAdagrad,
} from './transforms/accumulated-squares.ts';
import {
  type ScaleByAdamaxOptions,
  type ScaleByNadamOptions,
  scaleByAdamax,
  scaleByNadam,
} from './transforms/adam-variants.ts';
import { type ScaleByLionOptions, scaleByLion } from './transforms/lion.ts';

interface Rate {
  /** Every optimizer here has a default of its own. */
  readonly learningRate?: LearningRate;
}

/** `learningRate` 1e-4 and decoupled `weightDecay` 0 by default. */
export interface LionOptions extends Rate, ScaleByLionOptions, WeightDecayOptions {}

/**
 * Lion: every element moves by the learning rate, in the direction of its recent sign.
 *
 *     u ← −learningRate · (sign(b1 · mu + (1 − b1) · g) + weightDecay · w)
 *
 * Its steps are larger than Adam's: the authors take a rate 3 to 10 times smaller and a decay as much larger.
 * State: one tensor a parameter. Params: needed if `weightDecay` > 0.
 *
 * @example
 * lion({ learningRate: 1e-4, weightDecay: 0.1, decaySelect: { minRank: 2 } })
 * @see Chen et al. 2023, arXiv 2302.06675
 */
export function lion(options: LionOptions = {}): Composite {
  knownOptions('lion', options, ['learningRate', 'b1', 'b2', ...decayNames], advice('lion'));
  const { learningRate = 1e-4, b1, b2 } = options;
  return named(
    'lion',
    options,
    scaleByLion({ b1, b2 }),
    ...weightDecayOf('lion', options),
    rate(learningRate),
  );
}

/** `learningRate` 2e-3 by default. */
export interface NadamOptions extends Rate, ScaleByNadamOptions, WeightDecayOptions {}

/**
 * Adam with Nesterov momentum.
 *
 *     u ← −learningRate · scaleByNadam(g + weightDecay · w)
 *
 * State: two tensors a parameter. Params: needed if `weightDecay` > 0.
 *
 * @example
 * chain(clipByGlobalNorm({ maxNorm: 1 }), nadam({ learningRate: 2e-3 }))
 * @see Dozat 2016; PyTorch, torch.optim.NAdam
 */
export function nadam(options: NadamOptions = {}): Composite {
  const own = ['b1', 'b2', 'eps', 'momentumDecay'];
  knownOptions('nadam', options, ['learningRate', ...own, ...decayNames], advice('nadam'));
  const { learningRate = 2e-3, b1, b2, eps, momentumDecay } = options;
  return named(
    'nadam',
    options,
    ...weightDecayOf('nadam', options),
    scaleByNadam({ b1, b2, eps, momentumDecay }),
    rate(learningRate),
  );
}

/** `learningRate` 2e-3 by default. */
export interface AdamaxOptions extends Rate, ScaleByAdamaxOptions, WeightDecayOptions {}

/**
 * Adam under the infinity norm.
 *
 *     u ← −learningRate · scaleByAdamax(g + weightDecay · w)
 *
 * State: two tensors a parameter. Params: needed if `weightDecay` > 0.
 *
 * @example
 * adamax({ learningRate: 2e-3 })
 * @see Kingma & Ba 2015, section 7.1; PyTorch, torch.optim.Adamax
 */
export function adamax(options: AdamaxOptions = {}): Composite {
  const own = ['b1', 'b2', 'eps'];
  knownOptions('adamax', options, ['learningRate', ...own, ...decayNames], advice('adamax'));
  const { learningRate = 2e-3, b1, b2, eps } = options;
  return named(
    'adamax',
    options,
    ...weightDecayOf('adamax', options),
    scaleByAdamax({ b1, b2, eps }),
    rate(learningRate),
  );
}

/** `learningRate` 0.01 by default. */
export interface AdagradOptions extends Rate, ScaleByAdagradOptions, WeightDecayOptions {}

/**
 * Adagrad: rates that fall with the sum of squares, for gradients that are rarely there.
 *
 *     u ← −learningRate · scaleByAdagrad(g + weightDecay · w)
 *
 * State: one tensor a parameter. Params: needed if `weightDecay` > 0.
 *
 * @example
 * adagrad({ learningRate: 0.01 })
 * @see Duchi et al. 2011; PyTorch, torch.optim.Adagrad
 */
export function adagrad(options: AdagradOptions = {}): Composite {
  const own = ['initialAccumulator', 'eps'];
  knownOptions('adagrad', options, ['learningRate', ...own, ...decayNames], advice('adagrad', adagradAdvice));
  const { learningRate = 0.01, initialAccumulator, eps } = options;
  return named(
    'adagrad',
    options,
    ...weightDecayOf('adagrad', options),
    scaleByAdagrad({ initialAccumulator, eps }),
    rate(learningRate),
  );
}

/** `learningRate` 1 by default. */
export interface AdadeltaOptions extends Rate, ScaleByAdadeltaOptions, WeightDecayOptions {}

/**
 * Adadelta: steps as large as recent steps were.
 *
 *     u ← −learningRate · scaleByAdadelta(g + weightDecay · w)
 *
 * State: two tensors a parameter. Params: needed if `weightDecay` > 0.
 *
 * @example
 * adadelta()
 * @see Zeiler 2012, arXiv 1212.5701; PyTorch, torch.optim.Adadelta
 */
export function adadelta(options: AdadeltaOptions = {}): Composite {
  knownOptions('adadelta', options, ['learningRate', 'rho', 'eps', ...decayNames], advice('adadelta'));
  const { learningRate = 1, rho, eps } = options;
  return named(
    'adadelta',
    options,
    ...weightDecayOf('adadelta', options),
    scaleByAdadelta({ rho, eps }),
    rate(learningRate),
  );
}

const adagradAdvice = {
  lrDecay: 'Give the rate a schedule: learningRate: polynomial({ … }).',
  initialAccumulatorValue: 'Did you mean `initialAccumulator`?',
};
