import { knownOptions } from '../option-checks.ts';
import { sizeOf } from '../parameters.ts';
import { type FusedPlan, momentSlots, type UnfusedPlan } from './plan.ts';
import { checkedThreads, type UpdateMemory, updateTableBytes } from './update.ts';

export interface AllocationOptions {
  /** As `createFusedUpdate` will be asked for. More than one get a shared memory, where the runtime has it. @default 1 */
  readonly threads?: number;
  /** Whether there is to be room for `propose`. @default false */
  readonly updates?: boolean;
}

/** Tensors start on a cache line; large ones on a page, so that those worked on together cross pages together. */
const cacheLine = 64;
const page = 4096;
const largeBytes = 64 * page;
const wasmPage = 65_536;

/**
 * Lays out parameters, gradients, moments and the plan in one memory, all zero. Write gradients into its views and
 * read parameters from them: nothing is copied.
 *
 * @throws RangeError beyond 4 GiB, all that a WebAssembly memory can hold
 * @example
 * import { adam, chain, describeParameter, init, znorm } from 'znorm';
 * import { allocateUpdate, createFusedUpdate, planFused } from 'znorm/wasm';
 *
 * const optimizer = chain(znorm(), adam({ learningRate: 0.1 }));
 * const plan = planFused(optimizer, [describeParameter('w', [2])]);
 * const memory = allocateUpdate(plan, { threads: 2 });
 * const update = await createFusedUpdate(plan, memory, { threads: 2 });
 * let state = init(optimizer, { w: { shape: [2], data: memory.parameters.w } });
 * memory.gradients.w.set([1, -1]);
 * ({ state } = update.step(state));
 * Number(memory.parameters.w[0].toFixed(3)); // -0.1
 * update.dispose();
 */
export function allocateUpdate(
  plan: FusedPlan | UnfusedPlan,
  options: AllocationOptions = {},
): UpdateMemory & { readonly updates?: Readonly<Record<string, Float32Array>> } {
  knownOptions('allocateUpdate', options, ['threads', 'updates']);
  const threads = checkedThreads('allocateUpdate', options.threads);
  let end = 0;
  const place = (bytes: number) => {
    const alignment = bytes < largeBytes ? cacheLine : page;
    const at = Math.ceil(end / alignment) * alignment;
    end = at + bytes;
    return at;
  };
  const group = () =>
    plan.parameters.map(({ path, shape }) => ({ path, length: sizeOf(shape), at: place(4 * sizeOf(shape)) }));
  const [parameters, gradients] = [group(), group()];
  const updates = options.updates ? group() : undefined;
  const slots = (plan.fused ? momentSlots(plan) : []).map((one) => ({ ...one, at: place(4 * one.length) }));
  const tableBytes = updateTableBytes(plan, threads);
  const tables = place(tableBytes);
  const pages = Math.max(1, Math.ceil(end / wasmPage));
  if (pages > 65_536) {
    throw new RangeError(
      `allocateUpdate: expected at most 4 GiB, the limit of a WebAssembly memory, got ${(end / 2 ** 30).toFixed(1)} GiB. Use an optimizer with less state.`,
    );
  }
  const shared = threads > 1 && typeof SharedArrayBuffer === 'function';
  const memory = new WebAssembly.Memory({ initial: pages, maximum: pages, shared });
  const view = ({ at, length }: { at: number; length: number }) =>
    new Float32Array(memory.buffer, at, length);
  const views = (places: ReturnType<typeof group>) =>
    Object.fromEntries(places.map((one) => [one.path, view(one)]));
  const slotViews: Record<string, Record<string, Float32Array>> = {};
  for (const { path, slot, ...place } of slots) {
    slotViews[path] = { ...slotViews[path], [slot]: view(place) };
  }
  return {
    memory,
    parameters: views(parameters),
    gradients: views(gradients),
    ...(updates && { updates: views(updates) }),
    slots: slotViews,
    tables: new Uint8Array(memory.buffer, tables, tableBytes),
  };
}
