import { createFusedUpdate, type InPlaceUpdate, planFused, updateTableBytes } from '../../src/fused/index.ts';
import {
  type ArrayTensor,
  type GradientTransformation,
  init,
  type Named,
  type ParameterInfo,
  type State,
  sizeOf,
} from '../../src/index.ts';

/** A chain bound to tensors in a memory of their own, ready for its first step. */
export interface Binding {
  readonly update: InPlaceUpdate;
  readonly parameters: Named<Float32Array>;
  readonly gradients: Named<Float32Array>;
  state: State<ArrayTensor>;
}

/** Lays tensors out one after the other, each `shift` floats past a multiple of 16 bytes. */
export async function bind(
  transformation: GradientTransformation,
  infos: readonly ParameterInfo[],
  initial: Named<ArrayTensor>,
  shift = 0,
): Promise<Binding> {
  const plan = planFused(transformation, infos);
  const byPath = Object.fromEntries(infos.map((info) => [info.path, info]));
  const state = init(transformation, initial, byPath);

  const elements = infos.reduce((sum, { shape }) => sum + sizeOf(shape) + 8, 0);
  const slotCount = Math.max(0, ...Object.values(state.slots).map((own) => Object.keys(own).length));
  const bytes = 4 * elements * (3 + slotCount) + updateTableBytes(plan) + 64;
  const memory = new WebAssembly.Memory({ initial: Math.ceil(bytes / 65536) });
  let end = 0;
  const view = (length: number) => {
    end = Math.ceil(end / 16) * 16 + 4 * shift;
    const placed = new Float32Array(memory.buffer, end, length);
    end += 4 * length;
    return placed;
  };
  const group = () => Object.fromEntries(infos.map(({ path, shape }) => [path, view(sizeOf(shape))]));
  const parameters = group();
  const gradients = group();
  const updates = group();
  const slots = Object.fromEntries(
    Object.entries(state.slots).map(([path, own]) => [
      path,
      Object.fromEntries(Object.entries(own).map(([slot, { data }]) => [slot, view(data.length)])),
    ]),
  );
  for (const { path } of infos) parameters[path].set(initial[path].data);
  end = Math.ceil(end / 8) * 8;
  const tables = new Uint8Array(memory.buffer, end, updateTableBytes(plan));
  const update = await createFusedUpdate(plan, { memory, parameters, gradients, updates, slots, tables });
  return { update, parameters, gradients, state };
}
