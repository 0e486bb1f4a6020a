import { describe, expect, it } from 'vitest';
import {
  adam,
  chain,
  cosine,
  fromJSON,
  injectable,
  injectables,
  masked,
  momentum,
  type ReduceOnPlateauOptions,
  reduceOnPlateau,
  sgd,
  tensor,
  toJSON,
  trace,
  update,
  znorm,
} from '../src/index.ts';
import { steps, trajectory } from './stepping.ts';

describe('injectable', () => {
  it('is the rate of every step from when it is set, and can be read', () => {
    const rate = injectable({ value: 1 });
    const optimizer = sgd({ learningRate: rate });
    expect(trajectory(optimizer, [[2], [2]])).toEqual([[-2], [-2]]);
    rate.value = 0.25;
    expect(rate.value).toBe(0.25);
    expect(trajectory(optimizer, [[2], [2]])).toEqual([[-0.5], [-0.5]]);
  });

  it('is saved as what it started from, and found again in the chain that was read', () => {
    const rate = injectable({ value: 0.5 });
    const written = chain(
      masked(znorm(), { minRank: 2 }),
      momentum({ learningRate: rate }),
      sgd({ learningRate: 1 }),
    );
    rate.value = 2;
    const read = fromJSON(toJSON(written));
    const found = injectables(read);
    expect(Object.keys(found)).toEqual(['scaleByLearningRate.learningRate']);
    found['scaleByLearningRate.learningRate'].value = 3;
    expect(trajectory(read, [[1]])[0][0]).toBe(3);
    expect(injectables(written)['scaleByLearningRate.learningRate']).toBe(rate);
  });

  it('cannot be set to what is no rate, nor its options at all', () => {
    const rate = injectable({ value: 1 });
    const complaint = new RangeError('injectable: expected `value` to be a finite number >= 0, got -1.');
    expect(() => {
      rate.value = -1;
    }).toThrow(complaint);
    expect(() => injectable({ value: -1 })).toThrow(complaint);
    expect(rate.value).toBe(1);
    expect(Object.isFrozen(rate)).toBe(true);
  });

  it('is for rates; any other option is set by going on with another chain of the same names', () => {
    const [{ state }] = steps(trace({ momentum: 0.5 }), [{ w: [4] }]);
    const { updates } = update(trace({ momentum: 0.25 }), { w: tensor([1]) }, state);
    expect(Array.from(updates.w.data)).toEqual([0.25 * 4 + 1]);
  });
});

describe('reduceOnPlateau', () => {
  it('multiplies a schedule as it does a number', () => {
    const rate = reduceOnPlateau({ from: cosine({ from: 1, steps: 4 }), factor: 0.5, patience: 1 });
    expect(rate.at(2)).toBeCloseTo(0.5, 15);
    for (const loss of [1, 1, 1]) rate.observe(loss);
    expect(rate.at(2)).toBeCloseTo(0.25, 15);
  });

  it('goes on from a saved memory as if nothing had happened', () => {
    const make = () => reduceOnPlateau({ from: 1, factor: 0.5, patience: 1 });
    const whole = make();
    const first = make();
    for (const loss of [3, 2, 2]) first.observe(loss);
    const second = make();
    second.memory = JSON.parse(JSON.stringify(first.memory));
    for (const loss of [2, 2, 1]) second.observe(loss);
    for (const loss of [3, 2, 2, 2, 2, 1]) whole.observe(loss);
    expect(second.memory).toEqual(whole.memory);
    expect(whole.at(0)).toBe(0.5);
  });

  it('takes NaN for no improvement, also at first', () => {
    const rate = reduceOnPlateau({ from: 1, patience: 0, factor: 0.5 });
    rate.observe(NaN);
    rate.observe(1);
    expect(rate.memory).toEqual({ fraction: 0.5, best: 1, waited: 0, cooldown: 0 });
  });

  it('lowers the steps of the chain that it is the rate of', () => {
    const rate = reduceOnPlateau({ from: 1, patience: 0, factor: 0.25 });
    const optimizer = chain(sgd({ learningRate: rate }));
    rate.observe(1);
    rate.observe(2);
    expect(trajectory(optimizer, [[2]])).toEqual([[-0.5]]);
    expect(toJSON(adam({ learningRate: rate }))).toEqual({
      adam: { learningRate: { reduceOnPlateau: { from: 1, patience: 0, factor: 0.25 } } },
    });
  });

  it.each<[ReduceOnPlateauOptions, string]>([
    [{ from: -1 }, '`from` to be a finite number >= 0, got -1'],
    [{ from: 1, factor: 1 }, '`factor` to be a number > 0 and < 1, got 1'],
    [{ from: 1, patience: 0.5 }, '`patience` to be a whole number >= 1, got 0.5'],
    [{ from: 1, mode: 'low' as never }, "`mode` to be one of 'min', 'max', got 'low'"],
  ])('refuses %o', (options, complaint) => {
    expect(() => reduceOnPlateau(options)).toThrow(new RangeError(`reduceOnPlateau: expected ${complaint}.`));
  });
});
