import { uniform } from '@znorm/train';
import { type Dynamics, type Environment, episodesOf } from './environment.ts';

const gravity = 9.8;
const cartMass = 1;
const poleMass = 0.1;
const mass = cartMass + poleMass;
/** Half of the pole's. */
const length = 0.5;
const force = 10;
const seconds = 0.02;
const farthest = 2.4;
const steepest = (12 * 2 * Math.PI) / 360;

/**
 * A pole on a cart: state [x, ẋ, θ, θ̇] in metres and radians; action 0 pushes the cart to the left, 1 to the right.
 *
 *     t = (F + m_p l θ̇² sin θ) / m
 *     θ̈ = (g sin θ − t cos θ) / (l (4/3 − m_p cos² θ / m))
 *     ẍ = t − m_p l θ̈ cos θ / m
 *
 * by Euler's rule. Every step earns 1, the one that ends the episode too.
 *
 * @see Barto, Sutton, Anderson 1983; Gymnasium's CartPole-v1
 */
export const cartpoleDynamics: Dynamics = {
  first: (next) => Array.from({ length: 4 }, () => uniform(next, -0.05, 0.05)),
  after([x, speed, angle, spin], action) {
    const [sin, cos] = [Math.sin(angle), Math.cos(angle)];
    const pushed = ((action === 1 ? force : -force) + poleMass * length * spin ** 2 * sin) / mass;
    const spinRate = (gravity * sin - pushed * cos) / (length * (4 / 3 - (poleMass * cos ** 2) / mass));
    const acceleration = pushed - (poleMass * length * spinRate * cos) / mass;
    const state = [
      x + seconds * speed,
      speed + seconds * acceleration,
      angle + seconds * spin,
      spin + seconds * spinRate,
    ];
    const terminated = Math.abs(state[0]) > farthest || Math.abs(state[2]) > steepest;
    return { state, reward: 1, terminated };
  },
};

export const cartpole: Environment = {
  name: 'cartpole',
  observationSize: 4,
  actions: 2,
  maxSteps: 500,
  solvedAt: 475,
  start: episodesOf(cartpoleDynamics),
};
