import { rmSync } from 'node:fs';
import { mkdtemp } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { dense, meanSquaredError, type Objective, randomStream, reshape, uniform } from '@znorm/train';
import { afterAll, expect, test } from 'vitest';
import type { Metric } from '../../src/metric.ts';
import { evaluateTest } from '../../src/run/evaluate-test.ts';
import { lastEvent, readEvents } from '../../src/run/events.ts';
import { type RunProgress, train } from '../../src/run/train.ts';
import { expandRuns, planComparison } from '../../src/sweep/plan.ts';
import { wholeBatches } from '../../src/tasks/recipe.ts';
import type { Task } from '../../src/tasks/task.ts';
import { thrown } from '../thrown.ts';
import { newRun, outcome, settingsOf } from './small-run.ts';

const root = await mkdtemp(join(tmpdir(), 'znorm-own-task-'));
afterAll(() => rmSync(root, { recursive: true }));

const error: Metric = { name: 'error', label: 'error', better: 'lower', format: 'number', digits: 3 };
const sizes = {
  epochs: 3,
  batchSize: 8,
  seeds: 2,
  trainSize: 32,
  validationSize: 10,
  testSize: 10,
  time: '',
};

/** No data set, no labels, no classes: a line through points that are made as they are asked for. */
const line: Task = {
  name: 'line',
  summary: 'points on a line, made up',
  data: [],
  unit: { one: 'point', many: 'points', short: 'pt' },
  counts: async () => ({ train: 40, validation: 12, test: Infinity }),
  models: ['linear'],
  metrics: [error],
  methods: ['baseline', 'znorm'],
  optimizer: 'sgd',
  schedule: (from) => ({ constant: { value: from } }),
  settings: { slope: { summary: 'of the line', default: 2 } },
  presets: {
    smoke: { ...sizes, models: ['linear'] },
    quick: { ...sizes, models: ['linear'] },
    paper: { ...sizes, models: ['linear'] },
  },
  steps: wholeBatches,
  async prepare({ batchSize, seed, settings, validationSize, testSize }) {
    const points = (name: string, count: number, step = 0) => {
      const next = randomStream(seed, name, step);
      const x = Float32Array.from({ length: count }, () => 2 * uniform(next) - 1);
      return { x, y: x.map((value) => Number(settings.slope) * value + 1) };
    };
    const objective: Objective = {
      inputs: { x: { shape: [1] }, y: { shape: [] } },
      build({ x, y }, scope) {
        const drawn = reshape(dense({ units: 1 })(x, scope.child('line')), y.shape);
        return { loss: meanSquaredError(drawn, y), outputs: { drawn } };
      },
    };
    const worst = (drawn: ArrayLike<number>, y: Float32Array) =>
      Math.max(...y.map((value, i) => Math.abs(value - drawn[i])));
    return {
      sha1: {},
      objective,
      samplesPerStep: batchSize,
      step: (trainer) => trainer.step(points('train', batchSize, trainer.steps)),
      training: () => ({}),
      async validate(trainer) {
        const { x, y } = points('validation', validationSize);
        return { error: worst((await trainer.predict({ x })).drawn.data, y) };
      },
      async test(trainer, onShare) {
        const { x, y } = points('test', testSize);
        const { drawn } = await trainer.predict({ x });
        onShare(1);
        const text = `${x[0].toFixed(2)} is at ${drawn.data[0].toFixed(2)}`;
        return { metrics: { error: worst(drawn.data, y) }, artifacts: [{ title: 'a point', text }] };
      },
    };
  },
};
const findTask = () => line;

const plan = await planComparison({ task: 'line', learningRates: [0.1], epochs: 30 }, { findTask });
const [config] = expandRuns(plan, findTask);
const settings = settingsOf(root, { checkpointSeconds: 1e9 });

test('a task of any kind is planned by what it says of itself', async () => {
  expect(plan).toMatchObject({
    model: 'linear',
    methods: [{ name: 'baseline' }, { name: 'znorm' }],
    optimizer: { name: 'sgd' },
    settings: { slope: 2 },
    // Validation points are not taken from the training ones.
    trainSize: 32,
  });
  expect(config).toMatchObject({
    steps: 120,
    optimizerChain: [{ sgd: { learningRate: { constant: { value: 0.1 } } } }],
  });
  const refused = (options: object) =>
    thrown(() => planComparison({ task: 'line', ...options }, { findTask }));
  expect((await refused({ validationSize: 13 })).message).toBe(
    'compare: expected `validationSize` to be at most 12 (line has 12 validation points), got 13.',
  );
  expect((await refused({ trainSize: 41 })).message).toBe(
    'compare: expected `trainSize` to be at most 40 (line has 40 training points), got 41.',
  );
  expect((await refused({ settings: { slope: true } })).message).toBe(
    'compare: expected setting `slope` to be a number, got true.',
  );
});

test('it trains, is judged by its own metric, tested, and resumed bit-equal', async () => {
  const files = newRun(root, config);
  const heard: RunProgress[] = [];
  await train(files, settings, (progress) => heard.push(progress), findTask);
  const events = readEvents(files.events);
  const errors = events.flatMap((event) => (event.type === 'evaluation' ? [event.validation.error] : []));
  expect(errors).toHaveLength(30);
  // Steps of 0.1 down a parabola of two weights, of curvature 2/3 at least: the error shrinks by 0.93 a step.
  expect(errors.at(-1)).toBeLessThan(0.02);
  expect(lastEvent(events, 'evaluation')!.train).toEqual({});
  expect(lastEvent(events, 'finish')!.validation).toEqual({ error: errors.at(-1) });
  expect(heard.at(-1)).toMatchObject({ share: 1, metrics: {}, loss: expect.any(Number) });

  await evaluateTest(files, settings, (progress) => heard.push(progress), findTask);
  const tested = lastEvent(readEvents(files.events), 'test')!;
  expect(tested.metrics.error).toBeLessThan(0.02);
  expect(tested.artifacts).toEqual([
    { title: 'a point', text: expect.stringMatching(/^-?\d\.\d\d is at -?\d\.\d\d$/) },
  ]);
  expect(heard.at(-1)).toMatchObject({ share: 1, secondsLeft: 0 });

  const resumed = newRun(root, config);
  const stop = new Error('stopped');
  const stopping = train(
    resumed,
    { ...settings, checkpointSeconds: 0 },
    ({ share }) => {
      if (share > 0.4) throw stop;
    },
    findTask,
  );
  await expect(stopping).rejects.toBe(stop);
  await train(resumed, settings, () => {}, findTask);
  const kept = outcome(resumed).record.filter(({ type }) => type === 'evaluation');
  expect(kept).toEqual(outcome(files).record.filter(({ type }) => type === 'evaluation'));
  expect(outcome(resumed).state).toBe(outcome(files).state);
});
