/** Some steps of a chain on a carrier, on plain arrays, and how far apart the two are. */
import {
  type ArrayTensor,
  advance,
  applyUpdates,
  drawnAt,
  type GradientTransformation,
  init,
  type Named,
  type ParameterInfo,
  type Slots,
  type State,
  scalarsAt,
  type TensorOps,
  tensor,
  update,
  updateTensors,
} from 'znorm';
import type { Carrier, Compiled, Computation } from '../../../znorm/test/carriers/carrier.ts';
import { type Gradients, infos, params } from './network.ts';

/** What a chain trains. */
export interface Setting {
  readonly infos: Readonly<Record<string, ParameterInfo>>;
  readonly params: Named<ArrayTensor>;
  readonly steps: number;
}

export const steps = 6;
const network: Setting = { infos, params, steps };

/** Carriers run computations on flat names: `slots|head/bias|scaleByAdam.mu`, `updates|all|head/bias`. */
const separator = '|';

function flattened<T>(tree: Readonly<Record<string, Slots<T>>>): Named<T> {
  const flat: Record<string, T> = {};
  for (const [part, outer] of Object.entries(tree)) {
    for (const [path, inner] of Object.entries(outer)) {
      for (const [name, value] of Object.entries(inner)) flat[[part, path, name].join(separator)] = value;
    }
  }
  return flat;
}

function nested<T>(flat: Named<T>): Record<string, Record<string, Record<string, T>>> {
  const tree: Record<string, Record<string, Record<string, T>>> = {};
  for (const [key, value] of Object.entries(flat)) {
    const [part, path, name] = key.split(separator) as [string, string, string];
    tree[part] ??= {};
    tree[part][path] ??= {};
    tree[part][path][name] = value;
  }
  return tree;
}

const startOf =
  (transformation: GradientTransformation, { infos }: Setting): Computation =>
  (ops, inputs) =>
    flattened({ slots: init(transformation, inputs, infos, ops).slots });

const stepOf =
  (transformation: GradientTransformation, { infos }: Setting): Computation =>
  <T>(ops: TensorOps<T>, inputs: Named<T>) => {
    const { gradients, params, scalars = {}, slots = {}, drawn } = nested(inputs);
    const known = { ...Object.fromEntries(Object.keys(infos).map((path) => [path, {}])), ...slots };
    const result = updateTensors(
      transformation,
      { gradients: gradients!.all!, params: params!.all!, scalars: scalars.all ?? {}, slots: known, drawn },
      infos,
      ops,
    );
    const gates = Object.fromEntries(
      Object.entries(result.gates).map(([key, open]) => [
        key,
        typeof open === 'number' ? ops.full([], open) : ops.copy(open),
      ]),
    );
    return flattened({
      updates: { all: result.updates },
      params: { all: applyUpdates(params!.all!, result.updates, ops) },
      slots: result.slots,
      reports: result.reports,
      gates: { all: gates },
    });
  };

/** What a step leaves behind, by flat name: updates, parameters, slots, reports. */
export type Trajectory = Named<ArrayTensor>[];

/** Plain arrays, through the functions that users call. */
export function reference(transformation: GradientTransformation, gradients: Gradients): Trajectory {
  let state: State<ArrayTensor> = init(transformation, params, infos);
  let weights = params;
  return Array.from({ length: steps }, (_, step) => {
    const given = Object.fromEntries(Object.keys(infos).map((path) => [path, gradients(path, step)]));
    const result = update(transformation, given, state, weights, infos);
    state = result.state;
    weights = applyUpdates(weights, result.updates);
    const reports: Record<string, Record<string, ArrayTensor>> = {};
    for (const { path, transformation, name, value } of result.reports) {
      reports[path] = { ...reports[path], [`${transformation}.${name}`]: value };
    }
    return flattened({
      updates: { all: result.updates },
      params: { all: weights },
      slots: state.slots,
      reports,
    });
  });
}

