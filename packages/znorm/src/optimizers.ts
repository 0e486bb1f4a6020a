import { advice, decayNames, rate, type WeightDecayOptions, weightDecayOf } from './optimizer-parts.ts';
import { knownOptions } from './option-checks.ts';
import type { LearningRate } from './schedules.ts';
import type { Selection } from './select.ts';
import { type Composite, named } from './transformation.ts';
import { type ScaleByAdamOptions, scaleByAdam, scaleByRms, trace } from './transforms/moments.ts';

export interface SgdOptions extends WeightDecayOptions {
  /** Has no default: what is right depends on the model. */
  readonly learningRate: LearningRate;
}

/**
 * Stochastic gradient descent.
 *
 *     u ← −learningRate · (g + weightDecay · w)
 *
 * State: none. Params: needed if `weightDecay` > 0.
 *
 * @example
 * chain(znorm(), sgd({ learningRate: 0.01 }))
 * @see PyTorch, torch.optim.SGD
 */
export function sgd(options: SgdOptions): Composite {
  knownOptions('sgd', options, ['learningRate', ...decayNames], advice('sgd', sgdAdvice));
  return named('sgd', options, ...weightDecayOf('sgd', options), rate(options.learningRate));
}

export interface MomentumOptions extends SgdOptions {
  /** Share of the last step's direction that is kept. @default 0.9 */
  readonly momentum?: number;
  /** @default false */
  readonly nesterov?: boolean;
  /** Share of each gradient after the first that is left out. @default 0 */
  readonly dampening?: number;
}

/**
 * Stochastic gradient descent with momentum.
 *
 *     m_t = momentum · m_{t−1} + (g + weightDecay · w)
 *     u ← −learningRate · m_t
 *
 * With `nesterov` the step is g + weightDecay · w + momentum · m_t. State: one tensor a parameter. Params: needed if
 * `weightDecay` > 0.
 *
 * @example
 * momentum({ learningRate: 0.1, momentum: 0.9, weightDecay: 5e-4 })
 * @see PyTorch, torch.optim.SGD
 */
export function momentum(options: MomentumOptions): Composite {
  const own = ['momentum', 'nesterov', 'dampening'];
  knownOptions('momentum', options, ['learningRate', ...own, ...decayNames], advice('momentum'));
  const { momentum = 0.9, nesterov = false, dampening = 0, learningRate } = options;
  return named(
    'momentum',
    options,
    ...weightDecayOf('momentum', options),
    trace({ momentum, nesterov, dampening }),
    rate(learningRate),
  );
}

export interface RmspropOptions extends WeightDecayOptions {
  /** @default 0.01 */
  readonly learningRate?: LearningRate;
  /** Decay of the mean square (PyTorch: `alpha`). @default 0.99 */
  readonly decay?: number;
  /** Added to the root of the mean square. @default 1e-8 */
  readonly eps?: number;
  /** Momentum after the division. @default 0 */
  readonly momentum?: number;
}

/**
 * RMSprop: gradients over the root of their recent mean square.
 *
 *     nu_t = decay · nu_{t−1} + (1 − decay) · g²,   g including weightDecay · w
 *     u ← −learningRate · trace(g / (sqrt(nu_t) + eps), momentum)
 *
 * State: one tensor a parameter, two with momentum. Params: needed if `weightDecay` > 0.
 *
 * @example
 * chain(clipByGlobalNorm({ maxNorm: 1 }), rmsprop({ learningRate: 1e-3 }))
 * @see Tieleman & Hinton 2012, lecture 6.5; PyTorch, torch.optim.RMSprop
 */
export function rmsprop(options: RmspropOptions = {}): Composite {
  const own = ['decay', 'eps', 'momentum'];
  knownOptions('rmsprop', options, ['learningRate', ...own, ...decayNames], advice('rmsprop', rmspropAdvice));
  const { learningRate = 0.01, decay = 0.99, eps = 1e-8, momentum = 0 } = options;
  return named(
    'rmsprop',
    options,
    ...weightDecayOf('rmsprop', options),
    scaleByRms({ decay, eps }),
    ...(momentum === 0 ? [] : [trace({ momentum })]),
    rate(learningRate),
  );
}

export interface AdamOptions extends ScaleByAdamOptions {
  /** @default 0.001 */
  readonly learningRate?: LearningRate;
}

/**
 * Adam, without weight decay: for that see `adamw`.
 *
 *     u ← −learningRate · mu̅ / (sqrt(nu̅) + eps),   mu̅ and nu̅ as in `scaleByAdam`
 *
 * State: two tensors a parameter. Params: unused.
 *
 * @example
 * chain(znorm(), adam({ learningRate: 1e-3 }))
 * @see Kingma & Ba 2015, arXiv 1412.6980
 */
export function adam(options: AdamOptions = {}): Composite {
  const own = ['b1', 'b2', 'eps', 'epsRoot'];
  knownOptions('adam', options, ['learningRate', ...own], advice('adam', adamAdvice));
  const { learningRate = 1e-3, b1 = 0.9, b2 = 0.999, eps = 1e-8, epsRoot = 0 } = options;
  return named('adam', options, scaleByAdam({ b1, b2, eps, epsRoot }), rate(learningRate));
}

export interface AdamwOptions extends AdamOptions {
  /** Decoupled: scaled by the learning rate alone. @default 0.01 */
  readonly weightDecay?: number;
  /** Which parameters decay. @default all */
  readonly decaySelect?: Selection;
}

/**
 * Adam with decoupled weight decay.
 *
 *     u ← −learningRate · (mu̅ / (sqrt(nu̅) + eps) + weightDecay · w),   mu̅ and nu̅ as in `scaleByAdam`
 *
 * State: two tensors a parameter. Params: needed.
 *
 * @example
 * adamw({ learningRate: 1e-3, weightDecay: 0.05, decaySelect: { minRank: 2 } })
 * @see Loshchilov & Hutter 2019, arXiv 1711.05101
 */
export function adamw(options: AdamwOptions = {}): Composite {
  const own = ['b1', 'b2', 'eps', 'epsRoot'];
  knownOptions('adamw', options, ['learningRate', ...own, ...decayNames], advice('adamw'));
  const { learningRate = 1e-3, b1 = 0.9, b2 = 0.999, eps = 1e-8, epsRoot = 0 } = options;
  return named(
    'adamw',
    options,
    scaleByAdam({ b1, b2, eps, epsRoot }),
    ...weightDecayOf('adamw', { weightDecay: 0.01, ...options }),
    rate(learningRate),
  );
}

const sgdAdvice = { momentum: 'Use momentum({ learningRate, momentum }).' };
const rmspropAdvice = { alpha: 'Did you mean `decay`?' };
const adamAdvice = { weightDecay: 'Use adamw({ learningRate, weightDecay }).' };
