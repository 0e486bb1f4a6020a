import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { appendFileSync, writeFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { afterAll, expect, onTestFinished, test } from 'vitest';
// Built code, because the processes it starts are: Node 20 does not read TypeScript.
import { type Job, launch } from '../../dist/launch/local.js';
import type { RunConfig } from '../../src/run/config.ts';
import { lastEvent, readEvents } from '../../src/run/events.ts';
import { statusOf } from '../../src/run/folder.ts';
import { drawnDigits } from '../drawn-digits.ts';
import { isAlive, runProcessesOf, until } from '../processes.ts';
import { newRun, settingsOf, smallConfig } from '../run/small-run.ts';

const { root, cache, remove } = drawnDigits();
afterAll(remove);

/** No checkpoint but the last: nothing that waits for the disk. */
const settings = settingsOf(cache, { checkpointSeconds: 1e9 });

function trainJob(changes: Partial<RunConfig> = {}): Job {
  const config = smallConfig({ model: 'mlp', ...changes });
  return { config, files: newRun(root, config), action: 'train', settings };
}

/** A run that nobody waits for to end by itself: 4,000 steps. */
const endless = { epochs: 1000 };

const hasStarted = ({ files }: Job) => readEvents(files.events).length > 0;
const crashOf = ({ files }: Job) => lastEvent(readEvents(files.events), 'crash');

test('each job is told of when it starts, goes on and ends, and no more run at a time than may', async () => {
  const jobs = [0, 1, 2].map((seed) => trainJob({ seed }));
  const atWork = new Set<Job>();
  let most = 0;
  const told = new Map(jobs.map((job): [Job, string[]] => [job, []]));
  await launch(jobs, {
    jobs: 2,
    onStart(job) {
      atWork.add(job);
      most = Math.max(most, atWork.size);
      told.get(job)!.push('start');
    },
    onProgress(job, { share, loss }) {
      expect(share).toBeGreaterThan(0);
      expect(loss).toBeGreaterThan(0);
      if (told.get(job)!.at(-1) !== 'progress') told.get(job)!.push('progress');
    },
    onEnd(job) {
      expect(statusOf(job.files)).toBe('trained');
      atWork.delete(job);
      told.get(job)!.push('end');
    },
  });
  expect(most).toBe(2);
  expect([...told.values()]).toEqual(jobs.map(() => ['start', 'progress', 'end']));
});

test('a test job reads the test images with the weights of its run', async () => {
  const job = trainJob();
  await launch([job], { jobs: 1 });
  await launch([{ ...job, action: 'test' }], { jobs: 1 });
  expect(statusOf(job.files)).toBe('tested');
});

test('a process that is killed loses its run alone, and the record says so', async () => {
  const jobs = [trainJob({ epochs: 10 }), trainJob({ epochs: 10, seed: 1 })];
  let victims: number[] = [];
  await launch(jobs, {
    jobs: 2,
    onProgress() {
      if (victims.length > 0) return;
      victims = runProcessesOf(process.pid).slice(0, 1);
      process.kill(victims[0], 'SIGKILL');
    },
  });
  expect(jobs.map(({ files }) => statusOf(files)).sort()).toEqual(['trained', 'unfinished']);
  expect(jobs.map(crashOf).filter(Boolean)).toMatchObject([
    { message: 'its process ended with SIGKILL (the system may have run out of memory).' },
  ]);
});

test('a process that ends with an error leaves its last words, and not those of an earlier attempt', async () => {
  const job = trainJob();
  appendFileSync(job.files.log, 'Error: of an earlier attempt\n');
  writeFileSync(job.files.config, '{');
  await launch([job], { jobs: 1 });
  expect(crashOf(job)!.message).toMatch(
    /^its process ended with exit status 1\. Last words: SyntaxError: .*JSON/,
  );
});

test('aborted, it ends every process before it says so; nothing has crashed, and nothing more starts', async () => {
  const jobs = [trainJob(endless), trainJob(endless), trainJob(endless)];
  const controller = new AbortController();
  const ended: Job[] = [];
  const launched = launch(jobs, { jobs: 2, signal: controller.signal, onEnd: (job) => ended.push(job) });
  const failure = launched.catch((error: unknown) => error);
  await until(() => hasStarted(jobs[0]) && hasStarted(jobs[1]));
  const processes = runProcessesOf(process.pid);
  expect(processes).toHaveLength(2);
  controller.abort(new Error('enough'));
  expect(await failure).toEqual(new Error('enough'));
  expect(processes.map(isAlive)).toEqual([false, false]);
  expect(ended).toEqual([]);
  expect(hasStarted(jobs[2])).toBe(false);
  expect(jobs.map(crashOf)).toEqual([undefined, undefined, undefined]);
});

test('when the launcher itself cannot go on, it ends every process before it says so', async () => {
  const jobs = [trainJob(endless), trainJob()];
  const failure = launch(jobs, {
    jobs: 2,
    onEnd() {
      throw new Error('no space left');
    },
  }).catch((error: unknown) => error);
  expect(await failure).toEqual(new Error('no space left'));
  expect(runProcessesOf(process.pid)).toEqual([]);
});

test.each(['native', 'wasm'] as const)(
  'when its parent is killed with -9, a run on the engine %s ends by itself',
  async (engine) => {
    const job = trainJob({ ...endless, engine });
    const script = fileURLToPath(new URL('launch-child.mjs', import.meta.url));
    const parent = spawn(process.execPath, [script, JSON.stringify([job])], { stdio: 'ignore' });
    onTestFinished(() => void parent.kill('SIGKILL'));
    await until(() => lastEvent(readEvents(job.files.events), 'gradients') !== undefined);
    const [child] = runProcessesOf(parent.pid!);
    onTestFinished(() => void (isAlive(child) && process.kill(child, 'SIGKILL')));
    expect(isAlive(child)).toBe(true);
    parent.kill('SIGKILL');
    await once(parent, 'exit');
    const before = readEvents(job.files.events).length;
    await until(() => !isAlive(child));
    // It ended because it heard of it, not because its run was done or its next look at the gradients due.
    expect(readEvents(job.files.events).length).toBeLessThanOrEqual(before + 1);
  },
);
