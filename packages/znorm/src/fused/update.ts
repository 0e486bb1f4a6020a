import { advance, type Report, type State, scalarsAt, update } from '../apply.ts';
import type { ArrayTensor } from '../backends/arrays.ts';
import { knownOptions, optionError } from '../option-checks.ts';
import { type Named, sizeOf } from '../parameters.ts';
import { type Stage, stages } from '../stages.ts';
import { type Explanation, explanationOf, type ThreadsTaken } from './explain.ts';
import { createKernel, createKernelNow, isShared, type Kernel } from './kernel.ts';
import { type FusedPlan, momentSlots, type UnfusedPlan } from './plan.ts';
import { type KeptStatistics, type Tables, tableBytes, writeTables } from './tables.ts';
import { startThreads, type Threads } from './threads.ts';

/** Where an optimizer's tensors lie: views of one WebAssembly memory, by parameter path. */
export interface UpdateMemory {
  /** Shared, for more than one thread. Never grown while the update is in use: growing detaches every view. */
  readonly memory: WebAssembly.Memory;
  readonly parameters: Named<Float32Array>;
  readonly gradients: Named<Float32Array>;
  /** Of the state, by slot name: `slots['dense/kernel']['scaleByAdam.mu']`. Each as long as its parameter. */
  readonly slots: Named<Named<Float32Array>>;
  /** Where `propose` writes. Needed only for it. */
  readonly updates?: Named<Float32Array>;
  /** Room for the plan: `updateTableBytes(plan, threads)` bytes, at a multiple of 8. */
  readonly tables: ArrayBufferView;
}

export interface FusedUpdateOptions {
  /**
   * Any number gives the same bits. More than one take a shared memory; where that or the threads cannot be had, there
   * is one, and `explanation` says why. `usefulThreads` tells how many are worth it. @default 1
   */
  readonly threads?: number;
}

export interface UpdateOutcome {
  readonly state: State<ArrayTensor>;
  /** Whether a gate of the chain ended the step: then parameters and moments are as they were. */
  readonly skipped: boolean;
}

/** A chain's step in place. */
export interface InPlaceUpdate {
  readonly explanation: Explanation;
  /**
   * One step: moves parameters and state where they lie. The state that went in is used up: the one that comes out
   * holds the same tensors.
   *
   * A state from elsewhere (a checkpoint, `init()`, a step of `update()`) is adopted first.
   *
   * @throws whatever `update()` throws on the same step; then nothing has changed
   */
  step(state: State<ArrayTensor>): UpdateOutcome;
  /**
   * The same without the last addition: parameters stay, and `updates` holds what to add to them, to the bit what
   * `step` would have added. State moves as in `step`.
   */
  propose(state: State<ArrayTensor>): UpdateOutcome & { readonly updates: Named<ArrayTensor> };
  /** A state from elsewhere with its tensors in their places, as `step` begins. */
  adopt(state: State<ArrayTensor>): State<ArrayTensor>;
  /** What the chain had to say in the last step, as `update()` reports it. */
  reports(): readonly Report<ArrayTensor>[];
  /** The path of the first gradient with a NaN or an infinity in it. */
  firstNonfinite(): string | undefined;
  /** Ends its threads. It can be used on, with one. Nothing to do where there is one; they keep no process alive. */
  dispose(): void;
}

/** How many bytes `UpdateMemory.tables` has to have. 0 for a chain that is not fused. */
export function updateTableBytes(plan: FusedPlan | UnfusedPlan, threads = 1): number {
  return plan.fused ? tableBytes(plan, threads) : 0;
}

/** @throws RangeError if it is no whole number from 1 up */
export function checkedThreads(where: string, threads = 1): number {
  if (Number.isSafeInteger(threads) && threads >= 1) return threads;
  throw optionError(where, 'threads', 'to be a whole number >= 1', threads);
}

