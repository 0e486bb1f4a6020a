import { convTranspose2d } from '../autodiff/convolution.ts';
import { type Pads, type Pair, pair } from '../autodiff/window.ts';
import { heNormal, type Initializer, zeros } from '../initializers.ts';
import { knownOptions } from '../known-options.ts';
import type { Layer } from './scope.ts';

export interface TransposedConvolutionOptions {
  /** Output channels. */
  readonly filters: number;
  readonly kernelSize: Pair;
  /** How many times larger the image becomes. @default 1 */
  readonly strides?: Pair;
  /** Cut from the sides of the result. @default 0 */
  readonly pads?: Pads;
  /** Rows and columns added at the far sides. @default 0 */
  readonly outputPads?: Pair;
  /** @default true */
  readonly bias?: boolean;
  /** @default heNormal({ fan: 'out' }), whose fan is that of a pixel of the input */
  readonly initializer?: Initializer;
}

/**
 * A transposed convolution, which enlarges images: kernel 2 and strides 2 double them, each pixel becoming 2×2.
 *
 * Shapes: x [N, C, H, W], kernel [C, filters, h, w] (its output axis is 1), bias [filters] (starts at 0).
 */
export function transposedConvolution(options: TransposedConvolutionOptions): Layer {
  knownOptions('transposedConvolution', options, [
    'filters',
    'kernelSize',
    'strides',
    'pads',
    'outputPads',
    'bias',
    'initializer',
  ]);
  const { filters, strides = 1, pads = 0, outputPads = 0, bias = true } = options;
  const { initializer = heNormal({ fan: 'out' }) } = options;
  const [height, width] = pair(options.kernelSize);
  return (x, scope) => {
    if (x.shape.length !== 4)
      throw new RangeError(
        `transposedConvolution: expected an input of shape [N, C, H, W], got [${x.shape}] at '${scope.path}'.`,
      );
    const shape = [x.shape[1], filters, height, width];
    const kernel = scope.parameter('kernel', shape, { role: 'kernel', initializer, outputAxis: 1 });
    const shift = bias
      ? { bias: scope.parameter('bias', [filters], { role: 'bias', initializer: zeros }) }
      : {};
    return convTranspose2d(x, kernel, { strides, pads, outputPads, ...shift });
  };
}
