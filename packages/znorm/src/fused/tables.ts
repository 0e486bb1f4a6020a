import type { ParameterInfo } from '../parameters.ts';
import { samplePattern } from '../transforms/statistics.ts';
import { type Chunk, chunksOf, divide } from './division.ts';
import {
  type FusedPlan,
  isStriped,
  measureOf,
  type PlannedBatch,
  type PlannedRecipe,
  type PlannedTask,
  type PlannedTensor,
  type RecipeNumbers,
} from './plan.ts';
import { keeps, type MapTask, type StepScalars } from './read-chain.ts';
import {
  batchRecord,
  chunkRecord,
  degeneracies,
  directions,
  measures,
  memberRecord,
  operations,
  planRecord,
  type RecordLayout,
  recipeRecord,
  scheduleRecord,
  scratchRecord,
  statisticsKinds,
  taskRecord,
  tensorRecord,
  unitRecord,
  writeRecord,
} from './records.ts';

/** Where what belongs to a parameter lies, in bytes from the start of the memory. */
export interface TensorAddresses {
  readonly gradient: number;
  readonly parameter: number;
  /** Where its update goes when it is not added to the parameter. */
  readonly update: number;
  readonly slots: Readonly<Record<string, number>>;
}

/** Statistics that outlive their step. They are slots of the state: `mean`, `std` and `seen`. */
export interface KeptStatistics {
  readonly path: string;
  /** Of their stage. */
  readonly key: string;
  readonly mean: Float64Array;
  readonly std: Float64Array;
  /** One element, 1 once there are any. */
  readonly seen: Float32Array;
}

/** A plan in memory, and what changes in it from step to step. */
export interface Tables {
  /** What the kernel is called with: the plan, how threads share it out, and room for each of them. */
  readonly plan: number;
  readonly schedule: number;
  readonly scratch: readonly number[];
  readonly kept: readonly KeptStatistics[];
  /** Writes the numbers of a step. */
  prepare(scalars: StepScalars): void;
  /** How many deviations counted as zero in the last step. */
  degenerate(): readonly { readonly key: string; readonly path: string; readonly count: number }[];
}

/** How many bytes the tables of a plan take, for so many threads. */
export function tableBytes(plan: FusedPlan, threads: number): number {
  return layoutOf(plan, 0, threads).end;
}

/**
 * Writes a plan into memory. Records of one kind that belong together lie one after the other, as the kernel
 * expects them.
 *
 * @param start a multiple of 8, with `tableBytes(plan, threads)` behind it
 */
