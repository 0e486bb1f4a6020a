import {
  blockUntilReady,
  defaultDevice,
  grad,
  type JsTree,
  jit,
  numpy as np,
  init as start,
  tree,
  valueAndGrad,
} from '@jax-js/jax';
import { afterEach, describe, expect, test } from 'vitest';
import {
  type ArrayTensor,
  adam,
  adamw,
  adaptiveClip,
  applyUpdates as applyArrays,
  centralize,
  chain,
  clipByGlobalNorm,
  constant,
  cosine,
  type GradientTransformation,
  identity,
  init,
  masked,
  type Named,
  nonfinite,
  type ParameterInfo,
  scale,
  scaleByLearningRate,
  sgd,
  tensor,
  trace,
  update,
  warmup,
  znorm,
} from '../../src/index.ts';
import {
  applyUpdates,
  type JaxState,
  type JaxTransformation,
  jaxTransformation,
} from '../../src/jax/index.ts';
import { jaxTensor, jaxValues, useJax } from '../carriers/jax.ts';
import { normals } from '../carriers/statistics-accuracy.ts';
import { relativeError } from '../closeness.ts';
import { bufferCount } from './live-buffers.ts';

await useJax();
const buffers = bufferCount();

const schedule = warmup({ steps: 2, into: cosine({ from: 0.1, steps: 8 }), from: 0.01 });

/** A guard, statistics over several tensors and over time, moments, decay; and a part that it leaves alone. */
const everything = chain(
  nonfinite({ action: 'skip' }),
  clipByGlobalNorm({ maxNorm: 1 }),
  centralize(),
  masked(znorm({ scope: 'layer', statistics: { ema: 0.9 } }), { minRank: 2 }),
  znorm({ statistics: { every: 2 } }),
  adamw({ learningRate: schedule, weightDecay: 0.1 }),
);

type Params = { conv: { kernel: np.Array; bias: np.Array }; dense: [np.Array, np.Array]; scale: np.Array };

const shapes = {
  'conv/kernel': [4, 3, 3, 3],
  'conv/bias': [4],
  'dense/0': [7, 5],
  'dense/1': [5],
  scale: [],
} as const;
/** As jax-js lays them out: `x @ w`, and output channels first in convolutions. */
const infos = Object.fromEntries(
  Object.entries(shapes).map(([path, shape]): [string, ParameterInfo] => {
    const outputAxis = shape.length === 2 ? 1 : 0;
    return [path, { path, shape, outputAxis, role: path.endsWith('bias') ? 'bias' : 'kernel' }];
  }),
);

function drawn(seed: number): Record<keyof typeof shapes, ArrayTensor> {
  const entries = Object.entries(shapes).map(([path, shape], i) => {
    const size = shape.reduce((a: number, b) => a * b, 1);
    return [path, tensor(normals(size, seed * 10 + i), shape)];
  });
  return Object.fromEntries(entries);
}

function asTree(named: Record<keyof typeof shapes, ArrayTensor>): Params {
  return {
    conv: { kernel: jaxTensor(named['conv/kernel']), bias: jaxTensor(named['conv/bias']) },
    dense: [jaxTensor(named['dense/0']), jaxTensor(named['dense/1'])],
    scale: jaxTensor(named.scale),
  };
}

/** Consumes the tree. */
async function asNamed({ conv, dense, scale }: Params): Promise<Named<ArrayTensor>> {
  return {
    'conv/kernel': await jaxValues(conv.kernel),
    'conv/bias': await jaxValues(conv.bias),
    'dense/0': await jaxValues(dense[0]),
    'dense/1': await jaxValues(dense[1]),
    scale: await jaxValues(scale),
  };
}

/** Steps 2, 3 and 7 are not finite. */
function gradientsAt(step: number) {
  const gradients = drawn(10 + step);
  return [2, 3, 7].includes(step) ? { ...gradients, scale: tensor([Number.NaN], []) } : gradients;
}

function onArrays(transformation: GradientTransformation, steps: number): Named<ArrayTensor> {
  let params: Named<ArrayTensor> = drawn(1);
  let state = init(transformation, params, infos);
  for (let step = 0; step < steps; step++) {
    const result = update(transformation, gradientsAt(step), state, params, infos);
    state = result.state;
    params = applyArrays(params, result.updates);
  }
  return params;
}

