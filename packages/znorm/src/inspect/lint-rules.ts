import { isSchedule } from '../schedules.ts';
import type { Stage } from '../stages.ts';

/** What a rule finds in the stages that one parameter goes through. */
export interface Finding {
  readonly code: AdviceCode;
  /** `warning`: a part does nothing, or harm. `note`: it does other than one may think. */
  readonly severity: 'warning' | 'note';
  /** Keys of the stages it is about, in order: `znorm`, `clipByNorm#2`. */
  readonly stages: readonly string[];
  readonly reason: string;
  readonly fix: string;
}

export type AdviceCode =
  | 'average-before-rate'
  | 'bias-before-batch-norm'
  | 'centralize-before-znorm'
  | 'clip-after-normalization'
  | 'constant-rate'
  | 'decay-before-normalization'
  | 'late-guard'
  | 'normalization-after-rate'
  | 'one-element-tensor'
  | 'rescaling-before-normalization'
  | 'znorm-under-adaptive';

const standardizing = ['znorm', 'scaleByStd'];
const normalizing = [...standardizing, 'normalizeByNorm', 'orthogonalize'];
/** Divided by a size of their own making, elements of these keep none of a constant factor of the gradient. */
const adaptive = [
  'scaleByAdam',
  'scaleByNadam',
  'scaleByAdamax',
  'scaleByRms',
  'scaleByAdadelta',
  'scaleByAdagrad',
  'scaleByLion',
];
const averaging = ['emaOfParams', 'lookahead', 'scheduleFree'];
const guards = ['nonfinite', 'skipLargeUpdates'];
/** f(c · g) = c · f(g) for c > 0, and nothing is kept: a factor goes through. */
const transparent = [
  'center',
  'centralize',
  'clipByBlockRms',
  'clipByGlobalNorm',
  'clipByNorm',
  'nonfinite',
  'normalizeByNorm',
  'scale',
];

type Rule = (stages: readonly Stage[]) => Finding[];

/** A stage of one kind, a later one of another, and what stands between them. */
function pairs(
  stages: readonly Stage[],
  first: readonly string[],
  second: readonly string[],
  holds: (a: Stage, b: Stage, between: readonly Stage[]) => boolean = () => true,
): (readonly [Stage, Stage])[] {
  return stages.flatMap((a, i) =>
    stages
      .slice(i + 1)
      .flatMap((b, j) =>
        is(a, first) && is(b, second) && holds(a, b, stages.slice(i + 1, i + 1 + j)) ? [[a, b] as const] : [],
      ),
  );
}

function is({ primitive }: Stage, names: readonly string[]): boolean {
  return names.includes(primitive.name);
}

function optionOf(stage: Stage, option: string): unknown {
  return (stage.primitive.options as Readonly<Record<string, unknown>>)[option];
}

function scopeOf(stage: Stage): string {
  return (optionOf(stage, 'scope') as string | undefined) ?? 'tensor';
}

/** Whether a factor that one stage gives each tensor is divided out again by another. */
function cancels(rescaling: Stage, normalization: Stage, between: readonly Stage[]): boolean {
  if (!between.every((stage) => is(stage, transparent))) return false;
  if (rescaling.primitive.name === 'scale' && !((optionOf(rescaling, 'factor') as number) > 0)) return false;
  // Statistics of earlier steps, and floors in the unit of the gradient, do see the factor.
  const statistics = optionOf(normalization, 'statistics') ?? 'exact';
  if (statistics !== 'exact' && !(typeof statistics === 'object' && 'sample' in statistics)) return false;
  if (((optionOf(normalization, 'minStd') as number | undefined) ?? 0) > 0) return false;
  const scope = scopeOf(normalization);
  const oneForAll =
    is(rescaling, ['clipByGlobalNorm', 'scale']) ||
    (rescaling.primitive.name === 'normalizeByNorm' && scopeOf(rescaling) === 'global');
  if (scope === 'layer' || scope === 'global') return oneForAll;
  return !(rescaling.primitive.name === 'normalizeByNorm' && ['output', 'head'].includes(scopeOf(rescaling)));
}