/**
 * Binds a chain to tensors in a WebAssembly memory. A fused plan runs as one call of the kernel; every other, and every
 * step in which a guard finds something, runs on the `arrays` backend, to the same result within float32 rounding.
 *
 *     const plan = planFused(optimizer, infos);
 *     const memory = allocateUpdate(plan, { threads });
 *     const update = await createFusedUpdate(plan, memory, { threads });
 *     ({ state } = update.step(state)); // memory.gradients → memory.parameters
 *
 * @throws RangeError if a tensor is missing, has another size than its parameter, or lies elsewhere
 */
export async function createFusedUpdate(
  plan: FusedPlan | UnfusedPlan,
  memory: UpdateMemory,
  options: FusedUpdateOptions = {},
): Promise<InPlaceUpdate> {
  knownOptions('createFusedUpdate', options, ['threads']);
  const threads = checkedThreads('createFusedUpdate', options.threads);
  const obstacle = obstacleToThreads(plan, memory);
  const count = obstacle === undefined ? threads : 1;
  checkViews(plan, memory, count);
  const kernel = await createKernel(memory.memory);
  const tables = plan.fused ? tablesOf(plan, memory, count) : undefined;
  if (threads === 1) return boundTo(kernel, plan, memory, tables);
  if (!tables || obstacle !== undefined) {
    return boundTo(kernel, plan, memory, tables, { taken: { count: 1, reason: obstacle } });
  }
  try {
    const started = await startThreads(memory.memory, tables.schedule, tables.scratch.slice(1));
    return boundTo(kernel, plan, memory, tables, { started, taken: { count: threads, reason: undefined } });
  } catch (error) {
    const reason = `no other could be started: ${error instanceof Error ? error.message : error}`;
    return boundTo(kernel, plan, memory, tables, { taken: { count: 1, reason } });
  }
}

function obstacleToThreads(plan: FusedPlan | UnfusedPlan, { memory }: UpdateMemory): string | undefined {
  if (!plan.fused) return 'it has no more';
  return isShared(memory) ? undefined : 'its memory is not shared';
}

/**
 * `createFusedUpdate` without waiting, where the engine compiles WebAssembly at once.
 *
 * @throws RangeError as `createFusedUpdate`, and where an engine refuses to (see `createKernelNow`)
 */
export function createFusedUpdateNow(plan: FusedPlan | UnfusedPlan, memory: UpdateMemory): InPlaceUpdate {
  checkViews(plan, memory, 1);
  const kernel = createKernelNow(memory.memory);
  return boundTo(kernel, plan, memory, plan.fused ? tablesOf(plan, memory, 1) : undefined);
}

