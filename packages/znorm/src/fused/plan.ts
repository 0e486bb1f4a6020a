import { type ParameterInfo, sizeOf } from '../parameters.ts';
import { type Stage, stages } from '../stages.ts';
import type { GradientTransformation } from '../transformation.ts';
import {
  keeps,
  type LinearStep,
  type MapTask,
  type Reading,
  readChain,
  type StageOutcome,
  type StepScalars,
} from './read-chain.ts';
import type { directions, measures } from './records.ts';

/** A chain for given parameters, as the kernel runs it. */
export interface FusedPlan extends PlanBase {
  readonly fused: true;
  readonly batches: readonly PlannedBatch[];
  readonly recipes: readonly PlannedRecipe[];
}

/** A chain that runs on the `arrays` backend; `stages` says why. */
export interface UnfusedPlan extends PlanBase {
  readonly fused: false;
}

interface PlanBase {
  readonly transformation: GradientTransformation;
  readonly parameters: readonly ParameterInfo[];
  readonly stages: readonly PlannedStage[];
}

export interface PlannedStage {
  readonly key: string;
  /** How many of the parameters it applies to. */
  readonly parameters: number;
  readonly fused: boolean;
  /** What the kernel makes of it, or why it can make nothing of it. */
  readonly how: string;
}

/** Tensors that are all measured before any of them is updated, and what changes their maps, in order. */
export interface PlannedBatch {
  readonly tensors: readonly PlannedTensor[];
  readonly tasks: readonly PlannedTask[];
}

export interface PlannedTensor {
  readonly info: ParameterInfo;
  /** Spans with a map of their own: its rows if something goes by row, else one. */
  readonly unitCount: number;
  readonly unitSize: number;
  /** Elements of a unit that lie together: all, or fewer where units take turns, as in a dense kernel [inputs, outputs]. */
  readonly stripe: number;
  readonly recipe: PlannedRecipe;
  /** Whether its elements are looked at before the step, and whether they are limited before they are measured. */
  readonly isGuarded: boolean;
  readonly isLimited: boolean;
  readonly tasks: readonly MapTask[];
}

/** A task on the tensors that share its statistics; by unit, they are one tensor. */
export interface PlannedTask {
  readonly task: MapTask;
  readonly members: readonly PlannedTensor[];
}

/** What becomes of every element after the map: the same for all tensors that go through the same stages. */
export interface PlannedRecipe {
  readonly direction: keyof typeof directions;
  /** Slots that hold first and second moments, as the state names them. */
  readonly first: string | undefined;
  readonly second: string | undefined;
  readonly numbers: (scalars: StepScalars) => RecipeNumbers;
}

/** Symbols as in the kernel's `update.ts`. */
export interface RecipeNumbers {
  readonly limitBefore: number;
  readonly limitAfter: number;
  readonly factor: number;
  readonly decay: number;
  readonly firstRate: number;
  readonly intake: number;
  readonly secondRate: number;
  readonly rootScale: number;
  readonly epsRoot: number;
  readonly eps: number;
  readonly directionScale: number;
  readonly parameterScale: number;
}

/**
 * Reads a chain and plans it, for given parameters, as one call of the WASM kernel: statistics and update of all
 * tensors. Where that cannot be, the plan is not `fused`, and its `stages` say why.
 *
 * @example
 * planFused(chain(znorm(), adamw()), [describeParameter('dense/kernel', [10, 64])]).fused; // true
 */
