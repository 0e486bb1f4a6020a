import { advice, decayNames, rate, type WeightDecayOptions, weightDecayOf } from './optimizer-parts.ts';
import { adamw } from './optimizers.ts';
import { knownOptions } from './option-checks.ts';
import type { LearningRate } from './schedules.ts';
import type { Selection } from './select.ts';
import { type Composite, chain, masked, named } from './transformation.ts';
import { type ScaleByAdamOptions, scaleByAdam, trace } from './transforms/moments.ts';
import { normalizeByNormAverage } from './transforms/norm-average.ts';
import { orthogonalize } from './transforms/orthogonalize.ts';
import { partition } from './transforms/partition.ts';
import { trustRatio } from './transforms/trust-ratio.ts';

export interface LambOptions extends Omit<ScaleByAdamOptions, 'epsRoot'>, WeightDecayOptions {
  /** @default 0.001 */
  readonly learningRate?: LearningRate;
  /** @default 1e-6 */
  readonly eps?: number;
}

/**
 * LAMB: Adam for very large batches. Each tensor moves by learningRate times its own norm.
 *
 *     r = mu̅ / (sqrt(nu̅) + eps) + weightDecay · w,   mu̅ and nu̅ as in `scaleByAdam`
 *     u ← −learningRate · r · ‖w‖ / ‖r‖
 *
 * State: two tensors a parameter. Params: needed. Where ‖w‖ is 0, as of biases at the start, u ← −learningRate · r.
 *
 * @example
 * lamb({ learningRate: 2e-3, weightDecay: 0.01, decaySelect: { minRank: 2 } })
 * @see You et al. 2020, arXiv 1904.00962
 */
export function lamb(options: LambOptions = {}): Composite {
  const own = ['b1', 'b2', 'eps'];
  knownOptions('lamb', options, ['learningRate', ...own, ...decayNames], advice('lamb'));
  const { learningRate = 1e-3, b1, b2, eps = 1e-6 } = options;
  return named(
    'lamb',
    options,
    scaleByAdam({ b1, b2, eps }),
    ...weightDecayOf('lamb', options),
    trustRatio(),
    rate(learningRate),
  );
}

export interface LarsOptions extends WeightDecayOptions {
  /** Has no default: it grows with the batch. */
  readonly learningRate: LearningRate;
  /** @default 0.9 */
  readonly momentum?: number;
  /** η: the share of its norm that a tensor moves by, at rate 1. @default 0.001 */
  readonly trustCoefficient?: number;
  /** Which parameters have a ratio of their own; the others take plain momentum. @default { minRank: 2 } */
  readonly trustSelect?: Selection;
}

/**
 * LARS: momentum for very large batches of images, with a rate of its own for each tensor.
 *
 *     r = g + weightDecay · w,   λ = trustCoefficient · ‖w‖ / ‖r‖
 *     m_t = momentum · m_{t−1} + learningRate · λ · r          u ← −m_t
 *
 * State: one tensor a parameter. Params: needed. As in Optax, λ divides by ‖g + weightDecay · w‖; the paper by its
 * upper bound ‖g‖ + weightDecay · ‖w‖.
 *
 * @example
 * lars({ learningRate: warmup({ steps: 100, into: polynomial({ from: 10, steps: 900, power: 2 }) }), weightDecay: 1e-4 })
 * @see You et al. 2017, arXiv 1708.03888
 */
export function lars(options: LarsOptions): Composite {
  const own = ['momentum', 'trustCoefficient', 'trustSelect'];
  knownOptions('lars', options, ['learningRate', ...own, ...decayNames], advice('lars'));
  const { learningRate, momentum = 0.9, trustCoefficient = 0.001, trustSelect = { minRank: 2 } } = options;
  return named(
    'lars',
    options,
    ...weightDecayOf('lars', options),
    masked(trustRatio({ coefficient: trustCoefficient }), trustSelect),
    rate(learningRate),
    trace({ momentum }),
  );
}

