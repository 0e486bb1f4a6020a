import { type Batch, createTrainer, type Trainer } from '@znorm/train';
import { expect, it } from 'vitest';
import { adam, sgd } from 'znorm';
import { cartpole } from '../../src/environments/cartpole.ts';
import type { Environment } from '../../src/environments/environment.ts';
import { type AgentSnapshot, evaluateAgent } from '../../src/reinforcement/agent.ts';
import { createPolicyAgent } from '../../src/reinforcement/policy-gradient.ts';
import { policyObjective } from '../../src/reinforcement/policy-objective.ts';

const tiny = { observationSize: 2, actions: 3, hidden: [], valueWeight: 0.5, entropyWeight: 0 };

/** One step of plain descent at rate 1: parameters before less after are the gradient. */
async function gradientsOf(batch: Record<string, Float32Array>, clip?: number) {
  const trainer = await createTrainer({
    objective: policyObjective({ ...tiny, clip }),
    optimizer: sgd({ learningRate: 1 }),
    batchSize: 2,
  });
  const before = new Map(trainer.parameters.map(({ path, data }) => [path, data.slice()]));
  const { logits, values } = await trainer.predict({ observations: batch.observations });
  await trainer.step(batch);
  const gradient = (path: string) => {
    const after = trainer.parameters.find((parameter) => parameter.path === path)!.data;
    return before.get(path)!.map((value, i) => value - after[i]);
  };
  await trainer.dispose();
  return { gradient, logits: logits.data, values: values.data };
}

function softmax(logits: ArrayLike<number>): number[] {
  const weights = Array.from(logits, Math.exp);
  const total = weights.reduce((sum, weight) => sum + weight, 0);
  return weights.map((weight) => weight / total);
}

const observations = Float32Array.of(0.3, -0.2, 0.1, 0.4);
const chosen = Float32Array.of(0, 1, 0, 1, 0, 0);
const advantages = Float32Array.of(2, -1);
const returns = Float32Array.of(1, 3);

it("on the policy's own experience has the gradient of REINFORCE with a baseline", async () => {
  // The policy of seed 0 on these observations, found by a step whose ratio does not matter.
  const first = await gradientsOf({
    observations,
    chosen,
    advantages,
    returns,
    logProbabilities: Float32Array.of(0, 0),
  });
  const rows = [first.logits.subarray(0, 3), first.logits.subarray(3, 6)].map(softmax);
  const logProbabilities = Float32Array.of(Math.log(rows[0][1]), Math.log(rows[1][0]));
  const { gradient, values } = await gradientsOf({
    observations,
    chosen,
    advantages,
    returns,
    logProbabilities,
  });
  for (let action = 0; action < 3; action++) {
    // −mean(A ∂ log π(a|s) / ∂ b_j) = −mean(A (1[a = j] − π_j))
    const terms = [0, 1].map((row) => advantages[row] * (chosen[3 * row + action] - rows[row][action]));
    expect(gradient('policy/out/bias')[action]).toBeCloseTo(-(terms[0] + terms[1]) / 2, 5);
  }
  // w_v · mean(2 (V − R))
  const misses = [0, 1].map((row) => values[row] - returns[row]);
  expect(gradient('critic/out/bias')[0]).toBeCloseTo(0.5 * (misses[0] + misses[1]), 5);
});

it('stops pushing where the ratio has left the clip in the direction of the advantage', async () => {
  // Far more probable than before with a positive advantage, far less with a negative one: both are cut.
  const { gradient } = await gradientsOf(
    { observations, chosen, advantages, returns, logProbabilities: Float32Array.of(-9, 9) },
    0.2,
  );
  expect([...gradient('policy/out/bias')]).toEqual([0, 0, 0]);
});

it('expects something of an episode that was cut off, and nothing of one that ended', async () => {
  const rewards = [1, 1, 1, 1];
  const cut: Environment = {
    ...cartpole,
    observationSize: 1,
    maxSteps: 2,
    // Place by place: the episode of the second ends by itself in its second step.
    start: (next) => {
      const ends = next() % 2 === 0;
      let step = 0;
      return {
        observe: (out) => out.fill(step),
        step: () => ({ reward: rewards[step], terminated: ++step === 2 && ends }),
      };
    },
  };
  const batches: Batch[] = [];
  const expected = 10;
  const count = (batch: Batch) => batch.observations.length;
  const trainer = {
    steps: 0,
    predict: async (batch: Batch) => ({
      logits: { shape: [count(batch), 2], data: new Float32Array(2 * count(batch)) },
      values: { shape: [count(batch), 1], data: new Float32Array(count(batch)).fill(expected) },
    }),
    step: async (batch: Batch) => {
      batches.push(batch);
      return { loss: 0 };
    },
  } as unknown as Trainer;
  const agent = createPolicyAgent(trainer, cut, {
    places: 1,
    rolloutSteps: 40,
    epochs: 1,
    batchSize: 40,
    gamma: 0.5,
    lambda: 1,
    seed: 1,
  });
  await agent.step();
  const [{ observations: seen, returns: learnt }] = batches as {
    observations: Float32Array;
    returns: Float32Array;
  }[];
  const atLastSteps = new Set([...learnt].filter((_, i) => seen[i] === 1));
  // The last reward alone, or with γ times what the critic expects of the state it was cut off in.
  expect(atLastSteps).toEqual(new Set([1, 1 + 0.5 * expected]));
});

const small = { places: 4, rolloutSteps: 64, epochs: 8, batchSize: 128, gamma: 0.98, lambda: 0.9, seed: 3 };

const createCartpoleTrainer = () =>
  createTrainer({
    objective: policyObjective({
      observationSize: 4,
      actions: 2,
      hidden: [32],
      clip: 0.2,
      valueWeight: 0.5,
      entropyWeight: 0,
    }),
    optimizer: adam({ learningRate: 3e-3 }),
    batchSize: small.batchSize,
    seed: small.seed,
  });

it('learns to balance a pole', async () => {
  const trainer = await createCartpoleTrainer();
  const agent = createPolicyAgent(trainer, cartpole, small);
  const evaluate = () => evaluateAgent(agent, cartpole, { episodes: 10, seed: 0, stream: 'evaluation' });
  const mean = (returns: number[]) => returns.reduce((sum, value) => sum + value, 0) / returns.length;
  const untrained = mean(await evaluate());
  while (agent.environmentSteps < 15_000) await agent.step();
  // A policy that knows nothing keeps it up for about 10 to 30 steps.
  expect(untrained).toBeLessThan(60);
  expect(mean(await evaluate())).toBeGreaterThan(200);
  await trainer.dispose();
});

it('goes on from a snapshot to the same bits', async () => {
  const [one, other] = await Promise.all([createCartpoleTrainer(), createCartpoleTrainer()]);
  const whole = createPolicyAgent(one, cartpole, small);
  // 16 steps a rollout: the snapshot is taken in the middle of the third.
  for (let i = 0; i < 40; i++) await whole.step();
  const checkpoint = one.checkpoint();
  const { counters, arrays } = whole.snapshot();
  const snapshot: AgentSnapshot = { counters: JSON.parse(JSON.stringify(counters)), arrays };
  for (let i = 0; i < 40; i++) await whole.step();

  other.restore(checkpoint);
  const resumed = createPolicyAgent(other, cartpole, small, snapshot);
  for (let i = 0; i < 40; i++) await resumed.step();
  expect(other.stateHash()).toBe(one.stateHash());
  expect(other.batchHash).toBe(one.batchHash);
  expect(resumed.environmentSteps).toBe(whole.environmentSteps);
  await Promise.all([one.dispose(), other.dispose()]);
});
