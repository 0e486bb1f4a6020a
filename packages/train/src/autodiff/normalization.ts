/** Normalization layers with closed-form gradients. */
import { elementCount, type Value } from '../onnx/graph.ts';
import { add, mul, reciprocal, sqrt, square, sub } from './arithmetic.ts';
import { conv2d } from './convolution.ts';
import { reduceMean, reduceSum } from './reduction.ts';
import { reshape } from './shape.ts';
import { differentiable } from './tape.ts';

export interface BatchNormResult {
  readonly y: Value;
  /** Mean of each channel over the batch, [C]. */
  readonly mean: Value;
  /** Unbiased variance (m − 1 in the denominator, as PyTorch stores it) of each channel, [C]. */
  readonly variance: Value;
}

/**
 * Batch normalization by the statistics of this batch.
 *
 *     y = scale · (x − mean) / √(var + eps) + bias        mean, var over all axes but 1, var biased
 *
 * With x̂ = (x − mean)/√(var + eps) and m elements a channel:
 *     ∂x = scale / √(var + eps) · (g − Σg/m − x̂ · Σ(g·x̂)/m),  ∂scale = Σ g·x̂,  ∂bias = Σ g
 *
 * @param x     [N, C, ...]
 * @param scale [C]
 * @param bias  [C]
 * @param options.eps added to the variance. @default 1e-5
 */
export function batchNorm(
  x: Value,
  scale: Value,
  bias: Value,
  { eps = 1e-5 }: { eps?: number } = {},
): BatchNormResult {
  requireChannels('batchNorm', x, { scale, bias });
  const axes = x.shape.flatMap((_, axis) => (axis === 1 ? [] : [axis]));
  const count = elementCount(x.shape) / x.shape[1];
  if (count < 2)
    throw new RangeError(
      `batchNorm: expected at least 2 elements a channel, got ${count} in shape [${x.shape}]. Use a larger batch.`,
    );
  const mean = reduceMean(x, { axes, keepDims: true });
  const centred = sub(x, mean);
  const variance = reduceMean(square(centred), { axes, keepDims: true });
  const inverse = reciprocal(sqrt(add(variance, eps)));
  const factor = mul(reshape(scale, inverse.shape), inverse);
  const y = scaleAndShift(centred, factor, bias);
  // Sums of a gradient over a channel; the rules share them, since equal nodes are emitted once.
  const sum = (g: Value) => reduceSum(g, { axes, keepDims: true });
  const alignment = (g: Value) => mul(sum(mul(g, centred)), inverse);
  return {
    y: differentiable(
      y,
      [x, scale, bias],
      [
        (g) => {
          // Coefficients of one number a channel first, so that few operations touch whole images.
          const share = mul(factor, -1 / count);
          const slope = mul(mul(alignment(g), inverse), share);
          return add(scaleAndShift(g, factor, mul(sum(g), share)), scaleAndShift(centred, slope));
        },
        (g) => reshape(alignment(g), scale.shape),
        (g) => reshape(sum(g), bias.shape),
      ],
    ),
    mean: reshape(mean, scale.shape),
    variance: reshape(mul(variance, count / (count - 1)), scale.shape),
  };
}

/**
 * Batch normalization by given statistics, for evaluation: one multiplication and one addition.
 *
 *     y = x · (scale / √(variance + eps)) + (bias − mean · scale / √(variance + eps))
 *
 * @param x [N, C, ...]; the others [C]
 */
export function batchNormInference(
  x: Value,
  scale: Value,
  bias: Value,
  mean: Value,
  variance: Value,
  { eps = 1e-5 }: { eps?: number } = {},
): Value {
  requireChannels('batchNormInference', x, { scale, bias, mean, variance });
  const factor = mul(scale, reciprocal(sqrt(add(variance, eps))));
  return scaleAndShift(x, factor, sub(bias, mul(mean, factor)));
}

/**
 * x · factor + offset, one number a channel each.
 *
 * As a depthwise 1×1 convolution it is one pass, into which ONNX Runtime also fuses an addition and a ReLU that
 * follow; but it starts anew for every image and channel, so small images are scaled by a product and a sum.
 * Milliseconds on one thread, with ReLU:
 *
 *     x                convolution   product, sum
 *     64×16×32×32      0.39          1.16
 *     64×32×16×16      0.22          0.47
 *     64×64×8×8        0.24          0.22
 */
function scaleAndShift(x: Value, factor: Value, offset?: Value): Value {
  const [, channels, height, width] = x.shape;
  if (x.shape.length === 4 && height * width >= 256) {
    const kernel = reshape(factor, [channels, 1, 1, 1]);
    return conv2d(x, kernel, { group: channels, ...(offset && { bias: reshape(offset, [channels]) }) });
  }
  const channel = x.shape.map((size, axis) => (axis === 1 ? size : 1));
  const scaled = mul(x, reshape(factor, channel));
  return offset ? add(scaled, reshape(offset, channel)) : scaled;
}

function requireChannels(where: string, x: Value, parameters: Record<string, Value>): void {
  const channels = x.shape[1];
  if (channels === undefined)
    throw new RangeError(`${where}: expected an input of shape [N, C, ...], got [${x.shape}].`);
  for (const [name, { shape }] of Object.entries(parameters))
    if (shape.length !== 1 || shape[0] !== channels)
      throw new RangeError(`${where}: expected ${name} of shape [${channels}], got [${shape}].`);
}
