import { permutation, randomStream, type Trainer, uniform } from '@znorm/train';
import { type CrowdSnapshot, createCrowd } from '../environments/crowd.ts';
import type { Environment } from '../environments/environment.ts';
import { generalizedAdvantages, standardize } from './advantages.ts';
import { type Agent, type AgentSnapshot, largestOfRows, oneHot } from './agent.ts';

export interface PolicyGradientOptions {
  /** Episodes side by side. */
  readonly places: number;
  /** Steps in each of them between two rounds of learning. */
  readonly rolloutSteps: number;
  /** Times that a rollout is learnt from. */
  readonly epochs: number;
  readonly batchSize: number;
  readonly gamma: number;
  readonly lambda: number;
}

/**
 * Learns from its own experience and then throws it away: proximal policy optimization, or with one epoch of one batch
 * REINFORCE with a baseline. `trainer` trains a `policyObjective`.
 *
 * An episode that is cut off was not going to earn nothing: what the critic expects of it is added to its last reward.
 */
export function createPolicyAgent(
  trainer: Trainer,
  environment: Environment,
  options: PolicyGradientOptions & { readonly seed: number },
  from?: AgentSnapshot,
): Agent {
  const { places, rolloutSteps, epochs, batchSize, gamma, lambda, seed } = options;
  const { observationSize: width, actions: actionCount } = environment;
  const size = places * rolloutSteps;
  const batches = Math.floor(size / batchSize);
  const counters = from?.counters as { rollouts: number; crowd: CrowdSnapshot } | undefined;
  /** Rollouts made. */
  let rollouts = counters?.rollouts ?? 0;
  /** The last of them, while there is something to learn from it. */
  let rollout = from?.arrays as Record<string, Float32Array>;
  const crowd = createCrowd(environment, { count: places, seed, stream: 'exploration' }, counters?.crowd);

  const act = async () => {
    const next = randomStream(seed, 'action', rollouts);
    const observations = new Float32Array(size * width);
    const actions = new Int32Array(size);
    const logProbabilities = new Float32Array(size);
    const values = new Float32Array(size);
    const rewards = new Float32Array(size);
    const over = new Uint8Array(size);
    const returnsOfEpisodes: number[] = [];
    for (let at = 0; at < size; at += places) {
      observations.set(crowd.observations, at * width);
      const seen = await trainer.predict({ observations: crowd.observations });
      for (let i = 0; i < places; i++) {
        const row = seen.logits.data.subarray(i * actionCount, (i + 1) * actionCount);
        const { action, logProbability } = sampled(row, uniform(next));
        actions[at + i] = action;
        logProbabilities[at + i] = logProbability;
      }
      values.set(seen.values.data, at);
      const { truncated, terminated, ...step } = crowd.step(actions.subarray(at, at + places));
      rewards.set(step.rewards, at);
      if (truncated.includes(1)) {
        const { values: expected } = await trainer.predict({ observations: step.nextObservations });
        for (let i = 0; i < places; i++) if (truncated[i]) rewards[at + i] += gamma * expected.data[i];
      }
      for (let i = 0; i < places; i++) over[at + i] = terminated[i] | truncated[i];
      returnsOfEpisodes.push(...step.finished.map((episode) => episode.return));
    }
    const { values: last } = await trainer.predict({ observations: crowd.observations });
    const experience = { count: places, rewards, over, values, lastValues: last.data };
    const estimates = generalizedAdvantages(experience, { gamma, lambda });
    rollout = { observations, chosen: oneHot(actions, actionCount), logProbabilities, ...estimates };
    rollouts++;
    return returnsOfEpisodes;
  };

  /** A part of the rollout, in an order drawn for each epoch. */
  const batchAt = (step: number) => {
    const [epoch, start] = [Math.floor(step / batches), (step % batches) * batchSize];
    const order = permutation(randomStream(seed, 'minibatch', rollouts, epoch), size);
    const rows = order.subarray(start, start + batchSize);
    const batch = Object.fromEntries(
      Object.entries(rollout).map(([name, data]) => [name, rowsOf(data, data.length / size, rows)]),
    );
    standardize(batch.advantages);
    return batch;
  };

  return {
    get environmentSteps() {
      return rollouts * size;
    },
    async step() {
      const stepOfRound = trainer.steps % (epochs * batches);
      const returns = stepOfRound === 0 ? await act() : [];
      return { result: await trainer.step(batchAt(stepOfRound)), returns };
    },
    async decide(observations) {
      const { logits } = await trainer.predict({ observations });
      return largestOfRows(logits.data, actionCount);
    },
    snapshot: () => ({ counters: { rollouts, crowd: crowd.snapshot() }, arrays: { ...rollout } }),
  };
}

/** An action drawn with softmax(logits) at a point `u` of [0, 1), and the logarithm of its probability. */
function sampled(logits: Float32Array | Float64Array, u: number): { action: number; logProbability: number } {
  const highest = Math.max(...logits);
  const weights = Array.from(logits, (logit) => Math.exp(logit - highest));
  const total = weights.reduce((sum, weight) => sum + weight, 0);
  let left = u * total;
  let action = 0;
  while (action < weights.length - 1 && left >= weights[action]) left -= weights[action++];
  return { action, logProbability: logits[action] - highest - Math.log(total) };
}

function rowsOf(data: Float32Array, width: number, rows: Uint32Array): Float32Array {
  const picked = new Float32Array(rows.length * width);
  for (const [i, row] of rows.entries()) picked.set(data.subarray(row * width, (row + 1) * width), i * width);
  return picked;
}
