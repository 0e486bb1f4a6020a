import * as tf from '@tensorflow/tfjs-core';
import { init, type State } from '../apply.ts';
import { fromJSON, toJSON } from '../chain-json.ts';
import { evaluationParams } from '../evaluation-params.ts';
import { knownOptions, oneOf, shown } from '../option-checks.ts';
import type { Named, ParameterInfo } from '../parameters.ts';
import type { GradientTransformation } from '../transformation.ts';
import { describeVariable, type LayerLike, layerKinds, withoutNumber } from './describe-variable.ts';
import { stepOnDevice } from './device-update.ts';
import {
  assign,
  type Gradients,
  type HostUpdate,
  hasHalfFloats,
  hostUpdate,
  inProcessorMemory,
} from './host-update.ts';
import {
  fromNamedTensors,
  type HeldState,
  heldOn,
  type NamedTensor,
  release,
  toNamedTensors,
} from './named-state.ts';
import { requireOneCopy } from './one-copy.ts';
import { loadTensors, saveTensors } from './state-files.ts';
import { tfjsOps } from './tensor-ops.ts';

export interface TfjsOptimizerOptions {
  /**
   * The model to be trained: roles and output axes are then read off the kinds of its layers. Without it they are read
   * off the names that TensorFlow.js gives to variables, which say the same unless layers were renamed.
   */
  readonly model?: LayerLike;
  /** What you know better of a variable: of a layer of your own, say. */
  readonly describe?: (
    described: ParameterInfo,
  ) => Partial<Pick<ParameterInfo, 'outputAxis' | 'role' | 'heads'>> | undefined;
  /**
   * Where a step is calculated. `host` reads gradients and moves variables in one fused call on the processor; `device`
   * runs operations of TensorFlow.js. `auto` is `host` where tensors lie in the processor's memory anyway (cpu, wasm,
   * tfjs-node) and where floats have 16 bits, which neither `eps` nor squares of gradients survive. @default 'auto'
   */
  readonly updateOn?: 'auto' | 'host' | 'device';
}

/** Called before a step with its gradients, which stay their caller's. The step is not taken if one returns `false`. */
export type GradientObserver = (gradients: Gradients, infos: readonly ParameterInfo[]) => unknown;

/**
 * A chain of gradient transformations as an optimizer of TensorFlow.js: for `model.compile`, `minimize` and
 * `applyGradients`.
 *
 *     w ← w + u,   u from update(transformation, gradients, state, w)
 *
 * State is kept by the name of the variable: sets of variables may change, layers may be frozen and thawed.
 *
 * @throws TypeError  if it is not given a transformation, or an option is unknown
 * @throws Error      if two copies of TensorFlow.js have been loaded
 * @example
 * const optimizer = tfjsOptimizer(chain(znorm(), adamw({ learningRate: 1e-3 })));
 * const w = tf.variable(tf.tensor1d([1, -2, 3]));
 * optimizer.minimize(() => tf.sum(tf.square(w)));
 * optimizer.iterations; // 1
 */
export function tfjsOptimizer(
  transformation: GradientTransformation,
  options: TfjsOptimizerOptions = {},
): ZnormOptimizer {
  return new ZnormOptimizer(transformation, options);
}

/** Made by `tfjsOptimizer`. A class, because TensorFlow.js asks for one. */
export class ZnormOptimizer extends tf.Optimizer {
  /** The name under which TensorFlow.js finds it when it loads a model that was saved with its optimizer. */
  static readonly className = 'ZnormOptimizer';

  readonly transformation: GradientTransformation;
  readonly #options: TfjsOptimizerOptions;
  readonly #infos = new Map<string, ParameterInfo>();
  readonly #observers = new Set<GradientObserver>();
  #hostUpdate: HostUpdate;
  #state: HeldState;
  /** Whether the state came from elsewhere and no variable has claimed its part of it yet. */
  #isRestored = false;
  #exported: NamedTensor[] = [];

