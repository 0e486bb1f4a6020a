import { describe, expect, it } from 'vitest';
import { acrobot } from '../../src/environments/acrobot.ts';
import { cartpole } from '../../src/environments/cartpole.ts';
import { createCrowd } from '../../src/environments/crowd.ts';
import type { Environment } from '../../src/environments/environment.ts';
import { lunarLander } from '../../src/environments/lunar-lander.ts';
import { mountainCar } from '../../src/environments/mountain-car.ts';

const all = [cartpole, mountainCar, acrobot, lunarLander].map(
  (environment) => [environment.name, environment] as const,
);
const options = { count: 3, seed: 5, stream: 'test' };
const actionsAt = (step: number, { actions }: Environment) =>
  [0, 1, 2].map((place) => (7 * step + 3 * place + (step % 5)) % actions);

describe.each(all)('a crowd of %s', (_, environment) => {
  it('goes the same way twice from one seed, and another from another', () => {
    const walk = (seed: number) => {
      const crowd = createCrowd(environment, { ...options, seed });
      for (let step = 0; step < 150; step++) crowd.step(actionsAt(step, environment));
      return [...crowd.observations];
    };
    expect(walk(5)).toEqual(walk(5));
    expect(walk(5)).not.toEqual(walk(6));
  });

  it('goes on from a snapshot as if it had never stopped, to the bit', () => {
    const whole = createCrowd(environment, options);
    for (let step = 0; step < 70; step++) whole.step(actionsAt(step, environment));
    const resumed = createCrowd(environment, options, JSON.parse(JSON.stringify(whole.snapshot())));
    expect([...resumed.observations]).toEqual([...whole.observations]);
    for (let step = 70; step < 300; step++) {
      const [one, other] = [whole, resumed].map((crowd) => crowd.step(actionsAt(step, environment)));
      expect(other).toEqual(one);
    }
  });

  it('cuts an episode off after its longest, and says that it has not ended', () => {
    const short = createCrowd({ ...environment, maxSteps: 4 }, options);
    const steps = Array.from({ length: 4 }, (_, i) => {
      const { truncated, terminated, finished } = short.step(actionsAt(i, environment));
      return {
        truncated: [...truncated],
        terminated: [...terminated],
        lengths: finished.map(({ length }) => length),
      };
    });
    const still = { truncated: [0, 0, 0], terminated: [0, 0, 0], lengths: [] };
    expect(steps).toEqual([still, still, still, { ...still, truncated: [1, 1, 1], lengths: [4, 4, 4] }]);
  });

  it('refuses an action outside of the space', () => {
    const crowd = createCrowd(environment, options);
    const last = environment.actions - 1;
    expect(() => crowd.step([0, last + 1, 0])).toThrow(
      new RangeError(
        `${environment.name}: expected an action from 0 to ${last}, got ${last + 1} at place 1.`,
      ),
    );
    expect(() => crowd.step([0.5, 0, 0])).toThrow(/got 0.5 at place 0/);
  });
});

it.each([
  ['at the start', (steps: number) => ({ seen: steps === 0 ? Number.NaN : 0, reward: 1 }), 0, 'NaN'],
  ['later', (steps: number) => ({ seen: steps === 3 ? -Infinity : 0, reward: 1 }), 3, '-Infinity'],
  ['as a reward', (steps: number) => ({ seen: 0, reward: steps === 2 ? Number.NaN : 1 }), 2, 'NaN'],
])('names the environment, place and step of a number that is not finite %s', (_, at, step, value) => {
  const broken: Environment = {
    ...cartpole,
    start() {
      let steps = 0;
      return {
        observe: (out) => out.fill(at(steps).seen),
        step: () => ({ reward: at(++steps).reward, terminated: false }),
      };
    },
  };
  const act = () => {
    const crowd = createCrowd(broken, options);
    for (let i = 0; i < 5; i++) crowd.step([0, 0, 0]);
  };
  expect(act).toThrow(
    new RangeError(
      `cartpole: expected finite observations and rewards, got ${value} at place 0, step ${step} of episode 0. The environment's equations have left their range.`,
    ),
  );
});

it('tells the return of a finished episode and begins a new one', () => {
  const crowd = createCrowd(cartpole, { ...options, count: 1 });
  const first = [...crowd.observations];
  let steps = 0;
  let finished: readonly { return: number; length: number }[] = [];
  let fallen: number[] = [];
  while (finished.length === 0) {
    const result = crowd.step([1]);
    finished = result.finished;
    fallen = [...result.nextObservations];
    steps++;
  }
  expect(finished).toEqual([{ return: steps, length: steps }]);
  expect(Math.abs(fallen[2])).toBeGreaterThan(0.2);
  expect(Math.max(...crowd.observations.map(Math.abs))).toBeLessThanOrEqual(0.05);
  expect([...crowd.observations]).not.toEqual(first);
});
