import {
  type ArrayTensor,
  type GradientTransformation,
  init,
  type Named,
  type ParameterInfo,
  type Report,
  type State,
  sizeOf,
} from 'znorm';
import {
  createFusedUpdate,
  type InPlaceUpdate,
  planFused,
  updateTableBytes,
  usefulThreads,
} from 'znorm/wasm';
import type { Declarations } from './layers/scope.ts';
import { createTensorMemory } from './memory.ts';
import { randomStream } from './random.ts';
import type { Engine } from './runtime/engine.ts';
import { takesSharedViews } from './runtime/shared-views.ts';

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
  /** The optimizer's chain, bound to the tensors. */
  readonly update: InPlaceUpdate;
  optimizer: State<ArrayTensor>;
}

/**
 * Lays out parameters, gradients, buffers and optimizer state in one memory, and gives them their first values. Each
 * parameter is drawn from a stream of its own name: models that share a layer's path share its first weights.
 *
 * @param options.watched whether some steps will be looked at before they are taken, which takes room for the updates
 * @param options.engine  what will read the parameters and write the gradients
 * @param options.threads how many the optimizer's step may take: it does where the model is large, and the engine sees a
 *   memory that they share
 */
export async function createTrainingState(
  declared: Declarations,
  optimizer: GradientTransformation,
  seed: number,
  options: { readonly watched: boolean; readonly engine: Engine; readonly threads: number },
): Promise<TrainingState> {
  const { watched, engine } = options;
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

  const plan = planFused(optimizer, Object.values(infos));
  const threads = usefulThreads(plan, options.threads);
  const lengths = {
    parameters: lengthsOf(initial),
    gradients: lengthsOf(initial),
    slots: lengthsOf(initialSlots),
    buffers: lengthsOf(initialBuffers),
    nextBuffers: lengthsOf(initialBuffers),
    updates: watched ? lengthsOf(initial) : {},
    tables: { tables: Math.ceil(updateTableBytes(plan, threads) / 4) },
  };
  const { memory, views } = createTensorMemory(lengths, threads > 1 && (await takesSharedViews(engine)));
  const placed = (group: keyof typeof views, from: Named<ArrayTensor>) =>
    Object.fromEntries(
      Object.entries(from).map(([name, { shape, data }]) => {
        views[group][name].set(data);
        return [name, { shape, data: views[group][name] }];
      }),
    );
  const parameters = placed('parameters', initial);
  const places = {
    memory,
    parameters: views.parameters,
    gradients: views.gradients,
    slots: mapRecord(optimizerState.slots, (own, path) =>
      mapRecord(own, (_, slot) => views.slots[slotName(path, slot)]),
    ),
    updates: watched ? views.updates : undefined,
    tables: views.tables.tables,
  };
  const update = await createFusedUpdate(plan, places, { threads });
  return {
    memory,
    infos,
    parameters,
    gradients: placed('gradients', initial),
    buffers: placed('buffers', initialBuffers),
    nextBuffers: placed('nextBuffers', initialBuffers),
    update,
    optimizer: update.adopt(optimizerState),
  };
}

/** Called between the chain and the change of the parameters, with the chain's state before the step. */
export type Look = (updates: Named<ArrayTensor>, before: State<ArrayTensor>) => void;

export interface StepTaken {
  /** Whether a gate of the chain ended the step. */
  readonly skipped: boolean;
  readonly reports: readonly Report<ArrayTensor>[];
}

/**
 * The chain's step, w ← w + u for every parameter, and the buffers' next values: all in place. A skipped step leaves
 * the buffers too: the batch that gave NaN gradients gave NaN statistics. Equal bits, looked at or not.
 */
export function takeStep(state: TrainingState, look?: Look): StepTaken {
  const { update } = state;
  const { state: optimizer, skipped } = look ? lookedAt(state, look) : update.step(state.optimizer);
  state.optimizer = optimizer;
  if (!skipped) {
    for (const [path, { data }] of Object.entries(state.buffers)) data.set(state.nextBuffers[path].data);
  }
  return { skipped, reports: update.reports() };
}

function lookedAt({ update, optimizer, parameters }: TrainingState, look: Look) {
  const before = {
    ...optimizer,
    slots: mapRecord(optimizer.slots, (own) =>
      mapRecord(own, ({ shape, data }) => ({ shape, data: data.slice() })),
    ),
  };
  const { updates, ...outcome } = update.propose(optimizer);
  try {
    look(updates, before);
  } catch (error) {
    update.adopt(before); // who looks may fail; the step has then not been taken
    throw error;
  }
  for (const [path, { data }] of Object.entries(parameters)) {
    const change = updates[path].data;
    for (let i = 0; i < data.length; i++) data[i] += change[i];
  }
  return outcome;
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

function mapRecord<A, B>(
  record: Readonly<Record<string, A>>,
  change: (value: A, key: string) => B,
): Record<string, B> {
  return Object.fromEntries(Object.entries(record).map(([key, value]) => [key, change(value, key)]));
}

function lengthsOf(tensors: Named<ArrayTensor>): Record<string, number> {
  return Object.fromEntries(Object.entries(tensors).map(([name, { data }]) => [name, data.length]));
}
