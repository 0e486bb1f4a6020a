import type { GradientStep } from '@znorm/train';
import {
  arrays,
  descent,
  type GradientTransformation,
  inspectGradients,
  type TensorSummary,
  update,
} from 'znorm';
import type { GradientSnapshot, LayerStatistics } from '../comparison.ts';

/**
 * What the gradients of a step look like, parameter by parameter, before and after the method's own part of the chain:
 * as the optimizer's part gets them. Running that part once more changes nothing, since transformations are pure.
 *
 * Null when a number of it is not finite: no picture can show it, and the step itself says where it is.
 */
export function snapshotGradients(
  { step, gradients, parameters, state, infos }: GradientStep,
  gradientChain: GradientTransformation,
): GradientSnapshot | null {
  const { updates } = update(gradientChain, gradients, state, parameters, infos);
  const before = inspectGradients(gradients).tensors;
  const after = inspectGradients(updates).tensors;
  const downhill = Object.fromEntries(Object.entries(updates).map(([path, u]) => [path, arrays.mul(u, -1)]));
  const layers = Object.keys(gradients).map((path) => ({
    path,
    before: statistics(before[path]),
    after: statistics(after[path]),
  }));
  const descentCosine = rounded(descent(gradients, downhill).cosine);
  const numbers = layers.flatMap(({ before, after }) => [...Object.values(before), ...Object.values(after)]);
  return [descentCosine, ...numbers].every(Number.isFinite) ? { step, layers, descentCosine } : null;
}

function statistics({ mean, std, norm, zeros, largest }: TensorSummary): LayerStatistics {
  return {
    mean: rounded(mean),
    std: rounded(std),
    norm: rounded(norm),
    zeros: rounded(zeros),
    largest: rounded(largest),
  };
}

/** Six digits are more than a picture shows, and a third of the bytes of all. */
function rounded(value: number): number {
  return Number(value.toPrecision(6));
}
