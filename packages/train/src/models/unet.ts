import { relu, sigmoid } from '../autodiff/activation.ts';
import { add, mul } from '../autodiff/arithmetic.ts';
import { maxPool2d } from '../autodiff/pooling.ts';
import { concat } from '../autodiff/shape.ts';
import { knownOptions } from '../known-options.ts';
import { convolution } from '../layers/convolution.ts';
import { type NormalizationKind, normalizedConvolution } from '../layers/normalized-convolution.ts';
import type { Layer, Scope } from '../layers/scope.ts';
import { transposedConvolution } from '../layers/transposed-convolution.ts';
import type { Value } from '../onnx/graph.ts';

export interface UnetOptions {
  /** Channels of the result: one logit a pixel for each kind of mask. @default 1 */
  readonly outputs?: number;
  /** Channels at full size; they double at every level. @default 32 */
  readonly filters?: number;
  /** How often the image is halved; its sides must be multiples of 2 to this power. @default 4 */
  readonly levels?: number;
  /** After each convolution; without one, convolutions have biases. @default 'batch' */
  readonly normalization?: NormalizationKind;
  /** Adds to each block's result a 1×1 convolution of its input ("residual U-Net"). @default false */
  readonly residual?: boolean;
  /** Weighs each skipped connection, pixel by pixel, by what the decoder knows ("attention U-Net"). @default false */
  readonly attention?: boolean;
}

/**
 * The U-Net for segmentation: [N, C, H, W] → logits [N, outputs, H, W]. Blocks of two 3×3 convolutions, max pooling on
 * the way down, 2×2 transposed convolutions on the way up, and at each level the encoder's features beside the decoder's.
 *
 * Parameters: `encoder0/conv1/conv/kernel`, …, `bottom/…`, `up0/kernel`, `gate0/…` (attention), `decoder0/…`, `output/bias`;
 * levels count from the largest image.
 *
 * @throws RangeError if the sides are not multiples of 2^levels
 * @example
 * unet({ filters: 16, levels: 3 })
 * @see Ronneberger et al. 2015, arXiv 1505.04597; with batch normalization Buda et al. 2019, arXiv 1906.03720;
 *   residual Zhang et al. 2018, arXiv 1711.10684; attention Oktay et al. 2018, arXiv 1804.03999
 */
export function unet(options: UnetOptions): Layer {
  knownOptions('unet', options, ['outputs', 'filters', 'levels', 'normalization', 'residual', 'attention']);
  const { outputs = 1, filters = 32, levels = 4, normalization = 'batch' } = options;
  const { residual = false, attention = false } = options;
  const convolved = (channels: number, kernelSize: number) =>
    normalizedConvolution('unet', { filters: channels, kernelSize, normalization });

  const block =
    (channels: number): Layer =>
    (x, scope) => {
      const half = relu(convolved(channels, 3)(x, scope.child('conv1')));
      const body = convolved(channels, 3)(half, scope.child('conv2'));
      return relu(residual ? add(body, convolved(channels, 1)(x, scope.child('shortcut'))) : body);
    };

  /** skip · sigmoid(weight(relu(decoded' + skip'))), one weight a pixel; ' and weight are 1×1 convolutions */
  const gated = (skip: Value, decoded: Value, scope: Scope): Value => {
    const inner = Math.max(Math.floor(skip.shape[1] / 2), 1);
    const seen = add(
      convolved(inner, 1)(decoded, scope.child('decoded')),
      convolved(inner, 1)(skip, scope.child('skip')),
    );
    return mul(skip, sigmoid(convolved(1, 1)(relu(seen), scope.child('weight'))));
  };

  const level =
    (index: number): Layer =>
    (x, scope) => {
      const channels = filters * 2 ** index;
      if (index === levels) return block(channels)(x, scope.child('bottom'));
      const encoded = block(channels)(x, scope.child(`encoder${index}`));
      const below = level(index + 1)(maxPool2d(encoded, { kernel: 2 }), scope);
      const up = transposedConvolution({ filters: channels, kernelSize: 2, strides: 2 });
      const decoded = up(below, scope.child(`up${index}`));
      const skip = attention ? gated(encoded, decoded, scope.child(`gate${index}`)) : encoded;
      return block(channels)(concat([decoded, skip], 1), scope.child(`decoder${index}`));
    };

  return (x, scope) => {
    const multiple = 2 ** levels;
    if (x.shape.length !== 4 || x.shape[2] % multiple !== 0 || x.shape[3] % multiple !== 0)
      throw new RangeError(
        `unet: expected images [N, C, H, W] with H and W multiples of ${multiple} for ${levels} levels, got [${x.shape}].`,
      );
    return convolution({ filters: outputs, kernelSize: 1 })(level(0)(x, scope), scope.child('output'));
  };
}
