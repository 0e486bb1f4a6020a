import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { PassThrough } from 'node:stream';
import { setTimeout as delay } from 'node:timers/promises';
import { stripVTControlCharacters } from 'node:util';
import { afterAll, afterEach, expect, test, vi } from 'vitest';
import { compareProgress } from '../../src/cli/compare-progress.ts';
import type { Job } from '../../src/launch/local.ts';
import { appendEvent, type RunEvent } from '../../src/run/events.ts';
import { openRunFolder } from '../../src/run/folder.ts';
import type { RunProgress } from '../../src/run/train.ts';
import { plannedRuns } from '../../src/sweep/comparison-folder.ts';
import { type ComparisonOptions, planComparison } from '../../src/sweep/plan.ts';
import type { Work } from '../../src/sweep/run-comparison.ts';

const root = mkdtempSync(join(tmpdir(), 'znorm-progress-'));
afterAll(() => rmSync(root, { recursive: true }));
afterEach(() => vi.useRealTimers());

const time = '2026-11-23T12:00:00.000Z';
const finish: RunEvent = {
  type: 'finish',
  time,
  step: 10,
  batchHash: 'b',
  weightsHash: 'c',
  validation: { accuracy: 0.5 },
  degenerate: 0,
  stepMs: 41.6,
};
const tested: RunEvent = { type: 'test', step: 10, metrics: { accuracy: 0.25, loss: 1 } };

/** Work of a plan that nobody carries out, and its jobs. */
async function workOf(options: ComparisonOptions, changes: Partial<Work> = {}) {
  const plan = await planComparison({ preset: 'smoke', ...options });
  const runs = plannedRuns(plan, mkdtempSync(join(root, 'x-')));
  for (const { files, config } of runs) openRunFolder(files, config);
  const settings = { threads: 1, checkpointSeconds: 20 };
  const train = runs.map((run): Job => ({ ...run, action: 'train', settings }));
  const tests = plan.methods.length * plan.seeds.length;
  const work: Work = {
    plan,
    runs: runs.length,
    trained: 0,
    tests,
    tested: 0,
    jobs: 2,
    threads: 1,
    ...changes,
  };
  return { work, train, test: train.map((job): Job => ({ ...job, action: 'test' })) };
}

const halfway: RunProgress = {
  share: 0.5,
  epoch: 1,
  loss: 1.2345,
  metrics: { accuracy: 0.421, loss: 1.2345 },
  samplesPerSecond: 987.6,
  secondsLeft: 83,
};

/** A stream that keeps what is written, as a terminal of that many columns or as a pipe. */
function stream(columns?: number) {
  const through = new PassThrough();
  let text = '';
  through.on('data', (chunk) => {
    text += chunk;
  });
  const terminal = columns === undefined ? {} : { isTTY: true, columns, rows: 24 };
  return { stream: Object.assign(through, terminal) as unknown as NodeJS.WriteStream, text: () => text };
}

/** What a terminal shows of what was written last: each line, less what moves the cursor. */
async function screen(text: () => string): Promise<string[]> {
  await delay(250);
  const lines = stripVTControlCharacters(text()).split(/[\r\n]+/);
  return [...new Set(lines.map((line) => line.trimEnd()).filter(Boolean))];
}

test('in a pipe every job is one plain line, with how much of all is done', async () => {
  const { work, train, test } = await workOf({
    methods: ['baseline', 'znorm'],
    seeds: 1,
    trainSize: 512,
    testSize: 512,
  });
  const { stream: pipe, text } = stream();
  const progress = compareProgress(pipe);
  progress.onBegin(work);
  for (const [job, event] of [
    [train[0], finish],
    [train[1], finish],
    [test[0], tested],
    [test[1], tested],
  ] as const) {
    progress.onStart(job);
    progress.onProgress(job, halfway);
    appendEvent(job.files.events, event);
    progress.onEnd(job);
  }
  progress.stop();
  // Training costs 2 epochs × 3 × 512, a test 512: 6 to 1.
  expect(text()).toBe(`baseline, znorm on cifar10 with resnet8
2 runs, 2 at a time, 2 epochs of 512 images each
 42 %  baseline seed 0 trained: validation accuracy 50.0 %, 42 ms a step
 85 %  znorm seed 0    trained: validation accuracy 50.0 %, 42 ms a step
 92 %  baseline seed 0 tested: accuracy 25.0 %
100 %  znorm seed 0    tested: accuracy 25.0 %
`);
});

test('in a pipe a long run says something every half minute', async () => {
  vi.useFakeTimers();
  const { work, train } = await workOf({ methods: ['baseline'], seeds: 1 });
  const { stream: pipe, text } = stream();
  const progress = compareProgress(pipe);
  progress.onBegin(work);
  progress.onStart(train[0]);
  for (let second = 0; second <= 61; second++) {
    progress.onProgress(train[0], halfway);
    vi.advanceTimersByTime(1000);
  }
  expect(text().split('\n').slice(2, -1)).toEqual(
    Array(2).fill('       baseline seed 0: epoch 2/2, loss 1.23, 42.1%,  988 img/s, 1:23 left'),
  );
});

