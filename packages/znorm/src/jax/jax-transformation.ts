import { type JsTree, numpy as np, tree } from '@jax-js/jax';
import { init, refuseMoreSkips } from '../apply.ts';
import { knownOptions, positiveInteger } from '../option-checks.ts';
import { describeParameter, type Named, type ParameterInfo } from '../parameters.ts';
import { type Stage, stages } from '../stages.ts';
import type { Operand } from '../tensor-ops.ts';
import type { GradientTransformation } from '../transformation.ts';
import { type ParameterInfos, updateTensors } from '../update-tensors.ts';
import { fedAt, isFed, type JaxFed, refuseUnfed } from './fed-numbers.ts';
import { type ScalarTable, scalarTable } from './scalar-table.ts';
import { jaxOps, own } from './tensor-ops.ts';
import { arraysByPath } from './tree-paths.ts';

/** A pytree of arrays: it goes through `jit` and can be saved like parameters. */
export type JaxState = {
  /** Updates taken so far: int32, `[]`. */
  count: np.Array;
  /** `path → 'scaleByAdam.mu' → array`. */
  slots: { [path: string]: { [slot: string]: np.Array } };
  /** Per guard that may skip a step, int32, `[]`: steps that went through, and steps skipped in a row. */
  gates: { [guard: string]: { passed: np.Array; skippedInARow: np.Array } };
};

export interface JaxOptions {
  /**
   * How many steps learning rates are tabulated for under `jit`; past them the last value holds. Needed only for a
   * schedule that neither comes to rest nor repeats. @default until they do
   */
  readonly steps?: number;
  /**
   * What transformations may know of a parameter besides its path and shape. @default the last axis of a matrix counts
   * output units (`x @ w`), the first of a tensor of rank 3 or more (the kernels of `lax.conv`); roles are read off
   * the last name (`bias` and `b`, `gamma`, `beta`, `embedding`)
   */
  readonly describe?: (
    parameter: ParameterInfo,
  ) => Partial<Pick<ParameterInfo, 'outputAxis' | 'role' | 'heads'>>;
}

/** Pure functions in the convention of jax-js: they consume the arrays they are given. */
export interface JaxTransformation {
  init<Params extends JsTree<np.Array>>(params: Params): JaxState;
  /**
   * @param fed what `feed` made for this step; needed under `jit` by chains with `injectable`, `reduceOnPlateau` or
   *   `addNoise`
   * @returns what to add to the parameters, and the new state
   */
  update<Params extends JsTree<np.Array>>(
    gradients: Params,
    state: JaxState,
    params?: Params,
    fed?: JaxFed,
  ): [updates: Params, state: JaxState];
  /**
   * What of the next step only JavaScript knows, as arrays for `update`: rates as they are set now, and noise. To be
   * made outside `jit`, for each step. It reads the counts of the state, and consumes neither argument; for chains
   * without such numbers it is empty.
   */
  feed(state: JaxState, params: JsTree<np.Array>): Promise<JaxFed>;
  /**
   * Reads, outside `jit`, whether a guard such as `nonfinite({ action: 'skip' })` has skipped more steps in a row than
   * it allows: a compiled step cannot throw. Does not consume the state.
   *
   * @throws RangeError if so
   */
  check(state: JaxState): Promise<void>;
}

/**
 * A chain as `init` and `update` on pytrees of jax-js arrays, under `jit` or not. It fits wherever `@jax-js/optax`
 * takes a `GradientTransformation`.
 *
 *     [updates, state] = update(gradients, state, params),   params ← params + updates
 *
 * Both functions consume their arguments, as all functions of jax-js do: pass `tree.ref(params)` to keep them. What
 * they return belongs to the caller. A parameter's path is made of the names that lead to it, `layers/0/w`.
 *
 * Nothing is read from the device and nothing compiled twice: the state counts steps on its device, and under `jit` a
 * learning rate or a bias correction is looked up, by that count, in a table that was made when the function was
 * compiled. What no table can hold (`injectable`, `reduceOnPlateau`, `addNoise`) is fed: see `feed`. Float16 gradients
 * and parameters are computed with in float32 and rounded once, at the end; state is float32.
 *
 * @throws TypeError on an unknown option, and from `update` on leaves that are not arrays or missing `params`
 * @throws RangeError if `steps` is not a whole number >= 1, or is needed and not given; from `update` on gradients
 *   that do not fit the state
 * @example
 * import { jit, numpy as np, tree, valueAndGrad } from '@jax-js/jax';
 * import { adamw, chain, znorm } from 'znorm';
 * import { applyUpdates, jaxTransformation } from 'znorm/jax';
 *
 * const optimizer = jaxTransformation(chain(znorm(), adamw({ learningRate: 1e-1 })));
 * const target = np.array([1, -2, 1]);
 * const loss = (params: { w: np.Array }) => np.sum(np.square(params.w.sub(target.ref)));
 *
 * const step = jit((params: { w: np.Array }, state: ReturnType<typeof optimizer.init>) => {
 *   const [value, gradients] = valueAndGrad(loss)(tree.ref(params));
 *   const [updates, next] = optimizer.update(gradients, state, tree.ref(params));
 *   return { value, params: applyUpdates(params, updates), state: next };
 * });
 *
 * let params = { w: np.zeros([3]) };
 * let state = optimizer.init(tree.ref(params));
 * for (let i = 0; i < 50; i++) ({ params, state } = step(params, state));
 */