/** The same through `updateTensors` and `advance`, as adapters will: scalars go in as tensors, gates come out as values. */
export async function carried(
  carrier: Carrier,
  transformation: GradientTransformation,
  gradients: Gradients,
  setting: Setting = network,
): Promise<{ trajectory: Trajectory; compilations: number }> {
  let compilations = 0;
  const { infos, params, steps } = setting;
  const paths = Object.keys(infos);
  const computation = stepOf(transformation, setting);
  const counted: Computation = (ops, inputs) => {
    compilations++;
    return computation(ops, inputs);
  };
  const start = carrier.compile(startOf(transformation, setting));
  const step: Compiled = carrier.compile(counted);
  try {
    const slots = hasState(transformation, setting) ? (nested(await start.run(params)).slots ?? {}) : {};
    let state: State<ArrayTensor> = { ...init(transformation, params, infos), slots };
    let weights = params;
    const trajectory: Trajectory = [];
    for (let t = 0; t < steps; t++) {
      const given = Object.fromEntries(paths.map((path) => [path, gradients(path, t)]));
      const scalars = Object.fromEntries(
        Object.entries(scalarsAt(transformation, state)).map(([name, value]) => [name, tensor([value], [])]),
      );
      const results = await step.run(
        flattened({
          gradients: { all: given },
          params: { all: weights },
          scalars: { all: scalars },
          slots: state.slots,
          drawn: drawnAt(transformation, state, infos),
        }),
      );
      const { gates, ...rest } = nested(results);
      const outcomes = Object.fromEntries(
        Object.entries(gates?.all ?? {}).map(([key, open]) => [key, open.data[0]!]),
      );
      state = advance(transformation, state, rest.slots ?? {}, outcomes);
      weights = rest.params!.all!;
      trajectory.push(flattened(rest));
    }
    return { trajectory, compilations };
  } finally {
    await start.release();
    await step.release();
  }
}

/** A graph without outputs cannot be run. */
function hasState(transformation: GradientTransformation, { infos, params }: Setting): boolean {
  return Object.values(init(transformation, params, infos).slots).some(
    (slots) => Object.keys(slots).length > 0,
  );
}

/** Below the smallest normal float32 a carrier may round to 0. */
const smallestNormal = 2 ** -126;

/** Largest difference of two tensors over `size`; infinite unless NaN and infinities stand at the same places. */
function difference(found: ArrayTensor | undefined, expected: ArrayTensor, size: number): number {
  if (`${found?.shape}` !== `${expected.shape}`) return Infinity;
  const differences = Array.from(expected.data, (value, i) => {
    const other = found!.data[i]!;
    if (Object.is(other, value) || Math.abs(other - value) <= smallestNormal) return 0;
    return Number.isFinite(value) && Number.isFinite(other) ? Math.abs(other - value) / size : Infinity;
  });
  return Math.max(0, ...differences);
}

const largest = ({ data }: ArrayTensor) => Math.max(0, ...Array.from(data, Math.abs).filter(Number.isFinite));

/**
 * The worst difference, relative to the largest element that the tensor has had so far: state is a sum over steps,
 * whose terms may cancel. A mean is measured against the deviation kept beside it, and nothing smaller than `unit`
 * counts as small.
 */
export function worst(
  found: Trajectory,
  expected: Trajectory,
  unit: number,
): { error: number; where: string } {
  let worst = { error: 0, where: 'nowhere' };
  const sizes: Record<string, number> = {};
  expected.forEach((values, step) => {
    for (const [name, value] of Object.entries(found[step]!)) {
      // Behind a closed gate there is nothing to report, which a compiled step can only say with a 0.
      if (name in values) continue;
      if (!name.startsWith(`reports${separator}`) || value.data[0] !== 0) {
        throw new Error(`expected plain arrays to have ${name} at step ${step} too`);
      }
    }
    for (const [name, value] of Object.entries(values)) {
      const beside = values[name.replace(/mean$/, 'std')]!;
      sizes[name] = Math.max(sizes[name] ?? unit, largest(value), largest(beside));
      const error = difference(found[step]![name], value, sizes[name]);
      if (error > worst.error) worst = { error, where: `${name} at step ${step}` };
    }
  });
  return worst;
}
