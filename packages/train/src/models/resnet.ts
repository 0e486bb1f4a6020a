import { relu } from '../autodiff/activation.ts';
import { globalAveragePool } from '../autodiff/pooling.ts';
import { pad, slice } from '../autodiff/shape.ts';
import { knownOptions } from '../known-options.ts';
import { dense } from '../layers/dense.ts';
import { type NormalizationKind, normalizedConvolution } from '../layers/normalized-convolution.ts';
import type { Layer } from '../layers/scope.ts';
import { residual, sequential } from '../layers/sequential.ts';

export interface ResnetOptions {
  /** 6n + 2 weighted layers: 8, 20, 32, 44, 56, 110. */
  readonly depth: number;
  readonly classes: number;
  /**
   * How a shortcut meets a stage of half the size and twice the channels. `projection`: a 1×1 convolution with
   * stride 2 and a batch normalization, the form most later work trains and compares. `identity`: every second pixel,
   * new channels 0; the original choice for CIFAR, without parameters. @default 'projection'
   */
  readonly shortcut?: 'projection' | 'identity';
  /** `false` gives the plain network: the same layers without shortcuts. @default true */
  readonly skips?: boolean;
  /** After each convolution; without one, convolutions have biases. @default 'batch' */
  readonly normalization?: NormalizationKind;
}

/**
 * The residual network for CIFAR: a 3×3 convolution, three stages of (depth − 2)/6 blocks with 16, 32 and 64 channels,
 * global average pooling, a dense layer. Every convolution is followed by a normalization.
 *
 * Parameters: `stem/conv/kernel`, `stem/norm/gamma`, `stage1/block0/conv1/conv/kernel`, …, `output/bias`.
 *
 * @throws RangeError if the depth is not 6n + 2
 * @example
 * resnet({ depth: 20, classes: 10 })
 * @see He et al. 2016, arXiv 1512.03385, section 4.2
 */
export function resnet(options: ResnetOptions): Layer {
  knownOptions('resnet', options, ['depth', 'classes', 'shortcut', 'skips', 'normalization']);
  const { depth, classes, shortcut = 'projection', skips = true, normalization = 'batch' } = options;
  const blocks = (depth - 2) / 6;
  if (!Number.isInteger(blocks) || blocks < 1) {
    throw new RangeError(`resnet: expected \`depth\` to be 6n + 2 (8, 20, 32, 44, 56, 110), got ${depth}.`);
  }
  if (shortcut !== 'projection' && shortcut !== 'identity') {
    throw new RangeError(
      `resnet: expected \`shortcut\` to be 'projection' or 'identity', got '${shortcut}'.`,
    );
  }

  const convolved = (filters: number, kernelSize: number, strides: number) =>
    normalizedConvolution('resnet', { filters, kernelSize, strides, normalization });
  const block = (filters: number, strides: number): Layer => {
    const body = sequential({
      conv1: convolved(filters, 3, strides),
      relu,
      conv2: convolved(filters, 3, 1),
    });
    const around =
      strides === 1 ? undefined : shortcut === 'identity' ? thinned : convolved(filters, 1, strides);
    const joined = skips ? residual(body, around) : body;
    return (x, scope) => relu(joined(x, scope));
  };
  const stage = (filters: number, strides: number): Layer =>
    sequential(
      Object.fromEntries(
        Array.from({ length: blocks }, (_, i) => [`block${i}`, block(filters, i === 0 ? strides : 1)]),
      ),
    );

  return sequential({
    stem: convolved(16, 3, 1),
    relu,
    stage1: stage(16, 1),
    stage2: stage(32, 2),
    stage3: stage(64, 2),
    globalAveragePool,
    output: dense({ units: classes }),
  });
}

/** Every second row and column, and half as many channels of zeros on either side: [N, C, H, W] → [N, 2C, H/2, W/2]. */
const thinned: Layer = (x) => {
  const half = slice(slice(x, { axis: 2, step: 2 }), { axis: 3, step: 2 });
  const added = [0, x.shape[1] / 2, 0, 0];
  return pad(half, { before: added, after: added });
};
