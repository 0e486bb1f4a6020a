import { type ArrayTensor, type Named, sizeOf } from 'znorm';
import type { Batch } from './batch.ts';
import { randomStream } from './random.ts';
import type { Engine } from './runtime/engine.ts';
import { createSession, type Kept, type KeptTensor, type TensorView } from './runtime/session.ts';
import { graphNames, type StepGraph } from './step-graph.ts';
import type { TrainingState } from './training-state.ts';

/** A graph that is loaded and bound to a training state: it reads parameters and writes gradients where they lie. */
export interface LoadedStep {
  /** The objective's inputs that `run` reads from a batch. */
  readonly inputs: readonly string[];
  /**
   * Runs the graph on a batch. `key` names the random streams that are fed, such as dropout masks.
   *
   * @param given what takes the place of tensors of the training state, and what it does not have; what the graph does
   *   not read is left out
   * @returns the outputs that are kept
   */
  run(
    batch: Batch,
    key: { seed: number; step: number },
    given?: Readonly<Record<string, TensorView | KeptTensor>>,
  ): Promise<Kept>;
  /** What the last run came to. */
  measured(): Measured;
  /** An output of the last run, by its name in the graph. */
  reading(name: string): Float32Array;
  /** The outputs of the last run; the next one overwrites them. */
  readonly outputs: Named<ArrayTensor>;
  release(): Promise<void>;
}

export interface Measured {
  readonly loss: number;
  /** What the loss weighs in a mean over several batches. */
  readonly weight: number;
  readonly counts: Readonly<Record<string, number>>;
}

/** Loads a graph and binds every input and output but the batch, once: a step then allocates nothing that stays. */
export async function loadStep(
  { graph, declared, batchSize, inputs, counts, outputs }: StepGraph,
  state: TrainingState,
  options: {
    engine: Engine;
    threads: number;
    profile?: string;
    kept?: readonly string[];
    given?: readonly string[];
  },
): Promise<LoadedStep> {
  const { kept: keptOutputs = [], given: givenInputs = [] } = options;
  const fed = new Map(graph.inputs.map(({ name, shape }) => [name, shape]));
  const randoms = [...declared.randoms].flatMap(
    ([
      path,
      {
        fill,
        value: { shape },
      },
    ]) => {
      return fed.has(path) ? [{ path, fill, view: { shape, data: new Float32Array(sizeOf(shape)) } }] : [];
    },
  );
  const kept: Record<string, TensorView> = {
    ...state.parameters,
    ...state.buffers,
    ...Object.fromEntries(randoms.map(({ path, view }) => [path, view])),
  };
  const written = {
    ...named(graphNames.gradient, state.gradients),
    ...named(graphNames.next, state.nextBuffers),
  };
  const read = Object.fromEntries(
    [...graph.outputs]
      .filter(([name]) => !(name in written) && !keptOutputs.includes(name))
      .map(([name, { shape }]) => [name, { shape, data: new Float32Array(sizeOf(shape)) }]),
  );
  const feeds: Record<string, TensorView> = {};
  for (const name of fed.keys()) {
    if (inputs.includes(name) || givenInputs.includes(name)) continue;
    if (!(name in kept)) {
      throw new RangeError(
        `evaluate: expected the objective to declare the same parameters as in training, got another, '${name}'.`,
      );
    }
    feeds[name] = kept[name];
  }
  const fetches: Record<string, TensorView> = {};
  for (const name of graph.outputs.keys()) {
    if (!keptOutputs.includes(name)) fetches[name] = read[name] ?? written[name];
  }

  const session = await createSession(graph, options);
  return {
    inputs,
    async run(batch, { seed, step }, given) {
      for (const { path, fill, view } of randoms) fill(view.data, randomStream(seed, path, step));
      for (const name of inputs) feeds[name] = { shape: fed.get(name)!, data: batch[name] };
      const own = Object.entries(given ?? {}).filter(([name]) => fed.has(name));
      return session.run({ ...feeds, ...Object.fromEntries(own) }, fetches);
    },
    measured: () => ({
      loss: read[graphNames.loss].data[0],
      weight: read[graphNames.weight]?.data[0] ?? batchSize,
      counts: Object.fromEntries(counts.map((name) => [name, read[graphNames.count(name)].data[0]])),
    }),
    reading: (name) => read[name].data,
    outputs: Object.fromEntries(outputs.map((name) => [name, read[graphNames.output(name)]])),
    release: () => session.release(),
  };
}

/** Graphs by their number of samples, and by the padding that is cut off. */
export interface StepsByShape {
  of(count: number, cut: number): Promise<LoadedStep>;
  release(): Promise<void>;
}

/** Graphs of other sizes that stay loaded: a last partial batch here and there, without building it again each time. */
const otherSizes = 2;

/** Loads a graph when it is first asked for. Those of whole batches stay; of the others, the last used. */
export function stepsByShape(
  batchSize: number,
  load: (count: number, cut: number) => Promise<LoadedStep>,
): StepsByShape {
  const whole = new Map<number, LoadedStep>();
  const others = new Map<string, LoadedStep>();
  return {
    async of(count, cut) {
      if (count === batchSize) {
        const step = whole.get(cut) ?? (await load(count, cut));
        whole.set(cut, step);
        return step;
      }
      const key = `${count} ${cut}`;
      const step = others.get(key) ?? (await load(count, cut));
      others.delete(key); // to be last in the order of the map, which is that of use
      others.set(key, step);
      for (const old of [...others.keys()].slice(0, -otherSizes)) {
        await others.get(old)?.release();
        others.delete(old);
      }
      return step;
    },
    async release() {
      for (const step of [...whole.values(), ...others.values()]) await step.release();
      whole.clear();
      others.clear();
    },
  };
}

function named(name: (path: string) => string, tensors: Readonly<Record<string, TensorView>>) {
  return Object.fromEntries(Object.entries(tensors).map(([path, tensor]) => [name(path), tensor]));
}