async function expectParams(found: Params, expected: Named<ArrayTensor>): Promise<void> {
  const values = await asNamed(found);
  // 2e-6: some thirty float32 roundings a step, the bound that every backend is held to on such gradients.
  for (const [path, { data }] of Object.entries(expected))
    expect(relativeError(values[path].data, data), path).toBeLessThanOrEqual(2e-6);
}

const shapesOf = (x: JsTree<np.Array>) => tree.leaves<np.Array>(x).map(({ shape }) => shape);
const refCounts = (x: JsTree<np.Array>) => new Set(tree.leaves<np.Array>(x).map(({ refCount }) => refCount));

describe('a chain on a pytree', () => {
  const optimizer = jaxTransformation(everything);

  test('takes the same ten steps as on plain arrays: a schedule, a guard that skips, state', async () => {
    let params = asTree(drawn(1));
    let state = optimizer.init(tree.ref(params));
    for (let step = 0; step < 10; step++) {
      const [updates, next] = optimizer.update(asTree(gradientsAt(step)), state, tree.ref(params));
      params = applyUpdates(params, updates);
      state = next;
    }
    await expectParams(params, onArrays(everything, 10));
    expect(state.count.js()).toBe(10);
    expect(state.gates.nonfinite.passed.js()).toBe(7);
    expect(state.gates.nonfinite.skippedInARow.js()).toBe(0);
  });

  test('takes them under jit too, compiled once, with the learning rate of each step', async () => {
    let compilations = 0;
    const step = jit((params: Params, state: JaxState, gradients: Params) => {
      compilations++;
      const [updates, next] = optimizer.update(gradients, state, tree.ref(params));
      return { params: applyUpdates(params, updates), state: next };
    });
    let params = asTree(drawn(1));
    let state = optimizer.init(tree.ref(params));
    for (let t = 0; t < 10; t++) ({ params, state } = step(params, state, asTree(gradientsAt(t))));
    expect(compilations).toBe(1);
    await expectParams(params, onArrays(everything, 10));
    step.dispose();
  });

  test('keeps the structure of the tree, lists and all, and a bare array is a tree', async () => {
    const params = asTree(drawn(1));
    const state = optimizer.init(tree.ref(params));
    const [updates] = optimizer.update(asTree(drawn(2)), state, params);
    expect(shapesOf(updates)).toEqual(Object.values(shapes));
    expect(updates.dense[0].shape).toEqual([7, 5]);

    const bare = jaxTransformation(sgd({ learningRate: 0.5 }));
    const [halved] = bare.update(np.array([2, -4]), bare.init(np.array([0, 0])));
    expect(halved.js()).toEqual([-1, 2]);
  });

  test('is told what a parameter is by `describe`, and takes matrices for x @ w otherwise', () => {
    const seen: Record<string, ParameterInfo> = {};
    const noting: GradientTransformation = {
      name: 'noting',
      options: {},
      update: (_ops, g, { parameter }) => {
        seen[parameter.path] = parameter;
        return { updates: g };
      },
    };
    const run = (transformation: JaxTransformation) => {
      const params = asTree(drawn(1));
      const state = transformation.init(tree.ref(params));
      transformation.update(params, state);
    };
    run(jaxTransformation(noting));
    expect(Object.values(seen)).toEqual(Object.values(infos));

    run(
      jaxTransformation(noting, {
        describe: ({ path }) => (path.startsWith('dense') ? { outputAxis: 0, role: 'attention' } : {}),
      }),
    );
    expect(seen['dense/0']).toEqual({ path: 'dense/0', shape: [7, 5], outputAxis: 0, role: 'attention' });
    expect(seen['conv/kernel']).toEqual(infos['conv/kernel']);
  });

  test('fits where @jax-js/optax takes a gradient transformation', () => {
    // The interface of @jax-js/optax 0.1, which is not a dependency.
    interface OptaxTransformation {
      init<P extends JsTree<np.Array>>(params: P): JsTree<np.Array>;
      update<P extends JsTree<np.Array>>(
        updates: P,
        state: JsTree<np.Array>,
        params?: P,
      ): [P, JsTree<np.Array>];
    }
    const solver: OptaxTransformation = jaxTransformation(sgd({ learningRate: 0.25 }));
    let params = np.array([1, 2, 3]);
    let state = solver.init(params.ref);
    for (let i = 0; i < 2; i++) {
      const gradients = grad((x: np.Array) => np.sum(np.square(x)))(params.ref);
      const [updates, next] = solver.update(gradients, state, params.ref);
      params = applyUpdates(params, updates);
      state = next;
    }
    expect(params.js()).toEqual([0.25, 0.5, 0.75]);
  });
});

