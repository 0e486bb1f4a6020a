import { withDefaults } from '../option-checks.ts';
import { axesByHead, type ParameterInfo } from '../parameters.ts';
import type { Stage } from '../stages.ts';
import { type AdaptiveClipOptions, adaptiveClipDefaults, unitAxes } from '../transforms/adaptive-clip.ts';
import type { CenterOptions } from '../transforms/center.ts';
import {
  type ScaleByAdamOptions,
  type ScaleByRmsOptions,
  scaleByAdamDefaults,
  scaleByRmsDefaults,
  type TraceOptions,
  traceDefaults,
} from '../transforms/moments.ts';
import { type Scope, type StatisticsMode, statisticsAxes } from '../transforms/statistics.ts';
import { type ZnormOptions, znormDefaults } from '../transforms/znorm.ts';
import type { degeneracies, directions, operations } from './records.ts';

/** The declared numbers of a step, as `scalarsAt` gives them. */
export type StepScalars = Readonly<Record<string, number>>;

/**
 * What a chain does to one tensor, in the one order that the kernel knows:
 *
 *     limit each element → affine maps → limit → linear → direction (moments) → linear
 *
 * where linear is a factor and a share of the parameter.
 */
export interface Reading {
  readonly info: ParameterInfo;
  /** Whether a guard looks for elements that are not finite, before anything else. */
  guarded: boolean;
  limitBefore: number;
  tasks: MapTask[];
  limitAfter: number;
  before: LinearStep[];
  direction: DirectionReading | undefined;
  after: LinearStep[];
}

/** A change of the affine map of a tensor's units. */
export interface MapTask {
  /** Its stage's place in the chain. */
  readonly index: number;
  readonly key: string;
  readonly operation: keyof typeof operations;
  /** Tensors of one group share statistics. */
  readonly group: string;
  /** Whether each row has statistics of its own. */
  readonly byUnit: boolean;
  /** What it must know of this step's gradient, where its statistics are not sampled or kept. */
  readonly measures: 'none' | 'squares' | 'moments';
  /** Whether it moves the gradient's mean. */
  readonly centred: boolean;
  readonly statistics: StatisticsMode;
  readonly onDegenerate: keyof typeof degeneracies;
  readonly amount: (scalars: StepScalars) => number;
  readonly eps: number;
  readonly minStd: number;
  readonly relativeMinStd: number;
}

/** Whether a task goes by a moving average, or by statistics of the last of every k steps. */
export function keeps(task: MapTask, mode: 'ema' | 'every'): boolean {
  return typeof task.statistics === 'object' && mode in task.statistics;
}

/** One factor, or one share of the parameter. */
export type LinearStep = {
  readonly index: number;
  readonly key: string;
} & ({ readonly factor: (scalars: StepScalars) => number } | { readonly decay: number });

export interface DirectionReading {
  readonly indices: readonly number[];
  readonly kind: Exclude<keyof typeof directions, 'none'>;
  /** Slots of first and second moments, as the state names them. */
  readonly first: string | undefined;
  readonly second: string | undefined;
  readonly numbers: (scalars: StepScalars) => Partial<DirectionNumbers>;
}

/** Symbols as in the kernel's `update.ts`. */
export interface DirectionNumbers {
  readonly firstRate: number;
  readonly intake: number;
  readonly secondRate: number;
  readonly rootScale: number;
  readonly epsRoot: number;
  readonly eps: number;
}

/** What became of one stage: how it is done, or why it cannot be. */
export type StageOutcome = { readonly how: string } | { readonly reason: string };

/** Reads the stages that apply to one tensor. Stages that do not fit are left out, and their outcome says why. */
export function readChain(
  info: ParameterInfo,
  stages: readonly { readonly stage: Stage; readonly index: number }[],
): { reading: Reading; outcomes: readonly StageOutcome[] } {
  const reading: Reading = {
    info,
    guarded: false,
    limitBefore: Infinity,
    tasks: [],
    limitAfter: Infinity,
    before: [],
    direction: undefined,
    after: [],
  };
  const outcomes = stages.map(({ stage, index }) => {
    const { scope } = stage.primitive.options as { scope?: Scope };
    if (scope === 'head' && axesByHead(info)) return { reason: 'the kernel has no statistics per head' };
    const read = readers[stage.primitive.name];
    return read ? read(reading, stage, index) : { reason: `the kernel has no \`${stage.primitive.name}\`` };
  });
  return { reading: simplified(reading), outcomes };
}

type Reader = (reading: Reading, stage: Stage, index: number) => StageOutcome;

