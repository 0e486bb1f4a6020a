import { uniform } from '@znorm/train';
import { type Dynamics, type Environment, episodesOf } from './environment.ts';

const leftmost = -1.2;
const rightmost = 0.6;
const fastest = 0.07;
const goal = 0.5;
const force = 0.001;
const gravity = 0.0025;

/**
 * A car too weak for its hill: state [x, v]; action 0 pushes to the left, 1 not at all, 2 to the right.
 *
 *     v ← v + (a − 1) f − g cos 3x,   x ← x + v
 *
 * both kept within their limits; the left wall stops the car. Every step costs 1.
 *
 * @see Moore 1990; Gymnasium's MountainCar-v0
 */
export const mountainCarDynamics: Dynamics = {
  first: (next) => [uniform(next, -0.6, -0.4), 0],
  after([x, v], action) {
    const speed = within(v + (action - 1) * force - gravity * Math.cos(3 * x), -fastest, fastest);
    const place = within(x + speed, leftmost, rightmost);
    const state = [place, place === leftmost && speed < 0 ? 0 : speed];
    return { state, reward: -1, terminated: place >= goal && state[1] >= 0 };
  },
};

export const mountainCar: Environment = {
  name: 'mountaincar',
  observationSize: 2,
  actions: 3,
  maxSteps: 200,
  solvedAt: -110,
  start: episodesOf(mountainCarDynamics),
};

function within(value: number, low: number, high: number): number {
  return Math.min(Math.max(value, low), high);
}
