import { MultiBar, type SingleBar } from 'cli-progress';
import type { Job, LaunchObserver } from '../launch/local.ts';
import { type Metric, type MetricValues, valueText } from '../metric.ts';
import { counted } from '../report/numbers.ts';
import { wrapped } from '../report/terminal.ts';
import { lastEvent, readEvents } from '../run/events.ts';
import type { RunProgress } from '../run/train.ts';
import type { ComparisonPlan } from '../sweep/plan.ts';
import type { Work } from '../sweep/run-comparison.ts';
import type { Task } from '../tasks/task.ts';
import { metricsOf, taskByName } from '../tasks/tasks.ts';

/** What a person sees while a comparison works. */
export interface CompareProgress extends Required<LaunchObserver> {
  readonly onBegin: (work: Work) => void;
  /** Ends the display. Safe before anything was shown. */
  readonly stop: () => void;
}

/** Bars in a terminal, plain lines elsewhere; both on standard error, so that results can be piped. */
export function compareProgress(stream: NodeJS.WriteStream): CompareProgress {
  return stream.isTTY ? bars(stream) : lines(stream);
}

/**
 * One line for all and one for each run at work:
 *
 *     ██████░░░░░░░░░░░░░░  31 %  2 of 8 runs done  1:40 left
 *     ████░░░░ znorm seed 0     epoch 2/5  loss 1.82  34.4%   612 img/s  0:14
 */
function bars(stream: NodeJS.WriteStream): CompareProgress {
  const multi = new MultiBar({
    stream,
    hideCursor: true,
    clearOnComplete: true,
    // Each line is made here, so that it fits the terminal; cli-progress only keeps them in their places.
    format: (_options, _params, { line }: { line: string }) => line.slice(0, stream.columns - 1),
  });
  const active = new Map<Job, SingleBar>();
  let total: SingleBar | undefined;
  let tally: Tally | undefined;
  const columns = () => Math.min(stream.columns, 100) - 1;
  const refresh = () => total?.update(0, { line: tally!.line() });
  return {
    onBegin(work) {
      stream.write(`${title(work)}\n`);
      tally = createTally(work);
      total = multi.create(1, 0, { line: tally.line() });
    },
    onStart(job) {
      active.set(job, multi.create(1, 0, { line: `${bar(0, 8)} ${tally!.nameOf(job)}  loading` }));
    },
    onProgress(job, progress) {
      tally!.heard(job, progress.share);
      const state = stateOf(job, progress, tally!).join('  ');
      active.get(job)?.update(0, { line: runLine(tally!.nameOf(job), progress.share, state, columns()) });
      refresh();
    },
    onEnd(job) {
      const ended = active.get(job);
      if (ended) multi.remove(ended);
      active.delete(job);
      tally!.ended(job);
      const failed = failureOf(job);
      const name = tally!.nameOf(job).trimEnd();
      // Written over a bar, which must not shine through.
      for (const line of failed ? wrapped(`${name} ${failed}`, columns()) : []) {
        multi.log(`${line.padEnd(columns())}\n`);
      }
      refresh();
    },
    stop: () => multi.stop(),
  };
}

function lines(stream: NodeJS.WriteStream): CompareProgress {
  // Long runs say something every half minute.
  const said = new Map<Job, number>();
  let tally: Tally | undefined;
  const print = (text: string) => stream.write(`${text}\n`);
  return {
    onBegin(work) {
      print(title(work));
      tally = createTally(work);
    },
    onStart: (job) => said.set(job, Date.now()),
    onProgress(job, progress) {
      tally!.heard(job, progress.share);
      if (Date.now() - said.get(job)! < 30_000) return;
      said.set(job, Date.now());
      print(`       ${tally!.nameOf(job)}: ${stateOf(job, progress, tally!).join(', ')} left`);
    },
    onEnd(job) {
      tally!.ended(job);
      print(
        `${tally!.percentage()}  ${tally!.nameOf(job)} ${failureOf(job) ?? outcomeOf(job, tally!.metric)}`,
      );
    },
    stop: () => {},
  };
}

/** At most 80 columns for the four methods there are. */
function title({ plan, runs, trained, jobs }: Work): string {
  const count = trained === 0 ? counted(runs, 'run') : `${runs - trained} of ${counted(runs, 'run')} left`;
  return [
    `${plan.methods.map(({ name }) => name).join(', ')} on ${plan.task} with ${plan.model}`,
    `${count}, ${jobs} at a time, ${counted(plan.epochs, 'epoch')} of ${plan.trainSize} ${taskByName(plan.task).unit.many} each`,
  ].join('\n');
}

/** How much of the whole comparison is done, as its jobs report it. */
interface Tally {
  readonly task: Task;
  /** By which methods are compared. */
  readonly metric: Metric;
  readonly epochs: number;
  nameOf(job: Job): string;
  heard(job: Job, share: number): void;
  ended(job: Job): void;
  percentage(): string;
  line(): string;
}

