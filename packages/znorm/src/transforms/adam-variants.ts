import { decayRate, knownOptions, nonNegative, positive, withDefaults } from '../option-checks.ts';
import { weightedSum } from '../tensor-ops.ts';
import { type Primitive, primitive } from '../transformation.ts';
import { movedTowards, movedTowardsSquare, zerosLike } from './moving-average.ts';

export interface ScaleByNadamOptions {
  /** What the decay of the first moment rises to. @default 0.9 */
  readonly b1?: number;
  /** Decay of the second moment. @default 0.999 */
  readonly b2?: number;
  /** Added to the root of the second moment; unit of the gradient. @default 1e-8 */
  readonly eps?: number;
  /** ψ: how fast the first moment's decay rises, b1 · (1 − 0.96^(t ψ) / 2). @default 0.004 */
  readonly momentumDecay?: number;
}

/**
 * Adam with Nesterov's look ahead: the first moment of the next step, of which this gradient is already known.
 *
 *     β_t = b1 · (1 − 0.96^(t ψ) / 2),   Π_t = β_1 · … · β_t,   t = 1, 2, …
 *     mu_t = b1 · mu_{t−1} + (1 − b1) · g          nu_t = b2 · nu_{t−1} + (1 − b2) · g²
 *     u ← ((1 − β_t) / (1 − Π_t) · g + β_{t+1} / (1 − Π_{t+1}) · mu_t) / (sqrt(nu_t / (1 − b2^t)) + eps)
 *
 * Shapes: any. State: `mu` and `nu`, like the parameter. Params: unused. nu overflows as in `scaleByAdam`.
 *
 * @throws RangeError if a decay is not in [0, 1), `eps` is not > 0, or `momentumDecay` is negative
 * @example
 * chain(scaleByNadam(), scaleByLearningRate({ learningRate: 2e-3 }))
 * @see Dozat 2016, Incorporating Nesterov momentum into Adam; PyTorch, torch.optim.NAdam
 */
export function scaleByNadam(options: ScaleByNadamOptions = {}): Primitive {
  knownOptions('scaleByNadam', options, ['b1', 'b2', 'eps', 'momentumDecay']);
  const defaults = { b1: 0.9, b2: 0.999, eps: 1e-8, momentumDecay: 0.004 };
  const { b1, b2, eps, momentumDecay } = withDefaults(defaults, options);
  decayRate('scaleByNadam', 'b1', b1);
  decayRate('scaleByNadam', 'b2', b2);
  positive('scaleByNadam', 'eps', eps);
  nonNegative('scaleByNadam', 'momentumDecay', momentumDecay);
  const decayAt = (t: number) => b1 * (1 - 0.96 ** (t * momentumDecay) / 2);
  const productUpTo = runningProduct(decayAt);
  // As in scaleByAdam, the second moment is corrected outside the root, where it cannot overflow.
  const c2 = (step: number) => Math.sqrt(1 - b2 ** (step + 1));
  return primitive({
    name: 'scaleByNadam',
    options,
    scalars: {
      gradientShare: (step) => ((1 - decayAt(step + 1)) / (1 - productUpTo(step + 1))) * c2(step),
      momentShare: (step) => (decayAt(step + 2) / (1 - productUpTo(step + 2))) * c2(step),
      eps: (step) => c2(step) * eps,
    },
    init: (ops, _parameter, param) => ({ mu: zerosLike(ops, param), nu: zerosLike(ops, param) }),
    update(ops, g, { slots, scalars }) {
      const mu = movedTowards(ops, slots.mu, b1, g);
      const nu = movedTowardsSquare(ops, slots.nu, b2, g);
      const ahead = weightedSum(ops, scalars.gradientShare, g, scalars.momentShare, mu);
      return { updates: ops.div(ahead, ops.add(ops.sqrt(nu), scalars.eps)), slots: { mu, nu } };
    },
  });
}

export interface ScaleByAdamaxOptions {
  /** Decay of the first moment. @default 0.9 */
  readonly b1?: number;
  /** Decay of the largest gradient seen. @default 0.999 */
  readonly b2?: number;
  /** Added to each new gradient's size; unit of the gradient. @default 1e-8 */
  readonly eps?: number;
}

/**
 * Adam with the largest recent gradient in place of the root mean square.
 *
 *     mu_t = b1 · mu_{t−1} + (1 − b1) · g          nu_t = max(b2 · nu_{t−1}, |g| + eps)
 *     u ← mu_t / (1 − b1^t) / nu_t,   t = 1, 2, …
 *
 * Shapes: any. State: `mu` and `nu`, like the parameter. Params: unused. Nothing is squared: it takes gradients of
 * any size that float32 holds.
 *
 * @throws RangeError if a decay is not in [0, 1), or `eps` is not > 0
 * @example
 * chain(scaleByAdamax(), scaleByLearningRate({ learningRate: 2e-3 }))
 * @see Kingma & Ba 2015, section 7.1, arXiv 1412.6980; PyTorch, torch.optim.Adamax
 */
export function scaleByAdamax(options: ScaleByAdamaxOptions = {}): Primitive {
  knownOptions('scaleByAdamax', options, ['b1', 'b2', 'eps']);
  const { b1, b2, eps } = withDefaults({ b1: 0.9, b2: 0.999, eps: 1e-8 }, options);
  decayRate('scaleByAdamax', 'b1', b1);
  decayRate('scaleByAdamax', 'b2', b2);
  positive('scaleByAdamax', 'eps', eps);
  return primitive({
    name: 'scaleByAdamax',
    options,
    scalars: { correction: (step) => 1 / (1 - b1 ** (step + 1)) },
    init: (ops, _parameter, param) => ({ mu: zerosLike(ops, param), nu: zerosLike(ops, param) }),
    update(ops, g, { slots, scalars }) {
      const mu = movedTowards(ops, slots.mu, b1, g);
      const nu = ops.maximum(ops.mul(slots.nu, b2), ops.add(ops.abs(g), eps));
      return { updates: ops.mul(ops.div(mu, nu), scalars.correction), slots: { mu, nu } };
    },
  });
}

/**
 * f(1) · … · f(t) of factors below 1, each taken once however often it is asked for; 0 from where 1 less the product is
 * 1 in float64, so that a step of two billion takes neither time nor room.
 */
function runningProduct(f: (t: number) => number): (t: number) => number {
  const products = [1];
  return (t) => {
    for (let i = products.length; i <= t && products[i - 1] > 2 ** -60; i++) {
      products.push(products[i - 1] * f(i));
    }
    return products[t] ?? 0;
  };
}
