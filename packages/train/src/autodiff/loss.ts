/** Losses: one number, the mean over the batch. */
import { sameShape, type Value } from '../onnx/graph.ts';
import { clip, mul, sub } from './arithmetic.ts';
import { reduceMean } from './reduction.ts';
import { differentiable } from './tape.ts';

/** Mean of (prediction − target)² over all elements; both of one shape. */
export function meanSquaredError(prediction: Value, target: Value): Value {
  requireTarget('meanSquaredError', prediction, target);
  const difference = sub(prediction, target);
  return reduceMean(mul(difference, difference));
}

/**
 * Squares of small differences, absolute values of large ones; the mean over all elements.
 *
 *     loss = mean[ ½d² where |d| ≤ delta, delta(|d| − ½delta) elsewhere ]        d = prediction − target
 *
 * @param options.delta unit of the prediction. @default 1
 * @throws RangeError if the shapes differ or delta is not a finite number > 0
 * @see Huber 1964
 */
export function huberLoss(prediction: Value, target: Value, { delta = 1 }: { delta?: number } = {}): Value {
  requireTarget('huberLoss', prediction, target);
  if (!(delta > 0 && delta < Infinity))
    throw new RangeError(`huberLoss: expected \`delta\` to be a finite number > 0, got ${delta}.`);
  const difference = sub(prediction, target);
  // With c = clip(d): c(d − ½c), and its derivative is c.
  const clipped = clip(difference, { min: -delta, max: delta });
  const terms = mul(clipped, sub(difference, mul(clipped, 0.5)));
  return reduceMean(differentiable(terms, [difference], [(g) => mul(g, clipped)]));
}

/** Broadcasting [N, 1] against [N] would compare everything with everything. */
function requireTarget(where: string, prediction: Value, target: Value): void {
  if (!sameShape(prediction.shape, target.shape))
    throw new RangeError(
      `${where}: expected a target of shape [${prediction.shape}], got [${target.shape}].`,
    );
}
