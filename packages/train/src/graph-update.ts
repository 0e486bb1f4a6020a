import {
  type ArrayTensor,
  advance,
  drawnAt,
  type GradientTransformation,
  type Report,
  scalarsAt,
  stages,
} from 'znorm';
import type { Batch } from './batch.ts';
import { createGraph, emit, input, output } from './onnx/graph.ts';
import type { Engine } from './runtime/engine.ts';
import { createSession, free, type KeptTensor, type TensorView } from './runtime/session.ts';
import type { StepGraph } from './step-graph.ts';
import { loadStep, type Measured } from './step-run.ts';
import { type StepTaken, slotsOf, type TrainingState } from './training-state.ts';
import { updateNames, withUpdate } from './update-graph.ts';

/** A training step that is one graph, from the batch to the next parameters. They stay where it runs. */
export interface GraphUpdate {
  readonly inputs: readonly string[];
  /**
   * Runs one step.
   *
   * @param refuse called, if the chain has no guard of its own, with the path of a gradient that is not finite, or
   *   with undefined for the loss; throws. Whatever throws, nothing has changed.
   */
  step(
    batch: Batch,
    key: { seed: number; step: number },
    refuse: ((loss: number, path: string | undefined) => never) | undefined,
  ): Promise<Measured & StepTaken>;
  /** The training state where the graph runs, if that in memory is behind: by path, and slots by `updateNames.slot`. */
  readonly current: Readonly<Record<string, KeptTensor>> | undefined;
  /** Brings the training state back to memory, from which the next step takes it again. */
  synchronize(): Promise<void>;
  /** Forgets what is not in memory: it has been written to. */
  forget(): void;
  release(): Promise<void>;
}

export async function createGraphUpdate(
  built: StepGraph,
  optimizer: GradientTransformation,
  state: TrainingState,
  options: { engine: Engine; threads: number },
): Promise<GraphUpdate> {
  const graph = withUpdate(built, optimizer, state.optimizer, state.infos);
  const { moved, scalars, drawn, gates, reports } = graph;
  const loaded = await loadStep(graph, state, {
    ...options,
    kept: [...moved.values()],
    given: [...moved.keys(), ...scalars.map(updateNames.scalar), ...drawn],
  });
  /** The tensors of the training state that move, as they lie in memory. */
  const inMemory = (): Readonly<Record<string, ArrayTensor>> => ({
    ...state.parameters,
    ...Object.fromEntries(slotsOf(state.optimizer).map(([name, tensor]) => [`slot ${name}`, tensor])),
    ...Object.fromEntries(Object.entries(state.buffers).filter(([path]) => moved.has(path))),
  });
  const reader = await createReader(singles(inMemory()), options);
  let current: Readonly<Record<string, KeptTensor>> | undefined;

  const forget = () => {
    if (current) Object.values(current).forEach(free);
    current = undefined;
  };

  return {
    inputs: loaded.inputs,
    get current() {
      return current;
    },
    async step(batch, key, refuse) {
      const numbers = Object.entries(scalarsAt(optimizer, state.optimizer)).map(([name, value]) => [
        updateNames.scalar(name),
        { shape: [], data: Float32Array.of(value) },
      ]);
      const noise = Object.entries(drawnAt(optimizer, state.optimizer, state.infos)).flatMap(([path, own]) =>
        Object.entries(own).map(([name, drawn]) => [updateNames.drawn(path, name), drawn]),
      );
      const given = { ...(current ?? singles(inMemory())), ...Object.fromEntries([...numbers, ...noise]) };
      const results = await loaded.run(batch, key, given);
      const measured = loaded.measured();
      const next = Object.fromEntries([...moved].map(([from, to]) => [from, results[to]]));
      try {
        if (refuse) {
          const bad = Array.from(loaded.reading(updateNames.nonfinite)).findIndex((count) => count > 0);
          if (bad >= 0 || !Number.isFinite(measured.loss)) {
            refuse(measured.loss, Object.keys(state.infos)[bad]);
          }
        }
        const outcomes = outcomesOf(optimizer, gates, (key) => loaded.reading(updateNames.gate(key))[0]);
        state.optimizer = advance(optimizer, state.optimizer, state.optimizer.slots, outcomes);
        const skipped = Object.values(outcomes).includes(0);
        const values = reports.length > 0 ? loaded.reading(updateNames.reports) : [];
        const told: Report<ArrayTensor>[] = reports.map((report, i) => ({
          ...report,
          value: { shape: [], data: Float64Array.of(values[i]) },
        }));
        forget();
        current = next;
        return { ...measured, skipped, reports: told };
      } catch (error) {
        Object.values(next).forEach(free);
        throw error;
      }
    },
    async synchronize() {
      if (!current) return;
      const there = inMemory();
      const read = singles(there);
      await reader.read(current, read);
      for (const [name, { data }] of Object.entries(there)) {
        if (data !== read[name].data) data.set(read[name].data);
      }
      forget();
    },
    forget,
    async release() {
      forget();
      await loaded.release();
      await reader.release();
    },
  };
}

/** In float32, as graphs compute. On the processor, statistics that are kept from step to step are float64. */
function singles(tensors: Readonly<Record<string, ArrayTensor>>) {
  return Object.fromEntries(
    Object.entries(tensors).map(([name, { shape, data }]) => [
      name,
      { shape, data: data instanceof Float32Array ? data : Float32Array.from(data) },
    ]),
  );
}

/** The values of all gates; one that applies to no parameter is always open. */
function outcomesOf(
  optimizer: GradientTransformation,
  inGraph: readonly string[],
  read: (key: string) => number,
): Record<string, number> {
  const gated = stages(optimizer).filter(({ primitive }) => primitive.gate);
  return Object.fromEntries(gated.map(({ key }) => [key, inGraph.includes(key) ? read(key) : 1]));
}

/** A graph that hands out what it is given: on a device, the one way to read that works in Node and in browsers. */
async function createReader(
  tensors: Readonly<Record<string, TensorView>>,
  options: { engine: Engine; threads: number },
) {
  const graph = createGraph();
  for (const [name, { shape }] of Object.entries(tensors)) {
    output(emit(graph, 'Identity', [input(graph, name, shape)], {}, shape), `read ${name}`);
  }
  const session = await createSession(graph, options);
  return {
    async read(from: Readonly<Record<string, KeptTensor>>, into: Readonly<Record<string, TensorView>>) {
      await session.run(
        from,
        Object.fromEntries(Object.entries(into).map(([name, view]) => [`read ${name}`, view])),
      );
    },
    release: () => session.release(),
  };
}
