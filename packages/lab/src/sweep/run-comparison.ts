import { availableParallelism } from 'node:os';
import { join } from 'node:path';
import { parametersOf } from '@znorm/train';
import { type ComparisonResult, withoutGradients } from '../comparison.ts';
import { isDiskError } from '../datasets/disk-error.ts';
import type { FetchProgress } from '../datasets/image-dataset.ts';
import { failure } from '../expected-error.ts';
import { type Job, type LaunchObserver, launch } from '../launch/local.ts';
import type { Metric } from '../metric.ts';
import type { RunSettings } from '../run/config.ts';
import { lastEvent, readEvents } from '../run/events.ts';
import { openRunFolder, type RunStatus, statusOf, writeWhole } from '../run/folder.ts';
import { chooseLearningRate } from '../stats/summarize.ts';
import { metricsOf, taskByName } from '../tasks/tasks.ts';
import { resumeCommand } from './command.ts';
import { lockComparison, type PlannedRun, plannedRuns, readPlan } from './comparison-folder.ts';
import { requireMethodsThatApply } from './method-check.ts';
import { type ComparisonPlan, wholeNumber } from './plan.ts';
import { comparisonResult } from './result.ts';

/** Seconds of work that a crash may cost a run. */
const checkpointSeconds = 20;

/** How a comparison is carried out; changes how fast it is done, never what comes out. */
export interface RunComparisonOptions extends LaunchObserver {
  /** Runs at a time, each in a process of its own. @default one a core */
  readonly jobs?: number | undefined;
  /** Threads of a run. @default the cores, shared among the runs at work */
  readonly threads?: number | undefined;
  /** Folder of all data sets. @default ZNORM_CACHE, $XDG_CACHE_HOME/znorm or ~/.cache/znorm */
  readonly cache?: string | undefined;
  /** A folder or archive to take the data from, instead of the network. */
  readonly from?: string | undefined;
  /** Stops the work: runs end where they are, and a later call goes on from there. */
  readonly signal?: AbortSignal | undefined;
  readonly onFetch?: (progress: FetchProgress) => void;
  /** The data is there and work begins. */
  readonly onBegin?: (work: Work) => void;
}

/** What there is to do. */
export interface Work {
  readonly plan: ComparisonPlan;
  /** All runs of the comparison, and how many of them are trained already. */
  readonly runs: number;
  readonly trained: number;
  /** How many will read the test samples, and how many have. */
  readonly tests: number;
  readonly tested: number;
  readonly jobs: number;
  readonly threads: number;
}

/**
 * Carries out what is left of the comparison in a folder: fetches the data, trains the tuning seeds at every rate,
 * chooses each method's rate on the validation samples, trains the other seeds at it, reads the test samples with the
 * runs at the chosen rates and no others, and writes `result.json` and `report.html`. Runs that are done are not
 * repeated.
 *
 * A run that fails is left out and told of in `failures`; the others go on. One whose process died is tried again by
 * the next call.
 *
 * @throws ExpectedError if the data cannot be had, the disk is full, or another process is at work in the folder
 * @throws the signal's reason when aborted, after all processes have ended
 * @example
 * createComparison('runs/first', await planComparison({ preset: 'smoke' }));
 * const { methods } = await runComparison('runs/first', { jobs: 2, threads: 1 });
 * methods.map(({ name, mean }) => `${name}: ${mean}`);
 */
export async function runComparison(
  folder: string,
  options: RunComparisonOptions = {},
): Promise<ComparisonResult> {
  const plan = readPlan(folder);
  try {
    const unlock = lockComparison(folder);
    try {
      return await carryOut(folder, plan, options);
    } finally {
      unlock();
    }
  } catch (error) {
    if (!isDiskError(error)) throw error;
    const { code } = error as NodeJS.ErrnoException;
    throw failure(
      `compare: cannot write in '${folder}' (${code}). Free or mend the disk, then \`${resumeCommand(folder)}\`.`,
      { cause: error },
    );
  }
}