export function jaxTransformation(
  transformation: GradientTransformation,
  options: JaxOptions = {},
): JaxTransformation {
  knownOptions('jaxTransformation', options, ['steps', 'describe']);
  const steps =
    options.steps === undefined ? undefined : positiveInteger('jaxTransformation', 'steps', options.steps);
  const plan = stages(transformation);

  function described(arrays: Named<np.Array>): ParameterInfos {
    return mapped(arrays, (x, path) => {
      const { shape } = x;
      const info = { ...describeParameter(path, shape), outputAxis: shape.length === 2 ? 1 : 0 };
      return { ...info, ...options.describe?.(info) };
    });
  }

  /** How many steps each stage has seen: behind a gate, time is counted in steps that went through it. */
  function countsOf(state: JaxState): Map<Stage, np.Array> {
    let { count } = state;
    return new Map(
      plan.map((stage) => {
        const own = count;
        if (stage.primitive.gate) count = gateOf(state, stage.key).passed;
        return [stage, own];
      }),
    );
  }

  /** The chain's numbers at the step that `state` stands before: read if it has values, looked up while tracing. */
  function scalarsOf(state: JaxState, fed: JaxFed | undefined): Record<string, Operand<np.Array>> {
    const scalars: Record<string, Operand<np.Array>> = {};
    for (const [stage, count] of countsOf(state)) {
      for (const [name, at] of Object.entries(stage.primitive.scalars ?? {})) {
        const full = `${stage.key}.${name}`;
        const feeds = isFed(stage);
        if (feeds && fed) scalars[full] = fed.scalars[full] ?? refuseUnfed(full);
        else if (count instanceof np.Array) scalars[full] = at(stepsRead(count));
        else scalars[full] = feeds ? refuseUnfed(full) : lookedUp(scalarTable(full, at, steps), count);
      }
    }
    return scalars;
  }

  /** The random numbers of that step: fed, or drawn where the step is known. */
  function drawnFor(state: JaxState, infos: ParameterInfos, fed: JaxFed | undefined): JaxFed['drawn'] {
    if (fed) return fed.drawn;
    const drawing = plan.filter(({ primitive }) => primitive.draws);
    const counts = countsOf(state);
    return fedAt(drawing, infos, (stage) => {
      const count = counts.get(stage)!;
      return count instanceof np.Array ? stepsRead(count) : refuseUnfed(`noise of ${stage.key}`);
    }).drawn;
  }

  return Object.freeze({
    init<Params extends JsTree<np.Array>>(params: Params): JaxState {
      const arrays = arraysByPath('init', params);
      const slots = jaxOps.tidy(
        () => init(transformation, mapped(arrays, inFloat32), described(arrays), jaxOps).slots,
      );
      tree.dispose(params);
      const gates = plan.filter(({ primitive }) => primitive.gate);
      return {
        count: noSteps(),
        slots: mapped(slots, (named) => ({ ...named })),
        gates: Object.fromEntries(
          gates.map(({ key }) => [key, { passed: noSteps(), skippedInARow: noSteps() }]),
        ),
      };
    },

    update<Params extends JsTree<np.Array>>(
      gradients: Params,
      state: JaxState,
      params?: Params,
      fed?: JaxFed,
    ) {
      const given = arraysByPath('update', gradients);
      const weights = params === undefined ? undefined : arraysByPath('update', params);
      const infos = described(given);
      const results = jaxOps.tidy(() => {
        const inputs = {
          gradients: mapped(given, inFloat32),
          slots: state.slots,
          params: weights && mapped(weights, inFloat32),
          drawn: drawnFor(state, infos, fed),
          scalars: scalarsOf(state, fed),
        };
        const { updates, slots, gates } = updateTensors(transformation, inputs, infos, jaxOps);
        return {
          updates: mapped(updates, (x, path) => inPrecisionOf(weights?.[path] ?? given[path], x)),
          state: {
            count: own(np.add(state.count.ref, 1)),
            slots: mapped(slots, (named) => ({ ...named })),
            gates: counted(plan, state, gates),
          },
        };
      });
      const consumed = [gradients, state, ...[params, fed].filter((given) => given !== undefined)];
      const lent = new Set(tree.leaves<np.Array>(consumed));
      const returned = tree.map((x: np.Array) => (lent.has(x) ? x.ref : x), results) as typeof results;
      tree.dispose(consumed);
      const updates = tree.unflatten(tree.structure(gradients), Object.values(returned.updates));
      return [updates as Params, returned.state];
    },

    async feed(state: JaxState, params: JsTree<np.Array>): Promise<JaxFed> {
      const counts = countsOf(state);
      const steps = new Map<Stage, number>();
      for (const stage of plan.filter(isFed)) steps.set(stage, (await counts.get(stage)!.ref.data())[0]);
      return fedAt(plan, described(arraysByPath('feed', params)), (stage) => steps.get(stage)!);
    },

    async check(state: JaxState): Promise<void> {
      for (const stage of plan) {
        if (!stage.primitive.gate) continue;
        const [skipped] = await gateOf(state, stage.key).skippedInARow.ref.data();
        refuseMoreSkips(stage, skipped);
      }
    },
  } satisfies JaxTransformation);
}

