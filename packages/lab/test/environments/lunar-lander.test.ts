import { randomStream } from '@znorm/train';
import { expect, it } from 'vitest';
import { lunarLander } from '../../src/environments/lunar-lander.ts';

/** The controller that ships with Gymnasium's lander: it lands there, so in the same physics it lands here. */
function heuristic([x, y, vx, vy, angle, spin, left, right]: Float32Array): number {
  const angleTarget = Math.min(Math.max(x * 0.5 + vx, -0.4), 0.4);
  const standing = left > 0 || right > 0;
  const turn = standing ? 0 : (angleTarget - angle) * 0.5 - spin;
  const lift = standing ? -vy * 0.5 : (0.55 * Math.abs(x) - y) * 0.5 - vy * 0.5;
  if (lift > Math.abs(turn) && lift > 0.05) return 2;
  if (turn < -0.05) return 3;
  return turn > 0.05 ? 1 : 0;
}

function fly(seed: number, choose: (seen: Float32Array) => number) {
  const episode = lunarLander.start(randomStream(seed, 'flight'));
  const seen = new Float32Array(8);
  let earned = 0;
  for (let step = 1; step <= lunarLander.maxSteps; step++) {
    episode.observe(seen);
    const { reward, terminated } = episode.step(choose(seen));
    earned += reward;
    if (terminated) return { earned, last: reward, steps: step };
  }
  return { earned, last: 0, steps: lunarLander.maxSteps };
}

it("lets Gymnasium's own controller land, and earn what the problem counts as solved", () => {
  const flights = Array.from({ length: 20 }, (_, seed) => fly(seed, heuristic));
  const mean = flights.reduce((sum, { earned }) => sum + earned, 0) / flights.length;
  expect(flights.filter(({ last }) => last === 100).length).toBeGreaterThanOrEqual(17);
  // In Gymnasium it earns about 240.
  expect(mean).toBeGreaterThan(lunarLander.solvedAt);
});

it('lets a lander without engines crash, at the cost of 100', () => {
  const falls = Array.from({ length: 10 }, (_, seed) => fly(seed, () => 0));
  for (const { last, steps } of falls) {
    expect(last).toBe(-100);
    expect(steps).toBeLessThan(200);
  }
});

it('begins in the middle above the ground, upright, with a push', () => {
  const seen = new Float32Array(8);
  lunarLander.start(randomStream(0, 'flight')).observe(seen);
  const [x, y, , , angle, , ...legs] = seen;
  expect(Math.abs(x)).toBeLessThan(0.02);
  expect(y).toBeGreaterThan(1.3);
  expect(Math.abs(angle)).toBeLessThan(0.02);
  expect(legs).toEqual([0, 0]);
});
