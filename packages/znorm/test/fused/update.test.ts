import { describe, expect, test } from 'vitest';
import { createFusedUpdate, planFused, updateTableBytes } from '../../src/fused/index.ts';
import {
  type ArrayTensor,
  adam,
  adamw,
  applyUpdates,
  chain,
  clipByGlobalNorm,
  clipByValue,
  describeParameter,
  fromJSON,
  type GradientTransformation,
  init,
  momentum,
  type Named,
  nonfinite,
  type ParameterInfo,
  type State,
  sgd,
  type TransformationJson,
  tensor,
  update,
  znorm,
} from '../../src/index.ts';
import { relativeError } from '../closeness.ts';
import { type Binding, bind } from './binding.ts';
import { gradientParts } from './chains.ts';
import { oddParameters, randomNumbers, randomTensors } from './random-gradients.ts';

const infosByPath = (infos: readonly ParameterInfo[]) =>
  Object.fromEntries(infos.map((info) => [info.path, info]));
const byPath = infosByPath(oddParameters);

function give(bound: Binding, gradients: Named<ArrayTensor>): void {
  for (const [path, { data }] of Object.entries(gradients)) bound.gradients[path].set(data);
}

/** All bits that training changes. */
function bits({ parameters, state }: Binding): Record<string, number[]> {
  return Object.fromEntries([
    ...Object.entries(parameters).map(([path, data]) => [path, [...data]]),
    ...Object.entries(state.slots).flatMap(([path, own]) =>
      Object.entries(own).map(([slot, { data }]) => [`${path}/${slot}`, [...data]]),
    ),
    ['counters', [state.step, JSON.stringify(state.gates)]],
  ]);
}

describe('one step is the step of the arrays backend', () => {
  /** Against the largest element, since sums of either sign may leave next to nothing. */
  async function compare(
    transformation: GradientTransformation,
    infos: readonly ParameterInfo[],
    steps: number,
    shift: number,
  ) {
    const random = randomNumbers(infos.length + shift);
    const initial = randomTensors(infos, random);
    const bound = await bind(transformation, infos, initial, shift);
    let params = initial;
    let state = init(transformation, initial, infosByPath(infos));
    for (let step = 0; step < steps; step++) {
      const gradients = randomTensors(infos, random);
      give(bound, gradients);
      bound.state = bound.update.step(bound.state).state;
      const result = update(transformation, gradients, state, params, infosByPath(infos));
      params = applyUpdates(params, result.updates);
      state = result.state;
    }
    // A few roundings of a few steps; some of it is seen against what is left of terms of either sign.
    const tolerance = 2e-6;
    for (const { path } of infos) {
      expect(relativeError(bound.parameters[path], params[path].data), path).toBeLessThan(tolerance);
      const own = state.slots[path];
      for (const [slot, { data }] of Object.entries(own)) {
        // A mean may be anything next to 0; what counts is its error against the deviation.
        const size = slot === 'znorm.mean' ? own['znorm.std'].data : data;
        const error = data.map((x, k) => bound.state.slots[path][slot].data[k] - x);
        expect(
          relativeError(
            error.map((e, k) => size[k] + e),
            size,
          ),
          slot,
        ).toBeLessThan(tolerance);
      }
    }
  }

  test('for every length up to 70 and every place of its first element within a vector', async () => {
    const infos = Array.from({ length: 70 }, (_, i) => describeParameter(`length ${i}`, [i]));
    for (const shift of [0, 1, 2, 3]) await compare(chain(znorm(), adam()), infos, 2, shift);
  });

  test('for lengths about the pages that are read together', async () => {
    const lengths = [2047, 2048, 2049, 4095, 4097, 8191, 8192, 8193, 8199, 16_384, 16_411];
    const infos = lengths.map((length) => describeParameter(`length ${length}`, [length]));
    await compare(chain(clipByGlobalNorm({ maxNorm: 1 }), znorm(), adamw()), infos, 2, 1);
  });

  test('for tensors beyond the cache, which are measured while others are updated', async () => {
    const lengths = [262_144, 300_001, 5, 262_147, 270_000, 262_143];
    const infos = lengths.map((length, i) => describeParameter(`tensor ${i}`, [length]));
    await compare(chain(znorm(), momentum({ learningRate: 0.1 })), infos, 2, 3);
    await compare(chain(znorm({ statistics: { ema: 0.9 } }), sgd({ learningRate: 0.1 })), infos, 3, 1);
    await compare(chain(znorm({ statistics: { every: 2 } }), sgd({ learningRate: 0.1 })), infos, 3, 1);
  });

  test('to the bit, where no sum is taken in another order and no factor has to be rounded', async () => {
    const exact = chain(clipByValue({ clipValue: 0.3 }), sgd({ learningRate: 0.5 }));
    const random = randomNumbers(5);
    const initial = randomTensors(oddParameters, random);
    const bound = await bind(exact, oddParameters, initial, 1);
    let params = initial;
    for (let step = 0; step < 20; step++) {
      const gradients = randomTensors(oddParameters, random);
      give(bound, gradients);
      bound.state = bound.update.step(bound.state).state;
      params = applyUpdates(params, update(exact, gradients, init(exact, params), params).updates);
    }
    for (const { path } of oddParameters) expect([...bound.parameters[path]]).toEqual([...params[path].data]);
  });
});

