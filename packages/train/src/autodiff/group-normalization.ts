/** Normalization of each sample by groups of its channels, with a closed-form gradient. */
import { elementCount, type Value } from '../onnx/graph.ts';
import { add, mul, reciprocal, sqrt, square, sub } from './arithmetic.ts';
import { reduceMean, reduceSum } from './reduction.ts';
import { reshape } from './shape.ts';
import { differentiable } from './tape.ts';

export interface GroupNormOptions {
  /** How many groups the channels form: 1 normalizes a sample as a whole, C each channel on its own. */
  readonly groups: number;
  /** Added to the variance. @default 1e-5 */
  readonly eps?: number;
}

/**
 * Group normalization: each sample's channels, in consecutive groups, by the group's own statistics.
 *
 *     y = scale · x̂ + bias        x̂ = (x − mean) / √(var + eps),  mean, var over a group's channels and positions, var biased
 *
 * With m elements a group, and G = scale · g:
 *     ∂x = (G − ΣG/m − x̂ · Σ(G·x̂)/m) / √(var + eps),  ∂scale = Σ g·x̂,  ∂bias = Σ g
 *
 * @param x     [N, C, ...]
 * @param scale [C]
 * @param bias  [C]
 * @throws RangeError if the groups do not divide the channels, or a group has one element
 * @see Wu and He 2018, arXiv 1803.08494
 */
export function groupNorm(
  x: Value,
  scale: Value,
  bias: Value,
  { groups, eps = 1e-5 }: GroupNormOptions,
): Value {
  const [batch, channels] = x.shape as [number, number];
  if (x.shape.length < 2)
    throw new RangeError(`groupNorm: expected an input of shape [N, C, ...], got [${x.shape}].`);
  for (const [name, { shape }] of Object.entries({ scale, bias }))
    if (shape.length !== 1 || shape[0] !== channels)
      throw new RangeError(`groupNorm: expected ${name} of shape [${channels}], got [${shape}].`);
  if (!Number.isInteger(groups) || groups < 1 || channels % groups !== 0)
    throw new RangeError(`groupNorm: expected \`groups\` to divide the ${channels} channels, got ${groups}.`);
  const area = elementCount(x.shape.slice(2));
  const count = (channels / groups) * area;
  if (count < 2)
    throw new RangeError(
      `groupNorm: expected at least 2 elements a group, got ${count} in shape [${x.shape}] with ${groups} groups.`,
    );

  // [N, groups, channels of a group, positions]: sums over positions alone are small, so few passes touch the images.
  const grouped = [batch, groups, channels / groups, area];
  const ofChannels = (value: Value) => reshape(value, [1, groups, channels / groups, 1]);
  const overGroup = (value: Value) => reduceSum(value, { axes: [2, 3], keepDims: true });
  const overPositions = (value: Value) => reduceSum(value, { axes: [3], keepDims: true });
  const images = reshape(x, grouped);
  const centred = sub(images, reduceMean(images, { axes: [2, 3], keepDims: true }));
  const inverse = reciprocal(sqrt(add(reduceMean(square(centred), { axes: [2, 3], keepDims: true }), eps)));
  const gain = mul(ofChannels(scale), inverse);
  const y = reshape(add(mul(centred, gain), ofChannels(bias)), x.shape);
  const sums = (g: Value) => overPositions(reshape(g, grouped));
  const alignments = (g: Value) => mul(overPositions(mul(reshape(g, grouped), centred)), inverse);
  return differentiable(
    y,
    [x, scale, bias],
    [
      (g) => {
        const share = mul(inverse, -1 / count);
        const level = mul(overGroup(mul(sums(g), ofChannels(scale))), share);
        const slope = mul(mul(overGroup(mul(alignments(g), ofChannels(scale))), inverse), share);
        return reshape(add(add(mul(reshape(g, grouped), gain), mul(centred, slope)), level), x.shape);
      },
      (g) => reshape(reduceSum(alignments(g), { axes: [0] }), scale.shape),
      (g) => reshape(reduceSum(sums(g), { axes: [0] }), bias.shape),
    ],
  );
}
