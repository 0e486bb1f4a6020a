import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { appendEvent, type RunEvent } from '../../src/run/events.ts';
import { openRunFolder } from '../../src/run/folder.ts';
import { createComparison, plannedRuns } from '../../src/sweep/comparison-folder.ts';
import { planComparison } from '../../src/sweep/plan.ts';
import { comparisonResult } from '../../src/sweep/result.ts';

const time = '2026-11-23T12:00:00.000Z';
const at = { jobs: 2, threads: 1 };
const plan = await planComparison({
  preset: 'smoke',
  methods: ['baseline', 'znorm'],
  learningRates: [0.1, 0.01],
  seeds: 1,
  optimizer: 'sgd',
});

let folder: string;
beforeEach(() => {
  folder = join(mkdtempSync(join(tmpdir(), 'znorm-result-')), 'x');
  createComparison(folder, plan);
  for (const { files, config } of plannedRuns(plan, folder)) openRunFolder(files, config);
});
afterEach(() => rmSync(join(folder, '..'), { recursive: true }));

const start = (initHash = 'i'): RunEvent => ({
  type: 'start',
  time,
  engine: 'wasm',
  initHash,
  steps: 2,
  sha1: { 'train.bin': '0123' },
  parameters: [],
});
const evaluation: RunEvent = {
  type: 'evaluation',
  step: 2,
  epoch: 2,
  learningRate: 0.1,
  train: { loss: 2, accuracy: 0.2 },
  validation: { loss: 1, accuracy: 0.3 },
};
const gradients: RunEvent = { type: 'gradients', step: 0, layers: [], descentCosine: 1 };
const finish = (accuracy: number): RunEvent => ({
  type: 'finish',
  time,
  step: 2,
  batchHash: 'b',
  weightsHash: 'w',
  validation: { accuracy },
  degenerate: 3,
  stepMs: 7,
});
const tested: RunEvent = { type: 'test', step: 2, metrics: { accuracy: 0.4, loss: 1.5 } };
const fail: RunEvent = { type: 'fail', time, step: 1, tensor: 'w', message: 'NaN' };
const crash: RunEvent = { type: 'crash', time, message: 'killed' };

/** Gives the run of a method at a rate its record. */
function record(method: string, learningRate: number, ...events: RunEvent[]): void {
  const run = plannedRuns(plan, folder).find(
    ({ config }) => config.method === method && config.learningRate === learningRate,
  )!;
  for (const event of events) appendEvent(run.files.events, event);
}

test('a seed is told as its run recorded it, at the rate that did best on validation', () => {
  record('baseline', 0.1, start(), evaluation, finish(0.3));
  record('baseline', 0.01, start(), gradients, evaluation, finish(0.5), tested);
  const { methods, failures, baseline, optimizer, config } = comparisonResult(folder, at);
  expect(methods[0]).toMatchObject({
    name: 'baseline',
    chain: [{ sgd: { learningRate: { cosine: { from: 0.01, steps: 32 } } } }],
    learningRate: 0.01,
    tuning: [
      { learningRate: 0.1, validation: 0.3 },
      { learningRate: 0.01, validation: 0.5 },
    ],
  });
  const { type: _, ...point } = evaluation;
  const { type: __, ...snapshot } = gradients;
  expect(methods[0].seeds).toEqual([
    {
      seed: 0,
      initHash: 'i',
      batchHash: 'b',
      weightsHash: 'w',
      test: { accuracy: 0.4, loss: 1.5 },
      validation: { accuracy: 0.5 },
      history: [point],
      stepMs: 7,
      degenerateSteps: 3,
      gradients: [snapshot],
    },
  ]);
  expect({ failures, baseline, optimizer }).toEqual({ failures: [], baseline: 'baseline', optimizer: 'sgd' });
  expect(config).toEqual({
    learningRates: [0.1, 0.01],
    seeds: [0],
    tuningSeeds: [0],
    epochs: 2,
    batchSize: 32,
    trainSize: 512,
    validationSize: 256,
    testSize: 512,
    augment: true,
    normalization: 'usual',
    engine: plan.engine,
    ...at,
  });
});

test('by another metric, rates are chosen, methods compared and reports headed by it', async () => {
  const byLoss = await planComparison({
    preset: 'smoke',
    methods: ['baseline'],
    metric: 'loss',
    learningRates: [0.1, 0.01],
    seeds: 1,
    optimizer: 'sgd',
  });
  const other = join(folder, '..', 'by-loss');
  createComparison(other, byLoss);
  const [high, low] = plannedRuns(byLoss, other);
  const measured = [
    [high, { accuracy: 0.5, loss: 2 }],
    [low, { accuracy: 0.3, loss: 1 }],
  ] as const;
  for (const [{ files, config }, validation] of measured) {
    openRunFolder(files, config);
    const finished = { ...(finish(0) as RunEvent & { type: 'finish' }), validation };
    for (const event of [start(), finished, tested]) appendEvent(files.events, event);
  }
  const { methods, metrics, config, command } = comparisonResult(other, at);
  expect(metrics.map(({ name }) => name)).toEqual(['loss', 'accuracy']);
  expect(methods[0]).toMatchObject({
    learningRate: 0.01,
    mean: 1.5,
    tuning: [{ validation: 2 }, { validation: 1 }],
  });
  expect(config).not.toHaveProperty('metric');
  expect(command).toContain(' --metric loss ');
});

test('in mid-comparison, runs that are not tested yet are not in it, and have not failed', () => {
  record('baseline', 0.1, start(), finish(0.5));
  record('baseline', 0.01, start(), evaluation);
  const { methods, failures } = comparisonResult(folder, at);
  expect(methods.map(({ seeds }) => seeds)).toEqual([[], []]);
  expect(failures).toEqual([]);
});

test('failed and crashed runs are told, one that crashed while it was tested too', () => {
  record('baseline', 0.1, start(), fail);
  record('baseline', 0.01, start(), crash);
  record('znorm', 0.1, start(), finish(0.5), crash);
  const { failures } = comparisonResult(folder, at);
  expect(failures).toEqual([
    { method: 'baseline', seed: 0, learningRate: 0.1, step: 1, tensor: 'w', message: 'NaN' },
    { method: 'znorm', seed: 0, learningRate: 0.1, step: null, tensor: null, message: 'killed' },
    { method: 'baseline', seed: 0, learningRate: 0.01, step: null, tensor: null, message: 'killed' },
  ]);
});

test('a crash that was gone on from is no failure', () => {
  record('baseline', 0.1, start(), crash, { type: 'resume', time, step: 0 }, finish(0.5), crash, tested);
  const { failures, methods } = comparisonResult(folder, at);
  expect(failures).toEqual([]);
  expect(methods[0].seeds).toHaveLength(1);
});

test('other weights at the start of the same seed are no pair', () => {
  record('baseline', 0.1, start(), finish(0.5), tested);
  record('znorm', 0.1, start('other'), finish(0.5), tested);
  expect(comparisonResult(folder, at).pairing).toEqual({ sameInitialWeights: false, sameBatches: true });
});

test('a record without its start is refused', () => {
  record('baseline', 0.1, finish(0.5), tested);
  expect(() => comparisonResult(folder, at)).toThrow(
    `compare: the run in '${join(folder, 'method-baseline', 'rate-0.1', 'seed-0')}' has an end and no start. Delete that folder, then resume.`,
  );
});