export function writeTables(
  plan: FusedPlan,
  memory: WebAssembly.Memory,
  start: number,
  threads: number,
  addressesOf: (info: ParameterInfo) => TensorAddresses,
): Tables {
  const view = new DataView(memory.buffer);
  const layout = layoutOf(plan, start, threads);
  new Uint8Array(memory.buffer, start, layout.end - start).fill(0);

  const { whole, cut, chunks } = layout;
  writeRecord(view, planRecord, start, { batches: layout.batches, batchCount: plan.batches.length });
  const cutBatches = layout.batches + whole.length * batchRecord.size;
  const chunkCount = chunks.size;
  writeRecord(view, scheduleRecord, layout.schedule, {
    // None of them is to be had before the first step.
    ticket: 2 * chunkCount + plan.batches.length,
    wholeBatches: layout.batches,
    wholeCount: whole.length,
    cutBatches,
    cutCount: cut.length,
    chunks: firstOf(chunks),
    chunkCount,
  });
  [...whole, ...cut].forEach((batch, index) => {
    const { tensors, tasks } = batch;
    const own = layout.chunksOf.get(batch) ?? [];
    writeRecord(view, batchRecord, layout.batches + index * batchRecord.size, {
      tensors: layout.tensors.get(tensors[0])!,
      tensorCount: tensors.length,
      tasks: tasks.length === 0 ? 0 : layout.tasks.get(tasks[0])!.task,
      taskCount: tasks.length,
      chunks: own.length === 0 ? 0 : chunks.get(own[0])!,
      chunkCount: own.length,
    });
  });
  for (const [{ tensor, firstUnit, unitCount, start, count }, at] of chunks) {
    const own = layout.tensors.get(tensor)!;
    writeRecord(view, chunkRecord, at, { tensor: own, firstUnit, unitCount, start, count });
  }
  for (const recipe of plan.recipes) {
    writeRecord(view, recipeRecord, layout.recipes.get(recipe)!, { direction: directions[recipe.direction] });
  }
  for (const [tensor, at] of layout.tensors) {
    const { gradient, parameter, update, slots } = addressesOf(tensor.info);
    const { first, second } = tensor.recipe;
    writeRecord(view, tensorRecord, at, {
      gradient,
      parameter,
      update,
      first: first === undefined ? 0 : slots[first],
      second: second === undefined ? 0 : slots[second],
      recipe: layout.recipes.get(tensor.recipe)!,
      units: layout.units.get(tensor)!,
      unitCount: tensor.unitCount,
      unitSize: tensor.unitSize,
      stripe: tensor.stripe,
      block: blockOf(tensor),
      measure: measures[measureOf(tensor, () => true)],
    });
  }
  for (const [planned, places] of layout.tasks) writeTask(view, layout, planned, places);

  const kept = layout.kept.map(({ tensor, task, mean, count }) => ({
    tensor,
    task,
    path: tensor.info.path,
    key: task.key,
    mean: new Float64Array(memory.buffer, mean, count),
    std: new Float64Array(memory.buffer, mean + 8 * count, count),
    seen: new Float32Array(memory.buffer, mean + 16 * count, 1),
  }));
  const keepers = [...new Set(kept.map(({ tensor }) => tensor))].map((tensor) => {
    const own = kept.filter((one) => one.tensor === tensor);
    return {
      own,
      at: layout.tensors.get(tensor)! + tensorRecord.fields.measure.offset,
      // What is to be measured, by which of its statistics are due: one bit each.
      measures: Array.from({ length: 2 ** own.length }, (_, bits) => {
        const due = (task: MapTask) => own.some((one, i) => one.task === task && ((bits >> i) & 1) === 1);
        return measures[measureOf(tensor, due)];
      }),
    };
  });
  const tasks = [...layout.tasks].map(([{ task }, places]) => ({ task, at: places.task }));
  const factors = tasks.filter(({ task }) => task.operation === 'scale');
  const renewals = tasks.filter(({ task }) => keeps(task, 'every'));

  return {
    plan: start,
    schedule: layout.schedule,
    scratch: layout.scratch,
    kept,
    prepare(scalars) {
      for (const [recipe, at] of layout.recipes) {
        const numbers = recipe.numbers(scalars);
        writeRecord(view, recipeRecord, at, { ...numbers, isFull: needsFullLoop(recipe, numbers) ? 1 : 0 });
      }
      for (const { task, at } of factors) {
        writeRecord(view, taskRecord, at, { amount: task.amount(scalars) });
      }
      const isTime = (task: MapTask) => keeps(task, 'every') && scalars[`${task.key}.keep`] === 0;
      for (const { task, at } of renewals) {
        const statistics = statisticsKinds[isTime(task) ? 'renewed' : 'kept'];
        view.setUint32(at + taskRecord.fields.statistics.offset, statistics, true);
      }
      for (const { own, at, measures } of keepers) {
        const due = own.map(({ task, seen }, i) => (seen[0] === 0 || isTime(task) ? 1 << i : 0));
        view.setUint32(at, measures[due.reduce((bits, bit) => bits | bit)], true);
      }
    },
    degenerate: () =>
      [...layout.tasks]
        .filter(([{ task }]) => task.operation === 'standardize')
        .flatMap(([{ task, members }, { members: at }]) =>
          members.map(({ info }, index) => ({
            key: task.key,
            path: info.path,
            count: view.getFloat64(
              at + index * memberRecord.size + memberRecord.fields.degenerate.offset,
              true,
            ),
          })),
        ),
  };
}

/** Whether the numbers do something that the kernel's lean loop leaves out. */
function needsFullLoop({ direction }: PlannedRecipe, numbers: RecipeNumbers): boolean {
  const isMomentum = direction === 'momentum' || direction === 'nesterov';
  return (
    numbers.limitBefore < Infinity ||
    numbers.limitAfter < Infinity ||
    numbers.epsRoot > 0 ||
    (isMomentum || direction === 'rmsMomentum' ? numbers.intake !== 1 : false) ||
    (isMomentum ? false : numbers.decay !== 0)
  );
}

function writeTask(
  view: DataView,
  { tensors, kept }: Layout,
  { task, members }: PlannedTask,
  at: { readonly task: number; readonly members: number },
): void {
  const { statistics } = task;
  const decay = typeof statistics === 'object' && 'ema' in statistics ? statistics.ema : 0;
  const sample = typeof statistics === 'object' && 'sample' in statistics ? statistics : undefined;
  writeRecord(view, taskRecord, at.task, {
    operation: operations[task.operation],
    statistics: statisticsKinds[sample ? 'sampled' : keeps(task, 'ema') ? 'movingAverage' : 'exact'],
    members: at.members,
    memberCount: members.length,
    centred: task.centred ? 1 : 0,
    onDegenerate: degeneracies[task.onDegenerate],
    // The learning rate among factors is not known yet.
    amount: task.operation === 'scale' ? 0 : task.amount({}),
    decay,
    eps: task.eps,
    minStd: task.minStd,
    relativeMinStd: task.relativeMinStd,
  });
  members.forEach((tensor, index) => {
    const { unitCount, unitSize, info } = tensor;
    const pattern = sample && samplePattern(info, sample.sample, sample.seed ?? 0);
    const own = kept.find((place) => place.tensor === tensor && place.task.key === task.key);
    writeRecord(view, memberRecord, at.members + index * memberRecord.size, {
      tensor: tensors.get(tensor)!,
      byUnit: task.byUnit ? 1 : 0,
      ...(own && {
        means: own.mean,
        deviations: own.mean + 8 * own.count,
        seen: own.mean + 16 * own.count,
      }),
      ...(pattern && {
        stride: pattern.stride,
        first: pattern.offset,
        count: Math.ceil((unitCount * unitSize - pattern.offset) / pattern.stride),
      }),
    });
  });
}

