import { type ArrayTensor, evaluationParams, type GradientTransformation, stages } from 'znorm';
import { createGraph, emit, type Graph, input, output } from './onnx/graph.ts';
import { nodesOf } from './onnx/transformation-nodes.ts';
import type { Engine } from './runtime/engine.ts';
import { createSession, free, type KeptTensor, type Session, type TensorView } from './runtime/session.ts';
import { slotsOf, type TrainingState } from './training-state.ts';
import { updateNames } from './update-graph.ts';

/** The parameters to evaluate with, and buffers, by path, where they are not simply those of the training state. */
export interface EvaluationSource {
  /**
   * Calls `use` with what takes the place of tensors of the training state, and frees it afterwards.
   *
   * @param current the training state on the device, if it is newer than that in memory
   */
  lend<Result>(
    current: Readonly<Record<string, KeptTensor>> | undefined,
    use: (given: Readonly<Record<string, TensorView | KeptTensor>>) => Promise<Result>,
  ): Promise<Result>;
  release(): Promise<void>;
}

/**
 * A chain may mean other parameters for evaluation than those that train: averages, slow or schedule-free ones
 * (`evaluationParams`). They are computed once for all batches: on a device that has the training state, there; else
 * from memory. What a device does not have is brought there once.
 */
export function createEvaluationSource(
  optimizer: GradientTransformation,
  state: TrainingState,
  options: { readonly engine: Engine; readonly threads: number },
): EvaluationSource {
  const averages = stages(optimizer).some(({ primitive }) => primitive.evaluation);
  let onDevice: Promise<Session> | undefined;

  return {
    async lend(current, use) {
      if (!current && options.engine !== 'webgpu') {
        return use(averages ? averaged(optimizer, state) : {});
      }
      if (current && !averages) return use(current);
      onDevice ??= createSession(evaluationParamsGraph(optimizer, state), {
        ...options,
        kept: pathsOf(state).map(outputName),
      });
      const session = await onDevice;
      const known = { ...inMemory(state), ...current };
      const made = await session.run(
        Object.fromEntries(session.inputNames.map((name) => [name, known[name]])),
        {},
      );
      try {
        return await use(Object.fromEntries(pathsOf(state).map((path) => [path, made[outputName(path)]])));
      } finally {
        Object.values(made).forEach(free);
      }
    },
    async release() {
      await (await onDevice)?.release();
    },
  };
}

const outputName = (path: string) => `evaluated ${path}`;
const pathsOf = ({ parameters, buffers }: TrainingState) => Object.keys({ ...parameters, ...buffers });

/** From the training state to what is evaluated with. What passes through is brought to the device. */
function evaluationParamsGraph(optimizer: GradientTransformation, state: TrainingState): Graph {
  const graph = createGraph();
  const params = mapped(state.parameters, ({ shape }, path) => input(graph, path, shape));
  const buffers = mapped(state.buffers, ({ shape }, path) => input(graph, path, shape));
  const slots = mapped(state.optimizer.slots, (own, path) =>
    mapped(own, ({ shape }, slot) => input(graph, updateNames.slot(path, slot), shape)),
  );
  const chosen = evaluationParams(optimizer, { slots }, params, state.infos, nodesOf(graph));
  for (const [path, value] of Object.entries({ ...chosen, ...buffers })) {
    output(emit(graph, 'Identity', [value], {}, value.shape), outputName(path));
  }
  return graph;
}

/** The training state as it lies in memory, by its names in the graph. */
function inMemory({ parameters, buffers, optimizer }: TrainingState): Record<string, TensorView> {
  const slots = slotsOf(optimizer).map(([name, tensor]) => [`slot ${name}`, single(tensor)]);
  return { ...parameters, ...buffers, ...Object.fromEntries(slots) };
}

/** In float32, as graphs compute. */
function single({ shape, data }: ArrayTensor): TensorView {
  return { shape, data: data instanceof Float32Array ? data : Float32Array.from(data) };
}

function averaged(optimizer: GradientTransformation, state: TrainingState): Record<string, TensorView> {
  return mapped(evaluationParams(optimizer, state.optimizer, state.parameters, state.infos), single);
}

function mapped<A, B>(record: Readonly<Record<string, A>>, change: (value: A, key: string) => B) {
  return Object.fromEntries(Object.entries(record).map(([key, value]) => [key, change(value, key)]));
}
