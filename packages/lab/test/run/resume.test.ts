import { fork } from 'node:child_process';
import { once } from 'node:events';
import { appendFileSync, existsSync, readFileSync, statSync, truncateSync, writeFileSync } from 'node:fs';
import { setTimeout as delay } from 'node:timers/promises';
import { randomStream, uniform } from '@znorm/train';
import { afterAll, beforeAll, expect, test } from 'vitest';

import { lastEvent, readEvents } from '../../src/run/events.ts';
import { openRunFolder, type RunFolder, statusOf } from '../../src/run/folder.ts';
import type { Assignment } from '../../src/run/process.ts';
import { train } from '../../src/run/train.ts';
import { drawnDigits } from '../drawn-digits.ts';
import { newRun, outcome, settingsOf, smallConfig } from './small-run.ts';

const { root, cache, remove } = drawnDigits();
afterAll(remove);

/** A checkpoint after every step, so that a resume can start at any. */
const settings = settingsOf(cache, { checkpointSeconds: 0 });
const config = smallConfig();
const { steps } = config;
let expected: ReturnType<typeof outcome>;

beforeAll(async () => {
  const uninterrupted = newRun(root);
  await train(uninterrupted, settings, () => {});
  expected = outcome(uninterrupted);
});

/** Trains, and falls over when that many steps are taken: after the step, before its evaluation and checkpoint. */
async function fallAfter(step: number, files: RunFolder, how = settings): Promise<void> {
  const fall = new Error('fell over');
  const falling = train(files, how, ({ share }) => {
    if (Math.round(share * steps) === step) throw fall;
  });
  await expect(falling).rejects.toBe(fall);
}

/** Opens the folder as a resumed comparison does, and trains to the end. */
async function resume(files: RunFolder, how = settings): Promise<void> {
  openRunFolder(files, config);
  await train(files, how, () => {});
}

test('a run that is interrupted at every single step ends as one that never was', async () => {
  const files = newRun(root);
  // Each attempt repeats the step that the last one lost, and loses the next.
  for (let step = 1; step <= steps; step++) await fallAfter(step, files);
  await resume(files);
  expect(outcome(files)).toEqual(expected);
});

test('a last line torn by the crash is dropped, and costs no other line', async () => {
  const files = newRun(root);
  await fallAfter(5, files);
  truncateSync(files.events, statSync(files.events).size - 40);
  expect(readFileSync(files.events, 'utf8')).not.toMatch(/\n$/);
  await resume(files);
  expect(outcome(files)).toEqual(expected);
});

test('an evaluation and a checkpoint event whose checkpoint was never written are taken back', async () => {
  const files = newRun(root);
  await fallAfter(5, files);
  const checkpoint = {
    type: 'checkpoint',
    step: 5,
    lossSum: 99,
    weight: 9,
    samples: 9,
    counts: { correct: 99 },
    degenerate: 9,
    stepMs: 9,
  };
  const evaluation = { ...lastEvent(readEvents(files.events), 'evaluation'), step: 5, train: { loss: 99 } };
  appendFileSync(files.events, `${JSON.stringify(evaluation)}\n${JSON.stringify(checkpoint)}\n`);
  await resume(files);
  expect(outcome(files)).toEqual(expected);
});

test('a crash before the first checkpoint starts the run again', async () => {
  const files = newRun(root);
  await fallAfter(5, files, settingsOf(cache, { checkpointSeconds: 1e9 }));
  expect(existsSync(files.checkpoint)).toBe(false);
  await resume(files);
  expect(outcome(files)).toEqual(expected);
});

test('a checkpoint whose sums did not reach the disk is not gone on from', async () => {
  const files = newRun(root);
  await fallAfter(5, files);
  const [start] = readFileSync(files.events, 'utf8').split('\n');
  writeFileSync(files.events, `${start}\n`);
  await resume(files);
  expect(outcome(files)).toEqual(expected);
});

test('a checkpoint that was half-written when the process died is cleared away', async () => {
  const files = newRun(root);
  await fallAfter(5, files);
  const partial = `${files.checkpoint}.4711.partial`;
  writeFileSync(partial, 'half');
  await resume(files);
  expect(existsSync(partial)).toBe(false);
  expect(outcome(files)).toEqual(expected);
});

test('a run that ended resumes to the same end without another step', async () => {
  const files = newRun(root);
  await resume(files);
  const lines = readFileSync(files.events, 'utf8').trim().split('\n');
  writeFileSync(files.events, `${lines.slice(0, -1).join('\n')}\n`);
  await resume(files);
  expect(readFileSync(files.events, 'utf8')).not.toContain(`"step":${steps + 1}`);
  expect(outcome(files)).toEqual(expected);
});

test.each([1, 2, 3])(
  'killed with -9 at random moments (draw %i) and resumed, it ends bit-equal',
  async (draw) => {
    const next = randomStream(draw, 'moments of death');
    const files = newRun(root);
    let killed = 0;
    // Each process gets up to a third of the run's time beyond its first event; then it dies, wherever it is.
    for (let attempt = 0; attempt < 4 && statusOf(files) !== 'trained'; attempt++) {
      const before = existsSync(files.events) ? statSync(files.events).size : 0;
      const child = startProcess(files);
      while (
        child.exitCode === null &&
        (!existsSync(files.events) || statSync(files.events).size === before)
      ) {
        await delay(2);
      }
      await delay(300 * uniform(next));
      child.kill('SIGKILL');
      if (child.exitCode === null && child.signalCode === null) await once(child, 'exit');
      if (child.signalCode === 'SIGKILL' && statusOf(files) === 'unfinished') killed++;
    }
    await resume(files);
    expect(killed).toBeGreaterThan(0);
    expect(outcome(files)).toEqual(expected);
  },
);

/** The process that a comparison would start. Built code, because Node 20 does not read TypeScript. */
function startProcess(files: RunFolder) {
  const child = fork(new URL('../../dist/run/process.js', import.meta.url), { stdio: 'ignore' });
  child.send({ folder: files.folder, action: 'train', settings } satisfies Assignment);
  return child;
}