/** Powers of two of mean 0: sums and multiples of it are exact, so that what is to be 0 is 0. */
const p = [1, -2, 4, 0, 1, -4];
const special: Record<string, readonly [readonly number[], readonly number[]]> = {
  zero: [
    [0, 0, 0, 0, 0, 0],
    [2, 3],
  ],
  constant: [
    [0.1, 0.1, 0.1, 0.1, 0.1, 0.1],
    [2, 3],
  ],
  one: [[0.3], [1]],
  empty: [[], [0, 3]],
  // A mean that float32 cannot hold, ten thousand times the deviation.
  offset: [p.map((x, k) => 54321 + x + 0.1 * k), [2, 3]],
  huge: [p.map((x) => 1e20 * x), [2, 3]],
  tiny: [p.map((x) => 1e-24 * x), [2, 3]],
  denormal: [p.map((x) => 1e-40 * x), [2, 3]],
  largest: [p.map((x) => 8e37 * x), [2, 3]],
  nan: [
    [1, NaN, 4, 0, 1, -4],
    [2, 3],
  ],
  inf: [
    [1, Infinity, 4, 0, 1, -4],
    [2, 3],
  ],
};

describe('gradients that are hard, alone and one step long', () => {
  const rate: TransformationJson = { sgd: { learningRate: 1 } };
  test.each(Object.entries(gradientParts))('%s', async (_, part) => {
    const transformation = fromJSON([...part, rate]);
    for (const [name, [values, shape]] of Object.entries(special)) {
      const infos = [describeParameter('w/kernel', shape)];
      const g = { 'w/kernel': tensor(values, shape) };
      const w = {
        'w/kernel': tensor(
          values.map((_, k) => k - 2.5),
          shape,
        ),
      };
      const reference = attempt(() => update(transformation, g, init(transformation, w), w).updates);
      const bound = await bind(transformation, infos, w);
      give(bound, g);
      const ours = attempt(() => bound.update.propose(bound.state).updates);
      if (typeof reference === 'string' || typeof ours === 'string') {
        expect(ours, name).toEqual(reference);
        continue;
      }
      const expected = reference['w/kernel'].data;
      // Between two maps the arrays backend rounds to float32, which costs it digits of deviations far below the mean;
      // of 1e-40, whose neighbours are 1e-45 apart, it has only five to begin with. The kernel keeps more.
      const lost = name === 'denormal' ? 2 ** 8 : name === 'offset' && part.length > 1 ? 2 ** 14 : 1;
      const size = Math.max(...Array.from(expected, Math.abs).filter((x) => x < Infinity));
      ours['w/kernel'].data.forEach((u, k) => {
        const shown = `${name}: got [${[...ours['w/kernel'].data]}], expected [${[...expected]}]`;
        if (Number.isFinite(expected[k]))
          expect(Math.abs(u - expected[k]), shown).toBeLessThanOrEqual(lost * size * 2 ** -22);
        else expect(u, shown).toBe(expected[k]);
      });
    }
  });
});

function attempt<T>(action: () => T): T | string {
  try {
    return action();
  } catch (error) {
    return String(error);
  }
}

