import { relu } from '../autodiff/activation.ts';
import { add } from '../autodiff/arithmetic.ts';
import { globalAveragePool } from '../autodiff/pooling.ts';
import { knownOptions } from '../known-options.ts';
import { convolution } from '../layers/convolution.ts';
import { dense } from '../layers/dense.ts';
import { imageNormalization, type NormalizationKind } from '../layers/normalized-convolution.ts';
import type { Layer } from '../layers/scope.ts';
import { sequential } from '../layers/sequential.ts';

export interface PreactivationResnetOptions {
  /** 6n + 2 weighted layers: 8, 20, 32, 44, 56, 110. */
  readonly depth: number;
  readonly classes: number;
  /** Before each ReLU; without one, convolutions have biases. @default 'batch' */
  readonly normalization?: NormalizationKind;
}

/**
 * The residual network whose shortcuts carry x unchanged from end to end: normalization and ReLU stand before each
 * convolution instead of after it. Stages as in `resnet`; where a stage halves the image, the shortcut is a 1×1
 * convolution of the activated input.
 *
 * Parameters: `stem/kernel`, `stage1/block0/norm1/gamma`, `stage1/block0/conv1/kernel`, …, `norm/gamma`, `output/bias`.
 *
 * @throws RangeError if the depth is not 6n + 2
 * @example
 * preactivationResnet({ depth: 20, classes: 10 })
 * @see He et al. 2016, arXiv 1603.05027
 */
export function preactivationResnet(options: PreactivationResnetOptions): Layer {
  knownOptions('preactivationResnet', options, ['depth', 'classes', 'normalization']);
  const { depth, classes, normalization = 'batch' } = options;
  const blocks = (depth - 2) / 6;
  if (!Number.isInteger(blocks) || blocks < 1)
    throw new RangeError(
      `preactivationResnet: expected \`depth\` to be 6n + 2 (8, 20, 32, 44, 56, 110), got ${depth}.`,
    );
  const norm = imageNormalization('preactivationResnet', normalization);
  const convolved = (filters: number, kernelSize: number, strides: number) =>
    convolution({ filters, kernelSize, strides, bias: normalization === 'none' });

  const block =
    (filters: number, strides: number): Layer =>
    (x, scope) => {
      const activated = relu(norm(x, scope.child('norm1')));
      const half = convolved(filters, 3, strides)(activated, scope.child('conv1'));
      const body = convolved(filters, 3, 1)(relu(norm(half, scope.child('norm2'))), scope.child('conv2'));
      return add(
        body,
        strides === 1 ? x : convolved(filters, 1, strides)(activated, scope.child('shortcut')),
      );
    };
  const stage = (filters: number, strides: number): Layer =>
    sequential(
      Object.fromEntries(
        Array.from({ length: blocks }, (_, i) => [`block${i}`, block(filters, i === 0 ? strides : 1)]),
      ),
    );

  return sequential({
    stem: convolved(16, 3, 1),
    stage1: stage(16, 1),
    stage2: stage(32, 2),
    stage3: stage(64, 2),
    norm,
    relu,
    globalAveragePool,
    output: dense({ units: classes }),
  });
}
