import { jit, type numpy as np } from '@jax-js/jax';
import * as tf from '@tensorflow/tfjs-core';
import { beforeAll, describe, expect, test } from 'vitest';
import {
  type ArrayTensor,
  adam,
  advance,
  applyUpdates,
  chain,
  clipByGlobalNorm,
  cosine,
  type GradientTransformation,
  identity,
  init,
  type Leaf,
  type LeafUpdate,
  leftBehind,
  masked,
  type Named,
  nonfinite,
  type State,
  scalarsAt,
  type TensorInputs,
  type TensorOps,
  tensor,
  trace,
  update,
  updateTensors,
  warmup,
  znorm,
} from '../src/index.ts';
import { jaxOps as jax } from '../src/jax/index.ts';
import { tfjsOps as tfjs } from '../src/tfjs/tensor-ops.ts';
import { mapNamed } from './carriers/carrier.ts';
import { jaxTensor, jaxValues, useJax } from './carriers/jax.ts';
import { normals } from './carriers/statistics-accuracy.ts';
import { tfjsTensor, tfjsValues } from './carriers/tfjs.ts';
import { relativeError } from './closeness.ts';

const schedule = warmup({ steps: 2, into: cosine({ from: 0.1, steps: 8 }), from: 0.01 });

/** State of every kind: a guard, statistics over several tensors and over time, moments; and a part it leaves alone. */
const optimizer = chain(
  nonfinite({ action: 'skip' }),
  clipByGlobalNorm({ maxNorm: 1 }),
  masked(znorm({ scope: 'layer', statistics: { ema: 0.9 } }), { minRank: 2 }),
  znorm({ onDegenerate: 'pass', statistics: { every: 2 } }),
  adam({ learningRate: schedule }),
);

const shapes: Record<string, readonly number[]> = {
  'conv/kernel': [4, 3, 3, 3],
  'conv/bias': [4],
  scale: [],
};

function drawn(seed: number): Named<ArrayTensor> {
  return mapNamed(shapes, (shape) =>
    tensor(
      normals(
        shape.reduce((a, b) => a * b, 1),
        seed + shape.length,
      ),
      shape,
    ),
  );
}

const initial = drawn(1);
/** The third step is not finite. */
const gradientsAt = (step: number): Named<ArrayTensor> =>
  step === 2 ? { ...drawn(10), scale: tensor([Number.NaN], []) } : drawn(10 + step);

/** The parameters after some steps on plain arrays. */
function reference(steps: number): Named<ArrayTensor> {
  let state = init(optimizer, initial);
  let params = initial;
  for (let step = 0; step < steps; step++) {
    const result = update(optimizer, gradientsAt(step), state, params);
    state = result.state;
    params = applyUpdates(params, result.updates);
  }
  return params;
}

function expectSameParams(found: Named<ArrayTensor>, steps: number): void {
  // 2e-6: the bound that carriers are held to in packages/train/test/carriers.test.ts.
  for (const [path, { data }] of Object.entries(reference(steps)))
    expect(relativeError(found[path].data, data), path).toBeLessThanOrEqual(2e-6);
}

describe('TensorFlow.js', () => {
  test('twelve steps leave as many tensors as the first, and freeing everything leaves none', () => {
    const before = tf.memory().numTensors;
    let params = mapNamed(initial, tfjsTensor);
    let state = init(optimizer, params, undefined, tfjs);
    const counts: number[] = [];
    for (let step = 0; step < 12; step++) {
      const gradients = mapNamed(gradientsAt(step), tfjsTensor);
      const { updates, state: next, reports } = update(optimizer, gradients, state, params, undefined, tfjs);
      const nextParams = applyUpdates(params, updates, tfjs);
      tf.dispose([gradients, { ...updates }, { ...params }, [...leftBehind(state, next)]]);
      tf.dispose(reports.map(({ value }) => value));
      state = next;
      params = { ...nextParams };
      counts.push(tf.memory().numTensors);
    }
    expect(new Set(counts)).toEqual(new Set([counts[0]]));
    expectSameParams(mapNamed(params, tfjsValues), 12);

    tf.dispose([params, Object.values(state.slots).map((slots) => ({ ...slots }))]);
    expect(tf.memory().numTensors).toBe(before);
  });

  test('an update consumes nothing: gradients, parameters and the old state can be used again', () => {
    const params = mapNamed(initial, tfjsTensor);
    const gradients = mapNamed(drawn(10), tfjsTensor);
    const state = init(optimizer, params, undefined, tfjs);
    const first = update(optimizer, gradients, state, params, undefined, tfjs);
    const second = update(optimizer, gradients, state, params, undefined, tfjs);
    for (const path of Object.keys(params))
      expect(second.updates[path].dataSync()).toEqual(first.updates[path].dataSync());
  });
});

