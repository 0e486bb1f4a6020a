import type { Pair } from '../autodiff/window.ts';
import { convolution } from './convolution.ts';
import { groupNormalization, instanceNormalization } from './group-normalization.ts';
import { batchNormalization } from './normalization.ts';
import type { Layer } from './scope.ts';
import { sequential } from './sequential.ts';

/**
 * What stands between convolutions: `batch` normalization; `layer`, each sample as a whole; `group`, each sample by up
 * to 8 groups of channels; `instance`, each channel of each sample; or `none`.
 */
export type NormalizationKind = 'batch' | 'layer' | 'group' | 'instance' | 'none';

const kinds: Readonly<Record<NormalizationKind, Layer>> = {
  batch: batchNormalization(),
  layer: groupNormalization({ groups: 1 }),
  group: (x, scope) => groupNormalization({ groups: commonDivisor(x.shape[1], 8) })(x, scope),
  instance: instanceNormalization(),
  none: (x) => x,
};

/**
 * The normalization of that kind, for images [N, C, H, W].
 *
 * @param where names the caller in the error
 * @throws RangeError if there is no such kind
 */
export function imageNormalization(where: string, kind: NormalizationKind): Layer {
  if (!Object.hasOwn(kinds, kind))
    throw new RangeError(
      `${where}: expected \`normalization\` to be one of ${Object.keys(kinds).join(', ')}, got '${kind}'.`,
    );
  return kinds[kind];
}

/** A convolution and its normalization, named `conv` and `norm`. Only without normalization has it a bias. */
export function normalizedConvolution(
  where: string,
  {
    normalization,
    ...options
  }: { filters: number; kernelSize: Pair; strides?: Pair; normalization: NormalizationKind },
): Layer {
  return sequential({
    conv: convolution({ ...options, bias: normalization === 'none' }),
    norm: imageNormalization(where, normalization),
  });
}

function commonDivisor(a: number, b: number): number {
  return b === 0 ? a : commonDivisor(b, a % b);
}
