import { describe, expect, it } from 'vitest';
import {
  addNoise,
  arrays,
  chain,
  describeParameter,
  drawnAt,
  init,
  nonfinite,
  scale,
  tensor,
  updateTensors,
} from '../../src/index.ts';
import { philox } from '../../src/transforms/noise.ts';
import { steps, trajectory } from '../stepping.ts';

const zeros = (count: number) => ({ w: tensor(new Float32Array(count)) });

describe('addNoise', () => {
  it('has mean 0, a variance that falls as η / (1 + t)^γ, and the tails of a normal distribution', () => {
    const count = 40_000;
    const noisy = steps(addNoise({ eta: 4, gamma: 1 }), [zeros(count), zeros(count), zeros(count)]);
    noisy.forEach(({ updates }, t) => {
      const x = Array.from(updates.w.data, (u) => u / Math.sqrt(4 / (1 + t)));
      const moment = (power: number) => x.reduce((sum, value) => sum + value ** power, 0) / count;
      // Four standard errors of 40,000 draws: sqrt(1, 2, 15, 96 / 40,000) of the first four moments.
      expect(Math.abs(moment(1))).toBeLessThan(0.02);
      expect(Math.abs(moment(2) - 1)).toBeLessThan(0.029);
      expect(Math.abs(moment(3))).toBeLessThan(0.078);
      expect(Math.abs(moment(4) - 3)).toBeLessThan(0.2);
      const beyondTwo = x.filter((value) => Math.abs(value) > 2).length / count;
      expect(Math.abs(beyondTwo - 0.0455)).toBeLessThan(0.0042);
    });
  });

  it('is other noise for another seed, step or tensor, and the same for the same', () => {
    const noise = (seed: number) =>
      trajectory(addNoise({ eta: 1, gamma: 0, seed }), [
        [0, 0, 0, 0, 0],
        [0, 0, 0, 0, 0],
      ]);
    expect(noise(1)).toEqual(noise(1));
    const all = [...noise(1), ...noise(2), ...noise(2 ** 40)].flat();
    expect(new Set(all).size).toBe(all.length);
    const [{ updates }] = steps(addNoise({ eta: 1 }), [{ a: [0, 0], b: [0, 0] }]);
    expect(updates.a.data).not.toEqual(updates.b.data);
  });

  it('does not hang together from element to element or from step to step', () => {
    const count = 20_000;
    const [first, second] = steps(addNoise({ eta: 1, gamma: 0 }), [zeros(count), zeros(count)]).map(
      ({ updates }) => Array.from(updates.w.data),
    );
    const correlation = (a: readonly number[], b: readonly number[]) =>
      a.reduce((sum, x, i) => sum + x * (b[i] ?? 0), 0) / count;
    // Four standard errors of 20,000 products.
    for (const lag of [1, 2, 3, 4])
      expect(Math.abs(correlation(first, first.slice(lag)))).toBeLessThan(0.029);
    expect(Math.abs(correlation(first, second))).toBeLessThan(0.029);
  });

  it('behind a guard counts the steps that were taken', () => {
    const noisy = addNoise({ eta: 1 });
    const guarded = trajectory(chain(nonfinite({ action: 'skip' }), noisy), [
      [0, 0],
      [NaN, 0],
      [0, 0],
    ]);
    const [first, second] = trajectory(noisy, [
      [0, 0],
      [0, 0],
    ]);
    expect(guarded).toEqual([first, [0, 0], second]);
  });

  it('must be fed where values cannot be brought in, and says so', () => {
    const noisy = chain(addNoise({ eta: 1 }), scale({ factor: 2 }));
    const gradients = { w: tensor([0, 0, 0]) };
    const infos = { w: describeParameter('w', [3]) };
    const state = init(noisy, gradients);
    const inputs = { gradients, slots: state.slots, scalars: { 'addNoise.deviation': 1 } };
    expect(() => updateTensors(noisy, inputs, infos, arrays)).toThrow(
      new TypeError(
        "updateTensors: expected drawn tensors of addNoise, got none at 'w'. Feed `drawn` with what drawnAt() gives for each step, as tensors of the backend.",
      ),
    );
    const drawn = drawnAt(noisy, state, infos);
    const fed = updateTensors(noisy, { ...inputs, drawn }, infos, arrays);
    expect(Array.from(fed.updates.w.data)).toEqual(trajectory(noisy, [[0, 0, 0]])[0]);
  });

  it.each([
    [{ eta: 0 }, '`eta` to be a finite number > 0, got 0'],
    [{ eta: 1, gamma: -1 }, '`gamma` to be a finite number >= 0, got -1'],
    [{ eta: 1, seed: -1 }, '`seed` to be a whole number >= 0, got -1'],
  ])('refuses %o', (options, complaint) => {
    expect(() => addNoise(options)).toThrow(new RangeError(`addNoise: expected ${complaint}.`));
  });
});

describe('philox', () => {
  const ones = 0xffffffff;
  // Known answers of Random123, kat_vectors, philox4x32 10.
  it.each([
    [
      [0, 0, 0, 0],
      [0, 0],
      [0x6627e8d5, 0xe169c58d, 0xbc57ac4c, 0x9b00dbd8],
    ],
    [
      [ones, ones, ones, ones],
      [ones, ones],
      [0x408f276d, 0x41c83b0e, 0xa20bc7c6, 0x6d5451fd],
    ],
    [
      [0x243f6a88, 0x85a308d3, 0x13198a2e, 0x03707344],
      [0xa4093822, 0x299f31d0],
      [0xd16cfe09, 0x94fdcceb, 0x5001e420, 0x24126ea1],
    ],
  ])('%#: gives the known answers', (counter, key, words) => {
    expect(philox(counter as never, key as never)).toEqual(words);
  });
});
