/** Convolution of images. */
import { emit, type Value } from '../onnx/graph.ts';
import { add } from './arithmetic.ts';
import { sumTo } from './broadcast.ts';
import { inputGradient } from './convolution-input-gradient.ts';
import { kernelGradient } from './convolution-kernel-gradient.ts';
import { reshape } from './shape.ts';
import { differentiable } from './tape.ts';
import { enlarged, type Pair, pair, slidingWindow, type WindowOptions, windowAttributes } from './window.ts';

export interface Conv2dOptions extends WindowOptions {
  /** Channels in this many independent groups; C for a depthwise convolution. @default 1 */
  readonly group?: number;
  /** Added to each output channel, shape [O]. */
  readonly bias?: Value;
}

/**
 * Two-dimensional convolution (cross-correlation, as in every framework).
 *
 *     y[n, o, r, c] = bias[o] + Σ_{i, u, v} x[n, i, r·s + u·d − p, c·s + v·d − p] · kernel[o, i, u, v]
 *
 * @param x      [N, C, H, W]
 * @param kernel [O, C / group, h, w]
 * @returns [N, O, (H + pads − d(h−1) − 1) / s + 1, …]
 * @example
 * conv2d(x, kernel, { strides: 2, pads: 1 })
 */
export function conv2d(x: Value, kernel: Value, { group = 1, bias, ...options }: Conv2dOptions = {}): Value {
  const [outChannels, perGroup, height, width] = kernel.shape;
  if (kernel.shape.length !== 4)
    throw new RangeError(`conv2d: expected a kernel of shape [O, C / group, h, w], got [${kernel.shape}].`);
  const window = slidingWindow('conv2d', x.shape, [height, width], options);
  const [batch, channels] = x.shape as [number, number];
  if (channels !== perGroup * group || outChannels % group !== 0)
    throw new RangeError(
      `conv2d: expected a kernel [O, C / group, h, w] with C = ${channels} and O a multiple of group = ${group}, got [${kernel.shape}].`,
    );
  if (bias && (bias.shape.length !== 1 || bias.shape[0] !== outChannels))
    throw new RangeError(`conv2d: expected a bias of shape [${outChannels}], got [${bias.shape}].`);
  const inputs = bias ? [x, kernel, bias] : [x, kernel];
  const shape = [batch, outChannels, ...window.positions];
  const y = emit(x.graph, 'Conv', inputs, { ...windowAttributes(window), group }, shape);
  return differentiable(y, inputs, [
    (g) => inputGradient(g, kernel, x.shape, window, group),
    (g) => kernelGradient(x, g, kernel.shape, window, group),
    bias && ((g) => reshape(sumTo(g, [1, outChannels, 1, 1]), bias.shape)),
  ]);
}

export interface ConvTranspose2dOptions extends WindowOptions {
  /** @default 1 */
  readonly group?: number;
  /** Rows and columns added at the far sides, to choose among the sizes that a strided convolution maps to one. @default 0 */
  readonly outputPads?: Pair;
  /** Added to each output channel, shape [O]. */
  readonly bias?: Value;
}

/**
 * Transposed convolution: the input gradient of `conv2d`, used to enlarge images.
 *
 *     y[n, o, r·s + u·d − p, c·s + v·d − p] += x[n, i, r, c] · kernel[i, o, u, v]
 *
 * @param x      [N, I, h, w]
 * @param kernel [I, O / group, kh, kw]
 * @returns [N, O, (h − 1)·s + d(kh − 1) + 1 − pads + outputPads, …]
 */
export function convTranspose2d(
  x: Value,
  kernel: Value,
  { group = 1, outputPads = 0, bias, ...options }: ConvTranspose2dOptions = {},
): Value {
  const [channels, perGroup, height, width] = kernel.shape;
  if (x.shape.length !== 4 || kernel.shape.length !== 4 || x.shape[1] !== channels || channels % group !== 0)
    throw new RangeError(
      `convTranspose2d: expected an input [N, I, h, w] and a kernel [I, O / group, kh, kw] with I a multiple of group = ${group}, got [${x.shape}] and [${kernel.shape}].`,
    );
  const outChannels = perGroup * group;
  if (bias && (bias.shape.length !== 1 || bias.shape[0] !== outChannels))
    throw new RangeError(`convTranspose2d: expected a bias of shape [${outChannels}], got [${bias.shape}].`);
  const image = enlarged([x.shape[2], x.shape[3]], [height, width], pair(outputPads), options);
  const window = slidingWindow(
    'convTranspose2d',
    [x.shape[0], outChannels, ...image],
    [height, width],
    options,
  );
  if (window.positions[0] !== x.shape[2] || window.positions[1] !== x.shape[3])
    throw new RangeError(
      `convTranspose2d: expected outputPads below the strides [${window.strides}], got [${pair(outputPads)}].`,
    );
  const y = inputGradient(x, kernel, [x.shape[0], outChannels, ...image], window, group);
  const transposed = differentiable(
    y,
    [x, kernel],
    [
      (g) => emit(g.graph, 'Conv', [g, kernel], { ...windowAttributes(window), group }, x.shape),
      (g) => kernelGradient(g, x, kernel.shape, window, group),
    ],
  );
  return bias ? add(transposed, reshape(bias, [1, outChannels, 1, 1])) : transposed;
}
