import { MultiBar, type SingleBar } from 'cli-progress';
import type { Job } from '../launch/local.ts';
import { lastEvent, readEvents } from '../run/events.ts';
import type { RunProgress } from '../run/run.ts';

/** What a person sees while a comparison works. */
export interface CompareProgress {
  readonly onStart: (job: Job) => void;
  readonly onProgress: (job: Job, progress: RunProgress) => void;
  readonly onEnd: (job: Job) => void;
  readonly stop: () => void;
}

/** How much there is to do. */
export interface Workload {
  /** Runs to train and to test in this call. */
  readonly jobs: number;
  /** Share of the work that a training job is; the rest is its test. */
  readonly epochs: number;
}

/** Bars in a terminal, plain lines elsewhere; both on standard error, so that results can be piped. */
export function compareProgress(stream: NodeJS.WriteStream, workload: Workload): CompareProgress {
  return stream.isTTY ? bars(stream, workload) : lines(stream, workload);
}

function bars(stream: NodeJS.WriteStream, { jobs, epochs }: Workload): CompareProgress {
  const multi = new MultiBar({
    stream,
    hideCursor: true,
    clearOnComplete: true,
    barsize: 12,
    barCompleteChar: '█',
    barIncompleteChar: '░',
  });
  const started = Date.now();
  const shares = new Map<Job, number>();
  const active = new Map<Job, SingleBar>();
  const total = multi.create(
    jobs,
    0,
    { left: '' },
    { format: '{bar} {percentage}%  {value} of {total} jobs  {left}' },
  );
  const refresh = () => {
    const done = [...shares.values()].reduce((sum, share) => sum + share, 0);
    const seconds = (Date.now() - started) / 1000;
    const left = done > 0.2 ? `${clock((seconds / done) * (jobs - done))} left` : '';
    total.update(Math.round(done * 10) / 10, { left });
  };
  return {
    onStart(job) {
      shares.set(job, 0);
      const format = '{bar} {name} {state}';
      active.set(job, multi.create(1, 0, { name: nameOf(job).padEnd(20), state: 'loading' }, { format }));
    },
    onProgress(job, progress) {
      shares.set(job, progress.share);
      active.get(job)?.update(progress.share, { state: stateOf(progress, epochs) });
      refresh();
    },
    onEnd(job) {
      shares.set(job, 1);
      const bar = active.get(job);
      if (bar) multi.remove(bar);
      active.delete(job);
      const failed = failureLine(job);
      if (failed) multi.log(`${failed}\n`);
      refresh();
    },
    stop: () => multi.stop(),
  };
}

function lines(stream: NodeJS.WriteStream, { jobs, epochs }: Workload): CompareProgress {
  let ended = 0;
  // Long runs say something every half minute.
  const said = new Map<Job, number>();
  const print = (text: string) => stream.write(`${text}\n`);
  return {
    onStart: (job) => said.set(job, Date.now()),
    onProgress(job, progress) {
      if (Date.now() - said.get(job)! < 30_000) return;
      said.set(job, Date.now());
      print(`        ${nameOf(job)}: ${stateOf(progress, epochs)}`);
    },
    onEnd(job) {
      ended++;
      print(
        `[${String(ended).padStart(String(jobs).length)}/${jobs}] ${failureLine(job) ?? `${nameOf(job)}: ${outcome(job)}`}`,
      );
    },
    stop: () => {},
  };
}

function nameOf({ config, action }: Job): string {
  return `${config.method} seed ${config.seed}${action === 'test' ? ' test' : ''}`;
}

/** At most 48 characters, so that a bar, a name and this fit into 80 columns. */
function stateOf(
  { epoch, loss, accuracy, imagesPerSecond, secondsLeft }: RunProgress,
  epochs: number,
): string {
  return [
    `epoch ${Math.min(epochs, Math.floor(epoch) + 1)}/${epochs}`,
    `loss ${loss.toFixed(2)}`,
    `${(100 * accuracy).toFixed(1)}%`,
    `${imagesPerSecond.toFixed(0)} img/s`,
    clock(secondsLeft),
  ].join('  ');
}

function outcome({ files, action }: Job): string {
  const events = readEvents(files.events);
  const percent = (share: number) => `${(100 * share).toFixed(1)} %`;
  if (action === 'test') {
    const test = lastEvent(events, 'test');
    return test ? `test accuracy ${percent(test.testAccuracy)}` : 'ended without a result';
  }
  const finish = lastEvent(events, 'finish');
  return finish
    ? `validation accuracy ${percent(finish.validationAccuracy)}, ${finish.stepMs.toFixed(0)} ms a step`
    : 'ended without a result';
}

function failureLine(job: Job): string | undefined {
  const events = readEvents(job.files.events);
  const fail = lastEvent(events, 'fail');
  if (fail) return `${nameOf(job)} failed: ${fail.message}`;
  const crash = events.at(-1);
  return crash?.type === 'crash' ? `${nameOf(job)} crashed: ${crash.message}` : undefined;
}

/** 83 → 1:23 */
function clock(seconds: number): string {
  const whole = Math.max(0, Math.round(seconds));
  const parts = [Math.floor(whole / 3600), Math.floor(whole / 60) % 60, whole % 60];
  const [first, ...rest] = parts[0] > 0 ? parts : parts.slice(1);
  return [first, ...rest.map((part) => String(part).padStart(2, '0'))].join(':');
}
