import { type ArrayTensor, arrays } from './backends/arrays.ts';
import { describeParameter, type Named } from './parameters.ts';
import { type Stage, stages } from './stages.ts';
import type { TensorOps } from './tensor-ops.ts';
import type { GradientTransformation, Scalars } from './transformation.ts';
import { type ParameterInfos, type Slots, updateTensors, withTensorsOfTheirOwn } from './update-tensors.ts';

/** The state of a chain: tensors by parameter path and slot name, and counters. Plain data, ready to be saved. */
export interface State<T> {
  /** Updates taken so far. */
  readonly step: number;
  /** `path → 'scaleByAdam.mu' → tensor`. */
  readonly slots: Slots<T>;
  /** Per gate (a guard that may end a step): steps that went through, and steps ended in a row. */
  readonly gates: Readonly<Record<string, GateCount>>;
}

export interface GateCount {
  readonly passed: number;
  readonly skippedInARow: number;
}

export interface UpdateResult<T> {
  /** What to add to the parameters. */
  readonly updates: Named<T>;
  readonly state: State<T>;
  /** What transformations had to say: degenerate statistics, non-finite elements, skipped steps. */
  readonly reports: readonly Report<T>[];
}

export interface Report<T> {
  readonly transformation: string;
  readonly path: string;
  readonly name: string;
  readonly value: T;
}

/**
 * The state of a chain before its first step.
 *
 * @param params `path → tensor`
 * @param infos  roles and output axes by path. @default described from path and shape
 * @param ops    the backend. @default plain arrays
 * @example
 * let state = init(adam({ learningRate: 1e-3 }), { 'dense/kernel': tensor([0.1, -0.2]) });
 */
export function init(
  transformation: GradientTransformation,
  params: Named<ArrayTensor>,
  infos?: ParameterInfos,
): State<ArrayTensor>;
export function init<T>(
  transformation: GradientTransformation,
  params: Named<T>,
  infos: ParameterInfos | undefined,
  ops: TensorOps<T>,
): State<T>;
export function init<T>(
  transformation: GradientTransformation,
  params: Named<T>,
  infos?: ParameterInfos,
  ops: TensorOps<T> = arrays as TensorOps<unknown> as TensorOps<T>,
): State<T> {
  const plan = stages(transformation);
  const slots = ops.tidy(() => {
    const made: Record<string, Record<string, T>> = {};
    for (const [path, param] of Object.entries(params)) {
      const info = infos?.[path] ?? describeParameter(path, ops.shape(param));
      made[path] = {};
      for (const { key, primitive, applies } of plan) {
        if (!primitive.init || !applies(info)) continue;
        for (const [name, slot] of Object.entries(primitive.init(ops, info, param))) {
          made[path][`${key}.${name}`] = slot;
        }
      }
    }
    return withTensorsOfTheirOwn(made, [params], ops);
  });
  const gates = plan.filter((stage) => stage.primitive.gate);
  return {
    step: 0,
    slots,
    gates: Object.fromEntries(gates.map((stage) => [stage.key, { passed: 0, skippedInARow: 0 }])),
  };
}

/**
 * One step of a chain: gradients in, updates out. Pure: nothing it is given changes.
 *
 * @param gradients `path → tensor`; may name fewer parameters than `init` saw
 * @param state     from `init` or the last `update`
 * @param params    the parameters' values, needed by transformations that look at them (weight decay, adaptive clipping)
 * @returns what to add to the parameters, the new state, and reports
 * @throws RangeError on a gradient `init` did not see, or whose shape is not its parameter's, or a state of another
 *   transformation
 * @throws TypeError if the chain can end a step and the backend cannot tell whether it did (see `updateTensors`)
 * @example
 * const { updates, state: next } = update(optimizer, gradients, state, params);
 * params = applyUpdates(params, updates);
 */
