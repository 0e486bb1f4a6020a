import { knownOptions } from '../option-checks.ts';
import { axesWithinUnit, sizeOf } from '../parameters.ts';
import { type Primitive, primitive } from '../transformation.ts';

/**
 * Gradient centralization: removes from each output unit's gradient its mean.
 *
 *     u_i ← g_i − mean(g_i),   g_i the gradient of the weights into output unit i
 *
 * Shapes: rank >= 2; biases and other vectors pass through, and so do tensors with one weight an output unit, which
 * would become 0 and never train. State: none. Params: unused.
 *
 * @example
 * chain(centralize(), momentum({ learningRate: 0.1 }))
 * @see Yong et al. 2020, Gradient Centralization, arXiv 2004.01461
 */
export function centralize(options: Record<string, never> = {}): Primitive {
  knownOptions('centralize', options, []);
  return primitive({
    name: 'centralize',
    options,
    // More than one weight a unit: never so for vectors and scalars.
    applies: ({ shape, outputAxis }) => sizeOf(shape) > shape[outputAxis],
    update: (ops, g, { parameter }) => ({ updates: ops.sub(g, ops.mean(g, axesWithinUnit(parameter))) }),
  });
}
