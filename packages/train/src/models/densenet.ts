import { relu } from '../autodiff/activation.ts';
import { averagePool2d, globalAveragePool } from '../autodiff/pooling.ts';
import { concat } from '../autodiff/shape.ts';
import { knownOptions } from '../known-options.ts';
import { convolution } from '../layers/convolution.ts';
import { dense } from '../layers/dense.ts';
import { imageNormalization, type NormalizationKind } from '../layers/normalized-convolution.ts';
import type { Layer } from '../layers/scope.ts';
import { sequential } from '../layers/sequential.ts';

export interface DensenetOptions {
  /** 6n + 4 weighted layers: 22, 40, 100. */
  readonly depth: number;
  readonly classes: number;
  /** Channels that each layer adds. @default 12 */
  readonly growth?: number;
  /** Before each ReLU; without one, convolutions have biases. @default 'batch' */
  readonly normalization?: NormalizationKind;
}

/**
 * DenseNet-BC for CIFAR: three blocks of (depth − 4)/6 layers, each of which sees the results of all before it, and
 * between them a transition that halves channels and image.
 *
 *     layer: concat(x, conv3×3(relu(norm(conv1×1(relu(norm(x)))))))      4·growth, then growth channels
 *
 * Parameters: `stem/kernel`, `block1/layer0/norm1/gamma`, …, `transition1/conv/kernel`, …, `output/bias`.
 *
 * @throws RangeError if the depth is not 6n + 4
 * @example
 * densenet({ depth: 22, classes: 10 })
 * @see Huang et al. 2017, arXiv 1608.06993
 */
export function densenet(options: DensenetOptions): Layer {
  knownOptions('densenet', options, ['depth', 'classes', 'growth', 'normalization']);
  const { depth, classes, growth = 12, normalization = 'batch' } = options;
  const layers = (depth - 4) / 6;
  if (!Number.isInteger(layers) || layers < 1)
    throw new RangeError(`densenet: expected \`depth\` to be 6n + 4 (10, 22, 40, 100), got ${depth}.`);
  const norm = imageNormalization('densenet', normalization);
  const convolved = (filters: number, kernelSize: number) =>
    convolution({ filters, kernelSize, bias: normalization === 'none' });

  const layer = sequential({
    norm1: norm,
    relu1: relu,
    conv1: convolved(4 * growth, 1),
    norm2: norm,
    relu2: relu,
    conv2: convolved(growth, 3),
  });
  const block = sequential(
    Object.fromEntries(
      Array.from({ length: layers }, (_, i): [string, Layer] => [
        `layer${i}`,
        (x, scope) => concat([x, layer(x, scope)], 1),
      ]),
    ),
  );
  const transition = sequential({
    norm,
    relu,
    conv: (x, scope) => convolved(Math.floor(x.shape[1] / 2), 1)(x, scope),
    pool: (x) => averagePool2d(x, { kernel: 2 }),
  });

  return sequential({
    stem: convolved(2 * growth, 3),
    block1: block,
    transition1: transition,
    block2: block,
    transition2: transition,
    block3: block,
    norm,
    relu,
    globalAveragePool,
    output: dense({ units: classes }),
  });
}
