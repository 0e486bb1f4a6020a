import { groupNorm } from '../autodiff/group-normalization.ts';
import { knownOptions } from '../known-options.ts';
import { gainAndShift } from './normalization.ts';
import type { Layer } from './scope.ts';

export interface GroupNormalizationOptions {
  /** How many groups the channels form; must divide them. 1 normalizes each sample as a whole. */
  readonly groups: number;
  /** Added to the variance. @default 1e-5 */
  readonly eps?: number;
}

/**
 * Normalizes each sample by groups of its channels, alike in training and evaluation and at any batch size.
 *
 *     y = gamma · (x − mean) / sqrt(variance + eps) + beta
 *
 * Shapes: x [N, C, …]; gamma and beta [C].
 *
 * @example
 * sequential([convolution({ filters: 32, kernelSize: 3, bias: false }), groupNormalization({ groups: 8 }), relu])
 */
export function groupNormalization(options: GroupNormalizationOptions): Layer {
  knownOptions('groupNormalization', options, ['groups', 'eps']);
  return (x, scope) => {
    const { gamma, beta } = gainAndShift(scope, [x.shape[1]]);
    return groupNorm(x, gamma, beta, options);
  };
}

/**
 * Normalizes each channel of each sample by itself: group normalization with groups of one channel.
 *
 * Shapes: x [N, C, H, W]; gamma and beta [C].
 *
 * @param options.eps added to the variance. @default 1e-5
 */
export function instanceNormalization(options: { eps?: number } = {}): Layer {
  knownOptions('instanceNormalization', options, ['eps']);
  return (x, scope) => groupNormalization({ groups: x.shape[1], ...options })(x, scope);
}