async function carryOut(
  folder: string,
  plan: ComparisonPlan,
  options: RunComparisonOptions,
): Promise<ComparisonResult> {
  const { cache, from, signal, onFetch: onProgress, onBegin } = options;
  const { jobs, threads } = parallelism(plan, options);
  const task = taskByName(plan.task);
  for (const data of task.data) await data.fetch({ cache, from, signal, onProgress });
  const runs = plannedRuns(plan, folder);
  const { objective } = await task.prepare(runs[0].config, { cache });
  requireMethodsThatApply(plan, parametersOf(objective));
  onBegin?.({ plan, jobs, threads, ...counts(plan, runs) });
  const settings: RunSettings = { threads, cache, checkpointSeconds };
  const observed = { ...options, jobs };
  const train = async (those: readonly PlannedRun[]) => {
    for (const { files, config } of those) openRunFolder(files, config);
    await launch(jobsOf(those, 'train', ['new', 'unfinished'], settings), observed);
  };
  const tuning = tuningRuns(plan, runs);
  await train(tuning);
  const chosen = runsAtBestRates(plan, runs, metricsOf(task, plan.metric)[0]);
  // Not the tuning runs again: one whose process died would be tried twice.
  await train(chosen.filter((run) => !tuning.includes(run)));
  await launch(jobsOf(chosen, 'test', ['trained'], settings), observed);

  const result = comparisonResult(folder, { jobs, threads });
  writeWhole(join(folder, 'result.json'), `${JSON.stringify(withoutGradients(result), null, 2)}\n`);
  // Half a second to load, and needed at the end only.
  const { reportPage } = await import('../report/page.ts');
  writeWhole(join(folder, 'report.html'), reportPage(result));
  return result;
}

/** As many runs at a time as there are cores: one thread each is the most work done on them all. */
function parallelism(plan: ComparisonPlan, options: RunComparisonOptions) {
  const cores = availableParallelism();
  const jobs = wholeNumber('jobs', options.jobs ?? Math.min(cores, runsInAll(plan)));
  const threads = wholeNumber('threads', options.threads ?? Math.max(1, Math.floor(cores / jobs)));
  return { jobs, threads };
}

/** Tuning seeds run at every rate, the others at the best one. */
function runsInAll({ methods, learningRates, seeds, tuningSeeds }: ComparisonPlan): number {
  return methods.length * (learningRates.length * tuningSeeds.length + seeds.length - tuningSeeds.length);
}

function counts(plan: ComparisonPlan, runs: readonly PlannedRun[]) {
  const statuses = runs.map(({ files }) => statusOf(files));
  const tested = statuses.filter((status) => status === 'tested').length;
  const trained = tested + statuses.filter((status) => status === 'trained' || status === 'failed').length;
  return { runs: runsInAll(plan), trained, tests: plan.methods.length * plan.seeds.length, tested };
}

function jobsOf(
  runs: readonly PlannedRun[],
  action: Job['action'],
  statuses: readonly RunStatus[],
  settings: RunSettings,
): Job[] {
  return runs
    .filter(({ files }) => statuses.includes(statusOf(files)))
    .map(({ files, config }) => ({ files, config, action, settings }));
}

function tuningRuns({ tuningSeeds }: ComparisonPlan, runs: readonly PlannedRun[]): PlannedRun[] {
  return runs.filter(({ config }) => tuningSeeds.includes(config.seed));
}

/** The runs at each method's best rate on validation. */
function runsAtBestRates(plan: ComparisonPlan, runs: readonly PlannedRun[], metric: Metric): PlannedRun[] {
  const methods = [...new Set(runs.map(({ config }) => config.method))];
  return methods.flatMap((method) => {
    const own = runs.filter(({ config }) => config.method === method);
    const rates = [...new Set(own.map(({ config }) => config.learningRate))];
    const finished = tuningRuns(plan, own).flatMap(({ config: { learningRate }, files }) => {
      const finish = lastEvent(readEvents(files.events), 'finish');
      return finish ? [{ learningRate, validation: finish.validation[metric.name] }] : [];
    });
    const chosen = chooseLearningRate(rates, finished, metric);
    return own.filter(({ config }) => config.learningRate === chosen);
  });
}
