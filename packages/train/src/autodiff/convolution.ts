/** Convolution of images. */
import { emit, type Value } from '../onnx/graph.ts';
import { sumTo } from './broadcast.ts';
import { inputGradient } from './convolution-input-gradient.ts';
import { kernelGradient } from './convolution-kernel-gradient.ts';
import { reshape } from './shape.ts';
import { differentiable } from './tape.ts';
import { slidingWindow, type WindowOptions, windowAttributes } from './window.ts';

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