describe('references', () => {
  const optimizer = jaxTransformation(everything);

  test.each([
    ['a chain with everything', everything],
    ['a chain that passes gradients through', identity()],
    ['a chain with state for some parameters', masked(trace(), { minRank: 2 })],
  ])('%s consumes what it is given, and what it returns is the caller’s', (_, transformation) => {
    const { init, update } = jaxTransformation(transformation);
    const before = buffers();
    const params = asTree(drawn(1));
    const kept = tree.ref(params);
    const state = init(kept);
    expect(refCounts(params)).toEqual(new Set([1]));
    const gradients = asTree(drawn(2));
    const sent = tree.ref(gradients);
    const [updates, next] = update(sent, state, tree.ref(params));
    expect(refCounts(params)).toEqual(new Set([1]));
    if (transformation.name !== 'chain') expect(updates.scale).toBe(gradients.scale);
    tree.dispose([updates, next, params, gradients]);
    expect(refCounts([params, gradients, updates, next] as JsTree<np.Array>)).toEqual(new Set([0]));
    expect(buffers()).toBe(before);
  });

  test('three hundred compiled steps, and twenty eager ones, leave as many buffers as the first', async () => {
    const before = buffers();
    const step = jit((params: Params, state: JaxState, gradients: Params) => {
      const [updates, next] = optimizer.update(gradients, state, tree.ref(params));
      return { params: applyUpdates(params, updates), state: next };
    });
    let params = asTree(drawn(1));
    let state = optimizer.init(tree.ref(params));
    const gradients = asTree(drawn(2));
    const counts = new Set<number>();
    for (let t = 0; t < 300; t++) {
      ({ params, state } = step(params, state, tree.ref(gradients)));
      await blockUntilReady(params);
      if (t > 0) counts.add(buffers());
    }
    expect(counts.size).toBe(1);
    for (let t = 0; t < 20; t++) {
      const [updates, next] = optimizer.update(tree.ref(gradients), state, tree.ref(params));
      params = applyUpdates(params, updates);
      state = next;
    }
    tree.dispose([params, state, gradients] as JsTree<np.Array>);
    step.dispose();
    expect(buffers()).toBe(before);
  });

  test('a step that throws frees nothing of the caller’s and keeps nothing', () => {
    const before = buffers();
    const params = asTree(drawn(1));
    const state = optimizer.init(tree.ref(params));
    const gradients = { ...asTree(drawn(2)), extra: np.zeros([2]) };
    const held = buffers();
    expect(() => optimizer.update(gradients, state)).toThrow(RangeError);
    expect(buffers()).toBe(held);
    tree.dispose([params, state, gradients] as JsTree<np.Array>);
    expect(buffers()).toBe(before);
  });
});

