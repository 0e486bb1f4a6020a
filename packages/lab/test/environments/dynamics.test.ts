import { readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { acrobotDynamics } from '../../src/environments/acrobot.ts';
import { cartpoleDynamics } from '../../src/environments/cartpole.ts';
import type { Dynamics } from '../../src/environments/environment.ts';
import { mountainCarDynamics } from '../../src/environments/mountain-car.ts';

interface Trajectory {
  readonly first: readonly number[];
  readonly steps: readonly { action: number; state: number[]; reward: number; terminated: boolean }[];
}

const { trajectories } = JSON.parse(readFileSync(new URL('trajectories.json', import.meta.url), 'utf8')) as {
  trajectories: Record<string, Trajectory[]>;
};

const dynamics: Readonly<Record<string, Dynamics>> = {
  cartpole: cartpoleDynamics,
  mountaincar: mountainCarDynamics,
  acrobot: acrobotDynamics,
};

describe.each(Object.entries(dynamics))('%s', (name, { after }) => {
  it.each(trajectories[name].map((one, i) => [i, one] as const))(
    "moves as Gymnasium's equations do, trajectory %i",
    (_, { steps, first }) => {
      for (const [i, { action, state, reward, terminated }] of steps.entries()) {
        // From the golden state before, so that each step is judged alone: sums in another order differ in few ulps.
        const moved = after(i === 0 ? first : steps[i - 1].state, action);
        for (const [j, value] of moved.state.entries()) {
          expect(Math.abs(value - state[j])).toBeLessThanOrEqual(1e-13 * Math.max(1, Math.abs(state[j])));
        }
        expect({ reward: moved.reward, terminated: moved.terminated }).toEqual({ reward, terminated });
      }
    },
  );

  it("arrives where Gymnasium's equations arrive, left to itself", () => {
    const { first, steps } = trajectories[name][0];
    const end = steps.reduce<readonly number[]>((state, { action }) => after(state, action).state, first);
    const golden = steps.at(-1)!.state;
    // 200 steps of a system that is not chaotic in that time leave of 1e-16 at most this.
    for (const [j, value] of end.entries()) expect(value).toBeCloseTo(golden[j], 9);
  });
});
