import { conv2d } from '../autodiff/convolution.ts';
import { type Pads, type Pair, pair } from '../autodiff/window.ts';
import { heNormal, type Initializer, zeros } from '../initializers.ts';
import { knownOptions } from '../known-options.ts';
import type { Layer } from './scope.ts';

export interface ConvolutionOptions {
  /** Output channels. */
  readonly filters: number;
  readonly kernelSize: Pair;
  /** @default 1 */
  readonly strides?: Pair;
  /** @default half the kernel: at stride 1 the image keeps its size */
  readonly pads?: Pads;
  /** @default 1 */
  readonly dilations?: Pair;
  /** Channels in this many independent groups. @default 1 */
  readonly group?: number;
  /** Leave it out before a batch normalization, which subtracts it again. @default true */
  readonly bias?: boolean;
  /** @default heNormal() */
  readonly initializer?: Initializer;
}

/**
 * A two-dimensional convolution.
 *
 * Shapes: x [N, C, H, W], kernel [filters, C / group, h, w], bias [filters] (starts at 0), y [N, filters, H', W'].
 */
export function convolution(options: ConvolutionOptions): Layer {
  knownOptions('convolution', options, [
    'filters',
    'kernelSize',
    'strides',
    'pads',
    'dilations',
    'group',
    'bias',
    'initializer',
  ]);
  const { filters, strides = 1, dilations = 1, group = 1, bias = true, initializer = heNormal() } = options;
  const kernelSize = pair(options.kernelSize);
  const pads = options.pads ?? halfKernel(kernelSize, pair(dilations));
  return (x, scope) => {
    if (x.shape.length !== 4) {
      throw new RangeError(
        `convolution: expected an input of shape [N, C, H, W], got [${x.shape}] at '${scope.path}'.`,
      );
    }
    const shape = [filters, x.shape[1] / group, ...kernelSize];
    const kernel = scope.parameter('kernel', shape, { role: 'kernel', initializer });
    const shift = bias
      ? { bias: scope.parameter('bias', [filters], { role: 'bias', initializer: zeros }) }
      : {};
    return conv2d(x, kernel, { strides, pads, dilations, group, ...shift });
  };
}

function halfKernel(kernel: readonly [number, number], dilations: readonly [number, number]): Pads {
  if (kernel.some((size) => size % 2 === 0)) {
    throw new RangeError(
      `convolution: expected \`pads\` for a kernel of even size [${kernel}], got undefined. Half of it is no whole number.`,
    );
  }
  const [vertical, horizontal] = kernel.map((size, axis) => (dilations[axis] * (size - 1)) / 2);
  return [vertical, horizontal, vertical, horizontal];
}