/**
 * Adds updates to parameters: w ← w + u, in the parameter's precision. Consumes both.
 *
 * @example
 * import { numpy as np } from '@jax-js/jax';
 * import { applyUpdates } from 'znorm/jax';
 *
 * const params = applyUpdates({ w: np.array([1, 2]) }, { w: np.array([0.5, -1]) });
 * params.w.js(); // [1.5, 1]
 */
export function applyUpdates<Params extends JsTree<np.Array>>(params: Params, updates: Params): Params {
  return tree.map(
    (w: np.Array, u: np.Array) => {
      const { dtype } = w;
      return np.add(w, u.astype(dtype));
    },
    params as JsTree<np.Array>,
    updates,
  ) as Params;
}

/** Gates behind a closed one were not reached: they keep their counts. */
function counted(
  plan: readonly Stage[],
  state: JaxState,
  gates: Readonly<Record<string, Operand<np.Array>>>,
): JaxState['gates'] {
  const next: JaxState['gates'] = {};
  let reached: Operand<np.Array> = 1;
  for (const { key, primitive } of plan) {
    if (!primitive.gate) continue;
    const { passed, skippedInARow } = gateOf(state, key);
    const open = jaxOps.mul(gates[key], reached);
    const shut = jaxOps.sub(reached, open);
    next[key] = {
      passed: own(np.add(passed.ref, open.ref.astype(np.int32))),
      // 0 after a step that went through, one more after one that did not.
      skippedInARow: own(
        np.multiply(
          np.add(skippedInARow.ref, shut.ref.astype(np.int32)),
          np.subtract(1, open.ref.astype(np.int32)),
        ),
      ),
    };
    reached = open;
  }
  return next;
}

function gateOf(state: JaxState, key: string): JaxState['gates'][string] {
  const gate = state.gates[key];
  if (gate) return gate;
  throw new RangeError(
    `update: expected the counts of ${key} in \`state.gates\`, got none. Pass the state that init() made for this transformation.`,
  );
}

function lookedUp({ values, repeats }: ScalarTable, count: np.Array): np.Array {
  const { length } = values;
  const index = repeats ? np.remainder(count.ref, length) : np.minimum(count.ref, length - 1);
  return own(np.take(np.array(values), index).reshape([]));
}

function stepsRead(count: np.Array): number {
  return count.ref.dataSync()[0];
}

function noSteps(): np.Array {
  return np.zeros([], { dtype: np.int32 });
}

function inFloat32(x: np.Array): np.Array {
  return x.dtype === np.float32 ? x : own(x.ref.astype(np.float32));
}

function inPrecisionOf(like: np.Array, x: np.Array): np.Array {
  return like.dtype === np.float32 ? x : own(x.ref.astype(like.dtype));
}

function mapped<A, B>(named: Readonly<Record<string, A>>, change: (value: A, name: string) => B) {
  return Object.fromEntries(Object.entries(named).map(([name, value]) => [name, change(value, name)]));
}
