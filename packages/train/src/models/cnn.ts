import { relu } from '../autodiff/activation.ts';
import { maxPool2d } from '../autodiff/pooling.ts';
import { knownOptions } from '../known-options.ts';
import { dense } from '../layers/dense.ts';
import { dropout } from '../layers/dropout.ts';
import { type NormalizationKind, normalizedConvolution } from '../layers/normalized-convolution.ts';
import type { Layer } from '../layers/scope.ts';
import { flatten, sequential } from '../layers/sequential.ts';

export interface CnnOptions {
  readonly classes: number;
  /** Channels of each stage: a 3×3 convolution, normalization, ReLU, and max pooling that halves the image. @default [32, 64] */
  readonly filters?: readonly number[];
  /** Units of the hidden dense layer. @default 128 */
  readonly hidden?: number;
  /** Share of the hidden units dropped while training. @default 0 */
  readonly dropout?: number;
  /** After each convolution; without one, convolutions have biases. @default 'none' */
  readonly normalization?: NormalizationKind;
}

/**
 * A small convolutional network for 28×28 images.
 *
 * Parameters: `stage0/conv/kernel`, `stage0/conv/bias`, …, `hidden/kernel`, `hidden/bias`, `output/kernel`, `output/bias`.
 *
 * @example
 * cnn({ classes: 10 })
 */
export function cnn(options: CnnOptions): Layer {
  knownOptions('cnn', options, ['classes', 'filters', 'hidden', 'dropout', 'normalization']);
  const { classes, filters = [32, 64], hidden = 128, dropout: rate = 0, normalization = 'none' } = options;
  const stages = filters.flatMap((channels, i): [string, Layer][] => [
    [`stage${i}`, normalizedConvolution('cnn', { filters: channels, kernelSize: 3, normalization })],
    [`relu${i}`, relu],
    [`pool${i}`, (x) => maxPool2d(x, { kernel: 2 })],
  ]);
  return sequential({
    ...Object.fromEntries(stages),
    flatten,
    hidden: dense({ units: hidden }),
    relu,
    dropout: dropout({ rate }),
    output: dense({ units: classes }),
  });
}
