import { knownOptions, nonNegative, positive, withDefaults } from '../option-checks.ts';
import { type Primitive, paramOf, primitive } from '../transformation.ts';

export interface TrustRatioOptions {
  /** η: what share of its parameter's norm an update has (LARS: 0.001). @default 1 */
  readonly coefficient?: number;
  /** Added to the norm of the gradient; its unit. @default 0 */
  readonly eps?: number;
}

/**
 * Makes each tensor's update as large as its parameter: layers move by the same share of themselves.
 *
 *     u ← g · coefficient · ‖w‖ / (‖g‖ + eps)
 *
 * Shapes: any. State: none. Params: needed. Where ‖w‖ or ‖g‖ is 0 the gradient passes through, so that parameters
 * which start at 0 can leave it.
 *
 * @throws RangeError if `coefficient` is not > 0, or `eps` is negative
 * @throws TypeError  if `update` is not given params
 * @example
 * chain(scaleByAdam(), trustRatio(), scaleByLearningRate({ learningRate: 1e-3 }))
 * @see You et al. 2017, arXiv 1708.03888, and 2020, arXiv 1904.00962; Optax, scale_by_trust_ratio
 */
export function trustRatio(options: TrustRatioOptions = {}): Primitive {
  knownOptions('trustRatio', options, ['coefficient', 'eps']);
  const { coefficient, eps } = withDefaults({ coefficient: 1, eps: 0 }, options);
  positive('trustRatio', 'coefficient', coefficient);
  nonNegative('trustRatio', 'eps', eps);
  return primitive({
    name: 'trustRatio',
    options,
    update(ops, g, leaf) {
      const weights = ops.norm(paramOf('trustRatio', leaf));
      const gradient = ops.norm(g);
      const none = ops.maximum(ops.lessEqual(weights, 0), ops.lessEqual(gradient, 0));
      const ratio = ops.mul(ops.div(weights, ops.add(gradient, eps)), coefficient);
      return { updates: ops.mul(g, ops.where(none, 1, ratio)) };
    },
  });
}