describe('propose', () => {
  test.each(['lean', 'full'])(
    'writes to the bit what a step adds, and leaves parameters alone (%s loop)',
    async (loop) => {
      const parts = loop === 'lean' ? [znorm()] : [znorm(), clipByValue({ clipValue: 0.5 })];
      const transformation = chain(...parts, adamw({ weightDecay: 0.1 }));
      const random = randomNumbers(9);
      const initial = randomTensors(oddParameters, random);
      const [stepping, proposing] = [
        await bind(transformation, oddParameters, initial),
        await bind(transformation, oddParameters, initial),
      ];
      for (let step = 0; step < 5; step++) {
        const gradients = randomTensors(oddParameters, random);
        give(stepping, gradients);
        give(proposing, gradients);
        stepping.state = stepping.update.step(stepping.state).state;
        const before = bits(proposing);
        const { updates, state } = proposing.update.propose(proposing.state);
        for (const { path } of oddParameters) {
          expect([...proposing.parameters[path]]).toEqual(before[path]);
          updates[path].data.forEach((u, k) => {
            proposing.parameters[path][k] += u;
          });
        }
        proposing.state = state;
        expect(bits(proposing)).toEqual(bits(stepping));
      }
    },
  );

  test('of a chain that is not fused gives what update() gives', async () => {
    const transformation = chain(momentum({ learningRate: 0.1 }), clipByGlobalNorm({ maxNorm: 1 }));
    const initial = { w: tensor([1, 2, 3]) };
    const bound = await bind(transformation, [describeParameter('w', [3])], initial);
    bound.gradients.w.set([3, 4, 0]);
    const expected = update(transformation, { w: tensor([3, 4, 0]) }, init(transformation, initial), initial);
    const proposed = bound.update.propose(bound.state);
    expect([...proposed.updates.w.data]).toEqual([...expected.updates.w.data]);
    expect([...proposed.state.slots.w['trace.trace'].data]).toEqual([3, 4, 0]);
    expect([...bound.parameters.w]).toEqual([1, 2, 3]);
  });
});

describe('a guard', () => {
  const infos = [describeParameter('a', [5]), describeParameter('b', [3])];
  const initial = { a: tensor([1, 2, 3, 4, 5]), b: tensor([1, 1, 1]) };
  const fine = { a: tensor([1, 0, 0, 2, 0]), b: tensor([1, 2, 3]) };
  const bad = { a: tensor([1, 0, 0, 2, 0]), b: tensor([1, NaN, -Infinity]) };

  test('that throws does so in the words of the arrays backend, before anything has changed', async () => {
    const transformation = chain(nonfinite(), adam());
    const bound = await bind(transformation, infos, initial);
    give(bound, fine);
    bound.state = bound.update.step(bound.state).state;
    const before = bits(bound);
    give(bound, bad);
    expect(() => bound.update.step(bound.state)).toThrow(
      new RangeError(
        "nonfinite: expected finite gradients, got 2 of 3 elements NaN or infinite at 'b'. Lower the learning rate, clip, or choose `action: 'skip'`.",
      ),
    );
    expect(bits(bound)).toEqual(before);
  });

  test('that skips leaves parameters and moments, counts, gives up in time, and goes on where it stopped', async () => {
    const transformation = chain(nonfinite({ action: 'skip', maxConsecutive: 2 }), adam());
    const bound = await bind(transformation, infos, initial);
    const once = await bind(transformation, infos, initial);
    give(bound, bad);
    for (const skippedInARow of [1, 2]) {
      const { state, skipped } = bound.update.step(bound.state);
      expect(skipped).toBe(true);
      expect(state.gates).toEqual({ nonfinite: { passed: 0, skippedInARow } });
      expect([...bound.parameters.a]).toEqual([1, 2, 3, 4, 5]);
      bound.state = state;
    }
    expect(() => bound.update.step(bound.state)).toThrow(
      /^nonfinite: expected at most 2 skipped steps in a row/,
    );
    for (const one of [bound, once]) {
      give(one, fine);
      const { state, skipped } = one.update.step(one.state);
      expect(skipped).toBe(false);
      one.state = state;
    }
    // Adam's corrections count steps that were taken: skipped ones leave no trace.
    expect(bound.parameters).toEqual(once.parameters);
  });

  test('that zeroes trains on the other elements', async () => {
    const transformation = chain(nonfinite({ action: 'zero' }), sgd({ learningRate: 1 }));
    const bound = await bind(transformation, infos, initial);
    give(bound, bad);
    bound.state = bound.update.step(bound.state).state;
    expect([...bound.parameters.b]).toEqual([0, 1, 1]);
  });

  test('of some parameters does not look at others', async () => {
    const transformation = fromJSON([
      { masked: { select: { path: 'a' }, transformation: 'nonfinite' } },
      { sgd: { learningRate: 1 } },
    ]);
    const bound = await bind(transformation, infos, initial);
    give(bound, bad);
    bound.update.step(bound.state);
    expect([...bound.parameters.b]).toEqual([0, NaN, Infinity]);
  });

  test('is not needed to find the first gradient that is not finite', async () => {
    const bound = await bind(sgd({ learningRate: 1 }), infos, initial);
    give(bound, fine);
    expect(bound.update.firstNonfinite()).toBeUndefined();
    for (const [path, index, value] of [
      ['b', 2, Infinity],
      ['a', 4, NaN],
      ['a', 0, -Infinity],
    ] as const) {
      bound.gradients[path][index] = value;
      expect(bound.update.firstNonfinite()).toBe(path);
    }
    bound.gradients.a.fill(3.4e38);
    bound.gradients.b.fill(1e-45);
    expect(bound.update.firstNonfinite()).toBeUndefined();
  });
});

