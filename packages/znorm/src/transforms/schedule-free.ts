import { knownOptions, nonNegative, optionError, withDefaults } from '../option-checks.ts';
import { weightedSum } from '../tensor-ops.ts';
import { type Primitive, paramOf, primitive } from '../transformation.ts';

export interface ScheduleFreeOptions {
  /** β: how near to the average gradients are taken; stands for momentum. @default 0.9 */
  readonly b1?: number;
  /** Steps of the learning rate's warm-up, which count less in the average. @default 0 */
  readonly warmupSteps?: number;
}

/**
 * Averages the iterates in place of a falling learning rate: as good at every step as a schedule that ends there.
 *
 *     z_{t+1} = z_t + u(y_t)                                     the chain before, at its constant rate
 *     x_{t+1} = (1 − c_t) · x_t + c_t · z_{t+1}                  the average, for evaluation
 *     y_{t+1} = (1 − β) · z_{t+1} + β · x_{t+1}                  the parameters, where gradients are taken
 *     c_t = r_t² / Σ r_i² over i ≤ t,   r_t = min((t + 1) / warmupSteps, 1),   t = 0, 1, …
 *
 * Last in a chain without momentum (β is its momentum). **The parameters that train are y, not the result**: evaluate
 * and save x, which `evaluationParams` gives; batch-norm statistics belong to y until they are taken anew at x.
 *
 * Shapes: any. State: `z`, like the parameter; x is found from y and z. Params: needed.
 *
 * @throws RangeError if `b1` is not in (0, 1), or `warmupSteps` is not a whole number >= 0
 * @throws TypeError  if `update` is not given params
 * @example
 * chain(znorm(), sgd({ learningRate: 0.01 }), scheduleFree({ b1: 0.9 }))
 * @see Defazio et al. 2024, The road less scheduled, arXiv 2405.15682
 */
export function scheduleFree(options: ScheduleFreeOptions = {}): Primitive {
  knownOptions('scheduleFree', options, ['b1', 'warmupSteps']);
  const { b1, warmupSteps } = withDefaults({ b1: 0.9, warmupSteps: 0 }, options);
  if (typeof b1 !== 'number' || !(b1 > 0 && b1 < 1)) {
    throw optionError('scheduleFree', 'b1', 'to be a number > 0 and < 1', b1);
  }
  if (!Number.isSafeInteger(nonNegative('scheduleFree', 'warmupSteps', warmupSteps))) {
    throw optionError('scheduleFree', 'warmupSteps', 'to be a whole number >= 0', warmupSteps);
  }
  const share = (step: number) => averageShare(step, warmupSteps);
  return primitive({
    name: 'scheduleFree',
    options,
    // y' − y = c · (z − y) + (1 − β + β c) · u, in which small steps keep their digits.
    scalars: {
      towardsZ: share,
      ahead: (step) => 1 - b1 + b1 * share(step),
    },
    init: (_ops, _parameter, param) => ({ z: param }),
    update(ops, u, leaf) {
      const y = paramOf('scheduleFree', leaf);
      const { z } = leaf.slots;
      const { towardsZ, ahead } = leaf.scalars;
      return {
        updates: weightedSum(ops, towardsZ, ops.sub(z, y), ahead, u),
        slots: { z: ops.add(z, u) },
      };
    },
    // x = (y − (1 − β) z) / β
    evaluation: (ops, y, { z }) => weightedSum(ops, 1 / b1, y, 1 - 1 / b1, z),
  });
}

/** c_t in closed form: Σ i² over i ≤ n is n (n + 1) (2n + 1) / 6. */
function averageShare(step: number, warmupSteps: number): number {
  const t = step + 1;
  const squaresTo = (n: number) => (n * (n + 1) * (2 * n + 1)) / 6;
  if (t < warmupSteps) return t ** 2 / squaresTo(t);
  const warm = warmupSteps === 0 ? 0 : squaresTo(warmupSteps) / warmupSteps ** 2;
  return 1 / (warm + t - warmupSteps);
}
