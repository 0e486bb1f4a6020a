import { rmSync } from 'node:fs';
import { mkdtemp } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, expect, test } from 'vitest';
import { cartpole } from '../../src/environments/cartpole.ts';
import type { Environment } from '../../src/environments/environment.ts';
import { createEpisodeRecord } from '../../src/reinforcement/episode-record.ts';
import { createPolicyAgent } from '../../src/reinforcement/policy-gradient.ts';
import { policyObjective } from '../../src/reinforcement/policy-objective.ts';
import { evaluateTest } from '../../src/run/evaluate-test.ts';
import { lastEvent, readEvents } from '../../src/run/events.ts';
import { train } from '../../src/run/train.ts';
import { expandRuns, planComparison } from '../../src/sweep/plan.ts';
import { reinforcement } from '../../src/tasks/reinforcement.ts';
import { taskByName } from '../../src/tasks/tasks.ts';
import { newRun, outcome, settingsOf } from '../run/small-run.ts';
import { thrown } from '../thrown.ts';

const root = await mkdtemp(join(tmpdir(), 'znorm-reinforcement-'));
afterAll(() => rmSync(root, { recursive: true }));

const settings = settingsOf(root, { checkpointSeconds: 1e9 });

async function runOf(task: string, model: string, options: object) {
  const plan = await planComparison({
    task,
    model,
    preset: 'smoke',
    methods: ['znorm'],
    seeds: 1,
    ...options,
  });
  return expandRuns(plan)[0];
}

const small = { epochs: 1, validationSize: 2, testSize: 3 };

test.each([
  ['cartpole', 'ppo', { ...small, trainSize: 512, batchSize: 64 }],
  ['acrobot', 'reinforce', { ...small, trainSize: 8320, batchSize: 640 }],
  ['mountaincar', 'dqn-prioritized', { ...small, trainSize: 1200, batchSize: 16 }],
])(
  '%s by %s goes on from a checkpoint in the middle as if it had never stopped',
  async (task, model, options) => {
    const config = await runOf(task, model, options);
    const whole = newRun(root, config);
    await train(whole, settings, () => {});

    const resumed = newRun(root, config);
    const stop = new Error('stopped');
    const stopping = train(resumed, { ...settings, checkpointSeconds: 0 }, ({ share }) => {
      if (share > 0.45) throw stop;
    });
    await expect(stopping).rejects.toBe(stop);
    await train(resumed, settings, () => {});
    expect(outcome(resumed).state).toBe(outcome(whole).state);
    const evaluations = (files: typeof whole) =>
      outcome(files).record.filter(({ type }) => type === 'evaluation');
    expect(evaluations(resumed)).toEqual(evaluations(whole));

    // The test knows from the checkpoint how many episodes there were.
    for (const files of [whole, resumed]) await evaluateTest(files, settings, () => {});
    const [one, other] = [whole, resumed].map(
      (files) => lastEvent(readEvents(files.events), 'test')!.metrics,
    );
    expect(other).toEqual(one);
    expect(one.episodesToSolve).toBeGreaterThan(0);
  },
);

test('a batch that cannot be dealt out to the episodes side by side is refused', async () => {
  const { message } = await thrown(async () => {
    const config = await runOf('cartpole', 'ppo', { ...small, trainSize: 512, batchSize: 60 });
    await train(newRun(root, config), settings, () => {});
  });
  expect(message).toBe(
    'cartpole: expected `batchSize` to be a multiple of the 8 episodes that run side by side, got 60.',
  );
});

test('a run ends where its environment shows a number that is not finite, and says so', async () => {
  const start: Environment['start'] = (next) => {
    const episode = cartpole.start(next);
    let steps = 0;
    return {
      observe: (out) => (steps === 7 ? out.fill(Number.NaN) : episode.observe(out)),
      step(action) {
        steps++;
        return episode.step(action);
      },
    };
  };
  const task = reinforcement({
    name: 'leaky',
    summary: 'a cart that is lost from sight at its seventh step',
    environment: { ...cartpole, start },
    algorithms: {
      ppo: {
        places: 1,
        objective: ({ observationSize, actions }) =>
          policyObjective({ observationSize, actions, hidden: [], valueWeight: 0.5, entropyWeight: 0 }),
        agent: (trainer, environment, { batchSize, seed }) =>
          createPolicyAgent(trainer, environment, {
            places: 1,
            rolloutSteps: batchSize,
            batchSize,
            epochs: 1,
            gamma: 1,
            lambda: 1,
            seed,
          }),
        steps: (environmentSteps, batchSize) => environmentSteps / batchSize,
      },
    },
    learningRates: [1e-3],
    schedule: (value) => ({ constant: { value } }),
    presets: taskByName('cartpole').presets,
  });
  const findTask = () => task;
  const sizes = { ...small, trainSize: 64, batchSize: 4, seeds: 1, methods: ['znorm'] };
  const [config] = expandRuns(await planComparison({ task: 'leaky', ...sizes }, { findTask }), findTask);
  const files = newRun(root, config);
  await train(files, settings, () => {}, findTask);
  expect(lastEvent(readEvents(files.events), 'fail')).toMatchObject({
    step: 1,
    tensor: null,
    message:
      "cartpole: expected finite observations and rewards, got NaN at place 0, step 7 of episode 0. The environment's equations have left their range.",
  });
});

test('a problem counts as solved with the hundredth episode in a row whose mean reaches the threshold', () => {
  const record = createEpisodeRecord(10);
  record.add(Array(99).fill(50));
  expect(record.state().solvedAfter).toBeNull();
  const unlucky = createEpisodeRecord(10, JSON.parse(JSON.stringify(record.state())));
  record.add([50, -1000]);
  expect(record.episodesToSolve).toBe(100);
  // (99 · 50 − 5000) / 100 < 10, and once the bad one has left the window, all is well.
  unlucky.add([-5000]);
  expect(unlucky.episodesToSolve).toBe(100);
  unlucky.add(Array(120).fill(11));
  expect(unlucky.episodesToSolve).toBe(200);
});
