import { describe, expect, it } from 'vitest';
import {
  adam,
  applyUpdates,
  chain,
  cosine,
  init,
  masked,
  momentum,
  nonfinite,
  scalarsAt,
  sgd,
  tensor,
  trace,
  update,
  znorm,
} from '../src/index.ts';
import { expectElements } from './closeness.ts';

describe('training', () => {
  it('comes down to the minimum of a quadratic', () => {
    // f(w) = Σ c_k (w_k − t_k)² / 2 with curvatures 1 and 10
    const [curvature, target] = [
      [1, 10],
      [3, -2],
    ];
    const optimizer = momentum({ learningRate: cosine({ from: 0.05, steps: 300 }) });
    let params = { w: tensor([0, 0]) } as Readonly<Record<string, ReturnType<typeof tensor>>>;
    let state = init(optimizer, params);
    for (let step = 0; step < 300; step++) {
      const g = params.w.data.map((w, k) => curvature[k] * (w - target[k]));
      const result = update(optimizer, { w: tensor(g) }, state, params);
      state = result.state;
      params = applyUpdates(params, result.updates);
    }
    // Momentum 0.9 shrinks the error by about 0.95 a step.
    expectElements(params.w.data, target, 1e-5);
  });
});

describe('applyUpdates', () => {
  it('adds, and leaves parameters without an update as the very objects they were', () => {
    const params = { a: tensor([1, 2]), b: tensor([3]) };
    const next = applyUpdates(params, { a: tensor([0.5, -2]) });
    expectElements(next.a.data, [1.5, 0]);
    expect(next.b).toBe(params.b);
    expect(params.a.data).toEqual(Float32Array.of(1, 2));
  });
});

describe('scalarsAt', () => {
  it('gives the declared numbers of a step by stage', () => {
    const optimizer = chain(trace({ dampening: 0.25 }), sgd({ learningRate: cosine({ from: 1, steps: 2 }) }));
    expect(scalarsAt(optimizer, { step: 1, gates: {} })).toEqual({
      'trace.intake': 0.75,
      'scaleByLearningRate.learningRate': 0.5,
    });
  });

  it('behind a guard counts the steps that went through it', () => {
    const optimizer = chain(nonfinite({ action: 'skip' }), sgd({ learningRate: (step) => step }));
    const gates = { nonfinite: { passed: 3, skippedInARow: 2 } };
    expect(scalarsAt(optimizer, { step: 5, gates })['scaleByLearningRate.learningRate']).toBe(3);
  });
});

describe('update refuses', () => {
  const params = { 'a/kernel': tensor([1, 2], [2, 1]) };

  it('a gradient that init did not see', () => {
    expect(() => update(adam(), { b: tensor([1]) }, init(adam(), params))).toThrow(
      new RangeError("update: expected a gradient that init() saw, got 'b'. Pass all parameters to init()."),
    );
  });

  it('a gradient of another shape than its parameter', () => {
    expect(() => update(adam(), { 'a/kernel': tensor([1, 2]) }, init(adam(), params), params)).toThrow(
      new RangeError("update: expected a gradient of shape [2,1], got [2] at 'a/kernel'."),
    );
  });

  it('the state of another transformation', () => {
    const state = init(sgd({ learningRate: 0.1 }), params);
    expect(() => update(adam(), params, state)).toThrow(
      new RangeError(
        "update: expected state of scaleByAdam, got none at 'a/kernel'. Pass the state that init() made for this transformation and these infos.",
      ),
    );
  });
});

describe('a guard with nothing to guard', () => {
  it('lets every step pass', () => {
    const guarded = chain(masked(nonfinite({ action: 'skip' }), { role: 'embedding' }), znorm());
    const gradients = { w: tensor([1, 3]) };
    const { updates, state } = update(guarded, gradients, init(guarded, gradients));
    expectElements(updates.w.data, [-1, 1]);
    expect(state.gates.nonfinite).toEqual({ passed: 1, skippedInARow: 0 });
  });
});
