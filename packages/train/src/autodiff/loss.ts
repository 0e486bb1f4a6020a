/** Losses: one number, the mean over the batch. */
import { constant, emit, sameShape, type Value } from '../onnx/graph.ts';
import { clip, div, exp, mul, sub } from './arithmetic.ts';
import { reduceMean, reduceSum } from './reduction.ts';
import { reshape } from './shape.ts';
import { differentiable } from './tape.ts';

/**
 * Mean cross entropy between softmax(logits) and labels.
 *
 *     loss = −1/N Σₙ log softmax(logitsₙ)[labelₙ]        ∂loss/∂logits = (softmax(logits) − oneHot(labels)) / N
 *
 * @param logits [N, C]
 * @param labels class indices, int64 [N], or probabilities, float32 [N, C]; no gradient flows to them
 */
export function softmaxCrossEntropy(logits: Value, labels: Value): Value {
  const [n, classes] = logits.shape as [number, number];
  const indexed = labels.dtype === 'int64' && labels.shape.length === 1 && labels.shape[0] === n;
  const dense =
    labels.dtype === 'float32' &&
    labels.shape.length === 2 &&
    labels.shape[0] === n &&
    labels.shape[1] === classes;
  if (logits.shape.length !== 2 || !(indexed || dense))
    throw new RangeError(
      `softmaxCrossEntropy: expected logits [N, C] with labels int64 [N] or float32 [N, C], got [${logits.shape}] with ${labels.dtype} [${labels.shape}].`,
    );
  const { graph } = logits;
  const logProbabilities = emit(graph, 'LogSoftmax', [logits], { axis: 1 }, logits.shape);
  if (dense) {
    const loss = mul(reduceSum(mul(logProbabilities, labels)), -1 / n);
    const rowTotals = reduceSum(labels, { axes: [1], keepDims: true });
    return differentiable(
      loss,
      [logits],
      [(g) => mul(sub(mul(exp(logProbabilities), rowTotals), labels), div(g, n))],
    );
  }
  // Picking and scattering one number a row: 0.26 ms forward and backward for [2048, 96] and 20 ms for
  // [1024, 8192] on one thread; with OneHot 0.73 and 55.
  const column = reshape(labels, [n, 1]);
  const picked = emit(graph, 'GatherElements', [logProbabilities, column], { axis: 1 }, [n, 1]);
  const loss = mul(reduceSum(picked), -1 / n);
  return differentiable(
    loss,
    [logits],
    [
      (g) => {
        const minusOne = constant(graph, new Float32Array(n).fill(-1), [n, 1]);
        const residual = emit(
          graph,
          'ScatterElements',
          [exp(logProbabilities), column, minusOne],
          { axis: 1, reduction: 'add' },
          logits.shape,
        );
        return mul(residual, div(g, n));
      },
    ],
  );
}

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
