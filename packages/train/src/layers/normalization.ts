import { add, mul } from '../autodiff/arithmetic.ts';
import { layerNorm, rmsNorm } from '../autodiff/layer-norm.ts';
import { batchNorm, batchNormInference } from '../autodiff/normalization.ts';
import { ones, zeros } from '../initializers.ts';
import { knownOptions } from '../known-options.ts';
import type { Layer, Scope } from './scope.ts';

export interface BatchNormalizationOptions {
  /** Added to the variance. @default 1e-5 */
  readonly eps?: number;
  /** Weight of the newest batch in the running statistics. @default 0.1 */
  readonly momentum?: number;
}

/**
 * Batch normalization, with PyTorch's conventions.
 *
 *     y = gamma · (x − mean) / sqrt(variance + eps) + beta
 *
 * Training uses mean and biased variance of the batch, over all axes but the second; each step moves the running
 * statistics, `running ← (1 − momentum) · running + momentum · batch`, the variance unbiased. Evaluation uses the
 * running ones.
 *
 * Shapes: x [N, C, …]; gamma, beta and the buffers mean and variance [C].
 */
export function batchNormalization(options: BatchNormalizationOptions = {}): Layer {
  knownOptions('batchNormalization', options, ['eps', 'momentum']);
  const { eps = 1e-5, momentum = 0.1 } = options;
  return (x, scope) => {
    const channels = [x.shape[1]];
    const { gamma, beta } = gainAndShift(scope, channels);
    const mean = scope.buffer('mean', channels, 0);
    const variance = scope.buffer('variance', channels, 1);
    if (!scope.training) return batchNormInference(x, gamma, beta, mean, variance, { eps });

    const batch = batchNorm(x, gamma, beta, { eps });
    scope.updateBuffer('mean', add(mul(mean, 1 - momentum), mul(batch.mean, momentum)));
    scope.updateBuffer('variance', add(mul(variance, 1 - momentum), mul(batch.variance, momentum)));
    return batch.y;
  };
}

/**
 * Normalizes each sample over its last axis: y = gamma · (x − mean) / sqrt(variance + eps) + beta.
 *
 * Shapes: x [..., D]; gamma and beta [D].
 *
 * @param options.eps added to the variance. @default 1e-5
 */
export function layerNormalization({ eps = 1e-5 }: { eps?: number } = {}): Layer {
  return (x, scope) => {
    const { gamma, beta } = gainAndShift(scope, x.shape.slice(-1));
    return layerNorm(x, gamma, beta, { eps });
  };
}

/**
 * Divides each sample by its root mean square over the last axis: y = gamma · x / sqrt(mean(x²) + eps).
 *
 * Shapes: x [..., D]; gamma [D].
 *
 * @param options.eps added to the mean square. @default 1e-6
 */
export function rmsNormalization({ eps = 1e-6 }: { eps?: number } = {}): Layer {
  return (x, scope) => {
    const gain = { role: 'normalization', initializer: ones } as const;
    return rmsNorm(x, scope.parameter('gamma', x.shape.slice(-1), gain), { eps });
  };
}

export function gainAndShift(scope: Scope, shape: readonly number[]) {
  return {
    gamma: scope.parameter('gamma', shape, { role: 'normalization', initializer: ones }),
    beta: scope.parameter('beta', shape, { role: 'normalization', initializer: zeros }),
  };
}
