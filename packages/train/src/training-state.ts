import {
  type ArrayTensor,
  type GradientTransformation,
  init,
  type Named,
  type ParameterInfo,
  type Report,
  type State,
  sizeOf,
  update,
} from 'znorm';
import type { Declarations } from './layers/scope.ts';
import { createTensorMemory } from './memory.ts';
import { randomStream } from './random.ts';

/** A float32 tensor that lies in the trainer's memory. */
interface MemoryTensor {
  readonly shape: readonly number[];
  readonly data: Float32Array;
}

/** All that training changes. The tensors stay where they are from the first step to the last. */
export interface TrainingState {
  readonly memory: WebAssembly.Memory;
  readonly infos: Readonly<Record<string, ParameterInfo>>;
  readonly parameters: Named<MemoryTensor>;
  readonly gradients: Named<MemoryTensor>;
  /** What layers keep without learning it, and where the graph writes its next value. */
  readonly buffers: Named<MemoryTensor>;
  readonly nextBuffers: Named<MemoryTensor>;
  /** The places of the optimizer's state, by `slotName(path, slot)`. */
  readonly slots: Named<MemoryTensor>;
  optimizer: State<ArrayTensor>;
}

/**
 * Lays out parameters, gradients, buffers and optimizer state in one memory, and gives them their first values. Each
 * parameter is drawn from a stream of its own name: models that share a layer's path share its first weights.
 */
export function createTrainingState(
  declared: Declarations,
  optimizer: GradientTransformation,
  seed: number,
): TrainingState {
  const parameterList = [...declared.parameters.values()];
  const infos = Object.fromEntries(parameterList.map(({ info }) => [info.path, info]));
  const initial = Object.fromEntries(
    parameterList.map(({ info: { path, shape }, initializer }) => {
      const data = new Float32Array(sizeOf(shape));
      initializer(data, shape, randomStream(seed, `parameter ${path}`));
      return [path, { shape, data }];
    }),
  );
  const optimizerState = init(optimizer, initial, infos);
  const initialSlots = Object.fromEntries(slotsOf(optimizerState));
  const initialBuffers = Object.fromEntries(
    [...declared.buffers].map(([path, { value, initial: start }]) => {
      return [path, { shape: value.shape, data: new Float32Array(sizeOf(value.shape)).fill(start) }];
    }),
  );

  const { memory, views } = createTensorMemory({
    parameters: lengthsOf(initial),
    gradients: lengthsOf(initial),
    slots: lengthsOf(initialSlots),
    buffers: lengthsOf(initialBuffers),
    nextBuffers: lengthsOf(initialBuffers),
  });
  const placed = (group: keyof typeof views, from: Named<ArrayTensor>) =>
    Object.fromEntries(
      Object.entries(from).map(([name, { shape, data }]) => {
        views[group][name].set(data);
        return [name, { shape, data: views[group][name] }];
      }),
    );
  const state: TrainingState = {
    memory,
    infos,
    parameters: placed('parameters', initial),
    gradients: placed('gradients', initial),
    buffers: placed('buffers', initialBuffers),
    nextBuffers: placed('nextBuffers', initialBuffers),
    slots: placed('slots', initialSlots),
    optimizer: optimizerState,
  };
  keepOptimizerState(state, optimizerState);
  return state;
}

/** What the chain makes of the gradients. Nothing has changed yet. */
export interface ProposedStep {
  readonly updates: Named<ArrayTensor>;
  readonly reports: readonly Report<ArrayTensor>[];
  /** Whether a gate of the chain ended the step. */
  readonly skipped: boolean;
  readonly optimizer: State<ArrayTensor>;
}

export function proposeStep(state: TrainingState, optimizer: GradientTransformation): ProposedStep {
  const result = update(optimizer, state.gradients, state.optimizer, state.parameters, state.infos);
  const skipped = Object.values(result.state.gates).some(({ skippedInARow }) => skippedInARow > 0);
  return { updates: result.updates, reports: result.reports, skipped, optimizer: result.state };
}

/**
 * w ← w + u for every parameter, the optimizer's new state, and the buffers' next values: all in place. A skipped step
 * leaves the buffers too: the batch that gave NaN gradients gave NaN statistics.
 */
export function takeStep(state: TrainingState, proposed: ProposedStep): void {
  for (const [path, { data }] of Object.entries(state.parameters)) {
    const change = proposed.updates[path].data;
    for (let i = 0; i < data.length; i++) data[i] += change[i];
  }
  keepOptimizerState(state, proposed.optimizer);
  if (proposed.skipped) return;
  for (const [path, { data }] of Object.entries(state.buffers)) data.set(state.nextBuffers[path].data);
}

/**
 * Takes over a new optimizer state: float32 tensors are copied to their places in the memory. Statistics that the
 * chain keeps in float64 (a few scalars) stay arrays of their own, or they would lose digits.
 */
export function keepOptimizerState(state: TrainingState, next: State<ArrayTensor>): void {
  const slots = Object.entries(next.slots).map(([path, own]) => {
    const kept = Object.entries(own).map(([slot, tensor]) => {
      const place = state.slots[slotName(path, slot)];
      if (tensor.data instanceof Float64Array) return [slot, tensor];
      if (tensor.data !== place.data) place.data.set(tensor.data);
      return [slot, place];
    });
    return [path, Object.fromEntries(kept)];
  });
  state.optimizer = { ...next, slots: Object.fromEntries(slots) };
}

/** Every tensor of an optimizer's state, with a name of its own: `dense/kernel/scaleByAdam.mu`. */
export function slotsOf(optimizer: State<ArrayTensor>): [string, ArrayTensor][] {
  return Object.entries(optimizer.slots).flatMap(([path, own]) =>
    Object.entries(own).map(([slot, tensor]): [string, ArrayTensor] => [slotName(path, slot), tensor]),
  );
}

export function slotName(path: string, slot: string): string {
  return `${path}/${slot}`;
}

function lengthsOf(tensors: Named<ArrayTensor>): Record<string, number> {
  return Object.fromEntries(Object.entries(tensors).map(([name, { data }]) => [name, data.length]));
}