export function planFused(
  transformation: GradientTransformation,
  parameters: readonly ParameterInfo[],
): FusedPlan | UnfusedPlan {
  const all = stages(transformation);
  const read = parameters.map((info) => {
    const own = all.flatMap((stage, index) => (stage.applies(info) ? [{ stage, index }] : []));
    const { reading, outcomes } = readChain(info, own);
    return {
      reading,
      outcomes: own.map(({ index }, k) => ({ index, path: info.path, outcome: outcomes[k] })),
    };
  });
  const outcomes = [
    ...read.flatMap((tensor) => tensor.outcomes),
    ...refusals(
      read.flatMap(({ reading }) => reading.tasks.map((task) => ({ path: reading.info.path, task }))),
    ),
  ];
  const planned = all.map((stage, index) =>
    plannedStage(
      stage,
      parameters.filter(stage.applies).length,
      outcomes.filter((one) => one.index === index),
    ),
  );
  const base = { transformation, parameters, stages: planned };
  if (planned.some(({ fused }) => !fused)) return { ...base, fused: false };

  const recipes = new Map<string, PlannedRecipe>();
  const tensors = read.map(({ reading }) => {
    const name = recipeName(reading);
    const recipe = recipes.get(name) ?? recipeOf(reading);
    recipes.set(name, recipe);
    return plannedTensor(reading, recipe);
  });
  return {
    ...base,
    fused: true,
    recipes: [...recipes.values()],
    batches: batchesOf(tensors, tasksOf(tensors)),
  };
}

interface PlacedOutcome {
  readonly index: number;
  readonly path: string;
  readonly outcome: StageOutcome;
}

/** A step that is refused must leave everything as it was, also statistics that another stage has just renewed. */
function refusals(tasks: readonly { readonly path: string; readonly task: MapTask }[]): PlacedOutcome[] {
  if (!tasks.some(({ task }) => keeps(task, 'ema') || keeps(task, 'every'))) return [];
  const reason = "statistics would already be kept when `onDegenerate: 'throw'` ends the step";
  return tasks
    .filter(({ task }) => task.onDegenerate === 'throw')
    .map(({ path, task: { index } }) => ({ index, path, outcome: { reason } }));
}

function plannedStage({ key }: Stage, parameters: number, outcomes: readonly PlacedOutcome[]): PlannedStage {
  const obstacles = outcomes.flatMap(({ path, outcome }) =>
    'reason' in outcome ? [{ path, ...outcome }] : [],
  );
  if (obstacles.length > 0) {
    const [{ path, reason }] = obstacles;
    const others = obstacles.length === 1 ? '' : ` and ${obstacles.length - 1} more`;
    return { key, parameters, fused: false, how: `${reason} (at '${path}'${others})` };
  }
  const ways = new Set(outcomes.map(({ outcome }) => ('how' in outcome ? outcome.how : '')));
  return { key, parameters, fused: true, how: [...ways].join('; ') || 'applies to none of the parameters' };
}

function plannedTensor({ info, guarded, limitBefore, tasks }: Reading, recipe: PlannedRecipe): PlannedTensor {
  const size = sizeOf(info.shape);
  // A tensor without elements has no units at all: there is nothing to measure and nothing to update.
  const rows = tasks.some(({ byUnit }) => byUnit) ? info.shape[info.outputAxis] : 1;
  const unitCount = size === 0 ? 0 : rows;
  const unitSize = size === 0 ? 0 : size / rows;
  const together = sizeOf(info.shape.slice(info.outputAxis + 1));
  const stripe = rowsLieTogether(info) || rows === 1 ? unitSize : together;
  const isLimited = limitBefore < Infinity;
  return { info, unitCount, unitSize, stripe, recipe, isGuarded: guarded, isLimited, tasks };
}

function rowsLieTogether({ shape, outputAxis }: ParameterInfo): boolean {
  return shape.slice(0, outputAxis).every((size) => size === 1);
}

/** Whether the units of a tensor take turns in memory. */
export function isStriped({ stripe, unitSize }: PlannedTensor): boolean {
  return stripe < unitSize;
}

/** Elements of a megabyte: half of a second-level cache. The kernel measures in passing from the same size on. */
const beyondCache = 262_144;

/**
 * What a step has to find out about a tensor's gradient.
 *
 * @param due whether a task that keeps statistics needs this step's: because it is time, or because it has none yet
 */
