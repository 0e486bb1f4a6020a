import { type ArrayTensor, arrays } from './backends/arrays.ts';
import { describeParameter, type Named, type ParameterInfo } from './parameters.ts';
import { type Stage, stages } from './stages.ts';
import type { TensorOps } from './tensor-ops.ts';
import type { GradientTransformation, Leaf, Scalars } from './transformation.ts';

/** The state of a chain: tensors by parameter path and slot name, and counters. Plain data, ready to be saved. */
export interface State<T> {
  /** Updates taken so far. */
  readonly step: number;
  /** `path → 'scaleByAdam.mu' → tensor`. */
  readonly slots: Readonly<Record<string, Readonly<Record<string, T>>>>;
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

/** What is known of the parameters, by path; made from names and shapes where an adapter gives nothing better. */
export type ParameterInfos = Readonly<Record<string, ParameterInfo>>;

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
  const slots: Record<string, Record<string, T>> = {};
  for (const [path, param] of Object.entries(params)) {
    const info = infos?.[path] ?? describeParameter(path, ops.shape(param));
    slots[path] = {};
    for (const stage of plan) {
      if (!stage.primitive.init || !stage.applies(info)) continue;
      for (const [name, slot] of Object.entries(stage.primitive.init(ops, info, param))) {
        slots[path][`${stage.key}.${name}`] = slot;
      }
    }
  }
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
 * @throws RangeError on a gradient `init` did not see, or whose shape is not its parameter's
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
  const described = describeAll(gradients, state, params, infos, ops);
  return ops.tidy(() => {
    const updates: Record<string, T> = { ...gradients };
    const slots: Record<string, Record<string, T>> = {};
    for (const [path, kept] of Object.entries(state.slots)) slots[path] = { ...kept };
    const gates = { ...state.gates };
    const reports: Report<T>[] = [];
    // The gates passed so far whose value only the device knows; what comes after them is selected, not branched.
    const undecided: T[] = [];

    for (const stage of stages(transformation)) {
      const members = described.filter(({ info }) => stage.applies(info));
      const leaves = members.map(({ path, info }) => ({
        path,
        leaf: leafOf(stage, info, params?.[path], slots[path] ?? {}, scalars),
      }));
      const { measured, pooled } = reduce(ops, stage, leaves, updates);

      for (const { path, leaf } of leaves) {
        const group = stage.primitive.reduction?.group(leaf.parameter) ?? '';
        const known = { ...leaf, measured: measured[path] ?? {}, pooled: pooled[group] ?? {} };
        const result = stage.primitive.update(ops, updates[path], known);
        updates[path] = result.updates;
        for (const [name, slot] of Object.entries(result.slots ?? {})) {
          const key = `${stage.key}.${name}`;
          slots[path][key] = undecided.reduce((next, open) => ops.where(open, next, slots[path][key]), slot);
        }
        for (const [name, value] of Object.entries(result.reports ?? {})) {
          reports.push({ transformation: stage.key, path, name, value });
        }
      }

      if (!stage.primitive.gate) continue;
      const everything = Object.assign({}, ...Object.values(pooled)) as Record<string, T>;
      const flag = stage.primitive.gate(ops, everything, ownScalars(stage, scalars));
      const open = typeof flag === 'number' ? flag : ops.toNumber?.(flag);
      if (open === undefined) undecided.push(flag as T);
      gates[stage.key] = counted(stage, gates[stage.key], open !== 0);
      if (open === 0) {
        for (const { path } of described) updates[path] = ops.full(ops.shape(updates[path]), 0);
        break;
      }
    }

    for (const open of undecided) {
      for (const { path } of described) updates[path] = ops.where(open, updates[path], 0);
    }
    return { updates, state: { step: state.step + 1, slots, gates }, reports };
  });
}

/**
 * Adds updates to parameters: w ← w + u. Parameters without an update keep their value.
 *
 * @example
 * params = applyUpdates(params, updates);
 */