  constructor(transformation: GradientTransformation, options: TfjsOptimizerOptions = {}) {
    super();
    knownOptions('tfjsOptimizer', options, ['model', 'describe', 'updateOn']);
    oneOf('tfjsOptimizer', 'updateOn', options.updateOn ?? 'auto', ['auto', 'host', 'device']);
    requireOneCopy('tfjsOptimizer');
    if (!transformation || !('update' in transformation || 'parts' in transformation)) {
      throw new TypeError(
        `tfjsOptimizer: expected a gradient transformation, got ${shown(transformation)}. Pass chain(znorm(), adam()) or the like.`,
      );
    }
    this.transformation = transformation;
    this.#options = options;
    this.#hostUpdate = hostUpdate(transformation);
    this.#state = { on: 'host', state: init(transformation, {}) };
  }

  /** Steps taken so far, those that a guard ended included. */
  override get iterations(): number {
    return this.#state.state.step;
  }

  /**
   * One step on f: w ← w + u for all trainable variables, or those of `varList`. Tensors made on the way are gone
   * after it, also if it throws.
   */
  override minimize(f: () => tf.Scalar, returnCost = false, varList?: tf.Variable[]): tf.Scalar | null {
    const { value, grads } = this.computeGradients(f, varList);
    try {
      this.applyGradients(grads);
    } catch (error) {
      value.dispose();
      throw error;
    } finally {
      tf.dispose(grads);
    }
    if (returnCost) return value;
    value.dispose();
    return null;
  }