const readers: Readonly<Record<string, Reader>> = {
  nonfinite(reading) {
    const { limitBefore, tasks, before, direction } = reading;
    if (limitBefore < Infinity || tasks.length + before.length > 0 || direction) {
      return { reason: 'it is not first, and what others have made of the gradient is not kept' };
    }
    reading.guarded = true;
    return { how: 'looks at the gradient before anything changes' };
  },

  clipByValue(reading, { primitive }) {
    const { clipValue } = primitive.options as { clipValue: number };
    if (reading.limitAfter < Infinity && reading.before.length === 0) {
      reading.limitAfter = Math.min(reading.limitAfter, clipValue);
      return limits;
    }
    const obstacle = obstacleToMaps(reading);
    if (obstacle) return { reason: `it limits ${obstacle}` };
    if (reading.tasks.length > 0) reading.limitAfter = clipValue;
    else reading.limitBefore = Math.min(reading.limitBefore, clipValue);
    return limits;
  },

  scale(reading, { key, primitive }, index) {
    const { factor } = primitive.options as { factor: number };
    return addLinear(reading, { index, key, factor: () => factor });
  },

  scaleByLearningRate: (reading, { key }, index) =>
    addLinear(reading, { index, key, factor: (scalars) => -scalars[`${key}.learningRate`] }),

  addDecayedWeights(reading, { key, primitive }, index) {
    const { weightDecay } = primitive.options as { weightDecay: number };
    return addLinear(reading, { index, key, decay: weightDecay });
  },

  centralize: (reading, stage, index) => addCentring(reading, stage, index, true),
  center(reading, stage, index) {
    const { scope = 'tensor' } = stage.primitive.options as CenterOptions;
    return addCentring(reading, stage, index, statisticsAxes(reading.info, scope) !== undefined);
  },

  znorm: (reading, stage, index) => addStandardization(reading, stage, index, true),
  scaleByStd: (reading, stage, index) => addStandardization(reading, stage, index, false),

  clipByNorm: (reading, stage, index) => addNormLimit(reading, stage, index),
  clipByGlobalNorm: (reading, stage, index) => addNormLimit(reading, stage, index),

  normalizeByNorm(reading, stage, index) {
    const { scope = 'tensor' } = stage.primitive.options as { scope?: Scope };
    const byUnit = statisticsAxes(reading.info, scope) !== undefined;
    return addMap(reading, {
      ...mapTask(reading.info, stage, index),
      operation: 'unitNorm',
      byUnit,
      measures: 'squares',
    });
  },

  adaptiveClip(reading, stage, index) {
    const { clipping, eps } = withDefaults<AdaptiveClipOptions>(
      adaptiveClipDefaults,
      stage.primitive.options,
    );
    const byUnit = unitAxes(reading.info) !== undefined;
    return addMap(reading, {
      ...mapTask(reading.info, stage, index),
      operation: 'limitByWeights',
      byUnit,
      measures: 'squares',
      amount: () => clipping,
      eps,
    });
  },

  trace(reading, { key, primitive }, index) {
    const { momentum, nesterov } = withDefaults<TraceOptions>(traceDefaults, primitive.options);
    const ownNumbers = (scalars: StepScalars) => ({
      firstRate: 1 - momentum,
      intake: scalars[`${key}.intake`] ?? 1,
    });
    const first = `${key}.trace`;
    const { direction } = reading;
    if (direction?.kind === 'rms' && reading.after.length === 0 && !nesterov) {
      reading.direction = {
        indices: [...direction.indices, index],
        kind: 'rmsMomentum',
        first,
        second: direction.second,
        numbers: (scalars) => ({ ...direction.numbers(scalars), ...ownNumbers(scalars) }),
      };
      return movedInPlace;
    }
    const kind = nesterov ? 'nesterov' : 'momentum';
    return setDirection(reading, { indices: [index], kind, first, second: undefined, numbers: ownNumbers });
  },

  scaleByRms(reading, { key, primitive }, index) {
    const { decay, eps } = withDefaults<ScaleByRmsOptions>(scaleByRmsDefaults, primitive.options);
    return setDirection(reading, {
      indices: [index],
      kind: 'rms',
      first: undefined,
      second: `${key}.nu`,
      numbers: () => ({ secondRate: 1 - decay, eps }),
    });
  },

  scaleByAdam(reading, { key, primitive }, index) {
    const { b1, b2 } = withDefaults<ScaleByAdamOptions>(scaleByAdamDefaults, primitive.options);
    return setDirection(reading, {
      indices: [index],
      kind: 'adam',
      first: `${key}.mu`,
      second: `${key}.nu`,
      numbers: (scalars) => ({
        firstRate: 1 - b1,
        intake: 1 - b1,
        secondRate: 1 - b2,
        rootScale: scalars[`${key}.rootScale`],
        epsRoot: scalars[`${key}.epsRoot`] ?? 0,
        eps: scalars[`${key}.eps`],
      }),
    });
  },
};

