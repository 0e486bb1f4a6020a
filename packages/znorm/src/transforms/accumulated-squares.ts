import { decayRate, knownOptions, nonNegative, positive, withDefaults } from '../option-checks.ts';
import { type Primitive, primitive } from '../transformation.ts';
import { movedTowardsSquare, zerosLike } from './moving-average.ts';

export interface ScaleByAdagradOptions {
  /** What the sum of squares starts at; unit of the gradient squared. @default 0 */
  readonly initialAccumulator?: number;
  /** Added to the root of the sum; unit of the gradient. @default 1e-10 */
  readonly eps?: number;
}

/**
 * Divides by the root of the sum of all squares so far: elements that rarely have a gradient keep their large steps.
 *
 *     s_t = s_{t−1} + g²,   s_0 = initialAccumulator
 *     u ← g / (sqrt(s_t) + eps)
 *
 * Shapes: any. State: `sum`, like the parameter. Params: unused. The sum overflows float32 beyond |g| ≈ 1.8e19; the
 * element then stands still.
 *
 * @throws RangeError if `initialAccumulator` is negative, or `eps` is not > 0
 * @example
 * chain(scaleByAdagrad(), scaleByLearningRate({ learningRate: 0.01 }))
 * @see Duchi et al. 2011; PyTorch, torch.optim.Adagrad
 */
export function scaleByAdagrad(options: ScaleByAdagradOptions = {}): Primitive {
  knownOptions('scaleByAdagrad', options, ['initialAccumulator', 'eps']);
  const { initialAccumulator, eps } = withDefaults({ initialAccumulator: 0, eps: 1e-10 }, options);
  nonNegative('scaleByAdagrad', 'initialAccumulator', initialAccumulator);
  positive('scaleByAdagrad', 'eps', eps);
  return primitive({
    name: 'scaleByAdagrad',
    options,
    init: (ops, _parameter, param) => ({ sum: ops.full(ops.shape(param), initialAccumulator) }),
    update(ops, g, { slots }) {
      const sum = ops.add(slots.sum, ops.mul(g, g));
      return { updates: ops.div(g, ops.add(ops.sqrt(sum), eps)), slots: { sum } };
    },
  });
}

export interface ScaleByAdadeltaOptions {
  /** ρ: decay of both mean squares. @default 0.9 */
  readonly rho?: number;
  /** Added under both roots; unit of the gradient squared. @default 1e-6 */
  readonly eps?: number;
}

/**
 * Gives the gradient the size of recent updates: steps in the unit of the parameter, with no rate to choose.
 *
 *     nu_t = ρ · nu_{t−1} + (1 − ρ) · g²
 *     u ← g · sqrt(delta_{t−1} + eps) / sqrt(nu_t + eps)
 *     delta_t = ρ · delta_{t−1} + (1 − ρ) · u²,   nu_0 = delta_0 = 0
 *
 * Shapes: any. State: `nu` and `delta`, like the parameter. Params: unused. nu overflows as in `scaleByRms`.
 *
 * @throws RangeError if `rho` is not in [0, 1), or `eps` is not > 0
 * @example
 * chain(scaleByAdadelta(), scaleByLearningRate({ learningRate: 1 }))
 * @see Zeiler 2012, arXiv 1212.5701; PyTorch, torch.optim.Adadelta
 */
export function scaleByAdadelta(options: ScaleByAdadeltaOptions = {}): Primitive {
  knownOptions('scaleByAdadelta', options, ['rho', 'eps']);
  const { rho, eps } = withDefaults({ rho: 0.9, eps: 1e-6 }, options);
  decayRate('scaleByAdadelta', 'rho', rho);
  positive('scaleByAdadelta', 'eps', eps);
  return primitive({
    name: 'scaleByAdadelta',
    options,
    init: (ops, _parameter, param) => ({ nu: zerosLike(ops, param), delta: zerosLike(ops, param) }),
    update(ops, g, { slots }) {
      const nu = movedTowardsSquare(ops, slots.nu, rho, g);
      const root = ops.sqrt(ops.add(slots.delta, eps));
      const updates = ops.mul(ops.div(g, ops.sqrt(ops.add(nu, eps))), root);
      return { updates, slots: { nu, delta: movedTowardsSquare(ops, slots.delta, rho, updates) } };
    },
  });
}
