import { closeSync, fstatSync, openSync, readFileSync, writeSync } from 'node:fs';
import type { RunConfig, RunSettings } from '../run/config.ts';
import { appendEvent } from '../run/events.ts';
import { type RunFolder, type RunStatus, statusOf } from '../run/folder.ts';
import type { Assignment } from '../run/process.ts';
import type { RunProgress } from '../run/train.ts';
import { takeRunProcess } from './run-process.ts';

/** One run to carry out: train what is left of it, or read the test set with its trained weights. */
export interface Job {
  readonly config: RunConfig;
  readonly files: RunFolder;
  readonly action: 'train' | 'test';
  readonly settings: RunSettings;
}

/** What is told while runs work. */
export interface LaunchObserver {
  readonly onStart?: (job: Job) => void;
  readonly onProgress?: (job: Job, progress: RunProgress) => void;
  /** The job's process has ended; what came of it is in the run's events. */
  readonly onEnd?: (job: Job) => void;
}

export interface LaunchOptions extends LaunchObserver {
  /** Processes at a time. */
  readonly jobs: number;
  /** Ends all processes; their runs can be resumed. */
  readonly signal?: AbortSignal | undefined;
}

/**
 * Carries out runs, each in a process of its own, so that one that runs out of memory or crashes in native code is
 * lost alone. A process that ends without finishing its run leaves a `crash` event.
 *
 * @throws the signal's reason when aborted, or what kept the launcher itself from working (a full disk), in both cases
 *   after every process has ended
 */
export async function launch(queue: readonly Job[], options: LaunchOptions): Promise<void> {
  const ownEnd = new AbortController();
  const signal = AbortSignal.any([ownEnd.signal, ...(options.signal ? [options.signal] : [])]);
  const waiting = [...queue];
  const worker = async () => {
    for (let job = waiting.shift(); job && !signal.aborted; job = waiting.shift()) {
      options.onStart?.(job);
      await inOwnProcess(job, signal, options);
      if (!signal.aborted) options.onEnd?.(job);
    }
  };
  const workers = Array.from({ length: Math.min(options.jobs, queue.length) }, () =>
    worker().catch((error) => ownEnd.abort(error)),
  );
  await Promise.all(workers);
  signal.throwIfAborted();
}

async function inOwnProcess(job: Job, signal: AbortSignal, { onProgress }: LaunchOptions): Promise<void> {
  const { files, action, settings } = job;
  const log = openSync(files.log, 'a+');
  const { size: logBefore } = fstatSync(log);
  const child = takeRunProcess();
  const note = (words: Uint8Array) => {
    try {
      writeSync(log, words);
    } catch {
      // A disk that takes no more ends the run by its events, which count for more than its words.
    }
  };
  child.stdout?.on('data', note);
  child.stderr?.on('data', note);
  const stop = () => child.kill('SIGKILL');
  signal.addEventListener('abort', stop);
  child.on('message', (progress) => onProgress?.(job, progress as RunProgress));
  // A child that dies before it reads this tells so by its exit.
  child.send({ folder: files.folder, action, settings } satisfies Assignment, () => {});
  const ending = await new Promise<string>((resolve) => {
    child.once('error', (error) => resolve(error.message));
    child.once('close', (code, killedBy) => resolve(killedBy ?? `exit status ${code}`));
  });
  closeSync(log);
  signal.removeEventListener('abort', stop);
  if (signal.aborted || isDone(statusOf(files), action)) return;
  const memory = ending === 'SIGKILL' ? ' (the system may have run out of memory)' : '';
  const said = lastWords(readFileSync(files.log).subarray(logBefore).toString());
  appendEvent(files.events, {
    type: 'crash',
    time: new Date().toISOString(),
    message: `its process ended with ${ending}${memory}.${said ? ` Last words: ${said}` : ''}`,
  });
}

function isDone(status: RunStatus, action: Job['action']): boolean {
  return status === 'failed' || status === 'tested' || (status === 'trained' && action === 'train');
}

/** The line that names the error, else the last one. */
function lastWords(log: string): string {
  const lines = log.trim().split('\n');
  return (lines.find((line) => /Error/.test(line)) ?? lines.at(-1)!).slice(0, 300);
}