export function update(
  transformation: GradientTransformation,
  gradients: Named<ArrayTensor>,
  state: State<ArrayTensor>,
  params?: Named<ArrayTensor>,
  infos?: ParameterInfos,
): UpdateResult<ArrayTensor>;
export function update<T>(
  transformation: GradientTransformation,
  gradients: Named<T>,
  state: State<T>,
  params: Named<T> | undefined,
  infos: ParameterInfos | undefined,
  ops: TensorOps<T>,
  scalars?: Scalars<T>,
): UpdateResult<T>;
export function update<T>(
  transformation: GradientTransformation,
  gradients: Named<T>,
  state: State<T>,
  params?: Named<T>,
  infos?: ParameterInfos,
  ops: TensorOps<T> = arrays as TensorOps<unknown> as TensorOps<T>,
  scalars: Scalars<T> = scalarsAt(transformation, state),
): UpdateResult<T> {
  const { updates, slots, gates, reports } = ops.tidy(() => {
    const drawn = drawnTensors(transformation, state, gradients, infos, ops);
    const inputs = { gradients, slots: state.slots, params, scalars, drawn };
    return updateTensors(transformation, inputs, infos, ops);
  });
  const outcomes: Record<string, number> = {};
  for (const [key, open] of Object.entries(gates)) {
    if (typeof open !== 'number') {
      throw new TypeError(
        `update: expected a backend that can read the gate of ${key}, got one that cannot. Call updateTensors(), read \`gates\`, and pass them to advance().`,
      );
    }
    outcomes[key] = open;
  }
  return { updates, state: advance(transformation, state, slots, outcomes), reports: listed(reports) };
}

/**
 * The part of a step that is counting: the state after `updateTensors`.
 *
 * @param slots as `updateTensors` returned them
 * @param gates the values of its `gates`; none are needed for a chain that cannot end a step
 * @throws RangeError after more skipped steps in a row than a guard allows
 * @throws TypeError if the value of a gate is missing
 */
export function advance<T>(
  transformation: GradientTransformation,
  state: Pick<State<unknown>, 'step' | 'gates'>,
  slots: Slots<T>,
  gates: Readonly<Record<string, number>> = {},
): State<T> {
  const counts = { ...state.gates };
  for (const stage of stages(transformation)) {
    if (!stage.primitive.gate) continue;
    const open = gates[stage.key];
    if (typeof open !== 'number') {
      throw new TypeError(
        `advance: expected the value of the gate of ${stage.key}, got ${open}. Pass \`gates\` of updateTensors().`,
      );
    }
    counts[stage.key] = counted(stage, counts[stage.key], open !== 0);
    // Gates behind a closed one were not reached.
    if (open === 0) break;
  }
  return { step: state.step + 1, slots, gates: counts };
}

/**
 * The tensors that a step has left behind: those of the state before it that the state after it no longer holds. A
 * backend with memory of its own frees them, and the step's gradients, updates and reports.
 *
 * @example
 * const { updates, state: next, reports } = update(optimizer, gradients, state, params, infos, ops);
 * leftBehind(state, next).forEach(free);
 */
export function leftBehind<T>(before: State<T>, after: State<T>): readonly T[] {
  const tensors = (state: State<T>) => Object.values(state.slots).flatMap((named) => Object.values(named));
  const held = new Set(tensors(after));
  return tensors(before).filter((tensor) => !held.has(tensor));
}

/**
 * Adds updates to parameters: w ← w + u. Parameters without an update keep their value.
 *
 * @example
 * params = applyUpdates(params, updates);
 */
export function applyUpdates<P extends Named<ArrayTensor>>(params: P, updates: Named<ArrayTensor>): P;
export function applyUpdates<T, P extends Named<T>>(params: P, updates: Named<T>, ops: TensorOps<T>): P;
export function applyUpdates<T, P extends Named<T>>(
  params: P,
  updates: Named<T>,
  ops: TensorOps<T> = arrays as TensorOps<unknown> as TensorOps<T>,
): P {
  const moved = Object.entries(params).map(([path, param]) => [
    path,
    path in updates ? ops.add(param, updates[path]) : param,
  ]);
  return Object.fromEntries(moved) as P;
}

/**
 * The step-dependent numbers of a chain, `'scaleByLearningRate.learningRate' → number`, at the step that `state`
 * stands before. Compiled backends feed them to their function as arguments.
 */