function createTally({ plan, runs, trained, tests, tested }: Work): Tally {
  // A sample costs about three times as much in training, forward and backward, as when it is only looked at.
  const cost = { train: 3 * plan.epochs * plan.trainSize, test: plan.testSize };
  const all = runs * cost.train + tests * cost.test;
  const before = trained * cost.train + tested * cost.test;
  const jobs = new Map<Job, { first: number; share: number }>();
  const count = { train: trained, test: tested };
  const started = Date.now();

  /** Work done in this session, and what a resumed run had done before it. */
  const done = () => {
    let now = 0;
    let earlier = before;
    for (const [{ action }, { first, share }] of jobs) {
      now += (share - first) * cost[action];
      earlier += first * cost[action];
    }
    return { now, share: Math.min(1, (now + earlier) / all), left: Math.max(0, all - now - earlier) };
  };
  const percentage = () => `${Math.floor(100 * done().share)} %`.padStart(5);
  return {
    task: taskByName(plan.task),
    metric: metricsOf(taskByName(plan.task), plan.metric)[0],
    epochs: plan.epochs,
    nameOf: (job) => nameOf(job, plan),
    heard(job, share) {
      jobs.set(job, { first: jobs.get(job)?.first ?? share, share });
    },
    ended(job) {
      jobs.set(job, { first: jobs.get(job)?.first ?? 0, share: 1 });
      count[job.action]++;
    },
    percentage,
    line() {
      const { now, share, left } = done();
      const seconds = (Date.now() - started) / 1000;
      const what =
        count.train < runs ? `${count.train} of ${runs} runs done` : `${count.test} of ${tests} tested`;
      // The first moments, spent on loading, would foretell hours.
      const clockText = seconds > 5 && now > 0 ? `  ${clock((left / now) * seconds)} left` : '';
      return `${bar(share, 20)} ${percentage()}  ${what}${clockText}`;
    },
  };
}

/** Fits into `columns` by a shorter bar, then by a shorter name. */
function runLine(name: string, share: number, state: string, columns: number): string {
  const size = Math.max(4, Math.min(8, columns - state.length - name.length - 3));
  const room = columns - state.length - size - 3;
  const fitted = name.length > room ? `${name.slice(0, room - 1)}…` : name;
  return `${bar(share, size)} ${fitted}  ${state}`;
}

/** In columns, so that lines below each other can be compared. */
function stateOf({ action }: Job, progress: RunProgress, { task, metric, epochs }: Tally): string[] {
  const { epoch, loss, metrics, samplesPerSecond, secondsLeft } = progress;
  const speed = [`${samplesPerSecond.toFixed(0)} ${task.unit.short}/s`.padStart(10), clock(secondsLeft)];
  if (action === 'test') return ['testing', ...speed];
  const current = Math.min(epochs, Math.floor(epoch) + 1);
  const value = metrics[metric.name];
  return [
    `epoch ${String(current).padStart(String(epochs).length)}/${epochs}`,
    `loss ${loss === null ? '   —' : loss < 100 ? loss.toFixed(2) : loss.toExponential(0)}`,
    `${value === undefined ? '—' : shortText(metric, value)}${percentSign(metric)}`.padStart(5),
    ...speed,
  ];
}

function nameOf({ config }: Job, { methods, learningRates, seeds }: ComparisonPlan): string {
  const name = (method: string, rate: number, seed: number) =>
    `${method}${learningRates.length > 1 ? ` ${rate}` : ''} seed ${seed}`;
  const widths = methods.flatMap((method) =>
    learningRates.map((rate) => name(method.name, rate, seeds.at(-1)!).length),
  );
  return name(config.method, config.learningRate, config.seed).padEnd(Math.max(...widths));
}

function outcomeOf({ files, action }: Job, primary: Metric): string {
  const events = readEvents(files.events);
  const told = (values: MetricValues) => {
    const unit = percentSign(primary) && ` ${percentSign(primary)}`;
    return `${primary.label} ${shortText(primary, values[primary.name])}${unit}`;
  };
  if (action === 'test') return `tested: ${told(lastEvent(events, 'test')!.metrics)}`;
  const { validation, stepMs } = lastEvent(events, 'finish')!;
  return `trained: validation ${told(validation)}, ${stepMs.toFixed(0)} ms a step`;
}

/** Percentages with one digit: more are noise while it runs. */
function shortText(metric: Metric, value: number): string {
  return valueText(metric.format === 'percent' ? { ...metric, digits: 1 } : metric, value);
}

function percentSign({ format }: Metric): string {
  return format === 'percent' ? '%' : '';
}

function failureOf({ files }: Job): string | undefined {
  const last = readEvents(files.events).at(-1);
  if (last?.type === 'fail') return `failed: ${last.message}`;
  return last?.type === 'crash' ? `crashed: ${last.message}` : undefined;
}

function bar(share: number, size: number): string {
  const full = Math.round(share * size);
  return '█'.repeat(full) + '░'.repeat(size - full);
}

/** 83 → 1:23 */
function clock(seconds: number): string {
  const whole = Math.max(0, Math.round(seconds));
  const parts = [Math.floor(whole / 3600), Math.floor(whole / 60) % 60, whole % 60];
  const [first, ...rest] = parts[0] > 0 ? parts : parts.slice(1);
  return [first, ...rest.map((part) => String(part).padStart(2, '0'))].join(':');
}
