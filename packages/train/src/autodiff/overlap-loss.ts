/** Losses of segmentation that compare whole masks, so that a rare class counts as much as a frequent one. */
import type { Value } from '../onnx/graph.ts';
import { sigmoid } from './activation.ts';
import { add, div, mul, sub } from './arithmetic.ts';
import { requireTargets } from './binary-loss.ts';
import { reduceMean, reduceSum } from './reduction.ts';

export interface OverlapLossOptions {
  /** Added to numerator and denominator: an empty mask predicted empty is right. @default 1 */
  readonly smooth?: number;
  /** `batch`: one ratio for all masks together; `sample`: one for each, and their mean. @default 'batch' */
  readonly per?: 'batch' | 'sample';
}

export interface TverskyLossOptions extends OverlapLossOptions {
  /** Weight of false positives. @default 0.5 */
  readonly alpha?: number;
  /** Weight of false negatives; above alpha, it prefers finding too much to missing something. @default 0.5 */
  readonly beta?: number;
}

/**
 * One minus the Dice coefficient, with probabilities p = sigmoid(logits).
 *
 *     loss = 1 − (2 Σ p·t + smooth) / (Σ p + Σ t + smooth)
 *
 * @param logits  [N, ...]
 * @param targets masks of 0 and 1, float32 of the same shape; no gradient flows to them
 * @throws RangeError if the shapes differ or `smooth` is not a finite number >= 0
 * @example
 * add(sigmoidCrossEntropy(logits, masks), diceLoss(logits, masks))
 * @see Milletari et al. 2016, arXiv 1606.04797
 */
export function diceLoss(
  logits: Value,
  targets: Value,
  { smooth = 1, per = 'batch' }: OverlapLossOptions = {},
): Value {
  // 2 Σpt / (Σp + Σt) = Σpt / (Σpt + ½ false positives + ½ false negatives)
  return overlapLoss('diceLoss', logits, targets, { smooth, per, alpha: 0.5, beta: 0.5 }, smooth / 2);
}

/**
 * One minus the Tversky index, the Dice coefficient with a weight for each kind of error.
 *
 *     loss = 1 − (TP + smooth) / (TP + alpha · FP + beta · FN + smooth)
 *     TP = Σ p·t,  FP = Σ p(1 − t),  FN = Σ (1 − p)t,  p = sigmoid(logits)
 *
 * @param logits  [N, ...]
 * @param targets masks of 0 and 1, float32 of the same shape; no gradient flows to them
 * @throws RangeError if the shapes differ or a number is not finite and >= 0
 * @see Salehi et al. 2017, arXiv 1706.05721
 */
export function tverskyLoss(
  logits: Value,
  targets: Value,
  { smooth = 1, per = 'batch', alpha = 0.5, beta = 0.5 }: TverskyLossOptions = {},
): Value {
  return overlapLoss('tverskyLoss', logits, targets, { smooth, per, alpha, beta }, smooth);
}

function overlapLoss(
  where: string,
  logits: Value,
  targets: Value,
  { per, ...numbers }: Required<TverskyLossOptions>,
  added: number,
): Value {
  requireTargets(where, logits, targets);
  for (const [name, value] of Object.entries(numbers))
    if (!(value >= 0 && value < Infinity))
      throw new RangeError(`${where}: expected \`${name}\` to be a finite number >= 0, got ${value}.`);
  if (per !== 'batch' && per !== 'sample')
    throw new RangeError(`${where}: expected \`per\` to be 'batch' or 'sample', got '${per}'.`);
  const { alpha, beta } = numbers;
  const axes = logits.shape.map((_, axis) => axis).slice(per === 'batch' ? 0 : 1);
  const total = (x: Value) => reduceSum(x, { axes });
  const p = sigmoid(logits);
  const hits = total(mul(p, targets));
  // TP + α(Σp − TP) + β(Σt − TP)
  const size = add(mul(hits, 1 - alpha - beta), add(mul(total(p), alpha), mul(total(targets), beta)));
  return sub(1, reduceMean(div(add(hits, added), add(size, added))));
}
