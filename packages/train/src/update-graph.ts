import {
  type ArrayTensor,
  drawnAt,
  type GradientTransformation,
  type ParameterInfo,
  type State,
  scalarsAt,
  sizeOf,
  updateTensors,
} from 'znorm';
import { concat, reshape } from './autodiff/shape.ts';
import { emit, input, output, type Value } from './onnx/graph.ts';
import { nodesOf } from './onnx/transformation-nodes.ts';
import { graphNames, type StepGraph } from './step-graph.ts';

/** A step that ends in the next parameters, state and buffers, and not in gradients. */
export interface UpdateGraph extends StepGraph {
  /** Tensors of the training state that go in, each with the output that takes its place. */
  readonly moved: ReadonlyMap<string, string>;
  /** Step-dependent numbers that go in, as `scalarsAt` names them. */
  readonly scalars: readonly string[];
  /** Random numbers that go in, named by `updateNames.drawn`. */
  readonly drawn: readonly string[];
  readonly gates: readonly string[];
  /** What the elements of the output `reports` say. */
  readonly reports: readonly {
    readonly transformation: string;
    readonly path: string;
    readonly name: string;
  }[];
}

export const updateNames = {
  slot: (path: string, slot: string) => `slot ${path}/${slot}`,
  scalar: (name: string) => `scalar ${name}`,
  drawn: (path: string, name: string) => `drawn ${path}/${name}`,
  gate: (key: string) => `gate of ${key}`,
  reports: 'values of reports',
  /** By parameter: how many elements of its gradient are NaN or infinite. */
  nonfinite: 'values of nonfinite',
};

/**
 * Appends a chain and w ← w + u to a training graph, in place of its gradients. A step that a gate of the chain ends
 * leaves everything as it was, buffers included.
 */
export function withUpdate(
  step: StepGraph,
  optimizer: GradientTransformation,
  state: State<ArrayTensor>,
  infos: Readonly<Record<string, ParameterInfo>>,
): UpdateGraph {
  const { graph, declared } = step;
  const ops = nodesOf(graph);
  const paths = Object.keys(infos);
  const moved = new Map<string, string>();
  const params = Object.fromEntries(paths.map((path) => [path, declared.parameters.get(path)!.value]));
  const gradients = Object.fromEntries(
    paths.map((path) => [path, graph.outputs.get(graphNames.gradient(path))!]),
  );
  for (const path of paths) graph.outputs.delete(graphNames.gradient(path));
  const slots = mapped(state.slots, (own, path) =>
    mapped(own, ({ shape }, slot) => input(graph, updateNames.slot(path, slot), shape)),
  );
  const names = Object.keys(scalarsAt(optimizer, state));
  const scalars = Object.fromEntries(names.map((name) => [name, input(graph, updateNames.scalar(name), [])]));
  const drawn = mapped(drawnAt(optimizer, state, infos), (own, path) =>
    mapped(own, ({ shape }, name) => input(graph, updateNames.drawn(path, name), shape)),
  );

  const result = updateTensors(optimizer, { gradients, slots, params, scalars, drawn }, infos, ops);

  const flags = Object.entries(result.gates).flatMap(([key, open]) =>
    typeof open === 'number' ? [] : [[key, open] as const],
  );
  for (const [key, open] of flags) output(open, updateNames.gate(key));
  const move = (from: string, to: string, value: Value) => {
    output(value, to);
    moved.set(from, to);
  };
  for (const path of paths) {
    const next = ops.add(params[path], result.updates[path]);
    // Behind a closed gate updates are 0: the parameter stays, to the bit.
    move(path, graphNames.next(path), next);
    for (const [slot, value] of Object.entries(result.slots[path])) {
      const name = updateNames.slot(path, slot);
      // A slot that passes through is an input: an output must be a node's.
      const own = value === slots[path][slot] ? emit(graph, 'Identity', [value], {}, value.shape) : value;
      move(name, `next ${name}`, own);
    }
  }
  for (const [path, { value, next }] of declared.buffers) {
    if (!next) continue;
    const name = graphNames.next(path);
    graph.outputs.set(
      name,
      flags.reduce((kept, [, open]) => ops.where(open, kept, value), next),
    );
    moved.set(path, name);
  }

  const reports = Object.entries(result.reports).flatMap(([path, own]) =>
    Object.entries(own).map(([key, value]) => {
      const dot = key.lastIndexOf('.');
      return { transformation: key.slice(0, dot), path, name: key.slice(dot + 1), value };
    }),
  );
  outputList(
    updateNames.reports,
    reports.map(({ value }) => value),
  );
  outputList(
    updateNames.nonfinite,
    Object.values(gradients).map((g) => ops.sub(sizeOf(g.shape), ops.sum(ops.isFinite(g)))),
  );
  return {
    ...step,
    moved,
    scalars: names,
    drawn: Object.values(drawn).flatMap((own) => Object.values(own).map(({ name }) => name)),
    gates: flags.map(([key]) => key),
    reports: reports.map(({ value: _, ...report }) => report),
  };
}

/** One-element values as one vector: a device is read once. */
function outputList(name: string, values: readonly Value[]): void {
  if (values.length > 0)
    output(
      concat(
        values.map((value) => reshape(value, [1])),
        0,
      ),
      name,
    );
}

function mapped<A, B>(record: Readonly<Record<string, A>>, change: (value: A, key: string) => B) {
  return Object.fromEntries(Object.entries(record).map(([key, value]) => [key, change(value, key)]));
}
