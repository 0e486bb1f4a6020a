import { knownOptions, nonNegative } from '../option-checks.ts';
import { type Selection, selects } from '../select.ts';
import { weightedSum } from '../tensor-ops.ts';
import { type Primitive, paramOf, primitive } from '../transformation.ts';

export interface AddDecayedWeightsOptions {
  /** λ >= 0. */
  readonly weightDecay: number;
  /** Which parameters decay. @default all */
  readonly select?: Selection;
}

/**
 * Adds a share of the parameter to its gradient, the gradient of (λ/2)‖w‖².
 *
 *     u ← g + λ · w
 *
 * Before an optimizer's direction this is L2 regularization; after it, decoupled decay (as in `adamw`). Before
 * `znorm` it loses its strength, because `znorm` rescales the sum.
 *
 * Shapes: any. State: none. Params: needed.
 *
 * @throws RangeError if `weightDecay` is negative or not finite, or `select` has an unknown key or role
 * @throws TypeError  if `update` is not given params
 * @example
 * chain(znorm(), addDecayedWeights({ weightDecay: 5e-4, select: { minRank: 2 } }), sgd({ learningRate: 0.1 }))
 * @see Loshchilov & Hutter 2019, arXiv 1711.05101
 */
export function addDecayedWeights(options: AddDecayedWeightsOptions): Primitive {
  knownOptions('addDecayedWeights', options, ['weightDecay', 'select']);
  const weightDecay = nonNegative('addDecayedWeights', 'weightDecay', options.weightDecay);
  return primitive({
    name: 'addDecayedWeights',
    options,
    applies: options.select === undefined ? undefined : selects('addDecayedWeights', options.select),
    update: (ops, g, leaf) => ({
      updates: weightedSum(ops, 1, g, weightDecay, paramOf('addDecayedWeights', leaf)),
    }),
  });
}
