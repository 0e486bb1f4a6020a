import {
  abs,
  constant,
  div,
  integer,
  minimum,
  mul,
  type Objective,
  randomStream,
  reduceMean,
  reduceSum,
  relu,
  sub,
  type Trainer,
  uniform,
} from '@znorm/train';
import { type CrowdSnapshot, createCrowd } from '../environments/crowd.ts';
import type { Environment } from '../environments/environment.ts';
import { type Agent, type AgentSnapshot, largestOfRows, oneHot } from './agent.ts';
import { network } from './policy-objective.ts';
import { createReplay, type ReplayCounters } from './replay.ts';

export interface QLearningOptions {
  /** Episodes side by side. */
  readonly places: number;
  /** Steps in each of them in a round of acting. */
  readonly rolloutSteps: number;
  /** Optimizer steps between two rounds of acting. */
  readonly gradientSteps: number;
  readonly batchSize: number;
  /** Transitions the replay buffer holds. */
  readonly capacity: number;
  /** α of prioritized replay; 0 draws all alike. */
  readonly prioritized: number;
  /** Steps in the environment before anything is learnt. */
  readonly learningStarts: number;
  /** Optimizer steps between two copies of the network to its target. */
  readonly targetEvery: number;
  readonly gamma: number;
  /** What rewards are divided by before they are learnt, to bring errors near 1, where the loss stops being a parabola. */
  readonly rewardScale: number;
  /** Of the run's steps, how many until exploration is down to its end. */
  readonly explorationShare: number;
  /** How often a random action is begun from then on. */
  readonly explorationEnd: number;
  /**
   * A random action is held for n steps with P(n ≥ k) = 1/k, for at most this many; 1 is plain ε-greedy. Where a goal
   * is a long way off, single random actions cancel out and never reach it.
   */
  readonly longestHold: number;
  /** Steps in the environment of the whole run. */
  readonly environmentSteps: number;
}

/** A random action that is being held, and for how many more steps. */
interface Held {
  readonly action: number;
  readonly left: number;
}

export interface QNetworkOptions {
  readonly observationSize: number;
  readonly actions: number;
  /** Units of the hidden layers. */
  readonly hidden: readonly number[];
  /** The size that each observed number has at most, or usually; the network sees them divided by it. */
  readonly scales: readonly number[];
}

/**
 * A network of action values and its loss, Huber's of the error, weighted:
 *
 *     e = Q(s, a) − y,   m = min(|e|, 1),   L = mean(w m (|e| − m/2))
 *
 * Inputs a sample: `observations` [observationSize], `chosen` [actions] (1 at the action taken), `targets` [1],
 * `weights` [1]. Output: `values` [N, actions].
 */
export function qObjective({ observationSize, actions, hidden, scales }: QNetworkOptions): Objective {
  return {
    inputs: {
      observations: { shape: [observationSize] },
      chosen: { shape: [actions] },
      targets: { shape: [1] },
      weights: { shape: [1] },
    },
    build({ observations, chosen, targets, weights }, scope) {
      const scaled = div(
        observations,
        constant(observations.graph, Float32Array.from(scales), [scales.length]),
      );
      const values = network(hidden, actions, relu)(scaled, scope.child('q'));
      const taken = reduceSum(mul(values, chosen), { axes: [1], keepDims: true });
      const error = abs(sub(taken, targets));
      const near = minimum(error, 1);
      const loss = reduceMean(mul(weights, mul(near, sub(error, mul(near, 0.5)))));
      return { loss, outputs: { values } };
    },
  };
}

/**
 * Double deep Q-learning from a replay buffer. `trainer` trains a `qObjective`.
 *
 *     y = r / scale + γ (1 − terminated) Q_target(s′, argmax_a Q(s′, a))
 *
 * It explores by ε-greedy actions that may be held for some steps.
 *
 * @see Mnih et al. 2015; van Hasselt et al. 2016, arXiv 1509.06461; Dabney et al. 2020, arXiv 2006.01782
 */