describe('reports', () => {
  test('are those of update(), in its order', async () => {
    const transformation = chain(nonfinite(), znorm({ scope: 'output' }), znorm({ scope: 'layer' }), adam());
    const initial = randomTensors(oddParameters, randomNumbers(1));
    const gradients = randomTensors(oddParameters, randomNumbers(2), (x, i) =>
      i === 2 || i === 4 ? 0.5 : x,
    );
    const bound = await bind(transformation, oddParameters, initial);
    expect(bound.update.reports()).toEqual([]);
    give(bound, gradients);
    bound.update.step(bound.state);
    const plain = (reports: ReturnType<typeof bound.update.reports>) =>
      reports.map(({ value, ...rest }) => ({ ...rest, value: value.data[0] }));
    const expected = update(
      transformation,
      gradients,
      init(transformation, initial, byPath),
      initial,
      byPath,
    );
    expect(plain(bound.update.reports())).toEqual(plain(expected.reports));
    expect(plain(bound.update.reports())).toContainEqual({
      transformation: 'znorm',
      path: 'b/kernel',
      name: 'degenerate',
      value: 7,
    });
  });
});

describe('state', () => {
  const transformation = chain(
    nonfinite({ action: 'skip' }),
    znorm({ statistics: { ema: 0.9 } }),
    adamw({ weightDecay: 0.1 }),
  );
  const random = randomNumbers(3);
  const initial = randomTensors(oddParameters, random);
  const gradients = Array.from({ length: 8 }, () => randomTensors(oddParameters, random));

  async function run(steps: (bound: Binding, gradient: Named<ArrayTensor>, step: number) => void) {
    const bound = await bind(transformation, oddParameters, initial);
    gradients.forEach((gradient, step) => {
      give(bound, gradient);
      steps(bound, gradient, step);
    });
    return bound;
  }
  const fused = (bound: Binding) => {
    bound.state = bound.update.step(bound.state).state;
  };

  test('and parameters are the same bits at every run', async () => {
    expect(bits(await run(fused))).toEqual(bits(await run(fused)));
  });

  test('is named and shaped as update() names and shapes it', async () => {
    const described = (state: State<ArrayTensor>) =>
      Object.entries(state.slots).map(([path, own]) => [
        path,
        Object.entries(own).map(([slot, { shape, data }]) => [slot, shape, data.constructor.name]),
      ]);
    const { state } = await run(fused);
    let params = initial;
    let reference = init(transformation, initial, byPath);
    for (const gradient of gradients) {
      const result = update(transformation, gradient, reference, params, byPath);
      params = applyUpdates(params, result.updates);
      reference = result.state;
    }
    expect(described(state)).toEqual(described(reference));
    expect(state.gates).toEqual(reference.gates);
  });

  test('taken from a checkpoint goes on as if nothing had happened, bit for bit', async () => {
    const whole = await run(fused);
    const copied = (state: State<ArrayTensor>): State<ArrayTensor> => structuredClone(state);
    const resumed = await run((bound, _, step) => {
      fused(bound);
      if (step === 4) bound.state = copied(bound.state);
    });
    expect(bits(resumed)).toEqual(bits(whole));
  });

  test('may change hands between the kernel and update() at any step', async () => {
    const whole = await run(fused);
    const mixed = await run((bound, gradient, step) => {
      if (step % 3 === 1) {
        const params = Object.fromEntries(
          oddParameters.map(({ path, shape }) => [path, { shape, data: bound.parameters[path] }]),
        );
        const result = update(transformation, gradient, bound.state, params, byPath);
        for (const { path } of oddParameters) {
          bound.parameters[path].set(applyUpdates(params, result.updates)[path].data);
        }
        bound.state = result.state;
      } else fused(bound);
    });
    expect(mixed.state.step).toBe(whole.state.step);
    for (const { path } of oddParameters) {
      expect(relativeError(mixed.parameters[path], whole.parameters[path]), path).toBeLessThan(2e-6);
    }
  });

  test('stays where it lies: one memory, the same views', async () => {
    const bound = await run(fused);
    const before = bound.state.slots['b/kernel']['scaleByAdam.mu'].data;
    fused(bound);
    const after = bound.state.slots['b/kernel']['scaleByAdam.mu'].data;
    expect(after).toBe(before);
    expect(after.buffer).toBe(bound.parameters['b/kernel'].buffer);
  });
});

