import {
  decayRate,
  knownOptions,
  nonNegative,
  optionError,
  positive,
  trueOrFalse,
  withDefaults,
} from '../option-checks.ts';
import { weightedSum } from '../tensor-ops.ts';
import { type Primitive, primitive } from '../transformation.ts';
import { movedTowards, movedTowardsSquare, zerosLike } from './moving-average.ts';

export interface TraceOptions {
  /** Share of the last step's direction that is kept. @default 0.9 */
  readonly momentum?: number;
  /** Look one step ahead. @default false */
  readonly nesterov?: boolean;
  /** Share of each gradient after the first that is left out. @default 0 */
  readonly dampening?: number;
}

export const traceDefaults: Required<TraceOptions> = { momentum: 0.9, nesterov: false, dampening: 0 };

/**
 * Momentum: a decaying sum of the gradients so far.
 *
 *     m_0 = g_0,   m_t = momentum · m_{t−1} + (1 − dampening) · g_t
 *     u ← m_t            or, with nesterov,   u ← g_t + momentum · m_t
 *
 * Shapes: any. State: `trace`, like the parameter. Params: unused.
 *
 * @throws RangeError if `momentum` or `dampening` is not in [0, 1), or `nesterov` is combined with `dampening`
 * @example
 * chain(trace({ momentum: 0.9, nesterov: true }), scaleByLearningRate({ learningRate: 0.1 }))
 * @see Sutskever et al. 2013; PyTorch, torch.optim.SGD
 */
export function trace(options: TraceOptions = {}): Primitive {
  knownOptions('trace', options, ['momentum', 'nesterov', 'dampening']);
  const { momentum, nesterov, dampening } = withDefaults(traceDefaults, options);
  decayRate('trace', 'momentum', momentum);
  trueOrFalse('trace', 'nesterov', nesterov);
  decayRate('trace', 'dampening', dampening);
  if (nesterov && dampening > 0) throw optionError('trace', 'dampening', 'to be 0 with nesterov', dampening);
  return primitive({
    name: 'trace',
    options,
    scalars: dampening > 0 ? { intake: (step) => (step === 0 ? 1 : 1 - dampening) } : {},
    init: (ops, _parameter, param) => ({ trace: zerosLike(ops, param) }),
    update(ops, g, { slots, scalars }) {
      const m = weightedSum(ops, momentum, slots.trace, scalars.intake ?? 1, g);
      return { updates: nesterov ? weightedSum(ops, 1, g, momentum, m) : m, slots: { trace: m } };
    },
  });
}

export interface ScaleByAdamOptions {
  /** Decay of the first moment. @default 0.9 */
  readonly b1?: number;
  /** Decay of the second moment. @default 0.999 */
  readonly b2?: number;
  /** Added to the root of the second moment; unit of the gradient. @default 1e-8 */
  readonly eps?: number;
  /** Added under the root; unit of the gradient squared. @default 0 */
  readonly epsRoot?: number;
}

export const scaleByAdamDefaults: Required<ScaleByAdamOptions> = {
  b1: 0.9,
  b2: 0.999,
  eps: 1e-8,
  epsRoot: 0,
};

/**
 * Adam's direction: the mean of recent gradients over the root of their mean square, both corrected for their start
 * at 0.
 *
 *     mu_t = b1 · mu_{t−1} + (1 − b1) · g          nu_t = b2 · nu_{t−1} + (1 − b2) · g²
 *     u ← (mu_t / (1 − b1^t)) / (sqrt(nu_t / (1 − b2^t) + epsRoot) + eps),   t = 1, 2, …
 *
 * Shapes: any. State: `mu` and `nu`, like the parameter. Params: unused. As in PyTorch, nu is float32 and overflows
 * beyond |g| ≈ 1.8e19 / sqrt(1 − b2); the element then stands still: clip first where that can happen.
 * t counts the steps of the chain, also for a parameter that sat some of them out.
 *
 * @throws RangeError if a decay is not in [0, 1), `eps` is not > 0, or `epsRoot` is negative
 * @example
 * chain(scaleByAdam({ b2: 0.99 }), scaleByLearningRate({ learningRate: 1e-3 }))
 * @see Kingma & Ba 2015, arXiv 1412.6980
 */
