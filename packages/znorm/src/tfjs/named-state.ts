import * as tf from '@tensorflow/tfjs-core';
import type { State } from '../apply.ts';
import type { ArrayTensor } from '../backends/arrays.ts';
import { type Stage, stages } from '../stages.ts';
import type { GradientTransformation } from '../transformation.ts';

/** As TensorFlow.js has it, which does not export it. */
export interface NamedTensor {
  name: string;
  tensor: tf.Tensor;
}

/** State lies where steps are calculated. */
export type HeldState =
  | { readonly on: 'host'; readonly state: State<ArrayTensor> }
  | { readonly on: 'device'; readonly state: State<tf.Tensor> };

/**
 * A state as TensorFlow.js saves optimizers: a list of named tensors that begins with `iter`, the number of steps.
 * Slots are `<variable>/<slot>`, counts of a guard `:gates/<transformation>`. TensorFlow.js has no float64: such a slot
 * goes as pairs of int32, marked in its name, and comes back bit for bit.
 *
 * What it returns belongs to the caller, and no `tf.tidy` disposes of it. Nothing is read off a device.
 */
export function toNamedTensors(held: HeldState): NamedTensor[] {
  const { step, gates } = held.state;
  const named = (name: string, tensor: tf.Tensor) => ({ name, tensor: tf.keep(tensor) });
  return [
    named('iter', tf.scalar(step, 'int32')),
    ...Object.entries(gates).map(([key, { passed, skippedInARow }]) =>
      named(`:gates/${escaped(key)}`, tf.tensor1d([passed, skippedInARow], 'int32')),
    ),
    ...Object.entries<Slot>(held.state.slots).flatMap(([path, own]) =>
      Object.entries(own).map(([slot, x]) => {
        const mark = 'data' in x && x.data instanceof Float64Array ? float64Mark : '';
        return named(`${path}/${escaped(slot)}${mark}`, x instanceof tf.Tensor ? tf.clone(x) : tensorOf(x));
      }),
    ),
  ];
}

type Slot = Readonly<Record<string, ArrayTensor | tf.Tensor>>;

function tensorOf({ shape, data }: ArrayTensor): tf.Tensor {
  if (data instanceof Float32Array) return tf.tensor(data.slice(), [...shape], 'float32');
  return tf.tensor(new Int32Array(data.slice().buffer), [...shape, 2], 'int32');
}

/**
 * The state that `toNamedTensors` made a list of.
 *
 * @throws RangeError if the list is of something else, or of another chain
 */
export async function fromNamedTensors(
  where: string,
  transformation: GradientTransformation,
  weights: readonly NamedTensor[],
): Promise<State<ArrayTensor>> {
  const [iter, ...rest] = weights;
  if (iter?.name !== 'iter') {
    throw new RangeError(
      `${where}: expected the state of an optimizer, which begins with 'iter', got ${iter ? `'${iter.name}'` : 'nothing'}. Pass what getWeights() or saveState() made.`,
    );
  }
  const own = new Map(stages(transformation).map((stage) => [stage.key, stage]));
  const gates = Object.fromEntries(
    [...own.values()]
      .filter(({ primitive }) => primitive.gate)
      .map(({ key }) => [key, { passed: 0, skippedInARow: 0 }]),
  );
  const slots: Record<string, Record<string, ArrayTensor>> = {};
  for (const { name, tensor } of rest) {
    const slash = name.lastIndexOf('/');
    const [path, last] = [name.slice(0, slash), unescaped(name.slice(slash + 1))];
    if (path === ':gates') {
      requireStage(where, own, last, name);
      const [passed, skippedInARow] = await tensor.data<'int32'>();
      gates[last] = { passed, skippedInARow };
      continue;
    }
    const slot = last.replace(float64Mark, '');
    requireStage(where, own, slot.slice(0, slot.lastIndexOf('.')), name);
    slots[path] ??= {};
    slots[path][slot] =
      slot === last
        ? { shape: [...tensor.shape], data: Float32Array.from(await tensor.data<'float32'>()) }
        : {
            shape: tensor.shape.slice(0, -1),
            data: new Float64Array(Int32Array.from(await tensor.data<'int32'>()).buffer),
          };
  }
  return { step: (await iter.tensor.data())[0], slots, gates };
}

const float64Mark = '#float64';

/** A slash ends the variable's name: none may be in the slot's. */
function escaped(name: string): string {
  return name.replaceAll('%', '%25').replaceAll('/', '%2F');
}

function unescaped(name: string): string {
  return name.replaceAll('%2F', '/').replaceAll('%25', '%');
}

function requireStage(where: string, own: ReadonlyMap<string, Stage>, key: string, name: string): void {
  if (own.has(key)) return;
  throw new RangeError(
    `${where}: expected the state of ${[...own.keys()].join(', ')}, got '${name}'. Restore it into the chain that it was saved from.`,
  );
}

/** The state where it is wanted; what it left behind is disposed of. On a device all of it is float32. */
export function heldOn(place: HeldState['on'], held: HeldState): HeldState {
  if (held.on === place) return held;
  if (held.on === 'host') {
    const upload = ({ shape, data }: ArrayTensor) =>
      tf.keep(tf.tensor(Float32Array.from(data), [...shape], 'float32'));
    return { on: 'device', state: withSlots(held.state, upload) };
  }
  const download = (x: tf.Tensor) => ({ shape: [...x.shape], data: x.dataSync<'float32'>().slice() });
  const state = withSlots(held.state, download);
  release(held);
  return { on: 'host', state };
}

/** Frees the tensors of a state. */
export function release(held: HeldState): void {
  if (held.on === 'device') tf.dispose(Object.values(held.state.slots));
}

function withSlots<A, B>(state: State<A>, change: (tensor: A) => B): State<B> {
  const slots = Object.entries(state.slots).map(([path, own]) => [
    path,
    Object.fromEntries(Object.entries(own).map(([slot, tensor]) => [slot, change(tensor)])),
  ]);
  return { ...state, slots: Object.fromEntries(slots) };
}
