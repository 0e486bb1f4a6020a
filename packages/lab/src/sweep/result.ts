import type { ComparisonResult, RunFailure, SeedResult } from '../comparison.ts';
import { failure } from '../expected-error.ts';
import { describeCommit, describeMachine, describeVersions } from '../machine.ts';
import type { RunConfig } from '../run/config.ts';
import { lastEvent, type RunEvent, type RunEventOf, readEvents } from '../run/events.ts';
import { provePairing } from '../stats/pairing.ts';
import { type FinishedRun, summarize } from '../stats/summarize.ts';
import { metricsOf, taskByName } from '../tasks/tasks.ts';
import { commandOf } from './command.ts';
import { plannedRuns, readPlan } from './comparison-folder.ts';

/**
 * The result of a comparison as its runs' events tell it. It can be asked for at any time, in mid-comparison too: runs
 * that have not been tested are not in it yet.
 *
 * @param at   how the runs were carried out, for the record
 */
export function comparisonResult(
  folder: string,
  at: { readonly jobs: number; readonly threads: number },
): ComparisonResult {
  const plan = readPlan(folder);
  const planTask = taskByName(plan.task);
  const metrics = metricsOf(planTask, plan.metric);
  const [primary] = metrics;
  const told = plannedRuns(plan, folder).map(({ config, files }) => ({
    config,
    files,
    events: readEvents(files.events),
  }));
  const finished = told.flatMap(({ config, files, events }): FinishedRun[] => {
    const finish = lastEvent(events, 'finish');
    if (!finish) return [];
    const { method, seed, learningRate } = config;
    const tested = seedResult(seed, files.folder, events, finish);
    return [{ method, seed, learningRate, validation: finish.validation[primary.name], tested }];
  });
  const baseline = plan.methods.some(({ name }) => name === 'baseline') ? 'baseline' : null;
  const { learningRates, seeds, tuningSeeds } = plan;
  const planned = plan.methods.map(({ name, chain }) => ({ name, chain, learningRates }));
  const methods = summarize(
    { methods: planned, seeds, tuningSeeds, baseline, metric: primary },
    finished,
  ).map((method) => {
    // The chain as it ran: at the chosen rate, with its schedule.
    const { gradientChain, optimizerChain } = told.find(
      ({ config }) => config.method === method.name && config.learningRate === method.learningRate,
    )!.config;
    return { ...method, chain: [...gradientChain, ...optimizerChain] };
  });
  const { format, task, model, preset, optimizer, methods: _, metric: __, settings, ...config } = plan;
  const { trainSize, validationSize, testSize } = plan;
  const { data, unit } = planTask;
  return {
    format,
    task,
    model,
    preset,
    optimizer: optimizer.name,
    data: {
      name: data.map(({ name }) => name).join(' and ') || task,
      sha1: told.map(({ events }) => lastEvent(events, 'start')?.sha1).find(Boolean) ?? {},
      trainSize,
      validationSize,
      testSize,
    },
    metrics,
    unit,
    config: { ...config, ...settings, ...at },
    commit: describeCommit(),
    versions: describeVersions(),
    machine: describeMachine(),
    command: commandOf(plan, folder),
    baseline,
    methods,
    failures: told.flatMap(({ config, events }) => failureOf(config, events)),
    pairing: provePairing(
      methods.map((method) => method.seeds),
      planTask.batches,
    ),
  };
}

function seedResult(
  seed: number,
  folder: string,
  events: readonly RunEvent[],
  finish: RunEventOf<'finish'>,
): SeedResult | null {
  const start = lastEvent(events, 'start');
  const test = lastEvent(events, 'test');
  if (!start) {
    throw failure(
      `compare: the run in '${folder}' has an end and no start. Delete that folder, then resume.`,
    );
  }
  if (!test) return null;
  return {
    seed,
    initHash: start.initHash,
    batchHash: finish.batchHash,
    weightsHash: finish.weightsHash,
    test: test.metrics,
    validation: finish.validation,
    history: events.filter((event) => event.type === 'evaluation').map(({ type: _, ...point }) => point),
    stepMs: finish.stepMs,
    degenerateSteps: finish.degenerate,
    ...(test.artifacts && { artifacts: test.artifacts }),
    gradients: events
      .filter((event) => event.type === 'gradients')
      .map(({ type: _, ...snapshot }) => snapshot),
  };
}

/** Why a run is not in the result; nothing if it is, or may yet be. A crash that was gone on from does not count. */
function failureOf({ method, seed, learningRate }: RunConfig, events: readonly RunEvent[]): RunFailure[] {
  const run = { method, seed, learningRate };
  const fail = lastEvent(events, 'fail');
  if (fail) return [{ ...run, step: fail.step, tensor: fail.tensor, message: fail.message }];
  const crash = lastEvent(events, 'crash');
  if (!crash || lastEvent(events, 'test')) return [];
  return [{ ...run, step: null, tensor: null, message: crash.message }];
}