export function applyUpdates(params: Named<ArrayTensor>, updates: Named<ArrayTensor>): Named<ArrayTensor>;
export function applyUpdates<T>(params: Named<T>, updates: Named<T>, ops: TensorOps<T>): Named<T>;
export function applyUpdates<T>(
  params: Named<T>,
  updates: Named<T>,
  ops: TensorOps<T> = arrays as TensorOps<unknown> as TensorOps<T>,
): Named<T> {
  return Object.fromEntries(
    Object.entries(params).map(([path, param]) => [
      path,
      path in updates ? ops.add(param, updates[path]) : param,
    ]),
  );
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
  let step = state.step;
  for (const stage of stages(transformation)) {
    for (const [name, at] of Object.entries(stage.primitive.scalars ?? {}))
      scalars[`${stage.key}.${name}`] = at(step);
    // Behind a gate, time is counted in steps that went through it.
    if (stage.primitive.gate) step = state.gates[stage.key]?.passed ?? step;
  }
  return scalars;
}

function describeAll<T>(
  gradients: Named<T>,
  state: State<T>,
  params: Named<T> | undefined,
  infos: ParameterInfos | undefined,
  ops: TensorOps<T>,
): { path: string; info: ParameterInfo }[] {
  return Object.entries(gradients).map(([path, gradient]) => {
    if (!(path in state.slots)) {
      throw new RangeError(
        `update: expected a gradient that init() saw, got '${path}'. Pass all parameters to init().`,
      );
    }
    const shape = ops.shape(gradient);
    const info = infos?.[path] ?? describeParameter(path, shape);
    const expected = params?.[path] === undefined ? info.shape : ops.shape(params[path]);
    if (shape.length !== expected.length || shape.some((size, axis) => size !== expected[axis])) {
      throw new RangeError(
        `update: expected a gradient of shape [${expected}], got [${shape}] at '${path}'.`,
      );
    }
    return { path, info };
  });
}

function leafOf<T>(
  stage: Stage,
  parameter: ParameterInfo,
  param: T | undefined,
  slots: Readonly<Record<string, T>>,
  scalars: Scalars<T>,
): Leaf<T> {
  return {
    parameter,
    param,
    slots: withoutPrefix(stage.key, slots),
    scalars: ownScalars(stage, scalars),
    measured: {},
    pooled: {},
  };
}

function reduce<T>(
  ops: TensorOps<T>,
  stage: Stage,
  leaves: readonly { path: string; leaf: Leaf<T> }[],
  updates: Readonly<Record<string, T>>,
): {
  measured: Record<string, Readonly<Record<string, T>>>;
  pooled: Record<string, Readonly<Record<string, T>>>;
} {
  const { reduction } = stage.primitive;
  if (!reduction) return { measured: {}, pooled: {} };
  const measured: Record<string, Readonly<Record<string, T>>> = {};
  const groups: Record<string, { parameter: ParameterInfo; measured: Readonly<Record<string, T>> }[]> = {};
  for (const { path, leaf } of leaves) {
    measured[path] = reduction.measure(ops, updates[path], leaf);
    const group = reduction.group(leaf.parameter);
    groups[group] ??= [];
    groups[group].push({ parameter: leaf.parameter, measured: measured[path] });
  }
  const pooled = Object.entries(groups).map(([name, members]) => [name, reduction.combine(ops, members)]);
  return { measured, pooled: Object.fromEntries(pooled) };
}

function counted(stage: Stage, count: GateCount, passed: boolean): GateCount {
  if (passed) return { passed: count.passed + 1, skippedInARow: 0 };
  const skippedInARow = count.skippedInARow + 1;
  const limit = stage.primitive.maxConsecutiveSkips ?? Infinity;
  if (skippedInARow > limit) {
    throw new RangeError(
      `${stage.key}: expected at most ${limit} skipped steps in a row, got ${skippedInARow}. Lower the learning rate, or look at the gradients with inspectGradients().`,
    );
  }
  return { passed: count.passed, skippedInARow };
}

function ownScalars<T>(stage: Stage, scalars: Scalars<T>): Scalars<T> {
  return withoutPrefix(stage.key, scalars);
}

function withoutPrefix<V>(key: string, entries: Readonly<Record<string, V>>): Record<string, V> {
  const prefix = `${key}.`;
  const own: Record<string, V> = {};
  for (const [name, value] of Object.entries(entries)) {
    if (name.startsWith(prefix)) own[name.slice(prefix.length)] = value;
  }
  return own;
}
