import type { ArrayTensor, Named, State } from 'znorm';
import {
  decodeSafetensors,
  encodeSafetensors,
  type SafetensorsContent,
  type StoredTensor,
} from './safetensors.ts';
import { slotName, slotsOf, type TrainingState } from './training-state.ts';

/** What a checkpoint holds besides tensors. Random streams and batches follow from seed and step. */
export interface Progress {
  readonly seed: number;
  /** Steps taken. */
  readonly steps: number;
  /** Running hash of every batch so far. */
  readonly batchHash: string;
}

export interface Restored {
  readonly progress: Progress;
  readonly attached?: SafetensorsContent;
}

const format = 'znorm-checkpoint/1';
const attachedPrefix = 'attached/';

/**
 * A training state as a safetensors file: tensors `parameters/…`, `buffers/…` and `optimizer/<parameter>/<slot>`, the
 * rest as JSON in the header's metadata. Any safetensors reader opens it.
 *
 * @param attached   what else belongs to this moment, such as a replay buffer: tensors `attached/…`
 */
export function encodeCheckpoint(
  state: TrainingState,
  progress: Progress,
  attached?: SafetensorsContent,
): Uint8Array {
  const { step, gates } = state.optimizer;
  const attachedTensors = Object.entries(attached?.tensors ?? {}).map(([name, tensor]) => [
    `${attachedPrefix}${name}`,
    tensor,
  ]);
  return encodeSafetensors({
    tensors: Object.fromEntries([...storedTensors(state), ...attachedTensors]),
    metadata: {
      format,
      progress: JSON.stringify(progress),
      optimizer: JSON.stringify({ step, gates }),
      ...(attached && { attached: JSON.stringify(attached.metadata) }),
    },
  });
}

/**
 * Puts a training state back. The checkpoint is checked as a whole first; on an error nothing has changed.
 *
 * @throws RangeError if the file is damaged, or is of another model, optimizer or seed
 */
export function restoreCheckpoint(state: TrainingState, seed: number, bytes: Uint8Array): Restored {
  const { tensors: all, metadata } = decodeSafetensors(bytes);
  const { attached, tensors } = apart(all);
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
  if (metadata.attached === undefined) return { progress };
  return { progress, attached: { tensors: attached, metadata: JSON.parse(metadata.attached) } };
}

/** The tensors of the trainer, and those attached by the names they were attached under. */
function apart(all: Readonly<Record<string, StoredTensor>>) {
  const attached: Record<string, StoredTensor> = {};
  const tensors: Record<string, StoredTensor> = {};
  for (const [name, tensor] of Object.entries(all)) {
    if (name.startsWith(attachedPrefix)) attached[name.slice(attachedPrefix.length)] = tensor;
    else tensors[name] = tensor;
  }
  return { attached, tensors };
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
