import { knownOptions, positiveInteger } from '../option-checks.ts';
import { type Primitive, primitive } from '../transformation.ts';
import { zerosLike } from './moving-average.ts';

/**
 * One step from the gradients of several micro-batches: a large batch for those who have not the memory for it.
 *
 *     s ← s + g;   on every k-th gradient u ← s / k and s ← 0, on the others the step ends here with updates of 0
 *
 * Everything after it takes one step in k, schedules included; everything before it sees every micro-batch. With
 * micro-batches of one size and losses that are means, s / k is the gradient of the large batch (but for what layers
 * take over a batch, as batch normalization does).
 *
 * Shapes: any. State: `sum`, like the parameter. Params: unused.
 *
 * @param options.steps k, micro-batches a step
 * @throws RangeError if `steps` is not a whole number >= 1
 * @example
 * chain(accumulate({ steps: 4 }), znorm(), adam({ learningRate: 1e-3 }))
 * @see Optax, MultiSteps
 */
export function accumulate(options: { readonly steps: number }): Primitive {
  knownOptions('accumulate', options, ['steps']);
  const steps = positiveInteger('accumulate', 'steps', options.steps);
  return primitive({
    name: 'accumulate',
    options,
    scalars: {
      // Multiplied with the sum so far it would keep an infinity: 0 · ∞ is NaN. So it is a choice, not a factor.
      first: (step) => (step % steps === 0 ? 1 : 0),
      full: (step) => (step % steps === steps - 1 ? 1 : 0),
    },
    init: (ops, _parameter, param) => ({ sum: zerosLike(ops, param) }),
    update(ops, g, { slots, scalars }) {
      const [sum] = ops.branch(
        scalars.first,
        () => [g],
        () => [ops.add(slots.sum, g)],
      );
      return { updates: ops.div(sum, steps), slots: { sum } };
    },
    gate: (_ops, _pooled, scalars) => scalars.full,
    waits: true,
  });
}