export function createQAgent(
  trainer: Trainer,
  environment: Environment,
  options: QLearningOptions & { readonly seed: number },
  from?: AgentSnapshot,
): Agent {
  const { places, rolloutSteps, batchSize, gamma, rewardScale, seed } = options;
  const { observationSize: width, actions: actionCount } = environment;
  const counters = from?.counters as
    | { rounds: number; crowd: CrowdSnapshot; replay: ReplayCounters; held: Held[] }
    | undefined;
  let rounds = counters?.rounds ?? 0;
  const crowd = createCrowd(environment, { count: places, seed, stream: 'exploration' }, counters?.crowd);
  const replay = createReplay(
    { capacity: options.capacity, observationSize: width, prioritized: options.prioritized },
    from && counters && { counters: counters.replay, arrays: from.arrays },
  );
  const target = trainer.parameters.map(({ path, data }) => {
    return { path, data: from ? (from.arrays[targetName(path)] as Float32Array).slice() : data.slice() };
  });
  const held = Array.from({ length: places }, (_, i): Held => counters?.held[i] ?? { action: 0, left: 0 });
  const stepsSoFar = () => rounds * rolloutSteps * places;

  const explored = (): number => {
    const share = stepsSoFar() / (options.explorationShare * options.environmentSteps);
    return 1 + Math.min(share, 1) * (options.explorationEnd - 1);
  };

  const decide = async (observations: Float32Array) => {
    const { values } = await trainer.predict({ observations });
    return largestOfRows(values.data, actionCount);
  };

  const explore = async (): Promise<number[]> => {
    const next = randomStream(seed, 'action', rounds);
    const epsilon = explored();
    const returns: number[] = [];
    for (let step = 0; step < rolloutSteps; step++) {
      const before = crowd.observations.slice();
      const actions = await decide(before);
      for (let i = 0; i < places; i++) {
        if (held[i].left === 0 && uniform(next) < epsilon) {
          // 1/u passes k with probability 1/k.
          const left = Math.min(Math.floor(1 / (1 - uniform(next))), options.longestHold);
          held[i] = { action: integer(next, actionCount), left };
        }
        if (held[i].left > 0) {
          actions[i] = held[i].action;
          held[i] = { ...held[i], left: held[i].left - 1 };
        }
      }
      const { rewards, terminated, truncated, nextObservations, finished } = crowd.step(actions);
      for (let i = 0; i < places; i++) {
        if (terminated[i] || truncated[i]) held[i] = { action: 0, left: 0 };
        replay.add({
          observation: before.subarray(i * width, (i + 1) * width),
          action: actions[i],
          reward: rewards[i] / rewardScale,
          next: nextObservations.subarray(i * width, (i + 1) * width),
          terminated: terminated[i] === 1,
        });
      }
      returns.push(...finished.map((episode) => episode.return));
    }
    rounds++;
    return returns;
  };

  const learn = async () => {
    if (trainer.steps % options.targetEvery === 0) {
      for (const [i, { data }] of trainer.parameters.entries()) target[i].data.set(data);
    }
    const share = Math.min(1, stepsSoFar() / options.environmentSteps);
    // β goes from 0.4 to 1, as in the paper.
    const drawn = replay.sample(batchSize, randomStream(seed, 'replay', trainer.steps), 0.4 + 0.6 * share);
    const best = await decide(drawn.nexts);
    const expected = await withParameters(trainer, target, () =>
      trainer.predict({ observations: drawn.nexts }),
    );
    const targets = drawn.rewards.map((reward, row) => {
      const following = expected.values.data[row * actionCount + best[row]];
      return reward + gamma * (1 - drawn.terminated[row]) * following;
    });
    if (options.prioritized > 0) {
      const { values } = await trainer.predict({ observations: drawn.observations });
      const errors = targets.map((value, row) => values.data[row * actionCount + drawn.actions[row]] - value);
      replay.setErrors(drawn.indices, errors);
    }
    const { observations, weights } = drawn;
    const chosen = oneHot(drawn.actions, actionCount);
    return trainer.step({ observations, chosen, targets, weights });
  };

  return {
    get environmentSteps() {
      return stepsSoFar();
    },
    async step() {
      const returns: number[] = [];
      if (trainer.steps % options.gradientSteps === 0) {
        do returns.push(...(await explore()));
        while (stepsSoFar() < options.learningStarts);
      }
      return { result: await learn(), returns };
    },
    decide,
    snapshot() {
      const { counters: kept, arrays } = replay.snapshot();
      return {
        counters: { rounds, crowd: crowd.snapshot(), replay: kept, held: [...held] },
        arrays: {
          ...arrays,
          ...Object.fromEntries(target.map(({ path, data }) => [targetName(path), data])),
        },
      };
    },
  };
}

function targetName(path: string): string {
  return `target ${path}`;
}

/** Does something as if the trainer's parameters were others. */
async function withParameters<T>(
  trainer: Trainer,
  others: readonly { readonly data: Float32Array }[],
  action: () => Promise<T>,
): Promise<T> {
  const own = trainer.parameters.map(({ data }) => data.slice());
  const put = (values: readonly Float32Array[]) => {
    for (const [i, { data }] of trainer.parameters.entries()) data.set(values[i]);
  };
  put(others.map(({ data }) => data));
  try {
    return await action();
  } finally {
    put(own);
  }
}
