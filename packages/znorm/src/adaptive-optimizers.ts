import { advice, decayNames, rate, type WeightDecayOptions, weightDecayOf } from './optimizer-parts.ts';
import { knownOptions, positive } from './option-checks.ts';
import { type LearningRate, warmup } from './schedules.ts';
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
import { scaleByAdam } from './transforms/moments.ts';
import { scheduleFree } from './transforms/schedule-free.ts';

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

export interface ScheduleFreeAdamwOptions extends WeightDecayOptions {
  /** Constant after the warm-up. @default 0.0025 */
  readonly learningRate?: number;
  /** How near to the average gradients are taken; stands for momentum. @default 0.9 */
  readonly b1?: number;
  /** Decay of the second moment. @default 0.999 */
  readonly b2?: number;
  /** Added to the root of the second moment; unit of the gradient. @default 1e-8 */
  readonly eps?: number;
  /** Steps of a linear warm-up. @default 0 */
  readonly warmupSteps?: number;
}

/**
 * AdamW without a schedule: averages its iterates instead. Evaluate and save `evaluationParams`, not the parameters
 * that train.
 *
 *     z ← z − learningRate · min((t + 1) / warmupSteps, 1) · (g / (sqrt(nu̅) + eps) + weightDecay · w)
 *     u ← from there as in `scheduleFree`
 *
 * State: three tensors a parameter. Params: needed.
 *
 * @throws RangeError if an option is out of its range
 * @example
 * scheduleFreeAdamw({ learningRate: 2.5e-3, warmupSteps: 100, weightDecay: 0.01 })
 * @see Defazio et al. 2024, arXiv 2405.15682
 */
export function scheduleFreeAdamw(options: ScheduleFreeAdamwOptions = {}): Composite {
  const own = ['b1', 'b2', 'eps', 'warmupSteps'];
  const where = 'scheduleFreeAdamw';
  knownOptions(where, options, ['learningRate', ...own, ...decayNames], advice(where));
  const { b1, b2, eps, warmupSteps } = options;
  const learningRate = positive(where, 'learningRate', options.learningRate ?? 2.5e-3);
  const average = scheduleFree({ b1, warmupSteps });
  // learningRate · (t + 1) / k is a line from learningRate / k at step 0 to learningRate at step k − 1.
  const k = warmupSteps ?? 0;
  const rising = k > 1 && warmup({ steps: k - 1, from: learningRate / k, into: learningRate });
  return named(
    where,
    options,
    scaleByAdam({ b1: 0, b2, eps }),
    ...weightDecayOf(where, options),
    rate(rising || learningRate),
    average,
  );
}

const adagradAdvice = {
  lrDecay: 'Give the rate a schedule: learningRate: polynomial({ … }).',
  initialAccumulatorValue: 'Did you mean `initialAccumulator`?',
};
