import { describe, expect, it } from 'vitest';
import { scaleByAdam, scaleByRms, trace } from '../../src/index.ts';
import { expectElements } from '../closeness.ts';
import { trajectory } from '../stepping.ts';

const g = 0.75;
const constant = Array.from({ length: 6 }, () => [g, -2 * g]);

describe('trace', () => {
  it('of a constant gradient is its geometric sum', () => {
    trajectory(trace({ momentum: 0.9 }), constant).forEach((u, t) => {
      const sum = (1 - 0.9 ** (t + 1)) / (1 - 0.9);
      expectElements(u, [g * sum, -2 * g * sum]);
    });
  });

  it('with nesterov looks one step ahead', () => {
    trajectory(trace({ momentum: 0.5, nesterov: true }), constant).forEach((u, t) => {
      const sum = (1 - 0.5 ** (t + 2)) / (1 - 0.5);
      expectElements(u, [g * sum, -2 * g * sum]);
    });
  });

  it('dampens every gradient but the first', () => {
    const updates = trajectory(trace({ momentum: 0.5, dampening: 0.25 }), [[1], [2], [4]]);
    expect(updates).toEqual([[1], [0.5 + 1.5], [1 + 3]]);
  });

  it('without momentum hands over the gradient', () => {
    expect(trajectory(trace({ momentum: 0 }), [[1], [2]])).toEqual([[1], [2]]);
  });

  it.each([
    [{ momentum: 1 }, '`momentum` to be a number >= 0 and < 1, got 1'],
    [{ momentum: -0.1 }, '`momentum` to be a number >= 0 and < 1, got -0.1'],
    [{ dampening: 1 }, '`dampening` to be a number >= 0 and < 1, got 1'],
    [{ nesterov: 1 as never }, '`nesterov` to be true or false, got 1'],
    [{ nesterov: true, dampening: 0.5 }, '`dampening` to be 0 with nesterov, got 0.5'],
  ])('refuses %o', (options, complaint) => {
    expect(() => trace(options)).toThrow(new RangeError(`trace: expected ${complaint}.`));
  });
});

describe('scaleByAdam', () => {
  it('of a constant gradient is its sign at every step: both moments are corrected for their start at 0', () => {
    for (const u of trajectory(scaleByAdam({ eps: 1e-12 }), constant)) {
      // The corrections undo (1 − b^t), which float32 moments hold to a few roundings.
      expectElements(u, [1, -1], 1e-6);
    }
  });

  it('follows its equations when gradients change', () => {
    const gradients = [4, -1, 0, 2];
    const [b1, b2, eps, epsRoot] = [0.8, 0.9, 0.01, 0.25];
    let [mu, nu] = [0, 0];
    const expected = gradients.map((x, i) => {
      mu = b1 * mu + (1 - b1) * x;
      nu = b2 * nu + (1 - b2) * x * x;
      return mu / (1 - b1 ** (i + 1)) / (Math.sqrt(nu / (1 - b2 ** (i + 1)) + epsRoot) + eps);
    });
    const updates = trajectory(
      scaleByAdam({ b1, b2, eps, epsRoot }),
      gradients.map((x) => [x]),
    );
    expectElements(updates.flat(), expected, 1e-6);
  });

  it('takes gradients up to 5e20 in its stride', () => {
    expectElements(trajectory(scaleByAdam(), [[5e20]])[0], [1]);
  });

  it.each([
    [{ b1: 1 }, '`b1` to be a number >= 0 and < 1, got 1'],
    [{ b2: NaN }, '`b2` to be a number >= 0 and < 1, got NaN'],
    [{ eps: 0 }, '`eps` to be a finite number > 0, got 0'],
    [{ epsRoot: -1 }, '`epsRoot` to be a finite number >= 0, got -1'],
  ])('refuses %o', (options, complaint) => {
    expect(() => scaleByAdam(options)).toThrow(new RangeError(`scaleByAdam: expected ${complaint}.`));
  });
});

describe('scaleByRms', () => {
  it('of a constant gradient is 1 / sqrt(1 − decay^t)', () => {
    trajectory(scaleByRms({ decay: 0.9, eps: 1e-12 }), constant).forEach((u, i) => {
      const size = 1 / Math.sqrt(1 - 0.9 ** (i + 1));
      expectElements(u, [size, -size]);
    });
  });

  it.each([
    [{ decay: 1 }, '`decay` to be a number >= 0 and < 1, got 1'],
    [{ eps: 0 }, '`eps` to be a finite number > 0, got 0'],
  ])('refuses %o', (options, complaint) => {
    expect(() => scaleByRms(options)).toThrow(new RangeError(`scaleByRms: expected ${complaint}.`));
  });
});
