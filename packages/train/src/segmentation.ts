import { add, cast, greater, mul, sub } from './autodiff/arithmetic.ts';
import { sigmoidCrossEntropy } from './autodiff/binary-loss.ts';
import { diceLoss } from './autodiff/overlap-loss.ts';
import { reduceSum } from './autodiff/reduction.ts';
import { knownOptions } from './known-options.ts';
import type { Layer } from './layers/scope.ts';
import type { Objective } from './objective.ts';
import { sameShape, type Value } from './onnx/graph.ts';

export interface SegmentationOptions {
  /** From images [N, …input.shape] to logits [N, 1, H, W], such as `unet`. */
  readonly model: Layer;
  /** The shape of one image, `[channels, height, width]`. */
  readonly input: { readonly shape: readonly [number, number, number] };
  /** One number from the logits and the masks, both [N, 1, H, W]. @default sigmoidCrossEntropy + diceLoss */
  readonly loss?: (logits: Value, masks: Value) => Value;
}

/**
 * Which pixels belong to something. Inputs `images` and `masks`, 0 or 1; counts `truePositives`, `falsePositives` and
 * `falseNegatives`, in pixels with a positive logit; outputs `logits`.
 *
 * @throws RangeError if the model does not give one logit a pixel
 * @example
 * segmentation({ model: unet({ filters: 16, levels: 3 }), input: { shape: [3, 64, 64] } })
 */
export function segmentation(options: SegmentationOptions): Objective {
  knownOptions('segmentation', options, ['model', 'input', 'loss']);
  const {
    model,
    input,
    loss = (logits, masks) => add(sigmoidCrossEntropy(logits, masks), diceLoss(logits, masks)),
  } = options;
  const mask = [1, ...input.shape.slice(1)];
  return {
    inputs: { images: { shape: input.shape }, masks: { shape: mask } },
    build({ images, masks }, scope) {
      const logits = model(images, scope);
      if (!sameShape(logits.shape, masks.shape))
        throw new RangeError(
          `segmentation: expected a model that gives [${masks.shape}] for images of shape [${images.shape}], got [${logits.shape}].`,
        );
      const found = cast(greater(logits, 0), 'float32');
      const truePositives = reduceSum(mul(found, masks));
      return {
        loss: loss(logits, masks),
        counts: {
          truePositives,
          falsePositives: sub(reduceSum(found), truePositives),
          falseNegatives: sub(reduceSum(masks), truePositives),
        },
        outputs: { logits },
      };
    },
  };
}
