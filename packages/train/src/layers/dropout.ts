import { mul } from '../autodiff/arithmetic.ts';
import type { Value } from '../onnx/graph.ts';
import { uniform } from '../random.ts';
import type { Layer, Scope } from './scope.ts';

/**
 * While training, sets each element to 0 with probability `rate` and divides the others by 1 − rate, so that the
 * expected value stays. Evaluation passes x through.
 *
 * The mask is drawn in JavaScript and fed: ONNX's own random operators cannot be restarted at a given step.
 *
 * @param options.rate in [0, 1)
 */
export function dropout({ rate }: { rate: number }): Layer {
  if (!(rate >= 0 && rate < 1)) {
    throw new RangeError(`dropout: expected \`rate\` to be a number >= 0 and < 1, got ${rate}.`);
  }
  return (x, scope) => {
    const mask = dropoutMask(x.shape, rate, scope);
    return mask ? mul(x, mask) : x;
  };
}

/** What dropout multiplies a tensor of this shape by, or undefined where it leaves it as it is. */
export function dropoutMask(shape: readonly number[], rate: number, scope: Scope): Value | undefined {
  if (!scope.training || rate === 0) return undefined;
  return scope.random('mask', shape, (out, next) => {
    for (let i = 0; i < out.length; i++) out[i] = uniform(next) < rate ? 0 : 1 / (1 - rate);
  });
}
