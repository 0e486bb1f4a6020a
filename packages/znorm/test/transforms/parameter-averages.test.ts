import { describe, expect, it } from 'vitest';
import {
  type ArrayTensor,
  applyUpdates,
  chain,
  emaOfParams,
  evaluationParams,
  freeze,
  type GradientTransformation,
  init,
  lookahead,
  masked,
  type Named,
  partition,
  scheduleFree,
  sgd,
  tensor,
  update,
} from '../../src/index.ts';
import { expectElements } from '../closeness.ts';

/** Trains w from 8 on given gradients; the parameters that train and those to evaluate, after each step. */
function trained(optimizer: GradientTransformation, gradients: readonly number[]) {
  let params: Named<ArrayTensor> = { w: tensor([8]) };
  let state = init(optimizer, params);
  return gradients.map((g) => {
    const result = update(optimizer, { w: tensor([g]) }, state, params);
    params = applyUpdates(params, result.updates);
    state = result.state;
    return [params.w.data[0], evaluationParams(optimizer, state, params).w.data[0]];
  });
}

describe('emaOfParams', () => {
  it('averages the parameters after each step and leaves training alone', () => {
    const optimizer = chain(sgd({ learningRate: 1 }), emaOfParams({ decay: 0.75 }));
    expect(trained(optimizer, [4, -8])).toEqual([
      [4, 7],
      [12, 8.25],
    ]);
  });

  it('refuses a decay of 1', () => {
    expect(() => emaOfParams({ decay: 1 })).toThrow(
      new RangeError('emaOfParams: expected `decay` to be a number >= 0 and < 1, got 1.'),
    );
  });
});

describe('lookahead', () => {
  it('goes back part of the way on every k-th step', () => {
    const optimizer = chain(sgd({ learningRate: 1 }), lookahead({ syncPeriod: 2, slowStepSize: 0.25 }));
    expect(trained(optimizer, [2, 2, 4, 4])).toEqual([
      [6, 8],
      [7, 7],
      [3, 7],
      [5, 5],
    ]);
  });

  it.each([
    [{ syncPeriod: 0 }, '`syncPeriod` to be a whole number >= 1, got 0'],
    [{ slowStepSize: 0 }, '`slowStepSize` to be a number > 0 and <= 1, got 0'],
  ])('refuses %o', (options, complaint) => {
    expect(() => lookahead(options)).toThrow(new RangeError(`lookahead: expected ${complaint}.`));
  });
});

describe('scheduleFree', () => {
  it('evaluates at the mean of the iterates z, and trains between it and the last', () => {
    const rows = trained(chain(sgd({ learningRate: 1 }), scheduleFree({ b1: 0.75 })), [4, 2, -6]);
    const z = [4, 2, 8];
    const x = [4, 3, 14 / 3];
    rows.forEach(([y, evaluated], t) => {
      expectElements([y], [0.25 * z[t] + 0.75 * x[t]], 1e-6);
      expectElements([evaluated], [x[t]], 1e-6);
    });
  });

  it('counts the steps of a warm-up by their squared rates', () => {
    const optimizer = chain(sgd({ learningRate: 1 }), scheduleFree({ b1: 0.5, warmupSteps: 3 }));
    const z = [4, 2, 8, 9, 5];
    const weights = [1, 4, 9, 9, 9];
    const gradients = [4, 2, -6, -1, 4];
    trained(optimizer, gradients).forEach(([, evaluated], t) => {
      const sum = (values: readonly number[]) => values.slice(0, t + 1).reduce((a, b) => a + b);
      expectElements([evaluated], [sum(z.map((value, i) => weights[i] * value)) / sum(weights)], 1e-6);
    });
  });

  it('finds the minimum of a noisy parabola at its constant rate, where the last iterate keeps wandering', () => {
    // Gradients of (w − 1)² / 2 less noise of ±1 in turns.
    const optimizer = chain(sgd({ learningRate: 0.5 }), scheduleFree());
    let params: Named<ArrayTensor> = { w: tensor([8]) };
    let state = init(optimizer, params);
    for (let step = 0; step < 400; step++) {
      const g = params.w.data[0] - 1 + (step % 2 === 0 ? 1 : -1);
      const result = update(optimizer, { w: tensor([g]) }, state, params);
      params = applyUpdates(params, result.updates);
      state = result.state;
    }
    expect(Math.abs(evaluationParams(optimizer, state, params).w.data[0] - 1)).toBeLessThan(0.01);
    const [, last] = trained(sgd({ learningRate: 0.5 }), [0, 1]);
    expect(last[0]).toBe(7.5);
  });

  it.each([
    [{ b1: 0 }, '`b1` to be a number > 0 and < 1, got 0'],
    [{ b1: 1 }, '`b1` to be a number > 0 and < 1, got 1'],
    [{ warmupSteps: 1.5 }, '`warmupSteps` to be a whole number >= 0, got 1.5'],
  ])('refuses %o', (options, complaint) => {
    expect(() => scheduleFree(options)).toThrow(new RangeError(`scheduleFree: expected ${complaint}.`));
  });
});

describe('evaluationParams', () => {
  const params = { a: tensor([1]), b: tensor([2]) };

  it('are the parameters themselves where nothing is averaged', () => {
    const rules = [{ select: { path: 'a' }, transformation: freeze() }];
    const optimizer = partition({ rules, otherwise: masked(emaOfParams(), { path: 'none' }) });
    const chosen = evaluationParams(optimizer, init(optimizer, params), params);
    expect(chosen.a).toBe(params.a);
    expect(chosen.b).toBe(params.b);
  });

  it('are copies, which can be overwritten while training goes on', () => {
    const optimizer = emaOfParams();
    const state = init(optimizer, params);
    evaluationParams(optimizer, state, params).a.data.fill(7);
    expect(Array.from(evaluationParams(optimizer, state, params).a.data)).toEqual([1]);
  });

  it('are those of the last average in the chain', () => {
    const optimizer = chain(sgd({ learningRate: 1 }), emaOfParams({ decay: 0 }), lookahead());
    expect(trained(optimizer, [1])).toEqual([[7, 8]]);
  });
});