export function scaleByAdam(options: ScaleByAdamOptions = {}): Primitive {
  knownOptions('scaleByAdam', options, ['b1', 'b2', 'eps', 'epsRoot']);
  const { b1, b2, eps, epsRoot } = withDefaults(scaleByAdamDefaults, options);
  decayRate('scaleByAdam', 'b1', b1);
  decayRate('scaleByAdam', 'b2', b2);
  positive('scaleByAdam', 'eps', eps);
  nonNegative('scaleByAdam', 'epsRoot', epsRoot);
  // With c1 = 1 − b1^t and c2 = 1 − b2^t, the corrections move to the denominator and under no root:
  //   (mu/c1) / (sqrt(nu/c2 + epsRoot) + eps) = mu / ((c1/√c2)·sqrt(nu + c2·epsRoot) + c1·eps)
  // nu/c2 would overflow float32 where sqrt(nu) does not.
  const c1 = (step: number) => 1 - b1 ** (step + 1);
  const c2 = (step: number) => 1 - b2 ** (step + 1);
  return primitive({
    name: 'scaleByAdam',
    options,
    scalars: {
      rootScale: (step) => c1(step) / Math.sqrt(c2(step)),
      eps: (step) => c1(step) * eps,
      ...(epsRoot > 0 && { epsRoot: (step: number) => c2(step) * epsRoot }),
    },
    init: (ops, _parameter, param) => ({ mu: zerosLike(ops, param), nu: zerosLike(ops, param) }),
    update(ops, g, { slots, scalars }) {
      const mu = movedTowards(ops, slots.mu, b1, g);
      const nu = movedTowardsSquare(ops, slots.nu, b2, g);
      const root = ops.sqrt(epsRoot > 0 ? ops.add(nu, scalars.epsRoot) : nu);
      const denominator = weightedSum(ops, scalars.rootScale, root, 1, scalars.eps);
      return { updates: ops.div(mu, denominator), slots: { mu, nu } };
    },
  });
}

export interface ScaleByRmsOptions {
  /** Decay of the mean square. @default 0.99 */
  readonly decay?: number;
  /** Added to the root of the mean square; unit of the gradient. @default 1e-8 */
  readonly eps?: number;
}

export const scaleByRmsDefaults: Required<ScaleByRmsOptions> = { decay: 0.99, eps: 1e-8 };

/**
 * Divides by the root of a moving average of squares.
 *
 *     nu_t = decay · nu_{t−1} + (1 − decay) · g²,   nu_0 = 0
 *     u ← g / (sqrt(nu_t) + eps)
 *
 * Shapes: any. State: `nu`, like the parameter. Params: unused. As in PyTorch, nu is float32 and overflows beyond
 * |g| ≈ 1.8e19 / sqrt(1 − decay); the element then stands still: clip first where that can happen.
 *
 * @throws RangeError if `decay` is not in [0, 1) or `eps` is not > 0
 * @example
 * chain(scaleByRms(), scaleByLearningRate({ learningRate: 1e-2 }))
 * @see Tieleman & Hinton 2012, lecture 6.5; PyTorch, torch.optim.RMSprop
 */
export function scaleByRms(options: ScaleByRmsOptions = {}): Primitive {
  knownOptions('scaleByRms', options, ['decay', 'eps']);
  const { decay, eps } = withDefaults(scaleByRmsDefaults, options);
  decayRate('scaleByRms', 'decay', decay);
  positive('scaleByRms', 'eps', eps);
  return primitive({
    name: 'scaleByRms',
    options,
    init: (ops, _parameter, param) => ({ nu: zerosLike(ops, param) }),
    update(ops, g, { slots }) {
      const nu = movedTowardsSquare(ops, slots.nu, decay, g);
      return { updates: ops.div(g, ops.add(ops.sqrt(nu), eps)), slots: { nu } };
    },
  });
}