describe('misuse', () => {
  const infos = [describeParameter('w', [4])];
  const plan = planFused(chain(znorm(), adam()), infos);
  const memory = new WebAssembly.Memory({ initial: 1 });
  const view = (offset: number, length = 4) => new Float32Array(memory.buffer, offset, length);
  const good = {
    memory,
    parameters: { w: view(0) },
    gradients: { w: view(16) },
    slots: { w: { 'scaleByAdam.mu': view(32), 'scaleByAdam.nu': view(48) } },
    tables: new Uint8Array(memory.buffer, 64, updateTableBytes(plan)),
  };

  test.each([
    [
      'a gradient that lies elsewhere',
      { ...good, gradients: { w: new Float32Array(4) } },
      "createFusedUpdate: expected a gradient of 4 elements in the memory, got one that lies elsewhere at 'w'.",
    ],
    [
      'a parameter of another size',
      { ...good, parameters: { w: view(0, 3) } },
      "createFusedUpdate: expected a parameter of 4 elements in the memory, got 3 at 'w'.",
    ],
    [
      'a slot without a place',
      { ...good, slots: { w: { 'scaleByAdam.mu': view(32) } } },
      "createFusedUpdate: expected slot 'scaleByAdam.nu' of 4 elements in the memory, got none at 'w'.",
    ],
    [
      'too little room for the plan',
      { ...good, tables: new Uint8Array(memory.buffer, 64, 8) },
      `createFusedUpdate: expected \`tables\` to be ${updateTableBytes(plan)} bytes of the memory at a multiple of 8, got 8 at 64.`,
    ],
    [
      'room at an odd place',
      { ...good, tables: new Uint8Array(memory.buffer, 68, 4096) },
      `createFusedUpdate: expected \`tables\` to be ${updateTableBytes(plan)} bytes of the memory at a multiple of 8, got 4096 at 68.`,
    ],
  ])('%s', async (_, given, message) => {
    await expect(createFusedUpdate(plan, given)).rejects.toThrow(new RangeError(message));
  });

  test('proposing without a place for updates', async () => {
    const bound = await createFusedUpdate(plan, good);
    expect(() => bound.propose(init(adam(), { w: tensor([0, 0, 0, 0]) }))).toThrow(
      new TypeError('propose: expected `updates` in the memory of createFusedUpdate(), got none.'),
    );
  });

  test('a state of another chain', async () => {
    const bound = await createFusedUpdate(plan, good);
    expect(() => bound.step(init(sgd({ learningRate: 1 }), { w: tensor([0, 0, 0, 0]) }))).toThrow(
      new RangeError(
        "update: expected state of scaleByAdam, got none at 'w'. Pass the state that init() made for this transformation and these infos.",
      ),
    );
  });
});
