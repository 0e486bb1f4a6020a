import { expect, it } from 'vitest';
import { generalizedAdvantages, standardize } from '../../src/reinforcement/advantages.ts';

const gamma = 0.9;

/** Two places, three steps; the first place's episode is over after its second step. */
const experience = {
  count: 2,
  rewards: Float32Array.of(1, 10, 2, 20, 3, 30),
  over: Uint8Array.of(0, 0, 1, 0, 0, 0),
  values: Float32Array.of(0.5, 5, 1.5, 6, 2.5, 7),
  lastValues: Float32Array.of(4, 8),
};

it('with λ = 1 gives returns less the baseline, ending with episodes and going on beyond the rollout', () => {
  const { advantages, returns } = generalizedAdvantages(experience, { gamma, lambda: 1 });
  const last = [3 + gamma * 4, 30 + gamma * 8];
  const expected = [1 + gamma * 2, 10 + gamma * (20 + gamma * last[1]), 2, 20 + gamma * last[1], ...last];
  for (const [i, value] of expected.entries()) {
    // float32: six digits
    expect(returns[i]).toBeCloseTo(value, 4);
    expect(advantages[i]).toBeCloseTo(value - experience.values[i], 4);
  }
});

it('with λ = 0 gives the error of one step', () => {
  const { advantages } = generalizedAdvantages(experience, { gamma, lambda: 0 });
  const expected = [
    1 + gamma * 1.5 - 0.5,
    10 + gamma * 6 - 5,
    2 - 1.5,
    20 + gamma * 7 - 6,
    3 + gamma * 4 - 2.5,
    30 + gamma * 8 - 7,
  ];
  for (const [i, value] of expected.entries()) expect(advantages[i]).toBeCloseTo(value, 5);
});

it('between them weighs the errors of following steps by γλ', () => {
  const { advantages } = generalizedAdvantages(experience, { gamma, lambda: 0.5 });
  const error = [10 + gamma * 6 - 5, 20 + gamma * 7 - 6, 30 + gamma * 8 - 7];
  expect(advantages[1]).toBeCloseTo(error[0] + gamma * 0.5 * (error[1] + gamma * 0.5 * error[2]), 4);
});

it('standardizes to mean 0 and deviation 1, and a constant to 0', () => {
  const values = Float32Array.of(1, 2, 3, 4);
  standardize(values);
  const deviation = Math.sqrt(1.25);
  expect([...values]).toEqual([...Float32Array.of(-1.5, -0.5, 0.5, 1.5).map((x) => x / deviation)]);
  const constant = Float32Array.of(7, 7);
  standardize(constant);
  expect([...constant]).toEqual([0, 0]);
});
