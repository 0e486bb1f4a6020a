import { describeParameter, type Named, type ParameterInfo } from './parameters.ts';
import { type Stage, stages } from './stages.ts';
import type { Operand, TensorOps } from './tensor-ops.ts';
import type { GradientTransformation, Leaf, Scalars } from './transformation.ts';

/** What is known of the parameters, by path; made from names and shapes where an adapter gives nothing better. */
export type ParameterInfos = Readonly<Record<string, ParameterInfo>>;

/** The tensors of a state: `path → 'scaleByAdam.mu' → tensor`. */
export type Slots<T> = Named<Readonly<Record<string, T>>>;

export interface TensorInputs<T> {
  readonly gradients: Named<T>;
  readonly slots: Slots<T>;
  /** The parameters' values, for transformations that look at them. */
  readonly params?: Named<T>;
  /** What `scalarsAt` gives for this step: numbers, or scalar tensors where numbers would be compiled in. */
  readonly scalars: Scalars<T>;
  /** What `drawnAt` gives for this step, for chains with noise: `path → 'addNoise.noise' → tensor`. */
  readonly drawn?: Slots<T>;
}

/** Nested records of tensors, as compiled functions take and return them. */
export interface TensorUpdate<T> {
  /** What to add to the parameters. */
  readonly updates: Named<T>;
  readonly slots: Slots<T>;
  /** By gate, whether the step went on (1) or ended there (0): a number if the backend reads values, else a tensor. */
  readonly gates: Readonly<Record<string, Operand<T>>>;
  /** `path → 'znorm.degenerate' → scalar`. Behind a closed gate: none if its value was read, else 0. */
  readonly reports: Slots<T>;
}

/**
 * The part of a step that is arithmetic: tensors in, tensors out, nothing counted. This is what `jit` compiles and
 * what becomes nodes of a graph; `update` is this followed by `advance`. It reads a value only where the backend
 * offers `toNumber`; elsewhere a closed gate selects zeros and the old state instead of ending the step early.
 *
 * Ownership is that of `GradientTransformation`. New slots never share a tensor with updates, gradients, parameters
 * or reports, so all of those can be freed or overwritten while the state lives on.
 *
 * @example
 * const step = jit((inputs) => updateTensors(optimizer, inputs, infos, ops));   // once
 * const scalars = toArrays(scalarsAt(optimizer, state));                        // then at every step
 * const { updates, slots, gates } = step({ gradients, slots: state.slots, scalars });
 * state = advance(optimizer, state, slots, await readAll(gates));
 * @throws RangeError on a gradient `init` did not see, or whose shape is not its parameter's, or slots of another
 *   transformation
 */
export function updateTensors<T>(
  transformation: GradientTransformation,
  inputs: TensorInputs<T>,
  infos: ParameterInfos | undefined,
  ops: TensorOps<T>,
): TensorUpdate<T> {
  const described = describeAll(inputs, infos, ops);
  return ops.tidy(() => {
    const updates: Record<string, T> = { ...inputs.gradients };
    const slots: Record<string, Record<string, T>> = {};
    for (const [path, kept] of Object.entries(inputs.slots)) slots[path] = { ...kept };
    const gates: Record<string, Operand<T>> = {};
    const reports: Record<string, Record<string, T>> = {};
    // The gates passed so far whose value only the device knows; what comes after them is selected, not branched.
    const undecided: T[] = [];
    const ifOpen = (next: T, otherwise: Operand<T>): T =>
      undecided.reduce((value, open) => ops.where(open, value, otherwise), next);

    for (const stage of stages(transformation)) {
      const { primitive, key } = stage;
      const leaves = described
        .filter(({ info }) => stage.applies(info))
        .map(({ path, info }) => ({ path, leaf: leafOf(stage, info, inputs, slots[path]) }));
      const { measured, pooled } = reduce(ops, stage, leaves, updates);

      for (const { path, leaf } of leaves) {
        const group = primitive.reduction?.group(leaf.parameter) ?? '';
        const known = { ...leaf, measured: measured[path] ?? {}, pooled: pooled[group] ?? {} };
        const result = ops.tidy(() => primitive.update(ops, updates[path], known));
        updates[path] = result.updates;
        for (const [name, next] of Object.entries(result.slots ?? {})) {
          const slot = `${key}.${name}`;
          slots[path][slot] = ifOpen(next, slots[path][slot]);
        }
        for (const [name, value] of Object.entries(result.reports ?? {})) {
          reports[path] = { ...reports[path], [`${key}.${name}`]: ifOpen(value, 0) };
        }
      }

      if (!primitive.gate) continue;
      const everything = Object.assign({}, ...Object.values(pooled)) as Record<string, T>;
      const flag =
        leaves.length === 0 ? 1 : primitive.gate(ops, everything, ownEntries(stage, inputs.scalars));
      gates[key] = typeof flag === 'number' ? flag : (ops.toNumber?.(flag) ?? flag);
      if (gates[key] === 0) {
        for (const { path } of described) updates[path] = ops.full(ops.shape(updates[path]), 0);
        break;
      }
      if (typeof gates[key] !== 'number') undecided.push(gates[key]);
    }

    for (const { path } of described) updates[path] = ifOpen(updates[path], 0);
    const lent = [updates, inputs.gradients, inputs.params ?? {}, ...Object.values(reports)];
    return { updates, slots: withTensorsOfTheirOwn(slots, lent, ops), gates, reports };
  });
}