describe('numbers that depend on the step', () => {
  /** The updates that a gradient of 1 gets in some compiled steps: minus the learning rate. */
  function rates(transformation: GradientTransformation, steps: number, options = {}): number[] {
    const optimizer = jaxTransformation(transformation, options);
    const step = jit((state: JaxState) => optimizer.update(np.ones([1]), state));
    let state = optimizer.init(np.ones([1]));
    const found = Array.from({ length: steps }, () => {
      const [updates, next] = step(state);
      state = next;
      return -updates.dataSync()[0];
    });
    tree.dispose(state);
    step.dispose();
    return found;
  }
  const learningRate = (at: (step: number) => number) => scaleByLearningRate({ learningRate: at });

  test('hold their last value past the end of their table', () => {
    const decay = learningRate((step) => 1 / (1 + Math.min(step, 4)));
    expect(rates(decay, 7)).toEqual([1, 1 / 2, 1 / 3, 1 / 4, 1 / 5, 1 / 5, 1 / 5].map(Math.fround));
    expect(rates(decay, 5, { steps: 3 })).toEqual([1, 1 / 2, 1 / 3, 1 / 3, 1 / 3].map(Math.fround));
  });

  test('are tabulated until they rest: Adam after b2 = 0.999 has faded, a plateau before a late drop', () => {
    const late = learningRate((step) => (step < 100_000 ? 1 : 0.5));
    const optimizer = jaxTransformation(late);
    const last = (at: number) => {
      const step = jit((state: JaxState) => optimizer.update(np.ones([1]), state));
      const { slots, gates } = optimizer.init(np.ones([1]));
      const count = np.array(Int32Array.of(at)).reshape([]);
      const [updates] = step({ count, slots, gates });
      step.dispose();
      return -updates.dataSync()[0];
    };
    expect([99_999, 100_000, 3_000_000].map(last)).toEqual([1, 0.5, 0.5]);
  });

  test('that repeat are tabulated for one period', () => {
    const saw = learningRate((step) => 1 + (step % 3));
    expect(rates(saw, 8)).toEqual([1, 2, 3, 1, 2, 3, 1, 2]);
  });

  test('that never rest need `steps`, and so does a function that knows only its own steps', () => {
    const waves = learningRate((step) => 1 + Math.sin(step));
    expect(() => rates(waves, 1)).toThrow(
      new RangeError(
        'jaxTransformation: expected `steps`, got undefined, and scaleByLearningRate.learningRate neither comes to rest within 1048576 steps nor repeats. Pass { steps } with the number of steps you train.',
      ),
    );
    expect(rates(waves, 3, { steps: 3 })).toEqual([0, 1, 2].map((t) => Math.fround(1 + Math.sin(t))));

    const own = learningRate((step) => [0.5, 0.25][step]);
    expect(() => rates(own, 1)).toThrow('expected `steps`');
    expect(rates(own, 2, { steps: 2 })).toEqual([0.5, 0.25]);
  });

  test('outside jit they are computed as they are needed', () => {
    const optimizer = jaxTransformation(learningRate((step) => 1 + step));
    let state = optimizer.init(np.ones([1]));
    for (let t = 0; t < 3; t++) {
      const [updates, next] = optimizer.update(np.ones([1]), state);
      state = next;
      expect(updates.js()).toEqual([-1 - t]);
    }
  });
});

describe('guards', () => {
  test('say, when asked, that too many steps in a row were skipped', async () => {
    const optimizer = jaxTransformation(
      chain(nonfinite({ action: 'skip', maxConsecutive: 2 }), sgd({ learningRate: 0.1 })),
    );
    const step = jit((state: JaxState) => optimizer.update(np.array([Number.NaN, 1]), state));
    let state = optimizer.init(np.ones([2]));
    for (let t = 0; t < 2; t++) [, state] = step(state);
    await optimizer.check(state);
    const [updates, next] = step(state);
    expect(updates.js()).toEqual([0, 0]);
    await expect(optimizer.check(next)).rejects.toThrow(
      new RangeError(
        'nonfinite: expected at most 2 skipped steps in a row, got 3. Lower the learning rate, or look at the gradients with inspectGradients().',
      ),
    );
    expect(refCounts(next)).toEqual(new Set([1]));
  });

  test('behind a closed one, a second is not counted', () => {
    const twice = chain(nonfinite({ action: 'skip' }), scale({ factor: 2 }), nonfinite({ action: 'skip' }));
    const { init, update } = jaxTransformation(twice);
    const [, first] = update(np.array([1, Number.NaN]), init(np.zeros([2])));
    const [, second] = update(np.array([3e38, 1]), first);
    expect(tree.map((x: np.Array) => x.js(), second.gates)).toEqual({
      nonfinite: { passed: 1, skippedInARow: 0 },
      'nonfinite#2': { passed: 0, skippedInARow: 1 },
    });
  });
});

describe('float16', () => {
  const hasFloat16 = 'Float16Array' in globalThis;

  test.skipIf(!hasFloat16)(
    'is computed with in float32, rounded once (needs Node 24 or a browser)',
    async () => {
      // The only device of Node that has float16.
      await start('cpu');
      defaultDevice('cpu');
      const optimizer = jaxTransformation(chain(znorm(), adam({ learningRate: constant({ value: 0.1 }) })));
      const single = np.array(normals(64, 5).map((x) => 1e-3 * x));
      const half = single.ref.astype(np.float16);
      const exact = half.ref.astype(np.float32);
      single.dispose();
      const [updates, state] = optimizer.update(half, optimizer.init(np.zeros([64], { dtype: np.float16 })));
      const [reference] = optimizer.update(exact, optimizer.init(np.zeros([64])));
      expect(updates.dtype).toBe('float16');
      expect(state.slots.param['scaleByAdam.mu'].dtype).toBe('float32');
      const expected = reference.dataSync();
      const found = updates.astype(np.float32).dataSync();
      // Half a unit in the last place of 11 binary digits, element by element.
      for (let i = 0; i < 64; i++) expect(Math.abs(found[i] / expected[i] - 1)).toBeLessThanOrEqual(2 ** -11);
    },
  );

  afterEach(() => {
    defaultDevice('wasm');
  });

  test('gradients give float32 updates for float32 parameters', () => {
    const { init, update } = jaxTransformation(sgd({ learningRate: 0.1 }));
    const params = np.ones([1]);
    const [updates] = update(np.ones([1], { dtype: np.float16 }), init(params.ref), params);
    expect(updates.js()).toEqual([Math.fround(-0.1)]);
  });
});

