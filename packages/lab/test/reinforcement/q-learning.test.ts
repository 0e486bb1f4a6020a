import { type Batch, createTrainer, decodeSafetensors, encodeSafetensors, type Trainer } from '@znorm/train';
import { expect, it } from 'vitest';
import { adam, sgd } from 'znorm';
import { cartpole } from '../../src/environments/cartpole.ts';
import { createQAgent, qObjective } from '../../src/reinforcement/q-learning.ts';

const network = { observationSize: 4, actions: 2, hidden: [16], scales: [1, 1, 1, 1] };

const options = {
  places: 2,
  rolloutSteps: 4,
  gradientSteps: 4,
  batchSize: 16,
  capacity: 100,
  prioritized: 0.6,
  learningStarts: 32,
  targetEvery: 6,
  gamma: 0.9,
  rewardScale: 2,
  explorationShare: 0.5,
  explorationEnd: 0.1,
  longestHold: 3,
  environmentSteps: 400,
  seed: 2,
};

const createCartpoleTrainer = () =>
  createTrainer({
    objective: qObjective(network),
    optimizer: adam({ learningRate: 1e-3 }),
    batchSize: options.batchSize,
    seed: options.seed,
  });

it("has Huber's gradient, weighted, at the action taken alone", async () => {
  const trainer = await createTrainer({
    objective: qObjective({ ...network, hidden: [] }),
    optimizer: sgd({ learningRate: 1 }),
    batchSize: 2,
  });
  const observations = Float32Array.of(0.1, -0.2, 0.3, 0.4, 0.5, 0.1, -0.3, 0.2);
  const { values } = await trainer.predict({ observations });
  const bias = trainer.parameters.find(({ path }) => path === 'q/out/bias')!.data;
  const before = bias.slice();
  // The first is off by 0.5, where the loss is a parabola, the second by −3, where it is a line of slope −1.
  const targets = Float32Array.of(values.data[0] - 0.5, values.data[3] + 3);
  const chosen = Float32Array.of(1, 0, 0, 1);
  await trainer.step({ observations, chosen, targets, weights: Float32Array.of(1, 0.25) });
  expect(before[0] - bias[0]).toBeCloseTo(0.5 / 2, 5);
  expect(before[1] - bias[1]).toBeCloseTo((0.25 * -1) / 2, 5);
  await trainer.dispose();
});

it('divides what it sees by its scales', async () => {
  const build = (scales: readonly number[]) =>
    createTrainer({
      objective: qObjective({ ...network, scales }),
      optimizer: sgd({ learningRate: 1 }),
      batchSize: 1,
    });
  const [plain, scaled] = await Promise.all([build([1, 1, 1, 1]), build([1, 0.5, 4, 1])]);
  const one = await plain.predict({ observations: Float32Array.of(0.1, 0.4, 0.5, -0.3) });
  const other = await scaled.predict({ observations: Float32Array.of(0.1, 0.2, 2, -0.3) });
  expect([...other.values.data]).toEqual([...one.values.data]);
  await Promise.all([plain.dispose(), scaled.dispose()]);
});

it('learns r / scale + γ Q_target(s′, argmax Q(s′)), and the reward alone where an episode ended', async () => {
  // The values of an observation o are [p · o, −p · o]: p = 10 when the target network was copied, −1 from then on.
  const parameters = [{ path: 'p', data: Float32Array.of(10) }];
  const batches: Record<string, Float32Array>[] = [];
  const trainer = {
    parameters,
    steps: 0,
    predict: async ({ observations }: Batch) => {
      const values = Array.from(observations as Float32Array, (o) => [
        o * parameters[0].data[0],
        -o * parameters[0].data[0],
      ]).flat();
      return { values: { shape: [observations.length, 2], data: Float32Array.from(values) } };
    },
    step: async (batch: Batch) => {
      batches.push(batch as Record<string, Float32Array>);
      return { loss: 0 };
    },
  } as unknown as Trainer & { steps: number };
  const line = {
    ...cartpole,
    observationSize: 1,
    maxSteps: 100,
    start: () => {
      let at = 1;
      return {
        observe: (out: Float32Array) => out.fill(at),
        step: () => ({ reward: at, terminated: ++at > 3 }),
      };
    },
  };
  const agent = createQAgent(trainer, line, { ...options, prioritized: 0, places: 1, learningStarts: 0 });
  await agent.step();
  parameters[0].data[0] = -1;
  trainer.steps++;
  await agent.step();
  const [, { observations, targets }] = batches;
  for (const [i, o] of observations.entries()) {
    // From o the next is o + 1. Online prefers action 1 there, which the target network values at −10 (o + 1).
    const expected = o === 3 ? 3 / 2 : o / 2 + options.gamma * -10 * (o + 1);
    expect(targets[i]).toBeCloseTo(expected, 4);
  }
  expect(parameters[0].data[0]).toBe(-1);
  expect(new Set(observations)).toEqual(new Set([1, 2, 3]));
});

it('goes on from a snapshot to the same bits, replay buffer, target network and held actions included', async () => {
  const [one, other] = await Promise.all([createCartpoleTrainer(), createCartpoleTrainer()]);
  const whole = createQAgent(one, cartpole, options);
  for (let i = 0; i < 75; i++) await whole.step();
  const checkpoint = one.checkpoint();
  const { counters, arrays } = whole.snapshot();
  const tensors = Object.fromEntries(
    Object.entries(arrays).map(([name, data]) => [name, { shape: [data.length], data }]),
  );
  const file = encodeSafetensors({ tensors, metadata: { counters: JSON.stringify(counters) } });
  for (let i = 0; i < 75; i++) await whole.step();

  other.restore(checkpoint);
  const { tensors: read, metadata } = decodeSafetensors(file);
  const resumed = createQAgent(other, cartpole, options, {
    counters: JSON.parse(metadata.counters),
    arrays: Object.fromEntries(Object.entries(read).map(([name, { data }]) => [name, data])),
  });
  for (let i = 0; i < 75; i++) await resumed.step();
  expect(other.stateHash()).toBe(one.stateHash());
  expect(other.batchHash).toBe(one.batchHash);
  await Promise.all([one.dispose(), other.dispose()]);
});
