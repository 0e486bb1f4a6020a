import { fork } from 'node:child_process';
import { closeSync, mkdirSync, openSync, readFileSync } from 'node:fs';
import { dirname } from 'node:path';
import type { RunConfig, RunSettings } from '../run/config.ts';
import { appendEvent } from '../run/events.ts';
import { type RunFolder, statusOfFolder } from '../run/folder.ts';
import type { RunProgress } from '../run/run.ts';

/** One run to carry out: train what is left of it, or read the test set with its trained weights. */
export interface Job {
  readonly config: RunConfig;
  readonly files: RunFolder;
  readonly action: 'train' | 'test';
  readonly settings: RunSettings;
}

export interface LaunchOptions {
  /** Processes at a time. */
  readonly jobs: number;
  readonly onStart?: (job: Job) => void;
  readonly onProgress?: (job: Job, progress: RunProgress) => void;
  readonly onEnd?: (job: Job) => void;
  /** Ends all processes; their runs can be resumed. */
  readonly signal?: AbortSignal;
}

/**
 * Carries out runs, each in a process of its own, so that one that runs out of memory or crashes in native code is
 * lost alone. A process that ends without finishing its run leaves a `crash` event.
 *
 * @throws the signal's reason when aborted, after every process has ended
 */
export async function launch(queue: readonly Job[], options: LaunchOptions): Promise<void> {
  const waiting = [...queue];
  const worker = async () => {
    for (let job = waiting.shift(); job && !options.signal?.aborted; job = waiting.shift()) {
      options.onStart?.(job);
      await inOwnProcess(job, options);
      options.onEnd?.(job);
    }
  };
  await Promise.all(Array.from({ length: Math.min(options.jobs, queue.length) }, worker));
  options.signal?.throwIfAborted();
}

async function inOwnProcess(job: Job, { onProgress, signal }: LaunchOptions): Promise<void> {
  mkdirSync(dirname(job.files.log), { recursive: true });
  const log = openSync(job.files.log, 'a');
  const child = fork(new URL('../run/process.js', import.meta.url), {
    stdio: ['ignore', log, log, 'ipc'],
    // Interrupts go to the whole terminal group; the parent decides when runs end.
    detached: true,
  });
  const stop = () => child.kill('SIGKILL');
  signal?.addEventListener('abort', stop);
  child.on('message', (progress) => onProgress?.(job, progress as RunProgress));
  // A child that dies before it reads this tells so by its exit.
  child.send({ folder: job.files.folder, action: job.action, settings: job.settings }, () => {});
  const ending = await new Promise<string>((resolve) => {
    child.once('error', (error) => resolve(error.message));
    child.once('exit', (code, killedBy) => resolve(killedBy ?? `exit status ${code}`));
  });
  signal?.removeEventListener('abort', stop);
  closeSync(log);
  if (signal?.aborted) return;
  const done = { train: ['trained', 'tested', 'failed'], test: ['tested', 'failed'] }[job.action];
  if (done.includes(statusOfFolder(job.files))) return;
  const memory = ending === 'SIGKILL' ? ' (the system may have run out of memory)' : '';
  const said = lastLine(job.files.log);
  appendEvent(job.files.events, {
    type: 'crash',
    time: new Date().toISOString(),
    message: `its process ended with ${ending}${memory}.${said ? ` Last words: ${said}` : ''}`,
  });
}

function lastLine(file: string): string {
  const lines = readFileSync(file, 'utf8').trim().split('\n');
  return (lines.find((line) => /Error/.test(line)) ?? lines.at(-1) ?? '').slice(0, 300);
}