export function scalarsAt(
  transformation: GradientTransformation,
  state: { readonly step: number; readonly gates: State<unknown>['gates'] },
): Record<string, number> {
  const scalars: Record<string, number> = {};
  for (const [{ key, primitive }, step] of withSteps(transformation, state)) {
    for (const [name, at] of Object.entries(primitive.scalars ?? {})) scalars[`${key}.${name}`] = at(step);
  }
  return scalars;
}

/**
 * The random numbers of a chain, `path → 'addNoise.noise' → tensor`, at the step that `state` stands before. Compiled
 * backends feed them to their function with the gradients. Nothing for chains without noise.
 *
 * @param infos the parameters that gradients are there for
 * @example
 * const drawn = drawnAt(chain(addNoise({ eta: 0.01 }), optimizer), state, infos);
 * drawn.w['addNoise.noise'].shape; // [2]
 */
export function drawnAt(
  transformation: GradientTransformation,
  state: Pick<State<unknown>, 'step' | 'gates'>,
  infos: ParameterInfos,
): Slots<ArrayTensor> {
  const drawn: Record<string, Record<string, ArrayTensor>> = {};
  for (const [{ key, primitive, applies }, step] of withSteps(transformation, state)) {
    for (const [name, draw] of Object.entries(primitive.draws ?? {})) {
      for (const info of Object.values(infos).filter(applies)) {
        const { path, shape } = info;
        drawn[path] = { ...drawn[path], [`${key}.${name}`]: { shape, data: draw(step, info) } };
      }
    }
  }
  return drawn;
}

/** Every stage and the step that it counts: behind a gate, time is counted in steps that went through it. */
function withSteps(
  transformation: GradientTransformation,
  state: Pick<State<unknown>, 'step' | 'gates'>,
): (readonly [Stage, number])[] {
  let step = state.step;
  return stages(transformation).map((stage) => {
    const own = step;
    if (stage.primitive.gate) step = state.gates[stage.key]?.passed ?? step;
    return [stage, own];
  });
}

function drawnTensors<T>(
  transformation: GradientTransformation,
  state: State<T>,
  gradients: Named<T>,
  infos: ParameterInfos | undefined,
  ops: TensorOps<T>,
): Slots<T> | undefined {
  const { tensor } = ops;
  if (!tensor) return undefined;
  const described = Object.entries(gradients).map(([path, gradient]) => [
    path,
    infos?.[path] ?? describeParameter(path, ops.shape(gradient)),
  ]);
  const drawn = drawnAt(transformation, state, Object.fromEntries(described));
  const brought = Object.entries(drawn).map(([path, named]) => [
    path,
    Object.fromEntries(
      Object.entries(named).map(([name, { shape, data }]) => [name, tensor(data as Float32Array, shape)]),
    ),
  ]);
  return Object.fromEntries(brought);
}

function listed<T>(reports: Slots<T>): Report<T>[] {
  return Object.entries(reports).flatMap(([path, named]) =>
    Object.entries(named).map(([key, value]) => {
      const dot = key.lastIndexOf('.');
      return { transformation: key.slice(0, dot), path, name: key.slice(dot + 1), value };
    }),
  );
}

function counted(stage: Stage, count: GateCount, passed: boolean): GateCount {
  if (passed) return { passed: count.passed + 1, skippedInARow: 0 };
  if (stage.primitive.waits) return count;
  const skippedInARow = count.skippedInARow + 1;
  refuseMoreSkips(stage, skippedInARow);
  return { passed: count.passed, skippedInARow };
}

/** @throws RangeError after more skipped steps in a row than a guard allows */
export function refuseMoreSkips(stage: Stage, skippedInARow: number): void {
  const limit = stage.primitive.maxConsecutiveSkips ?? Infinity;
  if (skippedInARow > limit) {
    throw new RangeError(
      `${stage.key}: expected at most ${limit} skipped steps in a row, got ${skippedInARow}. Lower the learning rate, or look at the gradients with inspectGradients().`,
    );
  }
}