export interface NovogradOptions extends WeightDecayOptions {
  /** @default 0.01 */
  readonly learningRate?: LearningRate;
  /** Share of the last step's direction that is kept. @default 0.95 */
  readonly b1?: number;
  /** Decay of the mean square of each tensor's norm. @default 0.98 */
  readonly b2?: number;
  /** Added to the average norm. @default 1e-8 */
  readonly eps?: number;
}

/**
 * NovoGrad: momentum of gradients that are normalized tensor by tensor, with decoupled decay inside the momentum.
 *
 *     n_t² = b2 · n_{t−1}² + (1 − b2) · ‖g‖²,   n_1 = ‖g‖
 *     m_t = b1 · m_{t−1} + (g / (n_t + eps) + weightDecay · w)          u ← −learningRate · m_t
 *
 * State: one tensor and one number a parameter. Params: needed if `weightDecay` > 0.
 *
 * @example
 * novograd({ learningRate: 0.01, weightDecay: 1e-3 })
 * @see Ginsburg et al. 2019, arXiv 1905.11286
 */
export function novograd(options: NovogradOptions = {}): Composite {
  const own = ['b1', 'b2', 'eps'];
  knownOptions('novograd', options, ['learningRate', ...own, ...decayNames], advice('novograd'));
  const { learningRate = 0.01, b1 = 0.95, b2 = 0.98, eps } = options;
  return named(
    'novograd',
    options,
    normalizeByNormAverage({ decay: b2, eps }),
    ...weightDecayOf('novograd', options),
    trace({ momentum: b1 }),
    rate(learningRate),
  );
}

export interface MuonOptions extends WeightDecayOptions {
  /** Of matrices: about the change of a singular value in one step. @default 0.02 */
  readonly learningRate?: LearningRate;
  /** @default 0.95 */
  readonly momentum?: number;
  /** @default true */
  readonly nesterov?: boolean;
  /** Newton–Schulz iterations. @default 5 */
  readonly steps?: number;
  /** Which parameters are matrices. @default { minRank: 2, not: { role: 'embedding' } } */
  readonly select?: Selection;
  /** Of all other parameters, which AdamW trains. @default 3e-4 */
  readonly adamLearningRate?: LearningRate;
  /** @default 0.9 */
  readonly adamB1?: number;
  /** @default 0.95 */
  readonly adamB2?: number;
}

/**
 * Muon: momentum, orthogonalized, for matrices; AdamW for everything else.
 *
 *     matrices   u ← −learningRate · (orthogonalize(trace(g)) + weightDecay · w)
 *     others     u ← −adamLearningRate · (mu̅ / (sqrt(nu̅) + eps) + weightDecay · w)
 *
 * Its authors also leave the last layer to AdamW: `select: { minRank: 2, not: { path: 'head/*' } }`. State: one
 * tensor a matrix, two for others. Params: needed if `weightDecay` > 0.
 *
 * @example
 * muon({ learningRate: 0.02, weightDecay: 0.01, adamLearningRate: 3e-4 })
 * @see Jordan et al. 2024, https://kellerjordan.github.io/posts/muon
 */
export function muon(options: MuonOptions = {}): Composite {
  const own = ['momentum', 'nesterov', 'steps', 'select', 'adamLearningRate', 'adamB1', 'adamB2'];
  knownOptions('muon', options, ['learningRate', ...own, ...decayNames], advice('muon'));
  const { learningRate = 0.02, momentum = 0.95, nesterov = true, steps } = options;
  const { select = { minRank: 2, not: { role: 'embedding' } } } = options;
  const { adamLearningRate = 3e-4, adamB1 = 0.9, adamB2 = 0.95 } = options;
  const { weightDecay = 0, decaySelect } = options;
  const matrices = chain(
    trace({ momentum, nesterov }),
    orthogonalize({ steps }),
    ...weightDecayOf('muon', options),
    rate(learningRate),
  );
  const otherwise = adamw({
    learningRate: adamLearningRate,
    b1: adamB1,
    b2: adamB2,
    weightDecay,
    decaySelect,
  });
  return named('muon', options, partition({ rules: [{ select, transformation: matrices }], otherwise }));
}
