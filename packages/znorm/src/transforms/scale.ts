import { finite, knownOptions } from '../option-checks.ts';
import { type LearningRate, learningRateAt } from '../schedules.ts';
import { type Primitive, primitive } from '../transformation.ts';

/**
 * Multiplies by a constant.
 *
 *     u ← factor · g
 *
 * Shapes: any. State: none. Params: unused. No effect before `znorm` or, up to eps, before Adam.
 *
 * @throws RangeError if `factor` is not a finite number
 * @example
 * chain(clipByGlobalNorm({ maxNorm: 1 }), scale({ factor: 0.5 }), sgd({ learningRate: 0.1 }))
 */
export function scale(options: { readonly factor: number }): Primitive {
  knownOptions('scale', options, ['factor']);
  const factor = finite('scale', 'factor', options.factor);
  return primitive({ name: 'scale', options, update: (ops, g) => ({ updates: ops.mul(g, factor) }) });
}

/**
 * The last step of every optimizer: multiplies by the learning rate, and turns a gradient into what is added to the
 * parameters. The sign flips here and nowhere else.
 *
 *     u ← −learningRate(step) · g
 *
 * Shapes: any. State: none. Params: unused. Steps count from 0.
 *
 * @param options.learningRate a number > 0, a schedule, or a function of the step (runs, but cannot be saved)
 * @throws RangeError if a rate is not a finite number > 0 (>= 0 from a schedule)
 * @example
 * chain(znorm(), scaleByLearningRate({ learningRate: cosine({ from: 0.1, steps: 1000 }) }))
 */
export function scaleByLearningRate(options: { readonly learningRate: LearningRate }): Primitive {
  knownOptions('scaleByLearningRate', options, ['learningRate']);
  return primitive({
    name: 'scaleByLearningRate',
    options,
    scalars: { learningRate: learningRateAt('scaleByLearningRate', options.learningRate) },
    update: (ops, g, { scalars }) => ({ updates: ops.mul(g, ops.mul(scalars.learningRate, -1)) }),
  });
}