test('the metric that methods are compared by is the one that is told', async () => {
  vi.useFakeTimers();
  const { work, train } = await workOf({ methods: ['baseline'], seeds: 1, metric: 'loss' });
  const { stream: pipe, text } = stream();
  const progress = compareProgress(pipe);
  progress.onBegin(work);
  progress.onStart(train[0]);
  vi.advanceTimersByTime(31_000);
  progress.onProgress(train[0], { ...halfway, metrics: { accuracy: 0.421, loss: 0.9876 } });
  appendEvent(train[0].files.events, { ...finish, validation: { accuracy: 0.5, loss: 0.75 } });
  progress.onEnd(train[0]);
  expect(text().split('\n').slice(2, -1)).toEqual([
    '       baseline seed 0: epoch 2/2, loss 1.23, 0.988,  988 img/s, 1:23 left',
    ' 85 %  baseline seed 0 trained: validation loss 0.750, 42 ms a step',
  ]);
});

test('a resumed comparison says what is left, and counts what was done', async () => {
  const { work, train } = await workOf({ methods: ['baseline'], seeds: 4, testSize: 1 }, { trained: 2 });
  const { stream: pipe, text } = stream();
  const progress = compareProgress(pipe);
  progress.onBegin(work);
  progress.onStart(train[2]);
  appendEvent(train[2].files.events, finish);
  progress.onEnd(train[2]);
  expect(text().split('\n').slice(1, 3)).toEqual([
    '2 of 4 runs left, 2 at a time, 2 epochs of 512 images each',
    ' 74 %  baseline seed 2 trained: validation accuracy 50.0 %, 42 ms a step',
  ]);
});

test('a run that failed or crashed says why, and at which rate where there are several', async () => {
  const { work, train } = await workOf({ methods: ['znorm'], seeds: 1, learningRates: [0.1, 1e30] });
  const { stream: pipe, text } = stream();
  const progress = compareProgress(pipe);
  progress.onBegin(work);
  for (const job of train) progress.onStart(job);
  appendEvent(train[0].files.events, { type: 'crash', time, message: 'its process ended with SIGKILL.' });
  progress.onEnd(train[0]);
  appendEvent(train[1].files.events, {
    type: 'fail',
    time,
    step: 3,
    tensor: 'w',
    message: "step 3: NaN at 'w'.",
  });
  progress.onEnd(train[1]);
  expect(text().split('\n').slice(2, 4)).toEqual([
    ' 46 %  znorm 0.1 seed 0   crashed: its process ended with SIGKILL.',
    " 92 %  znorm 1e+30 seed 0 failed: step 3: NaN at 'w'.",
  ]);
});

test('in a terminal there is one line for all and one for each run at work', async () => {
  const { work, train, test } = await workOf({ methods: ['baseline', 'znorm'], seeds: 1 });
  const { stream: terminal, text } = stream(80);
  const progress = compareProgress(terminal);
  progress.onBegin(work);
  progress.onStart(train[0]);
  progress.onStart(train[1]);
  progress.onProgress(train[1], halfway);
  expect(await screen(text)).toEqual([
    'baseline, znorm on cifar10 with resnet8',
    '2 runs, 2 at a time, 2 epochs of 512 images each',
    '████░░░░░░░░░░░░░░░░  21 %  0 of 2 runs done',
    '░░░░░░░░ baseline seed 0  loading',
    '████░░░░ znorm seed 0     epoch 2/2  loss 1.23  42.1%   988 img/s  1:23',
  ]);
  for (const job of train) {
    appendEvent(job.files.events, finish);
    progress.onEnd(job);
  }
  progress.onStart(test[0]);
  progress.onProgress(test[0], { ...halfway, loss: null, metrics: {} });
  expect((await screen(text)).slice(-2)).toEqual([
    '██████████████████░░  89 %  0 of 2 tested',
    '████░░░░ baseline seed 0  testing   988 img/s  1:23',
  ]);
  progress.stop();
});

test('a failed run stays to be read, in lines that fit and leave nothing of the bars below them', async () => {
  const { work, train } = await workOf({ methods: ['znorm'], seeds: 1 });
  const { stream: terminal, text } = stream(80);
  const progress = compareProgress(terminal);
  progress.onBegin(work);
  progress.onStart(train[0]);
  const message =
    "step 1: expected finite gradients, got NaN at 'stem/conv/kernel' (loss NaN). Lower the learning rate.";
  appendEvent(train[0].files.events, { type: 'fail', time, step: 1, tensor: 'stem/conv/kernel', message });
  progress.onEnd(train[0]);
  const shown = await screen(text);
  progress.stop();
  expect(shown).toContain('znorm seed 0 failed: step 1: expected finite gradients, got NaN at');
  const second = "  'stem/conv/kernel' (loss NaN). Lower the learning rate.";
  expect(shown).toContain(second);
  expect(text()).toContain(`${second.padEnd(79)}\n`);
});

test.each([
  [
    'many digits everywhere',
    { epochs: 200, learningRates: [0.001, 1e-7] },
    {
      ...halfway,
      epoch: 199,
      loss: 1e30,
      metrics: { accuracy: 1 },
      samplesPerSecond: 12345,
      secondsLeft: 36_000,
    },
  ],
  ['nothing known', { epochs: 200 }, { ...halfway, loss: null, metrics: {} }],
])('lines fit into 80 columns with %s, whatever a method is called', async (_, options, far) => {
  const methods = [{ name: 'a-method-with-a-rather-long-name', chain: [] }];
  const { work, train } = await workOf({ methods, seeds: 1, ...options });
  const { stream: terminal, text } = stream(80);
  const progress = compareProgress(terminal);
  progress.onBegin(work);
  progress.onStart(train[0]);
  progress.onProgress(train[0], far);
  const shown = await screen(text);
  progress.stop();
  for (const line of shown) expect(line.length, line).toBeLessThan(80);
  expect(shown.at(-1)).toContain('img/s');
});
