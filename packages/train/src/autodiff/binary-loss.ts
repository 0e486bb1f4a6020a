/** Losses of yes-or-no predictions, one logit each: the mean over all elements. */
import { emit, sameShape, type Value } from '../onnx/graph.ts';
import { sigmoid, softplus } from './activation.ts';
import { add, div, mul, pow, sub } from './arithmetic.ts';
import { reduceMean } from './reduction.ts';
import { differentiable } from './tape.ts';

/**
 * Mean cross entropy between sigmoid(logits) and targets ("BCE with logits").
 *
 *     loss = mean[ (1 + (w − 1)t) · log(1 + e⁻ˣ) + (1 − t)x ]        ∂loss/∂x = ((1 + (w − 1)t) sigmoid(x) − w·t) / n
 *
 * @param logits  any shape
 * @param targets 0 to 1, float32 of the same shape; no gradient flows to them
 * @param options.positiveWeight w, for positives rarer than negatives. @default 1
 * @throws RangeError if the shapes differ or the weight is not a number > 0
 * @example
 * sigmoidCrossEntropy(logits, masks)
 */
export function sigmoidCrossEntropy(
  logits: Value,
  targets: Value,
  { positiveWeight: w = 1 }: { positiveWeight?: number } = {},
): Value {
  requireTargets('sigmoidCrossEntropy', logits, targets);
  if (!(w > 0 && w < Infinity))
    throw new RangeError(
      `sigmoidCrossEntropy: expected \`positiveWeight\` to be a finite number > 0, got ${w}.`,
    );
  // With w = 1, log(1 + e⁻ˣ) + (1 − t)x = log(1 + eˣ) − t·x.
  const weight = add(mul(targets, w - 1), 1);
  const terms =
    w === 1
      ? sub(softplus(logits), mul(targets, logits))
      : add(mul(weight, softplus(mul(logits, -1))), mul(sub(1, targets), logits));
  const count = logits.shape.reduce((product, size) => product * size, 1);
  return differentiable(
    reduceMean(terms),
    [logits],
    [
      (g) => {
        const p = emit(logits.graph, 'Sigmoid', [logits], {}, logits.shape);
        const residual = w === 1 ? sub(p, targets) : sub(mul(weight, p), mul(targets, w));
        return mul(residual, div(g, count));
      },
    ],
  );
}

export interface FocalLossOptions {
  /** Weight of positives; negatives weigh 1 − alpha. @default 0.25 */
  readonly alpha?: number;
  /** How much less easy examples count: 0 is plain cross entropy, otherwise at least 1. @default 2 */
  readonly gamma?: number;
}

/**
 * Cross entropy in which elements already predicted well count less.
 *
 *     loss = mean[ αₜ (1 − pₜ)^γ · (−log pₜ) ]        pₜ = p where t = 1, 1 − p where t = 0; αₜ = α, 1 − α
 *
 * @param logits  any shape
 * @param targets 0 to 1, float32 of the same shape; no gradient flows to them
 * @throws RangeError if the shapes differ, alpha is not in [0, 1], or gamma is neither 0 nor a number >= 1
 * @see Lin et al. 2017, arXiv 1708.02002
 */
export function focalLoss(
  logits: Value,
  targets: Value,
  { alpha = 0.25, gamma = 2 }: FocalLossOptions = {},
): Value {
  requireTargets('focalLoss', logits, targets);
  if (!(alpha >= 0 && alpha <= 1))
    throw new RangeError(`focalLoss: expected \`alpha\` to be a number from 0 to 1, got ${alpha}.`);
  // Below 1, (1 − pₜ)^(γ − 1) in the gradient is infinite at pₜ = 1.
  if (!(gamma === 0 || (gamma >= 1 && gamma < Infinity)))
    throw new RangeError(`focalLoss: expected \`gamma\` to be 0 or a finite number >= 1, got ${gamma}.`);
  const p = sigmoid(logits);
  const entropy = sub(softplus(logits), mul(targets, logits));
  const weight = add(mul(targets, 2 * alpha - 1), 1 - alpha);
  // 1 − pₜ = p + t − 2pt
  const missed = sub(add(p, targets), mul(mul(p, targets), 2));
  return reduceMean(mul(weight, gamma === 0 ? entropy : mul(pow(missed, gamma), entropy)));
}

/** Broadcasting [N, 1] against [N] would compare everything with everything. */
export function requireTargets(where: string, logits: Value, targets: Value): void {
  if (!sameShape(logits.shape, targets.shape) || targets.dtype !== 'float32')
    throw new RangeError(
      `${where}: expected targets float32 [${logits.shape}], as the logits, got ${targets.dtype} [${targets.shape}].`,
    );
}
