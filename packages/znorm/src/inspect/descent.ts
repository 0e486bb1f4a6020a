import type { ArrayTensor } from '../backends/arrays.ts';
import type { Named } from '../parameters.ts';

export interface Descent {
  /** Cosine of the step and the downhill direction over all tensors together, in [−1, 1]. */
  readonly cosine: number;
  /** The same, tensor by tensor. */
  readonly tensors: Readonly<Record<string, number>>;
}

/**
 * Whether updates still go downhill: the cosine of the angle between −update and gradient.
 *
 *     cos = ⟨−u, g⟩ / (‖u‖ · ‖g‖)
 *
 * 1 is steepest descent, > 0 lowers the loss for small enough steps, < 0 raises it. Where either is 0 there is no
 * angle and the cosine is given as 0. Sums are float64.
 *
 * @param updates what would be added to the parameters; for a chain without a learning rate, negate first
 * @throws RangeError if an update is missing or has another size than its gradient
 * @example
 * descent({ w: tensor([1, 0]) }, { w: tensor([-3, 4]) }).cosine; // 0.6
 */
export function descent(gradients: Named<ArrayTensor>, updates: Named<ArrayTensor>): Descent {
  const whole = { product: 0, gradient: 0, update: 0 };
  const tensors: Record<string, number> = {};
  for (const [path, { data: g }] of Object.entries(gradients)) {
    const u = updates[path]?.data;
    if (u?.length !== g.length) {
      throw new RangeError(
        `descent: expected an update of ${g.length} elements, got ${u?.length ?? 'none'} at '${path}'.`,
      );
    }
    let product = 0;
    let gradient = 0;
    let update = 0;
    for (let k = 0; k < g.length; k++) {
      product -= u[k] * g[k];
      gradient += g[k] * g[k];
      update += u[k] * u[k];
    }
    tensors[path] = cosine(product, gradient, update);
    whole.product += product;
    whole.gradient += gradient;
    whole.update += update;
  }
  return { cosine: cosine(whole.product, whole.gradient, whole.update), tensors };
}

/** ⟨a, b⟩ / (‖a‖ ‖b‖) from the product and the squared norms; rounding may not push it past ±1. */
function cosine(product: number, gradient: number, update: number): number {
  if (gradient === 0 || update === 0) return 0;
  return Math.max(-1, Math.min(1, product / Math.sqrt(gradient * update)));
}