  /**
   * One step with these gradients, by name of the variable. They stay the caller's.
   *
   * @throws RangeError if there is no variable of a name, or its gradient has another shape
   */
  override applyGradients(variableGradients: tf.NamedTensorMap | NamedTensor[]): void {
    const gradients = byName(variableGradients);
    const infos = Object.keys(gradients).map((name) => this.#infoOf(name));
    if (infos.length === 0) return;
    for (const observe of this.#observers) if (observe(gradients, infos) === false) return;

    this.#state = heldOn(this.#target(), this.#state);
    this.#admit(infos);
    const held = this.#state;
    this.#state =
      held.on === 'host'
        ? { on: 'host', state: this.#hostUpdate.step(gradients, infos, held.state) }
        : { on: 'device', state: stepOnDevice(this.transformation, gradients, infos, held.state) };
  }

  /**
   * Shows every step's gradients to a function before the step is taken. @returns what ends it
   *
   * @example
   * const stop = tfjsOptimizer(adam()).observe((gradients) => console.log(Object.keys(gradients)));
   * stop();
   */
  observe(observer: GradientObserver): () => void {
    this.#observers.add(observer);
    return () => void this.#observers.delete(observer);
  }

  /**
   * Runs `body` with the parameters that the chain means for evaluation (see `evaluationParams`: averages, slow or
   * schedule-free parameters) in the variables, and puts those that train back after it.
   *
   *     const [loss] = await optimizer.evaluating(() => model.evaluate(x, y));
   *     await optimizer.evaluating(() => model.save(handler));
   */
  async evaluating<R>(body: () => R | Promise<R>): Promise<R> {
    const { registeredVariables } = tf.engine();
    const names = Object.keys(this.#state.state.slots).filter((name) => name in registeredVariables);
    const infos = Object.fromEntries(names.map((name) => [name, this.#infoOf(name)]));
    const training = Object.fromEntries(
      names.map((name) => [name, tf.keep(tf.clone(registeredVariables[name]))]),
    );
    try {
      useEvaluationParams(this.transformation, this.#state, training, infos);
      return await body();
    } finally {
      for (const name of names) registeredVariables[name]?.assign(training[name]);
      tf.dispose(training);
    }
  }

  /**
   * The state as named tensors, `iter` first. They are the optimizer's, as with the optimizers of TensorFlow.js, and
   * last until the next call of this or of `dispose()`.
   */
  override async getWeights(): Promise<NamedTensor[]> {
    disposeAll(this.#exported);
    this.#exported = toNamedTensors(this.#state);
    return [...this.#exported];
  }

  /**
   * Goes on from a state that `getWeights()` gave. The tensors stay the caller's.
   *
   * @throws RangeError if they are of something else, or of another chain; then nothing has changed
   */
  override async setWeights(weightValues: NamedTensor[]): Promise<void> {
    await this.#restore('setWeights', weightValues);
  }

  /**
   * Saves the whole state, counters and schedules included.
   *
   * @param target as in `model.save()`: a URL (`indexeddb://…`, `localstorage://…`, `downloads://…`, `http://…`), or a
   *   handler such as `fileSystem(folder)` of `znorm/tfjs-node`
   */
  async saveState(target: string | tf.io.IOHandler): Promise<tf.io.SaveResult> {
    const tensors = toNamedTensors(this.#state);
    try {
      return await saveTensors('saveState', target, tensors);
    } finally {
      disposeAll(tensors);
    }
  }

  /**
   * Goes on from a state that `saveState()` wrote: on the cpu backend, to the bit as if training had not stopped. The
   * model's weights are saved and loaded by the model. State finds its variable by name; in a program where a
   * variable of that name lived before, TensorFlow.js numbers the name, and state finds it without its number.
   *
   * @throws RangeError if it is of something else, or of another chain; then nothing has changed
   */
  async loadState(source: string | tf.io.IOHandler): Promise<void> {
    const tensors = await loadTensors('loadState', source);
    try {
      await this.#restore('loadState', tensors);
    } finally {
      disposeAll(tensors);
    }
  }

  /** Forgets all state and frees its tensors. */
  override dispose(): void {
    disposeAll(this.#exported);
    this.#exported = [];
    this.#hold({ on: 'host', state: init(this.transformation, {}) });
  }

  /** The chain as text, which is how TensorFlow.js leaves names in it alone. @throws TypeError as `toJSON` */
  override getConfig(): tf.serialization.ConfigDict {
    // Loading turns every `a_b` of a text into `aB`.
    return { chain: JSON.stringify(toJSON(this.transformation)).replaceAll('_', '\\u005f') };
  }

  static override fromConfig<T extends tf.serialization.Serializable>(
    cls: tf.serialization.SerializableConstructor<T>,
    config: tf.serialization.ConfigDict,
  ): T {
    return new cls(fromJSON(JSON.parse(config.chain as string)));
  }

  async #restore(where: string, tensors: readonly NamedTensor[]): Promise<void> {
    const state = await fromNamedTensors(where, this.transformation, tensors);
    this.#hold({ on: 'host', state });
    this.#isRestored = true;
  }

  #hold(held: HeldState): void {
    release(this.#state);
    this.#state = held;
    this.#hostUpdate = hostUpdate(this.transformation);
  }

  #infoOf(name: string): ParameterInfo {
    const variable = tf.engine().registeredVariables[name];
    if (!variable) {
      throw new RangeError(
        `applyGradients: expected the name of a variable, got '${name}'. Pass { [variable.name]: gradient }.`,
      );
    }
    const known = this.#infos.get(name);
    if (known && String(known.shape) === String(variable.shape)) return known;
    const { model, describe } = this.#options;
    const kind = model && layerKinds(model).get(name);
    const described = describeVariable(name, [...variable.shape], kind);
    const info = { ...described, ...describe?.(described) };
    this.#infos.set(name, info);
    return info;
  }

  #target(): HeldState['on'] {
    const { updateOn = 'auto' } = this.#options;
    if (updateOn !== 'auto') return updateOn;
    return inProcessorMemory() || hasHalfFloats() ? 'host' : 'device';
  }

  /** Gives state to variables that have none yet: what was restored for them, or a beginning. */
  #admit(infos: readonly ParameterInfo[]): void {
    const { slots } = this.#state.state;
    const unknown = infos.filter(({ path }) => !Object.hasOwn(slots, path));
    if (unknown.length === 0) {
      this.#isRestored = false;
      return;
    }
    const claimed = this.#isRestored ? claims(infos, unknown, slots) : new Map<string, string>();
    const saved = Object.keys(slots);
    if (this.#isRestored && unknown.length === infos.length && saved.length > 0 && claimed.size === 0) {
      const others = saved.length > 1 ? ` and ${saved.length - 1} more` : '';
      throw new RangeError(
        `applyGradients: expected variables that the restored state is of ('${saved[0]}'${others}), got '${infos[0].path}'. Name the model's layers as they were named when it was saved.`,
      );
    }
    const found = [...claimed.values()];
    const fresh = unknown.filter(({ path }) => !found.includes(path));
    this.#state = joined(this.transformation, this.#state, claimed, fresh);
    this.#isRestored = false;
  }
}

tf.serialization.registerClass(
  ZnormOptimizer as unknown as Parameters<typeof tf.serialization.registerClass>[0],
);

/** A state with paths renamed, and with a beginning for variables that are new to it. */
function joined(
  transformation: GradientTransformation,
  held: HeldState,
  renamed: ReadonlyMap<string, string>,
  fresh: readonly ParameterInfo[],
): HeldState {
  const variables = tf.engine().registeredVariables;
  const infos = Object.fromEntries(fresh.map((info) => [info.path, info]));
  const all = <T>(state: State<T>, begun: State<T>): State<T> => {
    const named = Object.entries(state.slots).map(([path, own]) => [renamed.get(path) ?? path, own]);
    return { ...state, slots: { ...Object.fromEntries(named), ...begun.slots } };
  };
  if (held.on === 'device') {
    const params = Object.fromEntries(
      fresh.map(({ path }) => [path, variables[path] as unknown as tf.Tensor]),
    );
    const begun = init(transformation, params, infos, tfjsOps);
    for (const own of Object.values(begun.slots)) Object.values(own).forEach(tf.keep);
    return { on: 'device', state: all(held.state, begun) };
  }
  const params = fresh.map(({ path, shape }) => [
    path,
    { shape, data: variables[path].dataSync<'float32'>() },
  ]);
  return { on: 'host', state: all(held.state, init(transformation, Object.fromEntries(params), infos)) };
}

/** Puts into the variables what the chain means for evaluation, given what trains. */
function useEvaluationParams(
  transformation: GradientTransformation,
  held: HeldState,
  training: Named<tf.Tensor>,
  infos: Readonly<Record<string, ParameterInfo>>,
): void {
  const { registeredVariables } = tf.engine();
  if (held.on === 'device') {
    tf.tidy(() => {
      const chosen = evaluationParams(transformation, held.state, training, infos, tfjsOps);
      for (const [name, tensor] of Object.entries(chosen)) registeredVariables[name].assign(tensor);
    });
    return;
  }
  const params = Object.fromEntries(
    Object.entries(training).map(([name, x]) => [name, { shape: x.shape, data: x.dataSync<'float32'>() }]),
  );
  const chosen = evaluationParams(transformation, held.state, params, infos);
  for (const [name, { data }] of Object.entries(chosen)) assign(name, Float32Array.from(data));
}

function byName(given: tf.NamedTensorMap | NamedTensor[]): Gradients {
  const entries = Array.isArray(given)
    ? given.map(({ name, tensor }) => [name, tensor] as const)
    : Object.entries(given);
  // A variable that the loss does not depend on has no gradient.
  return Object.fromEntries(entries.filter(([, tensor]) => tensor != null));
}

function disposeAll(tensors: readonly NamedTensor[]): void {
  for (const { tensor } of tensors) tensor.dispose();
}

/** Which restored path belongs to which variable, where their names differ in TensorFlow.js's number only. */
function claims(
  infos: readonly ParameterInfo[],
  unknown: readonly ParameterInfo[],
  slots: Readonly<Record<string, unknown>>,
): Map<string, string> {
  const claimed = new Map<string, string>();
  const taken = (saved: string) => claimed.has(saved) || infos.some(({ path }) => path === saved);
  for (const { path } of unknown) {
    const alike = Object.keys(slots).filter(
      (saved) => withoutNumber(saved) === withoutNumber(path) && !taken(saved),
    );
    if (alike.length === 1) claimed.set(alike[0], path);
  }
  return claimed;
}