const limits: StageOutcome = { how: 'limits elements in passing' };
const movedInPlace: StageOutcome = { how: 'moves its moments in place' };

/** A task that does nothing yet. */
function mapTask(info: ParameterInfo, { key, primitive }: Stage, index: number): MapTask {
  const group = primitive.reduction?.group(info) ?? info.path;
  return { ...neutral, index, key, group };
}

const neutral = {
  operation: 'scale',
  byUnit: false,
  measures: 'none',
  centred: false,
  statistics: 'exact',
  onDegenerate: 'center',
  amount: () => 1,
  eps: 0,
  minStd: 0,
  relativeMinStd: 0,
} as const;

function addStandardization(reading: Reading, stage: Stage, index: number, centred: boolean): StageOutcome {
  const options = withDefaults<ZnormOptions>(znormDefaults, stage.primitive.options);
  const { scope, statistics, onDegenerate, eps, minStd, relativeMinStd } = options;
  const byUnit = statisticsAxes(reading.info, scope) !== undefined;
  const sampled = statistics !== 'exact' && 'sample' in statistics;
  if (sampled && reading.tasks.some((task) => task.byUnit)) {
    return { reason: 'it samples a gradient whose rows have been changed each in its own way' };
  }
  return addMap(reading, {
    ...mapTask(reading.info, stage, index),
    operation: 'standardize',
    byUnit,
    measures: sampled ? 'none' : 'moments',
    centred,
    statistics,
    onDegenerate,
    eps,
    minStd,
    relativeMinStd,
  });
}

function addCentring(reading: Reading, stage: Stage, index: number, byUnit: boolean): StageOutcome {
  const task = mapTask(reading.info, stage, index);
  return addMap(reading, { ...task, operation: 'centre', byUnit, measures: 'moments', centred: true });
}

function addNormLimit(reading: Reading, stage: Stage, index: number): StageOutcome {
  const { maxNorm } = stage.primitive.options as { maxNorm: number };
  const task = mapTask(reading.info, stage, index);
  return addMap(reading, { ...task, operation: 'limitNorm', measures: 'squares', amount: () => maxNorm });
}

function addMap(reading: Reading, task: MapTask): StageOutcome {
  const obstacle = obstacleToMaps(reading);
  if (obstacle) return { reason: `it needs statistics of ${obstacle}, and that would take another pass` };
  reading.tasks.push(task);
  return { how: 'folded into the update as an affine map of the gradient' };
}

/** What stands between the gradient and one more map, if anything does. Factors do not: they become maps. */
function obstacleToMaps(reading: Reading): string | undefined {
  if (reading.direction) return 'what moments have made of the gradient';
  if (reading.limitAfter < Infinity) return 'limited elements';
  if (reading.before.some((step) => 'decay' in step)) return 'the gradient and a share of the parameter';
  reading.tasks.push(...factorTasks(reading));
  reading.before = [];
  return undefined;
}

function addLinear(reading: Reading, step: LinearStep): StageOutcome {
  (reading.direction ? reading.after : reading.before).push(step);
  return { how: 'decay' in step ? 'adds its share of the parameter in passing' : 'one factor of the update' };
}

function setDirection(reading: Reading, direction: DirectionReading): StageOutcome {
  if (reading.direction)
    return { reason: 'it is the second with moments, and the kernel moves one set a tensor' };
  reading.direction = direction;
  return movedInPlace;
}

function factorTasks({ info, before }: Reading): MapTask[] {
  return before.flatMap((step) =>
    'factor' in step
      ? [{ ...neutral, index: step.index, key: step.key, group: info.path, amount: step.factor }]
      : [],
  );
}

/**
 * Without moments, linear before is linear after. With them, factors before become maps, unless limits lie between;
 * they stay in the list for what they do to the decay before them.
 */
function simplified(reading: Reading): Reading {
  if (!reading.direction) return { ...reading, before: [], after: reading.before };
  if (reading.limitAfter < Infinity) return reading;
  return { ...reading, tasks: [...reading.tasks, ...factorTasks(reading)] };
}