describe('what does not fit is refused', () => {
  const plain = jaxTransformation(sgd({ learningRate: 0.1 }));

  test.each<[string, () => unknown, Error]>([
    [
      'an unknown option',
      () => jaxTransformation(znorm(), { step: 10 } as never),
      new TypeError('jaxTransformation: unknown option `step`. Did you mean `steps`?'),
    ],
    [
      'no steps',
      () => jaxTransformation(znorm(), { steps: 0 }),
      new RangeError('jaxTransformation: expected `steps` to be a whole number >= 1, got 0.'),
    ],
    [
      'a number for an array',
      () => plain.init({ layers: [{ w: 3 as never }] }),
      new TypeError(
        "init: expected an array of jax-js, got number at 'layers/0/w'. Make it one with np.array().",
      ),
    ],
    [
      'one path for two arrays',
      () => plain.init({ 'a/b': np.ones([1]), a: { b: np.ones([1]) } }),
      new RangeError("init: expected every array to have a path of its own, got two at 'a/b'. Rename one."),
    ],
    [
      'a state of another transformation',
      () => jaxTransformation(adam()).update(np.ones([1]), plain.init(np.ones([1]))),
      new RangeError(
        "update: expected state of scaleByAdam, got none at 'param'. Pass the state that init() made for this transformation and these infos.",
      ),
    ],
    [
      'a state without the counts of a guard',
      () => jaxTransformation(nonfinite({ action: 'skip' })).update(np.ones([1]), plain.init(np.ones([1]))),
      new RangeError(
        'update: expected the counts of nonfinite in `state.gates`, got none. Pass the state that init() made for this transformation.',
      ),
    ],
    [
      'a gradient of another shape',
      () => plain.update(np.ones([2]), plain.init(np.ones([3])), np.ones([3])),
      new RangeError("update: expected a gradient of shape [3], got [2] at 'param'."),
    ],
    [
      'missing params',
      () => {
        const { init, update } = jaxTransformation(adaptiveClip());
        return update(np.ones([2, 2]), init(np.ones([2, 2])));
      },
      new TypeError("adaptiveClip: expected params, got undefined at 'param'. Pass params to update()."),
    ],
  ])('%s', (_, attempt, error) => {
    expect(attempt).toThrow(error);
  });
});

test('a small regression is learnt under jit: loss, gradients, update and parameters in one function', () => {
  const x = np.array(normals(200, 1), { shape: [50, 4] });
  const y = np.matmul(x.ref, np.array([1, -2, 0.5, 3], { shape: [4, 1] }));
  const lossOf = (params: { w: np.Array }) => np.mean(np.square(np.matmul(x.ref, params.w).sub(y.ref)));
  const optimizer = jaxTransformation(
    chain(clipByGlobalNorm({ maxNorm: 1 }), adam({ learningRate: cosine({ from: 0.2, steps: 100 }) })),
  );
  const step = jit((params: { w: np.Array }, state: JaxState) => {
    const [loss, gradients] = valueAndGrad(lossOf)(tree.ref(params));
    const [updates, next] = optimizer.update(gradients, state, tree.ref(params));
    return { loss, params: applyUpdates(params, updates), state: next };
  });
  let params = { w: np.zeros([4, 1]) };
  let state = optimizer.init(tree.ref(params));
  const losses: number[] = [];
  for (let t = 0; t < 100; t++) {
    const result = step(params, state);
    ({ params, state } = result);
    losses.push(result.loss.js());
  }
  expect(losses[99]).toBeLessThan(1e-2 * losses[0]);
});