export const stageRules: readonly Rule[] = [
  (stages) =>
    pairs(
      stages,
      ['clipByBlockRms', 'clipByGlobalNorm', 'clipByNorm', 'normalizeByNorm', 'scale', 'trustRatio'],
      normalizing,
      cancels,
    ).map(([rescaling, normalization]) => ({
      code: 'rescaling-before-normalization',
      severity: 'warning',
      stages: [rescaling.key, normalization.key],
      reason: `${rescaling.key} multiplies by a factor c > 0, which ${normalization.key} divides out: (c·g − c·μ) / (c·σ) = (g − μ) / σ. It has no effect.`,
      fix: `Remove ${rescaling.key}. Against single elements that are too large, use clipByValue after ${normalization.key}.`,
    })),

  (stages) =>
    pairs(stages, standardizing, ['clipByBlockRms', 'clipByGlobalNorm', 'clipByNorm'], (_a, _b, between) =>
      between.every((stage) => is(stage, transparent)),
    ).map(([normalization, clip]) => ({
      code: 'clip-after-normalization',
      severity: 'note',
      stages: [normalization.key, clip.key],
      reason: `After ${normalization.key} the norm is about √d at every step, so ${clip.key} multiplies by the same min(1, c / √d) at every step.`,
      fix: `Remove ${clip.key} and scale the learning rate instead, or limit elements: clipByValue({ clipValue: 3 }).`,
    })),

  (stages) =>
    pairs(stages, ['addDecayedWeights'], normalizing).map(([decay, normalization]) => ({
      code: 'decay-before-normalization',
      severity: 'warning',
      stages: [decay.key, normalization.key],
      reason: `${normalization.key} divides the sum: (g + λ·w − μ) / σ(g + λ·w). The decay is λ / σ, strong where gradients are small, and the mean of w does not decay at all.`,
      fix: `Decay after ${normalization.key}: adamw({ weightDecay }), or addDecayedWeights after it.`,
    })),

  (stages) =>
    pairs(stages, ['centralize'], ['znorm'], (_a, _b, between) =>
      between.every((stage) => is(stage, transparent)),
    ).map(([centralize, znorm]) => ({
      code: 'centralize-before-znorm',
      severity: 'note',
      stages: [centralize.key, znorm.key],
      reason:
        'centralize leaves every row with mean 0, so the mean of the whole is 0 and g − μ = g: znorm only divides by the deviation.',
      fix: 'Write chain(centralize(), scaleByStd()) for the same with what it does in its name, or leave centralize out.',
    })),

  (stages) =>
    pairs(stages, standardizing, adaptive).map(([normalization, direction]) => ({
      code: 'znorm-under-adaptive',
      severity: 'note',
      stages: [normalization.key, direction.key],
      reason: `${direction.key} of c·g is ${direction.key} of g: it divides a constant factor out again. ${normalization.primitive.name === 'znorm' ? 'What is left of znorm is its centring, and that every step counts alike in the moments.' : 'What is left is that every step counts alike in the moments.'}`,
      fix: 'Compare with center() alone, which is the centring; rates tuned without it carry over nearly unchanged.',
    })),

  (stages) => {
    const normalization = stages.find((stage) => is(stage, normalizing));
    const rate = stages.find(({ primitive }) => primitive.name === 'scaleByLearningRate');
    const decays = stages.some((stage) => is(stage, [...adaptive, 'scheduleFree', 'freeze']));
    if (!normalization || !rate || decays || fallsInTheEnd(rate)) return [];
    return [
      {
        code: 'constant-rate',
        severity: 'warning',
        stages: [normalization.key, rate.key],
        reason: `After ${normalization.key} ‖u‖ is the same however small the gradient (√d of znorm, 1 of normalizeByNorm): at a constant rate steps never get shorter, and the parameters end up going round the minimum.`,
        fix: 'Let the rate fall: learningRate: cosine({ from, steps }).',
      },
    ];
  },

  (stages) =>
    pairs(stages, [...normalizing, ...adaptive, 'trace'], guards).map(([before, guard]) => ({
      code: 'late-guard',
      severity: 'warning',
      stages: [before.key, guard.key],
      reason: before.primitive.init
        ? `${before.key} keeps what it is given: by the time ${guard.key} looks, a NaN is in its state for good.`
        : `${before.key} spreads a single NaN over its whole tensor, by the mean or the norm, and takes from gradients the size by which to tell large ones.`,
      fix: `Put ${guard.primitive.name} first.`,
    })),

  (stages) =>
    pairs(stages, ['scaleByLearningRate'], [...normalizing, ...adaptive]).map(([rate, normalization]) => ({
      code: 'normalization-after-rate',
      severity: 'warning',
      stages: [rate.key, normalization.key],
      reason: `${normalization.key} divides the learning rate out again: f(−η·g) has the size of f(−g), whatever η.`,
      fix: `Put ${normalization.primitive.name} before the optimizer.`,
    })),

  (stages) =>
    pairs(stages, averaging, ['scaleByLearningRate']).map(([average, rate]) => ({
      code: 'average-before-rate',
      severity: 'warning',
      stages: [average.key, rate.key],
      reason: `${average.key} takes what it is given for the change of the parameters, w + u; before ${rate.key} that is a gradient.`,
      fix: `Put ${average.primitive.name} last.`,
    })),
];

/** Whether the rate is at last less than half its largest; what cannot say counts as one that falls. */
function fallsInTheEnd(stage: Stage): boolean {
  const rateAt = stage.primitive.scalars?.learningRate;
  const rate = optionOf(stage, 'learningRate');
  if (!rateAt || (isSchedule(rate) && ['injectable', 'reduceOnPlateau'].includes(rate.name))) return true;
  try {
    const along = [0, 1, 10, 100, 1e3, 1e4, 1e5, 1e6].map(rateAt);
    return rateAt(1e9) < Math.max(...along) / 2;
  } catch {
    return true;
  }
}