function boundTo(
  kernel: Kernel,
  plan: FusedPlan | UnfusedPlan,
  memory: UpdateMemory,
  tables: Tables | undefined,
  threads?: { readonly taken: ThreadsTaken; readonly started?: Threads },
): InPlaceUpdate {
  const { transformation } = plan;
  const infos = Object.fromEntries(plan.parameters.map((info) => [info.path, info]));
  const asTensors = (views: Named<Float32Array>): Named<ArrayTensor> =>
    Object.fromEntries(plan.parameters.map(({ path, shape }) => [path, { shape, data: views[path] }]));
  const parameters = asTensors(memory.parameters);
  const gradients = asTensors(memory.gradients);
  const proposed = memory.updates && asTensors(memory.updates);
  let others = threads?.started;
  const mayWait = others !== undefined && maySleep();
  const places = placesOf(plan, memory, tables?.kept ?? []);
  const guards = stages(transformation).filter(({ primitive }) => primitive.name === 'nonfinite');
  const open = Object.fromEntries(
    stages(transformation).flatMap(({ key, primitive }) => (primitive.gate ? [[key, 1]] : [])),
  );

  let slots: State<ArrayTensor>['slots'] | undefined;
  let reports: () => readonly Report<ArrayTensor>[] = () => [];

  const adopt = (state: State<ArrayTensor>): State<ArrayTensor> => {
    if (state.slots === slots) return state;
    requireSlots(state, plan, tables?.kept ?? []);
    slots = placed(state.slots, places);
    return { ...state, slots };
  };

  const hasFiniteGradient = ({ path }: { readonly path: string }) => {
    const { byteOffset, length } = memory.gradients[path];
    return kernel.allFinite(byteOffset, length) !== 0;
  };
  const guardsPass = () =>
    guards.every(({ applies }) => plan.parameters.every((info) => !applies(info) || hasFiniteGradient(info)));

  const stepOnArrays = (state: State<ArrayTensor>) => {
    const result = update(transformation, gradients, state, parameters, infos);
    reports = () => result.reports;
    const skipped = Object.values(result.state.gates).some(({ skippedInARow }) => skippedInARow > 0);
    return { updates: result.updates, state: adopt(result.state), skipped };
  };

  /** What the kernel did, or undefined if this step is not for it. */
  const stepFused = (state: State<ArrayTensor>, moveParameters: boolean): UpdateOutcome | undefined => {
    if (!tables || !guardsPass()) return undefined;
    tables.prepare(scalarsAt(transformation, state));
    const { schedule, scratch } = tables;
    const refused = others
      ? kernel.stepTogether(schedule, scratch[0], moveParameters, mayWait)
      : kernel.step(tables.plan, scratch[0], moveParameters);
    if (refused) return undefined;
    reports = () => fusedReports(plan, guards, tables);
    return { state: advance(transformation, state, state.slots, open), skipped: false };
  };

  return {
    explanation: explanationOf(plan, threads?.taken),
    step(given) {
      const state = adopt(given);
      const outcome = stepFused(state, true);
      if (outcome) return outcome;
      const { updates, ...rest } = stepOnArrays(state);
      for (const [path, { data }] of Object.entries(parameters)) {
        const change = updates[path].data;
        for (let i = 0; i < data.length; i++) data[i] += change[i];
      }
      return rest;
    },
    propose(given) {
      const state = adopt(given);
      if (plan.fused && !proposed) {
        throw new TypeError('propose: expected `updates` in the memory of createFusedUpdate(), got none.');
      }
      const outcome = stepFused(state, false);
      return outcome ? { ...outcome, updates: proposed! } : stepOnArrays(state);
    },
    adopt,
    reports: () => reports(),
    firstNonfinite: () => plan.parameters.find((info) => !hasFiniteGradient(info))?.path,
    dispose() {
      others?.stop();
      others = undefined;
    },
  };
}

/** Whether this thread may wait for others: browsers forbid it to the one that draws the page. */
function maySleep(): boolean {
  try {
    Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 1);
    return true;
  } catch {
    return false;
  }
}

type Places = ReadonlyMap<string, Float32Array | Float64Array>;

function placeName(path: string, slot: string): string {
  return `${path}\n${slot}`;
}

function placesOf(
  { parameters }: FusedPlan | UnfusedPlan,
  memory: UpdateMemory,
  kept: readonly KeptStatistics[],
): Places {
  return new Map<string, Float32Array | Float64Array>([
    ...parameters.flatMap(({ path }) =>
      Object.entries(memory.slots[path] ?? {}).map(([slot, view]) => [placeName(path, slot), view] as const),
    ),
    ...kept.flatMap(({ path, key, mean, std, seen }) => [
      [placeName(path, `${key}.mean`), mean] as const,
      [placeName(path, `${key}.std`), std] as const,
      [placeName(path, `${key}.seen`), seen] as const,
    ]),
  ]);
}

/** The kernel moves what lies in its places, and a state that lacks some of it would be another than what trains. */
function requireSlots(
  { slots }: State<ArrayTensor>,
  plan: FusedPlan | UnfusedPlan,
  kept: readonly KeptStatistics[],
): void {
  const needed = plan.fused ? momentSlots(plan) : [];
  for (const { path, slot } of [...needed, ...kept.map(({ path, key }) => ({ path, slot: `${key}.mean` }))]) {
    if (slots[path]?.[slot]) continue;
    const key = slot.slice(0, slot.lastIndexOf('.'));
    throw new RangeError(
      `update: expected state of ${key}, got none at '${path}'. Pass the state that init() made for this transformation and these infos.`,
    );
  }
}