/** Numbers of a map: power, centre in two parts, scale, offset. */
const mapNumbers = 5;
const vector = 8;

/**
 * How many elements of units that take turns are mapped at a time, by maps that are spread out once: whole turns that
 * are whole vectors, several if they are short; or all there are.
 */
function blockOf(tensor: PlannedTensor): number {
  if (!isStriped(tensor)) return 0;
  const turn = tensor.unitCount * tensor.stripe;
  const whole = [1, 2, 4, 8].find((turns) => (turns * turn) % vector === 0)! * turn;
  return Math.min(whole * Math.ceil(256 / whole), tensor.unitCount * tensor.unitSize);
}

/** Bytes behind the units: the one that changes nothing, a block as it is mapped, and the maps spread out. */
function roomOfStripes(tensor: PlannedTensor): number {
  if (!isStriped(tensor)) return 0;
  return unitRecord.size + (1 + mapNumbers) * 4 * vector * Math.ceil(blockOf(tensor) / vector);
}

function firstOf(places: ReadonlyMap<unknown, number>): number {
  const [first = 0] = places.values();
  return first;
}

interface Layout {
  readonly schedule: number;
  readonly scratch: readonly number[];
  /** Whole ones, then those that are cut. */
  readonly batches: number;
  readonly whole: readonly PlannedBatch[];
  readonly cut: readonly PlannedBatch[];
  readonly chunksOf: ReadonlyMap<PlannedBatch, readonly Chunk[]>;
  readonly chunks: ReadonlyMap<Chunk, number>;
  readonly recipes: ReadonlyMap<PlannedRecipe, number>;
  readonly tensors: ReadonlyMap<PlannedTensor, number>;
  readonly units: ReadonlyMap<PlannedTensor, number>;
  readonly tasks: ReadonlyMap<PlannedTask, { readonly task: number; readonly members: number }>;
  /** `count` means, as many deviations, and whether there are any. */
  readonly kept: readonly {
    readonly tensor: PlannedTensor;
    readonly task: MapTask;
    readonly count: number;
    readonly mean: number;
  }[];
  readonly end: number;
}

function layoutOf(plan: FusedPlan, start: number, threads: number): Layout {
  const { recipes } = plan;
  const { whole, cut } = divide(plan, threads);
  const batches = [...whole, ...cut];
  let end = start + planRecord.size;
  const place = (bytes: number) => {
    const at = end;
    end += bytes;
    return at;
  };
  const placed = <Item>(items: readonly Item[], { size }: RecordLayout<string>) =>
    new Map(items.map((item) => [item, place(size)]));

  const tensors = batches.flatMap((batch) => batch.tensors);
  const tasks = batches.flatMap((batch) => batch.tasks);
  const taskPlaces = placed(tasks, taskRecord);
  const chunks = new Map(cut.map((batch) => [batch, chunksOf(batch)]));
  const layout = {
    schedule: place(scheduleRecord.size),
    // Each on cache lines of its own.
    scratch: Array.from({ length: threads }, () => place(scratchRecord.size + 96)),
    whole,
    cut,
    chunksOf: chunks,
    chunks: placed([...chunks.values()].flat(), chunkRecord),
    batches: place(batches.length * batchRecord.size),
    recipes: placed(recipes, recipeRecord),
    tensors: placed(tensors, tensorRecord),
    units: new Map(
      tensors.map((tensor) => [tensor, place(tensor.unitCount * unitRecord.size + roomOfStripes(tensor))]),
    ),
    tasks: new Map(
      tasks.map((planned) => [
        planned,
        { task: taskPlaces.get(planned)!, members: place(planned.members.length * memberRecord.size) },
      ]),
    ),
    kept: tensors.flatMap((tensor) =>
      tensor.tasks
        .filter((task) => keeps(task, 'ema') || keeps(task, 'every'))
        .map((task) => {
          const count = task.byUnit ? tensor.unitCount : 1;
          return { tensor, task, count, mean: place(16 * count + 8) };
        }),
    ),
  };
  return { ...layout, end };
}
