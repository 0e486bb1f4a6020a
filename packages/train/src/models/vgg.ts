import { relu } from '../autodiff/activation.ts';
import { globalAveragePool, maxPool2d } from '../autodiff/pooling.ts';
import { knownOptions } from '../known-options.ts';
import { dense } from '../layers/dense.ts';
import { type NormalizationKind, normalizedConvolution } from '../layers/normalized-convolution.ts';
import type { Layer } from '../layers/scope.ts';
import { sequential } from '../layers/sequential.ts';

export interface VggOptions {
  /** 11, 13, 16 or 19, as the published networks are called; their three dense layers are one here. */
  readonly depth: 11 | 13 | 16 | 19;
  readonly classes: number;
  /** Channels of the first stage; the others have 2, 4, 8 and 8 times as many. @default 64 */
  readonly filters?: number;
  /** After each convolution; without one, convolutions have biases. @default 'batch' */
  readonly normalization?: NormalizationKind;
}

/** Convolutions in each stage: columns A, B, D and E of the paper's table 1. */
const stages: Readonly<Record<number, readonly number[]>> = {
  11: [1, 1, 2, 2, 2],
  13: [2, 2, 2, 2, 2],
  16: [2, 2, 3, 3, 3],
  19: [2, 2, 4, 4, 4],
};

/**
 * VGG for small images: five stages of 3×3 convolutions, each ended by a max pooling that halves the image, global
 * average pooling, one dense layer. Images must be at least 32×32.
 *
 * Parameters: `stage0/layer0/conv/kernel`, `stage0/layer0/norm/gamma`, …, `output/kernel`, `output/bias`.
 *
 * @throws RangeError if there is no VGG of that depth
 * @example
 * vgg({ depth: 11, classes: 10, filters: 32 })
 * @see Simonyan and Zisserman 2015, arXiv 1409.1556
 */
export function vgg(options: VggOptions): Layer {
  knownOptions('vgg', options, ['depth', 'classes', 'filters', 'normalization']);
  const { depth, classes, filters = 64, normalization = 'batch' } = options;
  const counts = Object.hasOwn(stages, depth) ? stages[depth] : undefined;
  if (!counts) throw new RangeError(`vgg: expected \`depth\` to be 11, 13, 16 or 19, got ${depth}.`);
  const layers = counts.flatMap((count, stage): [string, Layer][] => {
    const channels = filters * Math.min(2 ** stage, 8);
    const convolved = normalizedConvolution('vgg', { filters: channels, kernelSize: 3, normalization });
    const layer: Layer = (x, scope) => relu(convolved(x, scope));
    return [
      ...Array.from({ length: count }, (_, i): [string, Layer] => [`stage${stage}/layer${i}`, layer]),
      [`pool${stage}`, (x) => maxPool2d(x, { kernel: 2 })],
    ];
  });
  return sequential({ ...Object.fromEntries(layers), globalAveragePool, output: dense({ units: classes }) });
}
