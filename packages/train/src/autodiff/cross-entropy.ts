/** Cross entropy of class scores, for classification and for the prediction of tokens. */
import { constant, elementCount, emit, type Value } from '../onnx/graph.ts';
import { add, cast, div, equal, exp, maximum, mul, sub, where } from './arithmetic.ts';
import { reduceSum } from './reduction.ts';
import { reshape } from './shape.ts';
import { differentiable } from './tape.ts';

export interface CrossEntropyOptions {
  /** Labels of this value count for nothing, such as padding behind a sentence. @default none */
  readonly ignoreIndex?: number;
  /** Share of the probability that is spread evenly over all classes, in [0, 1). @default 0 */
  readonly labelSmoothing?: number;
}

/**
 * Mean cross entropy between softmax(logits) and labels.
 *
 *     loss = −1/M Σₙ Σ_c q_nc log softmax(logitsₙ)_c        ∂loss/∂logits = (softmax(logits) − q) / M
 *
 * over the M rows whose label is not ignored, with q = (1 − s) · oneHot(label) + s/C for a smoothing s. If all are
 * ignored, the loss is 0.
 *
 * @param logits [..., C]
 * @param labels class indices, int64 or int32 [...], or probabilities, float32 [..., C]; no gradient flows to them
 * @throws RangeError if shapes do not fit, or smoothing is not in [0, 1)
 * @see Szegedy et al. 2016, arXiv 1512.00567, for label smoothing
 */
export function softmaxCrossEntropy(
  logits: Value,
  labels: Value,
  { ignoreIndex, labelSmoothing = 0 }: CrossEntropyOptions = {},
): Value {
  const classes = logits.shape.at(-1) ?? 0;
  const rows = logits.shape.slice(0, -1);
  const indexed = labels.dtype === 'int64' || labels.dtype === 'int32';
  const fitting = `${labels.shape}` === `${indexed ? rows : logits.shape}`;
  if (rows.length === 0 || !fitting || !(indexed || labels.dtype === 'float32'))
    throw new RangeError(
      `softmaxCrossEntropy: expected logits [..., C] with labels int64 or int32 [...] or float32 [..., C], got [${logits.shape}] with ${labels.dtype} [${labels.shape}].`,
    );
  if (!(labelSmoothing >= 0 && labelSmoothing < 1))
    throw new RangeError(
      `softmaxCrossEntropy: expected \`labelSmoothing\` to be a number >= 0 and < 1, got ${labelSmoothing}.`,
    );
  const n = elementCount(rows);
  const matrix = reshape(logits, [n, classes]);
  return indexed
    ? ofIndices(matrix, reshape(labels, [n, 1]), ignoreIndex, labelSmoothing)
    : ofProbabilities(matrix, reshape(labels, [n, classes]), labelSmoothing);
}

function ofProbabilities(logits: Value, labels: Value, smoothing: number): Value {
  const [n, classes] = logits.shape;
  const q = smoothing > 0 ? add(mul(labels, 1 - smoothing), smoothing / classes) : labels;
  const logProbabilities = emit(logits.graph, 'LogSoftmax', [logits], { axis: 1 }, logits.shape);
  const loss = mul(reduceSum(mul(logProbabilities, q)), -1 / n);
  const rowTotals = reduceSum(q, { axes: [1], keepDims: true });
  return differentiable(
    loss,
    [logits],
    [(g) => mul(sub(mul(exp(logProbabilities), rowTotals), q), div(g, n))],
  );
}

/**
 * Picking and scattering one number a row: 0.26 ms forward and backward for [2048, 96] and 20 ms for [1024, 8192] on
 * one thread; with OneHot 0.73 and 55.
 */
function ofIndices(logits: Value, column: Value, ignoreIndex: number | undefined, smoothing: number): Value {
  const { graph } = logits;
  const [n, classes] = logits.shape;
  const index = cast(column, 'int64');
  const counted = ignoreIndex === undefined ? undefined : countedRows(index, ignoreIndex);
  const safe = counted ? counted.index : index;
  const total = counted ? counted.total : n;
  const logProbabilities = emit(graph, 'LogSoftmax', [logits], { axis: 1 }, logits.shape);
  const picked = emit(graph, 'GatherElements', [logProbabilities, safe], { axis: 1 }, [n, 1]);
  const others = () => reduceSum(logProbabilities, { axes: [1], keepDims: true });
  const expected =
    smoothing > 0 ? add(mul(picked, 1 - smoothing), mul(others(), smoothing / classes)) : picked;
  const sum = reduceSum(counted ? mul(expected, counted.weight) : expected);
  return differentiable(
    counted ? mul(div(sum, total), -1) : mul(sum, -1 / n),
    [logits],
    [
      (g) => {
        const probabilities = exp(logProbabilities);
        const share = constant(graph, new Float32Array(n).fill(smoothing - 1), [n, 1]);
        const residual = emit(
          graph,
          'ScatterElements',
          [smoothing > 0 ? sub(probabilities, smoothing / classes) : probabilities, safe, share],
          { axis: 1, reduction: 'add' },
          logits.shape,
        );
        const scale = div(g, total);
        return mul(residual, counted ? mul(counted.weight, scale) : scale);
      },
    ],
  );
}

/** Weight 0 for ignored rows and 1 for others, the number of these, and an index that is valid in every row. */
function countedRows(column: Value, ignoreIndex: number) {
  const ignored = equal(column, constant(column.graph, BigInt64Array.of(BigInt(ignoreIndex)), []));
  const weight = where(ignored, 0, 1);
  const index = where(ignored, constant(column.graph, BigInt64Array.of(0n), []), column);
  return { weight, index, total: maximum(reduceSum(weight), 1) };
}
