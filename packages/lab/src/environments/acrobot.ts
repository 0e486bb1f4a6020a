import { uniform } from '@znorm/train';
import { type Dynamics, type Environment, episodesOf } from './environment.ts';

const seconds = 0.2;
const gravity = 9.8;
const fastest1 = 4 * Math.PI;
const fastest2 = 9 * Math.PI;

// Both links: mass 1, length 1, centre of mass at 0.5, moment of inertia 1.
const m = 1;
const l = 1;
const lc = 0.5;
const inertia = 1;

/**
 * Two links that hang from a bar, with a motor between them: state [θ₁, θ₂, θ̇₁, θ̇₂]; action 0, 1, 2 is a torque of
 * −1, 0, 1. The equations are those of Sutton and Barto's book, moved by one step of Runge and Kutta's fourth-order
 * rule. Every step costs 1 but the one that lifts the tip a link's length above the bar.
 *
 * The agent sees [cos θ₁, sin θ₁, cos θ₂, sin θ₂, θ̇₁, θ̇₂].
 *
 * @see Sutton 1996; Gymnasium's Acrobot-v1
 */
export const acrobotDynamics: Dynamics = {
  first: (next) => Array.from({ length: 4 }, () => uniform(next, -0.1, 0.1)),
  after(state, action) {
    const [angle1, angle2, speed1, speed2] = rungeKutta(state, (at) => derivative(at, action - 1));
    const moved = [wrapped(angle1), wrapped(angle2), bounded(speed1, fastest1), bounded(speed2, fastest2)];
    const terminated = -Math.cos(moved[0]) - Math.cos(moved[1] + moved[0]) > 1;
    return { state: moved, reward: terminated ? 0 : -1, terminated };
  },
  seen: ([angle1, angle2, speed1, speed2]) => [
    Math.cos(angle1),
    Math.sin(angle1),
    Math.cos(angle2),
    Math.sin(angle2),
    speed1,
    speed2,
  ],
};

export const acrobot: Environment = {
  name: 'acrobot',
  observationSize: 6,
  actions: 3,
  maxSteps: 500,
  solvedAt: -100,
  start: episodesOf(acrobotDynamics),
};

function derivative([angle1, angle2, speed1, speed2]: readonly number[], torque: number): number[] {
  const [sin2, cos2] = [Math.sin(angle2), Math.cos(angle2)];
  const d1 = m * lc ** 2 + m * (l ** 2 + lc ** 2 + 2 * l * lc * cos2) + 2 * inertia;
  const d2 = m * (lc ** 2 + l * lc * cos2) + inertia;
  const phi2 = m * lc * gravity * Math.cos(angle1 + angle2 - Math.PI / 2);
  const phi1 =
    -m * l * lc * speed2 ** 2 * sin2 -
    2 * m * l * lc * speed2 * speed1 * sin2 +
    (m * lc + m * l) * gravity * Math.cos(angle1 - Math.PI / 2) +
    phi2;
  const rate2 =
    (torque + (d2 / d1) * phi1 - m * l * lc * speed1 ** 2 * sin2 - phi2) /
    (m * lc ** 2 + inertia - d2 ** 2 / d1);
  const rate1 = -(d2 * rate2 + phi1) / d1;
  return [speed1, speed2, rate1, rate2];
}

function rungeKutta(y: readonly number[], slope: (y: readonly number[]) => number[]): number[] {
  const along = (k: readonly number[], time: number) => y.map((value, i) => value + time * k[i]);
  const k1 = slope(y);
  const k2 = slope(along(k1, seconds / 2));
  const k3 = slope(along(k2, seconds / 2));
  const k4 = slope(along(k3, seconds));
  return y.map((value, i) => value + (seconds / 6) * (k1[i] + 2 * k2[i] + 2 * k3[i] + k4[i]));
}

/** The same angle from −π to π. */
function wrapped(angle: number): number {
  let turned = angle;
  while (turned > Math.PI) turned -= 2 * Math.PI;
  while (turned < -Math.PI) turned += 2 * Math.PI;
  return turned;
}

function bounded(value: number, most: number): number {
  return Math.min(Math.max(value, -most), most);
}
