import {
  abs,
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
  /** Steps in each of them between two rounds of learning. */
  readonly rolloutSteps: number;
  /** Optimizer steps of a round. */
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
  /** Of the run's steps, how many until exploration is down to its end. */
  readonly explorationShare: number;
  /** The share of random actions from then on. */
  readonly explorationEnd: number;
  /** Steps in the environment of the whole run. */
  readonly environmentSteps: number;
}

/**
 * A network of action values and its loss, Huber's of the error, weighted:
 *
 *     e = Q(s, a) − y,   m = min(|e|, 1),   L = mean(w m (|e| − m/2))
 *
 * Inputs a sample: `observations` [observationSize], `chosen` [actions] (1 at the action taken), `targets` [1],
 * `weights` [1]. Output: `values` [N, actions].
 */
export function qObjective(options: {
  observationSize: number;
  actions: number;
  hidden: readonly number[];
}): Objective {
  const { observationSize, actions, hidden } = options;
  return {
    inputs: {
      observations: { shape: [observationSize] },
      chosen: { shape: [actions] },
      targets: { shape: [1] },
      weights: { shape: [1] },
    },
    build({ observations, chosen, targets, weights }, scope) {
      const values = network(hidden, actions, relu)(observations, scope.child('q'));
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
 *     y = r + γ (1 − terminated) Q_target(s′, argmax_a Q(s′, a))
 *
 * @see Mnih et al. 2015; van Hasselt et al. 2016, arXiv 1509.06461
 */
export function createQAgent(
  trainer: Trainer,
  environment: Environment,
  options: QLearningOptions & { readonly seed: number },
  from?: AgentSnapshot,
): Agent {
  const { places, rolloutSteps, batchSize, gamma, seed } = options;
  const { observationSize: width, actions: actionCount } = environment;
  const counters = from?.counters as
    | { rounds: number; crowd: CrowdSnapshot; replay: ReplayCounters }
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
  const stepsSoFar = () => rounds * rolloutSteps * places;

  const explored = (): number => {
    const share = stepsSoFar() / (options.explorationShare * options.environmentSteps);
    return 1 + Math.min(share, 1) * (options.explorationEnd - 1);
  };

  const decide = async (observations: Float32Array) => {
    const { values } = await trainer.predict({ observations });
    return largestOfRows(values.data, actionCount);
  };

  const explore = async () => {
    const next = randomStream(seed, 'action', rounds);
    const epsilon = explored();
    const returns: number[] = [];
    for (let step = 0; step < rolloutSteps; step++) {
      const before = crowd.observations.slice();
      const actions = await decide(before);
      for (let i = 0; i < places; i++) {
        if (uniform(next) < epsilon) actions[i] = integer(next, actionCount);
      }
      const { rewards, terminated, nextObservations, finished } = crowd.step(actions);
      for (let i = 0; i < places; i++) {
        replay.add({
          observation: before.subarray(i * width, (i + 1) * width),
          action: actions[i],
          reward: rewards[i],
          next: nextObservations.subarray(i * width, (i + 1) * width),
          terminated: terminated[i] === 1,
        });
      }
      returns.push(...finished.map((episode) => episode.return));
    }
    return returns;
  };

  const learn = async (): Promise<number> => {
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
    return (await trainer.step({ observations, chosen, targets, weights })).loss;
  };

  return {
    trainer,
    get environmentSteps() {
      return stepsSoFar();
    },
    async advance() {
      const returns = await explore();
      rounds++;
      if (stepsSoFar() <= options.learningStarts) return { loss: null, returns };
      let lossSum = 0;
      for (let step = 0; step < options.gradientSteps; step++) lossSum += await learn();
      return { loss: lossSum / options.gradientSteps, returns };
    },
    decide,
    snapshot() {
      const { counters: kept, arrays } = replay.snapshot();
      return {
        counters: { rounds, crowd: crowd.snapshot(), replay: kept },
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