export function measureOf(tensor: PlannedTensor, due: (task: MapTask) => boolean): keyof typeof measures {
  const { tasks, unitSize, isLimited } = tensor;
  const measuring = tasks.filter((task) => task.measures !== 'none');
  // Nothing of this step depends on a moving average's own measurement, if it is of the gradient as it is. A small
  // gradient is measured faster on its own: it stays in the cache for the update.
  const waits = (task: MapTask) => keeps(task, 'ema') && !due(task);
  const isOnlyMap = measuring.length === 1 && measuring[0] === tasks[0];
  if (isOnlyMap && waits(tasks[0]) && unitSize >= beyondCache && !isLimited && !isStriped(tensor))
    return 'alongside';
  const needed = measuring.filter((task) => !keeps(task, 'every') || due(task));
  if (needed.length === 0) return 'none';
  const onlySquares = needed.every((task) => task.measures === 'squares');
  return onlySquares && !tasks.some((task) => task.centred) ? 'squares' : 'moments';
}

/** Equal for tensors that share a recipe. */
function recipeName({ limitBefore, limitAfter, before, direction, after }: Reading): string {
  const indices = (steps: readonly LinearStep[]) => steps.map(({ index }) => index);
  return JSON.stringify([
    String(limitBefore),
    String(limitAfter),
    indices(before),
    direction?.indices ?? [],
    indices(after),
  ]);
}

function recipeOf({ limitBefore, limitAfter, before, direction, after }: Reading): PlannedRecipe {
  return {
    direction: direction?.kind ?? 'none',
    first: direction?.first,
    second: direction?.second,
    numbers(scalars) {
      const entering = linear(before, scalars);
      const leaving = linear(after, scalars);
      return {
        limitBefore,
        limitAfter,
        // Without a limit, factors are part of the map.
        factor: limitAfter < Infinity ? entering.factor : 1,
        decay: entering.share,
        firstRate: 0,
        intake: 0,
        secondRate: 0,
        rootScale: 0,
        epsRoot: 0,
        eps: 0,
        ...direction?.numbers(scalars),
        directionScale: leaving.factor,
        parameterScale: leaving.share,
      };
    },
  };
}

/** factor · u + share · w, of steps one after the other. */
function linear(steps: readonly LinearStep[], scalars: StepScalars): { factor: number; share: number } {
  let factor = 1;
  let share = 0;
  for (const step of steps) {
    if ('decay' in step) share += step.decay;
    else {
      factor *= step.factor(scalars);
      share *= step.factor(scalars);
    }
  }
  return { factor, share };
}

/** Tasks of one stage and one group become one; the order is that of the chain. */
function tasksOf(tensors: readonly PlannedTensor[]): PlannedTask[] {
  const grouped = new Map<string, { task: MapTask; members: PlannedTensor[] }>();
  for (const tensor of tensors) {
    for (const task of tensor.tasks) {
      const name = `${task.index} ${task.group}`;
      const planned = grouped.get(name) ?? { task, members: [] };
      planned.members.push(tensor);
      grouped.set(name, planned);
    }
  }
  return [...grouped.values()].sort((a, b) => a.task.index - b.task.index);
}

/**
 * Tensors that share statistics come in one batch, and all do where a step may still be refused. Batches are as small
 * as they can be: a gradient that has just been measured is then still in the cache when its update reads it.
 */
function batchesOf(tensors: readonly PlannedTensor[], tasks: readonly PlannedTask[]): PlannedBatch[] {
  const batchOf = new Map(
    tensors.map((tensor) => [tensor, { tensors: [tensor], tasks: [] as PlannedTask[] }]),
  );
  const join = (members: readonly PlannedTensor[]) => {
    const [whole, ...others] = new Set(members.map((tensor) => batchOf.get(tensor)!));
    for (const other of others) {
      whole.tensors.push(...other.tensors);
      for (const tensor of other.tensors) batchOf.set(tensor, whole);
    }
  };
  for (const { members } of tasks) join(members);
  if (tasks.some(({ task }) => task.onDegenerate === 'throw')) join(tensors);
  for (const task of tasks) batchOf.get(task.members[0])!.tasks.push(task);
  return [...new Set(batchOf.values())];
}

/** The slots that the kernel moves. */
export function momentSlots({ batches }: FusedPlan): { path: string; slot: string; length: number }[] {
  return batches
    .flatMap(({ tensors }) => tensors)
    .flatMap(({ info: { path, shape }, recipe }) =>
      [recipe.second, recipe.first].flatMap((slot) =>
        slot === undefined ? [] : [{ path, slot, length: sizeOf(shape) }],
      ),
    );
}
