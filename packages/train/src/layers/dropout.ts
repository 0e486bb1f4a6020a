import { mul } from '../autodiff/arithmetic.ts';
import { uniform } from '../random.ts';
import type { Layer } from './scope.ts';

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
    if (!scope.training || rate === 0) return x;
    const mask = scope.random('mask', x.shape, (out, next) => {
      for (let i = 0; i < out.length; i++) out[i] = uniform(next) < rate ? 0 : 1 / (1 - rate);
    });
    return mul(x, mask);
  };
}