/** Slots in which no tensor is also one of `others`, or there twice. */
export function withTensorsOfTheirOwn<T>(
  slots: Slots<T>,
  others: readonly Named<T>[],
  ops: TensorOps<T>,
): Slots<T> {
  const taken = new Set(others.flatMap((named) => Object.values(named)));
  const own = (slot: T): T => {
    if (taken.has(slot)) return ops.copy(slot);
    taken.add(slot);
    return slot;
  };
  return mapRecord(slots, (named) => mapRecord(named, own));
}

function mapRecord<A, B>(record: Readonly<Record<string, A>>, change: (value: A) => B): Record<string, B> {
  return Object.fromEntries(Object.entries(record).map(([key, value]) => [key, change(value)]));
}

function describeAll<T>(
  { gradients, slots, params }: TensorInputs<T>,
  infos: ParameterInfos | undefined,
  ops: TensorOps<T>,
): { path: string; info: ParameterInfo }[] {
  return Object.entries(gradients).map(([path, gradient]) => {
    if (!(path in slots)) {
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
  { params, scalars, drawn }: TensorInputs<T>,
  slots: Readonly<Record<string, T>>,
): Leaf<T> {
  const own = ownEntries(stage, slots);
  if (stage.primitive.init && Object.keys(own).length === 0) {
    throw new RangeError(
      `update: expected state of ${stage.key}, got none at '${parameter.path}'. Pass the state that init() made for this transformation and these infos.`,
    );
  }
  const fed = ownEntries(stage, drawn?.[parameter.path] ?? {});
  for (const name of Object.keys(stage.primitive.draws ?? {})) {
    if (name in fed) continue;
    throw new TypeError(
      `updateTensors: expected drawn tensors of ${stage.key}, got none at '${parameter.path}'. Feed \`drawn\` with what drawnAt() gives for each step, as tensors of the backend.`,
    );
  }
  return {
    parameter,
    param: params?.[parameter.path],
    slots: own,
    scalars: ownEntries(stage, scalars),
    drawn: fed,
    measured: {},
    pooled: {},
  };
}

function reduce<T>(
  ops: TensorOps<T>,
  stage: Stage,
  leaves: readonly { path: string; leaf: Leaf<T> }[],
  updates: Readonly<Record<string, T>>,
): { measured: Slots<T>; pooled: Slots<T> } {
  const { reduction } = stage.primitive;
  if (!reduction) return { measured: {}, pooled: {} };
  const measured: Record<string, Readonly<Record<string, T>>> = {};
  const groups: Record<string, { parameter: ParameterInfo; measured: Readonly<Record<string, T>> }[]> = {};
  for (const { path, leaf } of leaves) {
    measured[path] = ops.tidy(() => reduction.measure(ops, updates[path], leaf));
    const group = reduction.group(leaf.parameter);
    groups[group] ??= [];
    groups[group].push({ parameter: leaf.parameter, measured: measured[path] });
  }
  return { measured, pooled: mapRecord(groups, (members) => reduction.combine(ops, members)) };
}

/** What belongs to a stage among entries keyed `stage.name`, by name. */
function ownEntries<V>({ key }: Stage, entries: Readonly<Record<string, V>>): Record<string, V> {
  const prefix = `${key}.`;
  const own = Object.entries(entries).filter(([name]) => name.startsWith(prefix));
  return Object.fromEntries(own.map(([name, value]) => [name.slice(prefix.length), value]));
}
