import { sizeOf } from 'znorm';
import type { Batch } from './batches.ts';
import { randomStream } from './random.ts';
import type { Engine } from './runtime/engine.ts';
import { createSession, type TensorView } from './runtime/session.ts';
import { graphNames, type StepGraph } from './step-graph.ts';
import type { TrainingState } from './training-state.ts';

/** A graph that is loaded and bound to a training state: it reads parameters and writes gradients where they lie. */
export interface LoadedStep {
  /** Runs the graph on a batch. `key` names the random streams that are fed, such as dropout masks. */
  run(batch: Batch, key: { seed: number; step: number }): Promise<{ loss: number; correct: number }>;
  release(): Promise<void>;
}

/** Loads a graph and binds every input and output but the batch, once: a step then allocates nothing that stays. */
export async function loadStep(
  { graph, declared, inputShape, logitsShape }: StepGraph,
  state: TrainingState,
  options: { engine: Engine; threads: number },
): Promise<LoadedStep> {
  const session = await createSession(graph, options);
  const [count, classes] = logitsShape;
  const labels = new BigInt64Array(count);
  const loss = new Float32Array(1);
  const logits = new Float32Array(count * classes);
  const randoms = [...declared.randoms].map(([path, { fill, value }]) => {
    return { path, fill, view: { shape: value.shape, data: new Float32Array(sizeOf(value.shape)) } };
  });

  const available: Record<string, TensorView> = {
    ...state.parameters,
    ...state.buffers,
    ...Object.fromEntries(randoms.map(({ path, view }) => [path, view])),
    ...named(graphNames.gradient, state.gradients),
    ...named(graphNames.next, state.nextBuffers),
    [graphNames.labels]: { shape: [count], data: labels },
    [graphNames.loss]: { shape: [], data: loss },
    [graphNames.logits]: { shape: logitsShape, data: logits },
  };
  const pick = (names: readonly string[]) => Object.fromEntries(names.map((name) => [name, available[name]]));
  const feeds = pick(session.inputNames.filter((name) => name !== graphNames.inputs));
  const fetches = pick(session.outputNames);

  return {
    async run(batch, { seed, step }) {
      batch.labels.forEach((label, i) => {
        labels[i] = BigInt(label);
      });
      for (const { path, fill, view } of randoms) fill(view.data, randomStream(seed, path, step));
      const inputs = { shape: [count, ...inputShape], data: batch.inputs };
      await session.run({ ...feeds, [graphNames.inputs]: inputs }, fetches);
      return { loss: loss[0], correct: countCorrect(logits, batch.labels, classes) };
    },
    release: () => session.release(),
  };
}

function named(name: (path: string) => string, tensors: Readonly<Record<string, TensorView>>) {
  return Object.fromEntries(Object.entries(tensors).map(([path, tensor]) => [name(path), tensor]));
}

/** Samples whose largest logit, the first of equal ones, is their label's. */
function countCorrect(logits: Float32Array, labels: Int32Array, classes: number): number {
  let correct = 0;
  for (const [sample, label] of labels.entries()) {
    const first = sample * classes;
    let best = 0;
    for (let c = 1; c < classes; c++) if (logits[first + c] > logits[first + best]) best = c;
    if (best === label) correct++;
  }
  return correct;
}