/** Slots without a place stay as they are, and so do statistics in float64, which would lose digits in float32. */
function placed(slots: State<ArrayTensor>['slots'], places: Places): State<ArrayTensor>['slots'] {
  const moved = Object.entries(slots).map(([path, own]) => {
    const tensors = Object.entries(own).map(([slot, tensor]) => {
      const place = places.get(placeName(path, slot));
      const loses = place instanceof Float32Array && tensor.data instanceof Float64Array;
      if (!place || loses) return [slot, tensor];
      if (tensor.data !== place) place.set(tensor.data);
      return [slot, { shape: tensor.shape, data: place }];
    });
    return [path, Object.fromEntries(tensors)];
  });
  return Object.fromEntries(moved);
}

function tablesOf(plan: FusedPlan, memory: UpdateMemory, threads: number): Tables {
  const { tables, parameters, gradients, slots, updates } = memory;
  return writeTables(plan, memory.memory, tables.byteOffset, threads, ({ path }) => ({
    parameter: parameters[path].byteOffset,
    gradient: gradients[path].byteOffset,
    update: updates?.[path].byteOffset ?? 0,
    slots: Object.fromEntries(
      Object.entries(slots[path] ?? {}).map(([slot, { byteOffset }]) => [slot, byteOffset]),
    ),
  }));
}

/** As `update()` orders them: by parameter, then by stage. */
function fusedReports(
  { transformation, parameters }: FusedPlan | UnfusedPlan,
  guards: readonly Stage[],
  tables: Tables,
): Report<ArrayTensor>[] {
  const report = (transformation: string, path: string, name: string, value: number) => {
    return { transformation, path, name, value: { shape: [], data: Float64Array.of(value) } };
  };
  const all = [
    ...guards.flatMap(({ key, applies }) =>
      parameters.filter(applies).map(({ path }) => report(key, path, 'nonfinite', 0)),
    ),
    ...tables.degenerate().map(({ key, path, count }) => report(key, path, 'degenerate', count)),
  ];
  const pathOrder = new Map(parameters.map(({ path }, index) => [path, index]));
  const keyOrder = new Map(stages(transformation).map(({ key }, index) => [key, index]));
  const place = (one: Report<ArrayTensor>) =>
    pathOrder.get(one.path)! * keyOrder.size + keyOrder.get(one.transformation)!;
  return all.sort((a, b) => place(a) - place(b));
}

function checkViews(plan: FusedPlan | UnfusedPlan, memory: UpdateMemory, threads: number): void {
  const { buffer } = memory.memory;
  const check = (what: string, path: string, view: Float32Array | undefined, length: number) => {
    if (view?.buffer === buffer && view.length === length) return;
    const got = !view ? 'none' : view.buffer === buffer ? `${view.length}` : 'one that lies elsewhere';
    throw new RangeError(
      `createFusedUpdate: expected ${what} of ${length} elements in the memory, got ${got} at '${path}'.`,
    );
  };
  for (const { path, shape } of plan.parameters) {
    const length = sizeOf(shape);
    check('a parameter', path, memory.parameters[path], length);
    check('a gradient', path, memory.gradients[path], length);
    if (memory.updates) check('an update', path, memory.updates[path], length);
  }
  if (!plan.fused) return;
  for (const { path, slot, length } of momentSlots(plan)) {
    check(`slot '${slot}'`, path, memory.slots[path]?.[slot], length);
  }
  const { byteOffset, byteLength } = memory.tables;
  const bytes = tableBytes(plan, threads);
  if (memory.tables.buffer !== buffer || byteOffset % 8 !== 0 || byteLength < bytes) {
    throw new RangeError(
      `createFusedUpdate: expected \`tables\` to be ${bytes} bytes of the memory at a multiple of 8, got ${byteLength} at ${byteOffset}.`,
    );
  }
}
