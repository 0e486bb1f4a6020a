import { join } from 'node:path';
import type { ComparisonResult, RunFailure, SeedResult } from '../comparison.ts';
import { failure } from '../expected-error.ts';
import { type Job, type LaunchOptions, launch } from '../launch/local.ts';
import { describeCommit, describeMachine, describeVersions } from '../machine.ts';
import { type RunConfig, type RunSettings, runFolderName } from '../run/config.ts';
import { lastEvent, type RunEvent, type RunEventOf, readEvents } from '../run/events.ts';
import { openRunFolder, type RunFolder, type RunStatus, statusOfFolder } from '../run/folder.ts';
import { provePairing } from '../stats/pairing.ts';
import { chooseLearningRate, type FinishedRun, summarize } from '../stats/summarize.ts';
import { type ComparisonPlan, expandRuns } from './plan.ts';

export interface CompareOptions extends LaunchOptions {
  readonly settings: RunSettings;
}

/** A run of a comparison and where it keeps its files. */
export interface PlannedRun {
  readonly config: RunConfig;
  readonly files: RunFolder;
}

/** The runs of a comparison, with their folders made. */
export function plannedRuns(plan: ComparisonPlan, folder: string): PlannedRun[] {
  return expandRuns(plan).map((config) => ({
    config,
    files: openRunFolder(join(folder, runFolderName(config)), config),
  }));
}

/**
 * Carries out what is left of a comparison: trains every run, chooses each method's learning rate on the validation
 * images, and reads the test images once, with the runs at the chosen rates.
 *
 * @throws the signal's reason when aborted; a later call goes on from there
 */
export async function compare(runs: readonly PlannedRun[], options: CompareOptions): Promise<void> {
  await launch(jobs(runs, 'train', ['new', 'unfinished'], options.settings), options);
  await launch(jobs(runsToTest(runs), 'test', ['trained'], options.settings), options);
}

/** How many jobs are left, for an overall progress bar. */
export function jobsLeft(plan: ComparisonPlan, runs: readonly PlannedRun[]): { train: number; test: number } {
  const left = (statuses: readonly RunStatus[]) =>
    runs.filter(({ files }) => statuses.includes(statusOfFolder(files))).length;
  const tests = plan.methods.length * plan.seeds.length;
  return { train: left(['new', 'unfinished']), test: tests - left(['tested']) };
}

function jobs(
  runs: readonly PlannedRun[],
  action: Job['action'],
  statuses: readonly RunStatus[],
  settings: RunSettings,
): Job[] {
  return runs
    .filter(({ files }) => statuses.includes(statusOfFolder(files)))
    .map(({ files, config }) => ({ files, config, action, settings }));
}

/** The runs at each method's best rate on validation. */
function runsToTest(runs: readonly PlannedRun[]): PlannedRun[] {
  const methods = [...new Set(runs.map(({ config }) => config.method))];
  return methods.flatMap((method) => {
    const own = runs.filter(({ config }) => config.method === method);
    const rates = [...new Set(own.map(({ config }) => config.learningRate))];
    const finished = own.flatMap(({ config, files }) => {
      const finish = lastEvent(readEvents(files.events), 'finish');
      return finish
        ? [{ learningRate: config.learningRate, validationAccuracy: finish.validationAccuracy }]
        : [];
    });
    const chosen = chooseLearningRate(rates, finished);
    return own.filter(({ config }) => config.learningRate === chosen);
  });
}

/**
 * The result of a comparison as its runs' events tell it. Pure but for reading them, so it can be asked again at any
 * time, in mid-comparison too.
 */
export function comparisonResult(
  plan: ComparisonPlan,
  runs: readonly PlannedRun[],
  about: Pick<ComparisonResult, 'command' | 'data'> & { jobs: number; threads: number },
): ComparisonResult {
  const told = runs.map(({ config, files }) => ({ config, events: readEvents(files.events) }));
  const finished = told.flatMap(({ config, events }): FinishedRun[] => {
    const finish = lastEvent(events, 'finish');
    if (!finish) return [];
    const { method, seed, learningRate } = config;
    const tested = seedResult(config, events, finish);
    return [{ method, seed, learningRate, validationAccuracy: finish.validationAccuracy, tested }];
  });
  const baseline = plan.methods.some(({ name }) => name === 'baseline') ? 'baseline' : null;
  const { learningRates, seeds } = plan;
  const methods = summarize(
    {
      methods: plan.methods.map(({ name, chain }) => ({
        name,
        chain: [...chain, ...plan.optimizer.chain],
        learningRates,
      })),
      seeds,
      baseline,
    },
    finished,
  );
  const { task, model, preset, optimizer, methods: _, ...config } = plan;
  return {
    task,
    model,
    preset,
    optimizer: optimizer.name,
    data: about.data,
    config: { ...config, jobs: about.jobs, threads: about.threads },
    commit: describeCommit(),
    versions: describeVersions(),
    machine: describeMachine(),
    command: about.command,
    baseline,
    methods,
    failures: told.flatMap(({ config, events }) => failureOf(config, events)),
    pairing: provePairing(methods.map((method) => method.seeds)),
  };
}

function seedResult(
  { seed }: RunConfig,
  events: readonly RunEvent[],
  finish: RunEventOf<'finish'>,
): SeedResult | null {
  const start = lastEvent(events, 'start');
  const test = lastEvent(events, 'test');
  if (!start) throw failure(`compare: a run of seed ${seed} has no start. Remove its folder and resume.`);
  if (!test) return null;
  return {
    seed,
    initHash: start.initHash,
    batchHash: finish.batchHash,
    weightsHash: finish.weightsHash,
    testAccuracy: test.testAccuracy,
    testLoss: test.testLoss,
    validationAccuracy: finish.validationAccuracy,
    history: events.filter((event) => event.type === 'evaluation').map(({ type: _, ...point }) => point),
    stepMs: finish.stepMs,
    degenerateSteps: finish.degenerate,
    gradients: events
      .filter((event) => event.type === 'gradients')
      .map(({ type: _, ...snapshot }) => snapshot),
  };
}

function failureOf({ method, seed, learningRate }: RunConfig, events: readonly RunEvent[]): RunFailure[] {
  const fail = lastEvent(events, 'fail');
  if (fail)
    return [{ method, seed, learningRate, step: fail.step, tensor: fail.tensor, message: fail.message }];
  const crash = lastEvent(events, 'crash');
  if (!crash || lastEvent(events, 'finish')) return [];
  return [{ method, seed, learningRate, step: null, tensor: null, message: crash.message }];
}
