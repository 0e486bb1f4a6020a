import { randomStream } from '@znorm/train';
import { expect, it } from 'vitest';
import { createReplay, type Replay } from '../../src/reinforcement/replay.ts';

function filled(count: number, options: { capacity: number; prioritized: number }): Replay {
  const replay = createReplay({ ...options, observationSize: 2 });
  for (let i = 0; i < count; i++) {
    replay.add({
      observation: Float32Array.of(i, -i),
      action: i % 3,
      reward: 10 * i,
      next: Float32Array.of(i + 1, -i - 1),
      terminated: i % 2 === 1,
    });
  }
  return replay;
}

it('gives transitions back whole', () => {
  const { indices, ...drawn } = filled(5, { capacity: 8, prioritized: 0 }).sample(
    64,
    randomStream(0, 'a'),
    0.4,
  );
  for (const [row, i] of indices.entries()) {
    expect([...drawn.observations.subarray(2 * row, 2 * row + 2)]).toEqual([i, -i]);
    expect([...drawn.nexts.subarray(2 * row, 2 * row + 2)]).toEqual([i + 1, -i - 1]);
    expect(drawn.actions[row]).toBe(i % 3);
    expect(drawn.rewards[row]).toBe(10 * i);
    expect(drawn.terminated[row]).toBe(i % 2);
    expect(drawn.weights[row]).toBe(1);
  }
  expect(new Set(indices)).toEqual(new Set([0, 1, 2, 3, 4]));
});

it('forgets the oldest when it is full', () => {
  const replay = filled(11, { capacity: 8, prioritized: 0 });
  expect(replay.size).toBe(8);
  const { rewards } = replay.sample(200, randomStream(0, 'a'), 0);
  expect(new Set(rewards)).toEqual(new Set([3, 4, 5, 6, 7, 8, 9, 10].map((i) => 10 * i)));
});

it('draws a transition as often as its error to the power of α says, and weighs it by the inverse to the power of β', () => {
  const [alpha, beta, draws] = [0.6, 0.4, 200_000];
  const replay = filled(4, { capacity: 4, prioritized: alpha });
  const errors = [1, 2, 4, 8];
  replay.setErrors(Int32Array.of(0, 1, 2, 3), errors);
  const { indices, weights } = replay.sample(draws, randomStream(0, 'a'), beta);
  const powers = errors.map((error) => error ** alpha);
  const total = powers.reduce((sum, power) => sum + power, 0);
  for (let i = 0; i < 4; i++) {
    const share = indices.filter((index) => index === i).length / draws;
    // Five standard deviations of a share of 200,000 draws are below 0.0056.
    expect(Math.abs(share - powers[i] / total)).toBeLessThan(0.0056);
    // The least probable one weighs most: 1.
    expect(weights[indices.indexOf(i)]).toBeCloseTo((powers[i] / powers[0]) ** -beta, 5);
  }
});

it('draws new transitions before it knows how far off they are', () => {
  const replay = filled(3, { capacity: 4, prioritized: 1 });
  replay.setErrors(Int32Array.of(0, 1, 2), [0, 0, 50]);
  replay.add({
    observation: Float32Array.of(3, 3),
    action: 0,
    reward: 99,
    next: Float32Array.of(4, 4),
    terminated: false,
  });
  const { indices } = replay.sample(1000, randomStream(0, 'a'), 0);
  expect(new Set(indices)).toEqual(new Set([2, 3]));
});

it('goes on from its snapshot with the same draws', () => {
  const replay = filled(11, { capacity: 8, prioritized: 0.6 });
  replay.setErrors(Int32Array.of(1, 2, 6), [3, 0.1, 7]);
  const { counters, arrays } = replay.snapshot();
  const copies = Object.fromEntries(Object.entries(arrays).map(([name, array]) => [name, array.slice()]));
  const options = { capacity: 8, prioritized: 0.6, observationSize: 2 };
  const resumed = createReplay(options, { counters: JSON.parse(JSON.stringify(counters)), arrays: copies });
  const [one, other] = [replay, resumed].map((buffer) => buffer.sample(100, randomStream(3, 'a'), 0.5));
  expect(other).toEqual(one);
});
