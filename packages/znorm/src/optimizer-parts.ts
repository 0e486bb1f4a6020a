import { nonNegative } from './option-checks.ts';
import type { LearningRate } from './schedules.ts';
import type { Selection } from './select.ts';
import type { GradientTransformation } from './transformation.ts';
import { addDecayedWeights } from './transforms/decay.ts';
import { scaleByLearningRate } from './transforms/scale.ts';

/** L2 regularization: weightDecay · w is added to the gradient before anything else, as in PyTorch. */
export interface WeightDecayOptions {
  /** @default 0 */
  readonly weightDecay?: number;
  /** Which parameters decay. @default all */
  readonly decaySelect?: Selection;
}

export const decayNames = ['weightDecay', 'decaySelect'];

/** Options that other libraries take inside the optimizer, or under other names. */
export function advice(
  optimizer: string,
  own: Readonly<Record<string, string>> = {},
): Record<string, string> {
  const before = (call: string) => `Clip before it: chain(${call}, ${optimizer}({ … })).`;
  return {
    clipValue: before('clipByValue({ clipValue })'),
    clipvalue: before('clipByValue({ clipValue })'),
    clipNorm: before('clipByNorm({ maxNorm })'),
    clipnorm: before('clipByNorm({ maxNorm })'),
    globalClipNorm: before('clipByGlobalNorm({ maxNorm })'),
    maxNorm: before('clipByGlobalNorm({ maxNorm })'),
    lr: 'Did you mean `learningRate`?',
    betas: 'Did you mean `b1` and `b2`?',
    ...own,
  };
}

export function rate(learningRate: LearningRate): GradientTransformation {
  return scaleByLearningRate({ learningRate });
}

export function weightDecayOf(where: string, options: WeightDecayOptions): GradientTransformation[] {
  const weightDecay = nonNegative(where, 'weightDecay', options.weightDecay ?? 0);
  return weightDecay === 0 ? [] : [addDecayedWeights({ weightDecay, select: options.decaySelect })];
}
