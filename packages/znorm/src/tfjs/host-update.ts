import * as tf from '@tensorflow/tfjs-core';
import { applyUpdates, type State, update } from '../apply.ts';
import type { ArrayTensor } from '../backends/arrays.ts';
import { type FusedPlan, planFused } from '../fused/plan.ts';
import { createFusedUpdateNow, type InPlaceUpdate, updateTableBytes } from '../fused/update.ts';
import { type Named, type ParameterInfo, sizeOf } from '../parameters.ts';
import type { GradientTransformation } from '../transformation.ts';

export type Gradients = Readonly<Record<string, tf.Tensor>>;

/** Steps of a chain on the processor: tensors are read, moved and written back. */
export interface HostUpdate {
  /**
   * Moves the variables that the gradients name. The state that goes in is used up.
   *
   * @throws whatever `update()` throws; then nothing has changed
   */
  step(gradients: Gradients, infos: readonly ParameterInfo[], state: State<ArrayTensor>): State<ArrayTensor>;
}

/** Whether the tensors of the current backend lie where the processor works: reading them is cheap. */
export function inProcessorMemory(): boolean {
  return ['cpu', 'wasm', 'tensorflow'].includes(tf.getBackend());
}

/** Whether the current backend calculates with 16 bits, as WebGL does on some phones. */
export function hasHalfFloats(): boolean {
  // The backend says 16 of every device that does render to 32 bits: it asks the wrong way round.
  if (/webgl/.test(tf.getBackend()) && tf.env().getBool('WEBGL_RENDER_FLOAT32_ENABLED')) return false;
  return tf.backend().floatPrecision() === 16;
}

/**
 * Reading and writing tensors is cheap where they are typed arrays anyway; then one fused call is many times faster
 * than an operation of TensorFlow.js after the other. A chain that cannot be fused runs on the `arrays` backend.
 */
export function hostUpdate(transformation: GradientTransformation): HostUpdate {
  // One binding a set of variables: few, as in the turns of a generator and a discriminator.
  const bindings = new Map<string, Binding>();

  function bindingFor(infos: readonly ParameterInfo[], state: State<ArrayTensor>): Binding {
    const key = infos.map(({ path, shape }) => `${path}[${shape}]`).join('\n');
    const found = bindings.get(key);
    if (found) return found;
    if (bindings.size === 8) bindings.delete([...bindings.keys()][0]);
    const made = bind(transformation, infos, state);
    bindings.set(key, made);
    return made;
  }

  return {
    step(gradients, infos, state) {
      checkShapes(gradients, infos);
      return bindingFor(infos, state)(gradients, state);
    },
  };
}

type Binding = (gradients: Gradients, state: State<ArrayTensor>) => State<ArrayTensor>;

function bind(
  transformation: GradientTransformation,
  infos: readonly ParameterInfo[],
  state: State<ArrayTensor>,
): Binding {
  const plan = planFused(transformation, infos);
  const bound = plan.fused ? boundInPlace(plan, state) : undefined;
  return bound ?? onArrays(transformation, infos);
}

function onArrays(transformation: GradientTransformation, infos: readonly ParameterInfo[]): Binding {
  const byPath = Object.fromEntries(infos.map((info) => [info.path, info]));
  const read = (tensors: Gradients): Named<ArrayTensor> =>
    Object.fromEntries(infos.map(({ path, shape }) => [path, { shape, data: values(tensors[path]) }]));
  return (gradients, state) => {
    const params = read(tf.engine().registeredVariables);
    const result = update(transformation, read(gradients), state, params, byPath);
    if (!wasSkipped(result.state)) {
      const moved = applyUpdates(params, result.updates);
      for (const { path } of infos) assign(path, moved[path].data as Float32Array);
    }
    return result.state;
  };
}

/** In a memory of our own, or undefined where the engine does not compile WebAssembly at once. */
function boundInPlace(plan: FusedPlan, state: State<ArrayTensor>): Binding | undefined {
  if (typeof WebAssembly === 'undefined') return undefined;
  const slotNames = new Set(
    plan.recipes.flatMap(({ first, second }) => [first, second]).filter((name) => name !== undefined),
  );
  const groupBytes = plan.parameters.reduce((sum, { shape }) => sum + aligned(4 * sizeOf(shape)), 0);
  const tableBytes = updateTableBytes(plan);
  const bytes = groupBytes * (2 + slotNames.size) + tableBytes;
  let end = 0;
  const memory = new WebAssembly.Memory({ initial: Math.max(1, Math.ceil(bytes / 65536)) });
  const view = (length: number) => {
    const placed = new Float32Array(memory.buffer, end, length);
    end += aligned(4 * length);
    return placed;
  };
  const group = (): Record<string, Float32Array> =>
    Object.fromEntries(plan.parameters.map(({ path, shape }) => [path, view(sizeOf(shape))]));

  const parameters = group();
  const gradients = group();
  const slots = Object.fromEntries(
    plan.parameters.map(({ path, shape }) => {
      const own = Object.keys(state.slots[path] ?? {}).filter((name) => slotNames.has(name));
      return [path, Object.fromEntries(own.map((name) => [name, view(sizeOf(shape))]))];
    }),
  );
  const tables = new Uint8Array(memory.buffer, end, tableBytes);
  let bound: InPlaceUpdate;
  try {
    bound = createFusedUpdateNow(plan, { memory, parameters, gradients, slots, tables });
  } catch (error) {
    if (isRefusal(error)) return undefined;
    throw error;
  }

  // What a variable held after our last step lies in the memory already.
  const known = new Map<string, object>();
  return (given, state) => {
    const variables = tf.engine().registeredVariables;
    for (const { path } of plan.parameters) {
      gradients[path].set(values(given[path]));
      if (known.get(path) === variables[path].dataId) continue;
      parameters[path].set(values(variables[path]));
      known.set(path, variables[path].dataId);
    }
    const outcome = bound.step(state);
    if (outcome.skipped) return outcome.state;
    for (const { path } of plan.parameters) {
      assign(path, parameters[path].slice());
      known.set(path, variables[path].dataId);
    }
    return outcome.state;
  };
}

function values(x: tf.Tensor): Float32Array {
  return x.dataSync<'float32'>();
}

/** Gives a variable new values; the array is the tensor's from then on. */
export function assign(name: string, data: Float32Array): void {
  const variable = tf.engine().registeredVariables[name];
  const moved = tf.tensor(data, variable.shape, 'float32');
  variable.assign(moved);
  moved.dispose();
}

function wasSkipped({ gates }: State<unknown>): boolean {
  return Object.values(gates).some(({ skippedInARow }) => skippedInARow > 0);
}

function checkShapes(gradients: Gradients, infos: readonly ParameterInfo[]): void {
  for (const { path, shape } of infos) {
    const own = gradients[path].shape;
    if (own.length === shape.length && own.every((size, axis) => size === shape[axis])) continue;
    throw new RangeError(
      `applyGradients: expected a gradient of shape [${shape}], got [${own}] at '${path}'.`,
    );
  }
}

function aligned(bytes: number): number {
  return Math.ceil(bytes / 16) * 16;
}

/** No SIMD, or no compiling on the main thread: reasons to do without the kernel, not to end training. */
function isRefusal(error: unknown): boolean {
  return (
    error instanceof WebAssembly.CompileError ||
    (error instanceof RangeError && /main thread|buffer size/i.test(error.message))
  );
}
