import { decayRate, knownOptions, withDefaults } from '../option-checks.ts';
import { type Primitive, primitive } from '../transformation.ts';
import { movedTowards, zerosLike } from './moving-average.ts';

export interface ScaleByLionOptions {
  /** Share of the momentum in the direction that is taken. @default 0.9 */
  readonly b1?: number;
  /** Decay of the momentum that is kept. @default 0.99 */
  readonly b2?: number;
}

/**
 * Lion's direction: the sign of a blend of momentum and gradient. Every element moves by the same amount.
 *
 *     u ← sign(b1 · mu_{t−1} + (1 − b1) · g)
 *     mu_t = b2 · mu_{t−1} + (1 − b2) · g,   mu_0 = 0
 *
 * Shapes: any. State: `mu`, like the parameter. Params: unused. Blind to a constant factor of the gradient.
 *
 * @throws RangeError if a decay is not in [0, 1)
 * @example
 * chain(scaleByLion(), scaleByLearningRate({ learningRate: 1e-4 }))
 * @see Chen et al. 2023, Symbolic discovery of optimization algorithms, arXiv 2302.06675
 */
export function scaleByLion(options: ScaleByLionOptions = {}): Primitive {
  knownOptions('scaleByLion', options, ['b1', 'b2']);
  const { b1, b2 } = withDefaults({ b1: 0.9, b2: 0.99 }, options);
  decayRate('scaleByLion', 'b1', b1);
  decayRate('scaleByLion', 'b2', b2);
  return primitive({
    name: 'scaleByLion',
    options,
    init: (ops, _parameter, param) => ({ mu: zerosLike(ops, param) }),
    update: (ops, g, { slots }) => ({
      updates: ops.sign(movedTowards(ops, slots.mu, b1, g)),
      slots: { mu: movedTowards(ops, slots.mu, b2, g) },
    }),
  });
}
