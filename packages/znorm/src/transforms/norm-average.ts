import { decayRate, knownOptions, positive, withDefaults } from '../option-checks.ts';
import { type Primitive, primitive } from '../transformation.ts';
import { hypot } from './hypot.ts';

export interface NormalizeByNormAverageOptions {
  /** Decay of the mean square of the norm. @default 0.98 */
  readonly decay?: number;
  /** Added to the average norm; unit of the gradient. @default 1e-8 */
  readonly eps?: number;
}

/**
 * Divides each tensor by a moving average of its norm: one second moment a tensor, not one an element.
 *
 *     n_t² = decay · n_{t−1}² + (1 − decay) · ‖g‖²,   n_1 = ‖g‖ of the first gradient that is not 0
 *     u ← g / (n_t + eps)
 *
 * Shapes: any. State: `norm`, a scalar. Params: unused. The average is kept as a norm, not as its square: it takes
 * gradients of any size that float32 holds.
 *
 * @throws RangeError if `decay` is not in [0, 1), or `eps` is not > 0
 * @example
 * chain(normalizeByNormAverage(), trace({ momentum: 0.95 }), scaleByLearningRate({ learningRate: 0.01 }))
 * @see Ginsburg et al. 2019, NovoGrad, arXiv 1905.11286
 */
export function normalizeByNormAverage(options: NormalizeByNormAverageOptions = {}): Primitive {
  knownOptions('normalizeByNormAverage', options, ['decay', 'eps']);
  const { decay, eps } = withDefaults({ decay: 0.98, eps: 1e-8 }, options);
  decayRate('normalizeByNormAverage', 'decay', decay);
  positive('normalizeByNormAverage', 'eps', eps);
  return primitive({
    name: 'normalizeByNormAverage',
    options,
    init: (ops) => ({ norm: ops.full([], 0) }),
    update(ops, g, { slots }) {
      const now = ops.norm(g);
      const blend = hypot(ops, [ops.mul(slots.norm, Math.sqrt(decay)), ops.mul(now, Math.sqrt(1 - decay))]);
      const norm = ops.where(ops.lessEqual(slots.norm, 0), now, blend);
      return { updates: ops.div(g, ops.add(norm, eps)), slots: { norm } };
    },
  });
}