describe('jax-js', () => {
  beforeAll(useJax);

  test('an eager update consumes nothing and leaves nothing but its results', () => {
    const made: np.Array[] = [];
    const watched = watching(jax, made);
    const params = mapNamed(initial, jaxTensor);
    const gradients = mapNamed(drawn(10), jaxTensor);
    const state = init(optimizer, params, undefined, watched);
    const scalars = scalarsAt(optimizer, state);
    const result = updateTensors(
      optimizer,
      { gradients, slots: state.slots, params, scalars },
      undefined,
      watched,
    );

    const given = [params, gradients, ...Object.values(state.slots)].flatMap((named) => Object.values(named));
    const returned = new Set(
      [
        result.updates,
        result.gates,
        ...Object.values(result.slots),
        ...Object.values(result.reports),
      ].flatMap((named) => Object.values(named)),
    );
    expect(given.map((x) => x.refCount)).toEqual(given.map(() => 1));
    expect([...returned].map((x) => (x as np.Array).refCount)).toEqual([...returned].map(() => 1));
    const leaked = made.filter((x) => x.refCount > 0 && !returned.has(x) && !given.includes(x));
    expect(made.length).toBeGreaterThan(100);
    expect(leaked.length).toBe(0);
  });

  test('under jit a step is compiled once, and its state never leaves the device', async () => {
    let compilations = 0;
    const step = jit((inputs: TensorInputs<np.Array>) => {
      compilations++;
      return jax.tidy(() => {
        const result = updateTensors(optimizer, inputs, undefined, jax);
        const next = applyUpdates(inputs.params!, result.updates, jax);
        return { params: next, slots: result.slots, gates: result.gates as Named<np.Array> };
      });
    });
    let params: Named<np.Array> = mapNamed(initial, jaxTensor);
    let state: State<np.Array> = init(optimizer, params, undefined, jax);
    for (let t = 0; t < 6; t++) {
      const scalars = mapNamed(scalarsAt(optimizer, state), (value) => jaxTensor(tensor([value], [])));
      const gradients = mapNamed(gradientsAt(t), jaxTensor);
      // jit frees what it is given, the old state and parameters included.
      const given = [gradients, scalars, params, ...Object.values(state.slots)];
      const result = step({ gradients, slots: state.slots, params, scalars });
      const gates: Record<string, number> = {};
      for (const [key, open] of Object.entries(result.gates)) gates[key] = (await jaxValues(open)).data[0];
      state = advance(optimizer, state, result.slots, gates);
      params = result.params;
      expect(given.flatMap((named) => Object.values(named)).filter((x) => x.refCount > 0)).toEqual([]);
    }
    expect(compilations).toBe(1);
    expect(state.gates).toEqual({ nonfinite: { passed: 5, skippedInARow: 0 } });
    const found: Record<string, ArrayTensor> = {};
    for (const [path, x] of Object.entries(params)) found[path] = await jaxValues(x);
    expectSameParams(found, 6);
    step.dispose();
  });
});

describe('plain arrays', () => {
  const params = { w: tensor([1, 2]) };
  const gradients = { w: tensor([3, 4]) };

  test('a gradient that passes through is returned as the object that came in', () => {
    expect(update(identity(), gradients, init(identity(), params)).updates.w).toBe(gradients.w);
  });

  test.each<[string, GradientTransformation]>([
    ['the direction of momentum', trace()],
    ['a gradient kept for later', keeping('gradient')],
    ['a parameter kept for later', keeping('param')],
    ['one tensor under two names', keeping('twice')],
  ])('%s is kept in storage of its own', (_, transformation) => {
    const state = init(transformation, params);
    const { updates, state: next } = update(transformation, gradients, state, params);
    const kept = Object.values(next.slots.w).map(({ data }) => data);
    const lent = [updates.w, gradients.w, params.w].map(({ data }) => data);
    expect(new Set([...kept, ...lent]).size).toBe(kept.length + new Set(lent).size);
    for (const slots of [state.slots.w, next.slots.w])
      expect(Object.values(slots).some(({ data }) => lent.includes(data))).toBe(false);
  });

  test('what a step leaves behind is the state it replaced, and not what it kept', () => {
    const two = { a: tensor([1]), b: tensor([2]) };
    const before = init(trace(), two);
    const { state: after } = update(trace(), { a: tensor([3]) }, before);
    expect(leftBehind(before, after)).toEqual([before.slots.a['trace.trace']]);
    expect(after.slots.b['trace.trace']).toBe(before.slots.b['trace.trace']);
  });
});

/** A careless transformation, which keeps tensors that are not its own. */
function keeping(what: 'gradient' | 'param' | 'twice'): GradientTransformation {
  return {
    name: 'keeping',
    options: {},
    init: (ops, _parameter, param) => ({
      a: what === 'param' ? param : ops.full([2], 0),
      b: ops.full([2], 0),
    }),
    update<T>(ops: TensorOps<T>, g: T, { param }: Leaf<T>): LeafUpdate<T> {
      const doubled = ops.add(g, g);
      if (what === 'twice') return { updates: g, slots: { a: doubled, b: doubled } };
      return { updates: doubled, slots: { a: what === 'gradient' ? g : param! } };
    },
  };
}

/** A backend that also notes every tensor that any of its operations returns. */
function watching<T>(ops: TensorOps<T>, made: T[]): TensorOps<T> {
  const noting = (operation: unknown) =>
    typeof operation !== 'function'
      ? operation
      : (...operands: unknown[]) => {
          const result = operation(...operands);
          for (const x of [result, result?.mean, result?.std]) if (x?.refCount !== undefined) made.push(x);
          return result;
        };
  return Object.fromEntries(
    Object.entries(ops).map(([name, operation]) => [name, noting(operation)]),
  ) as never;
}
