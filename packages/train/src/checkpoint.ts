import type { ArrayTensor, Named, State } from 'znorm';
import { decodeSafetensors, encodeSafetensors, type StoredTensor } from './safetensors.ts';
import { slotName, slotsOf, type TrainingState } from './training-state.ts';

/** What a checkpoint holds besides tensors. Random streams and batches follow from seed and step. */
export interface Progress {
  readonly seed: number;
  /** Steps taken. */
  readonly steps: number;
  /** Running hash of every batch so far. */
  readonly batchHash: string;
}

const format = 'znorm-checkpoint/1';

/**
 * A training state as a safetensors file: tensors `parameters/…`, `buffers/…` and `optimizer/<parameter>/<slot>`, the
 * rest as JSON in the header's metadata. Any safetensors reader opens it.
 */
export function encodeCheckpoint(state: TrainingState, progress: Progress): Uint8Array {
  const { step, gates } = state.optimizer;
  return encodeSafetensors({
    tensors: Object.fromEntries(storedTensors(state)),
    metadata: { format, progress: JSON.stringify(progress), optimizer: JSON.stringify({ step, gates }) },
  });
}

/**
 * Puts a training state back. The checkpoint is checked as a whole first; on an error nothing has changed.
 *
 * @throws RangeError if the file is damaged, or is of another model, optimizer or seed
 */
export function restoreCheckpoint(state: TrainingState, seed: number, bytes: Uint8Array): Progress {
  const { tensors, metadata } = decodeSafetensors(bytes);
  if (metadata.format !== format) {
    throw new RangeError(
      `restore: expected a checkpoint of format ${format}, got ${metadata.format ?? 'none'}.`,
    );
  }
  const progress = JSON.parse(metadata.progress) as Progress;
  if (progress.seed !== seed) {
    throw new RangeError(
      `restore: expected a checkpoint of seed ${seed}, got ${progress.seed}. Create the trainer with that seed.`,
    );
  }
  const expected = storedTensors(state);
  for (const [name, { shape }] of expected) requireShape(name, shape, tensors[name]);
  const known = new Set(expected.map(([name]) => name));
  const extra = Object.keys(tensors).find((name) => !known.has(name));
  if (extra !== undefined) {
    throw new RangeError(`restore: expected only tensors of this trainer, got '${extra}'. ${otherModel}`);
  }

  for (const [path, { data }] of Object.entries(state.parameters))
    data.set(tensors[`parameters/${path}`].data);
  for (const [path, { data }] of Object.entries(state.buffers)) data.set(tensors[`buffers/${path}`].data);
  const counters = JSON.parse(metadata.optimizer) as Pick<State<ArrayTensor>, 'step' | 'gates'>;
  const slots = restoredSlots(state.optimizer, tensors);
  state.optimizer = state.update.adopt({ ...counters, slots });
  return progress;
}

const otherModel = 'The checkpoint is of another model or another optimizer.';

function storedTensors(state: TrainingState): [string, StoredTensor][] {
  const group = (prefix: string, entries: [string, ArrayTensor][]) =>
    entries.map(([name, tensor]): [string, StoredTensor] => [`${prefix}/${name}`, tensor]);
  return [
    ...group('parameters', Object.entries(state.parameters)),
    ...group('buffers', Object.entries(state.buffers)),
    ...group('optimizer', slotsOf(state.optimizer)),
  ];
}

function restoredSlots(
  optimizer: State<ArrayTensor>,
  tensors: Named<StoredTensor>,
): State<ArrayTensor>['slots'] {
  const slots = Object.entries(optimizer.slots).map(([path, own]) => {
    const restored = Object.keys(own).map((slot) => [slot, tensors[`optimizer/${slotName(path, slot)}`]]);
    return [path, Object.fromEntries(restored)];
  });
  return Object.fromEntries(slots);
}

function requireShape(name: string, shape: readonly number[], stored: StoredTensor | undefined): void {
  if (stored && `${stored.shape}` === `${shape}`) return;
  const got = stored ? `shape [${stored.shape}]` : 'none';
  throw new RangeError(
    `restore: expected a tensor of shape [${shape}], got ${got} at '${name}'. ${otherModel}`,
  );
}
