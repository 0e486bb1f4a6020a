import { describe, expect, test } from 'vitest';
import {
  type ArrayTensor,
  adam,
  advance,
  arrays,
  chain,
  clipByGlobalNorm,
  cosine,
  init,
  masked,
  type Named,
  nonfinite,
  type State,
  scalarsAt,
  type TensorOps,
  tensor,
  update,
  updateTensors,
  znorm,
} from '../src/index.ts';

/** Plain arrays as a compiled carrier sees them: no value can be read, so both sides of a branch are computed. */
const blind: TensorOps<ArrayTensor> = {
  ...arrays,
  toNumber: undefined,
  branch(flag, whenTrue, whenFalse) {
    const otherwise = whenFalse();
    return whenTrue().map((x, i) => arrays.where(flag as ArrayTensor, x, otherwise[i]));
  },
};

const params = { 'dense/kernel': tensor([0.5, -1, 2, 0.25], [2, 2]), 'dense/bias': tensor([1, -1]) };
const gradientsAt = (step: number): Named<ArrayTensor> => ({
  'dense/kernel': tensor([1, -2, step === 1 || step === 2 ? Number.NaN : 3, step], [2, 2]),
  'dense/bias': tensor([0.5 * step, -0.25]),
});
const optimizer = chain(
  nonfinite({ action: 'skip', maxConsecutive: 2 }),
  clipByGlobalNorm({ maxNorm: 1 }),
  znorm({ onDegenerate: 'pass' }),
  adam({ learningRate: cosine({ from: 0.1, steps: 10 }) }),
);

function blindStep(state: State<ArrayTensor>, step: number) {
  const inputs = {
    gradients: gradientsAt(step),
    slots: state.slots,
    params,
    scalars: scalarsAt(optimizer, state),
  };
  return updateTensors(optimizer, inputs, undefined, blind);
}

describe('a step on a backend that reads no values', () => {
  test('is the same step, skipped ones included, once the gates are known', () => {
    let seeing = init(optimizer, params);
    let state = init(optimizer, params, undefined, blind);
    for (let step = 0; step < 5; step++) {
      const expected = update(optimizer, gradientsAt(step), seeing, params);
      const found = blindStep(state, step);
      const gates = Object.fromEntries(
        Object.entries(found.gates).map(([key, open]) => [key, arrays.toNumber!(open as ArrayTensor)]),
      );
      seeing = expected.state;
      state = advance(optimizer, state, found.slots, gates);
      expect(found.updates).toEqual(expected.updates);
      expect(state).toEqual(seeing);
    }
    expect(state).toMatchObject({ step: 5, gates: { nonfinite: { passed: 3, skippedInARow: 0 } } });
  });

  test('has updates of 0 and nothing to report behind a closed gate', () => {
    const { updates, reports } = blindStep(init(optimizer, params), 1);
    expect(updates['dense/kernel'].data).toEqual(new Float32Array(4));
    expect(Array.from(reports['dense/kernel']['nonfinite.nonfinite'].data)).toEqual([1]);
    expect(Array.from(reports['dense/kernel']['znorm.degenerate'].data)).toEqual([0]);
  });

  test('cannot be counted by update()', () => {
    const state = init(optimizer, params);
    expect(() => update(optimizer, gradientsAt(0), state, params, undefined, blind)).toThrow(
      new TypeError(
        'update: expected a backend that can read the gate of nonfinite, got one that cannot. Call updateTensors(), read `gates`, and pass them to advance().',
      ),
    );
  });

  test('needs no gates where none of the chain ends a step', () => {
    const plain = adam({ learningRate: 0.1 });
    const state = init(plain, params);
    expect(update(plain, gradientsAt(0), state, params, undefined, blind)).toEqual(
      update(plain, gradientsAt(0), state, params),
    );
  });

  test('refuses transformations that would have to read one', () => {
    const inputs = { gradients: gradientsAt(0), params, scalars: {} };
    const throwing = chain(znorm({ onDegenerate: 'throw' }));
    expect(() =>
      updateTensors(throwing, { ...inputs, slots: init(throwing, params).slots }, undefined, blind),
    ).toThrow(TypeError);
  });
});

describe('advance', () => {
  const state = init(optimizer, params);

  test('asks for the gates of the chain', () => {
    expect(() => advance(optimizer, state, state.slots)).toThrow(
      new TypeError(
        'advance: expected the value of the gate of nonfinite, got undefined. Pass `gates` of updateTensors().',
      ),
    );
  });

  test('ends training after more skipped steps in a row than allowed, and forgives a step that went through', () => {
    const steps = (outcomes: readonly number[]) =>
      outcomes.reduce(
        (at, open) => advance(optimizer, at, at.slots, { nonfinite: open }),
        state as State<ArrayTensor>,
      );
    expect(steps([0, 0, 1, 0, 0]).gates).toEqual({ nonfinite: { passed: 1, skippedInARow: 2 } });
    expect(() => steps([1, 0, 0, 0])).toThrow(
      new RangeError(
        'nonfinite: expected at most 2 skipped steps in a row, got 3. Lower the learning rate, or look at the gradients with inspectGradients().',
      ),
    );
  });

  test('does not count gates behind a closed one, which were not reached', () => {
    const twice = chain(nonfinite({ action: 'skip' }), nonfinite({ action: 'skip' }));
    const start = init(twice, params);
    expect(advance(twice, start, start.slots, { nonfinite: 0, 'nonfinite#2': 1 }).gates).toEqual({
      nonfinite: { passed: 0, skippedInARow: 1 },
      'nonfinite#2': { passed: 0, skippedInARow: 0 },
    });
  });
});

test('a guard over no parameter never ends a step', () => {
  const guard = masked(nonfinite({ action: 'skip' }), { role: 'embedding' });
  const { state } = update(guard, gradientsAt(1), init(guard, params));
  expect(state.gates).toEqual({ nonfinite: { passed: 1, skippedInARow: 0 } });
});

test('constants that are equal across tensors are degenerate together, also where only float32 is kept', () => {
  const single: TensorOps<ArrayTensor> = {
    ...arrays,
    moments(x, axes) {
      const { mean, std } = arrays.moments(x, axes);
      return { mean: inFloat32(mean), std: inFloat32(std) };
    },
  };
  const shapes = [[3, 3, 7, 5], [11], [13, 17], [2], [129]];
  const gradients = Object.fromEntries(
    shapes.map((shape, i) => [
      `layer/${i}`,
      tensor(new Float32Array(shape.reduce((a, b) => a * b)).fill(1 / 3), shape),
    ]),
  );
  const state = init(znorm({ scope: 'global' }), gradients);
  const { updates } = update(znorm({ scope: 'global' }), gradients, state, undefined, undefined, single);
  for (const { data } of Object.values(updates)) expect(data.every((value) => value === 0)).toBe(true);
});

function inFloat32({ shape, data }: ArrayTensor): ArrayTensor {
  return { shape, data: Float32Array.from(data) };
}
