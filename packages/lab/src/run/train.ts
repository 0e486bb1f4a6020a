import { existsSync } from 'node:fs';
import { setImmediate as eventLoopTurn } from 'node:timers/promises';
import { isNonFinite, type NonFiniteError, type StepResult, type Trainer } from '@znorm/train';
import { restoreCheckpoint, saveCheckpoint } from '@znorm/train/node';
import type { MetricValues } from '../metric.ts';
import type { Prepared } from '../tasks/task.ts';
import { type FindTask, taskByName } from '../tasks/tasks.ts';
import type { RunConfig, RunSettings } from './config.ts';
import { appendEvent, lastEvent, type RunEventOf, readEvents } from './events.ts';
import { type RunFolder, readRunConfig } from './folder.ts';
import { snapshotGradients } from './gradient-snapshot.ts';
import { prepareRun } from './setting.ts';

/** How far a run is, for whoever watches. Loss and metrics are of the last steps. */
export interface RunProgress {
  /** Of the run's work, from 0 to 1. */
  readonly share: number;
  readonly epoch: number;
  /** Null where there is none. */
  readonly loss: number | null;
  /** Those of the task's that training steps tell. */
  readonly metrics: MetricValues;
  readonly samplesPerSecond: number;
  readonly secondsLeft: number;
}

/** Evaluations on the validation samples in a run: one an epoch, and enough for a curve in short runs. */
const fewestEvaluations = 6;

/** Looks at the gradients, evenly spread over a run: the columns of the report's heat maps. */
const gradientSnapshots = 40;

/** Steps that progress is averaged over. */
const recentSteps = 50;

/**
 * Trains a run from where it stands to its end. Equal config, equal bits: whatever the machine, the number of threads,
 * and however often the run was stopped and resumed.
 *
 * A number that is not finite, or whatever else the chain refuses, ends the run with a `fail` event that names step
 * and tensor: it would end there again.
 */
export async function train(
  files: RunFolder,
  settings: RunSettings,
  onProgress: (progress: RunProgress) => void,
  findTask: FindTask = taskByName,
): Promise<void> {
  const config = readRunConfig(files);
  const setting = await prepareRun(config, settings, findTask);
  const snapshotAt = new Set(spread(gradientSnapshots, config.steps).map((end) => end - 1));
  let lookingMs = 0;
  const trainer = await setting.createTrainer({
    gradientsAt: (step) => snapshotAt.has(step),
    onGradients(step) {
      const before = performance.now();
      const snapshot = snapshotGradients(step, setting.gradientChain);
      if (snapshot) appendEvent(files.events, { type: 'gradients', ...snapshot });
      lookingMs += performance.now() - before;
    },
  });
  const stepClock = () => performance.now() - lookingMs;
  const { memory, sha1 } = setting;
  const sums = await goOnFromCheckpoint(files, trainer, { steps: config.steps, sha1 }, memory);
  try {
    await trainToEnd({ files, config, settings, setting, trainer, stepClock, onProgress }, sums);
  } catch (error) {
    if (!(error instanceof RangeError)) throw error;
    const { message } = error;
    const tensor = isNonFinite(error) ? error.tensor : null;
    appendEvent(files.events, { type: 'fail', time: now(), step: trainer.steps, tensor, message });
  } finally {
    await trainer.dispose();
  }
}

/** What has added up since the last evaluation, and the degenerate tensors of the whole run. */
interface Sums {
  /** Of loss · weight. */
  readonly lossSum: number;
  readonly weight: number;
  readonly samples: number;
  readonly counts: Readonly<Record<string, number>>;
  readonly degenerate: number;
}

const nothing: Sums = { lossSum: 0, weight: 0, samples: 0, counts: {}, degenerate: 0 };

interface Training {
  readonly files: RunFolder;
  readonly config: RunConfig;
  readonly settings: RunSettings;
  readonly setting: Awaited<ReturnType<typeof prepareRun>>;
  readonly trainer: Trainer;
  /** Milliseconds; stands still while gradients are looked at, which is done inside of steps but is no part of them. */
  readonly stepClock: () => number;
  readonly onProgress: (progress: RunProgress) => void;
}

async function trainToEnd(training: Training, standing: Sums): Promise<void> {
  const { files, config, settings, setting, trainer, stepClock, onProgress } = training;
  const { steps, epochs } = config;
  const evaluateAfter = new Set(spread(Math.max(epochs, fewestEvaluations), steps));
  const progressOf = createProgress(config, setting, trainer.steps);
  const stepTimes: number[] = [];
  let sums = standing;
  let lastCheckpoint = performance.now();

  while (trainer.steps < steps) {
    const before = stepClock();
    const result = await setting.step(trainer);
    stepTimes.push(stepClock() - before);
    sums = added(sums, result, setting.samplesPerStep);
    onProgress(progressOf(trainer.steps, result, stepTimes));

    if (evaluateAfter.has(trainer.steps)) {
      const validation = await setting.validate(trainer);
      const failed = nonFiniteMetric('validation', validation, trainer);
      if (failed) throw failed;
      appendEvent(files.events, {
        type: 'evaluation',
        step: trainer.steps,
        epoch: (trainer.steps / steps) * epochs,
        learningRate: setting.learningRateAt(trainer.steps - 1),
        train: trainingMetrics(setting, sums),
        validation,
      });
      sums = { ...nothing, degenerate: sums.degenerate };
    }

    const due = performance.now() - lastCheckpoint > 1000 * settings.checkpointSeconds;
    if (due || trainer.steps === steps) {
      // The sums first: a checkpoint without its sums could not be resumed, sums without their checkpoint do no harm.
      const stepMs = median(stepTimes);
      appendEvent(files.events, { type: 'checkpoint', step: trainer.steps, ...sums, stepMs });
      await saveCheckpoint(files.checkpoint, trainer, setting.memory?.save());
      lastCheckpoint = performance.now();
    }
    // WebAssembly computes without ever waiting; without this, the process would not hear that its parent is gone.
    await eventLoopTurn();
  }
  const events = readEvents(files.events);
  appendEvent(files.events, {
    type: 'finish',
    time: now(),
    step: steps,
    batchHash: trainer.batchHash,
    weightsHash: trainer.parameterHash(),
    validation: lastEvent(events, 'evaluation')!.validation,
    degenerate: sums.degenerate,
    stepMs: lastEvent(events, 'checkpoint')!.stepMs,
  });
}

/**
 * Puts the trainer where the run stands, at its last checkpoint or at the start, and says so in the events. A
 * checkpoint whose sums did not reach the disk before the machine died is of no use: the run starts again.
 */
async function goOnFromCheckpoint(
  files: RunFolder,
  trainer: Trainer,
  setting: Pick<RunEventOf<'start'>, 'steps' | 'sha1'>,
  memory: Prepared['memory'],
): Promise<Sums> {
  const events = readEvents(files.events);
  if (!lastEvent(events, 'start')) {
    const parameters = trainer.parameters.map(({ path, shape, role }) => ({ path, shape: [...shape], role }));
    const { engine } = trainer;
    const initHash = trainer.parameterHash();
    appendEvent(files.events, { type: 'start', time: now(), engine, initHash, ...setting, parameters });
    return nothing;
  }
  const fresh = trainer.checkpoint();
  const remembered = existsSync(files.checkpoint)
    ? await restoreCheckpoint(files.checkpoint, trainer)
    : undefined;
  const saved = events.findLast(
    (event): event is RunEventOf<'checkpoint'> => event.type === 'checkpoint' && event.step === trainer.steps,
  );
  if (!saved) trainer.restore(fresh);
  else if (remembered) memory?.load(remembered);
  appendEvent(files.events, { type: 'resume', time: now(), step: trainer.steps });
  return saved ?? nothing;
}

/** A step whose loss is not finite, which only a guard in the chain lets pass, has no part in the means. */
function added(sums: Sums, { loss, weight, counts, reports }: StepResult, samples: number): Sums {
  const degenerate = reports.filter(({ name, value }) => name === 'degenerate' && value.data[0] > 0).length;
  if (!Number.isFinite(loss)) return { ...sums, degenerate: sums.degenerate + degenerate };
  return {
    lossSum: sums.lossSum + loss * weight,
    weight: sums.weight + weight,
    samples: sums.samples + samples,
    counts: Object.fromEntries(
      Object.entries(counts).map(([name, count]) => [name, (sums.counts[name] ?? 0) + count]),
    ),
    degenerate: sums.degenerate + degenerate,
  };
}

function trainingMetrics({ training }: Training['setting'], sums: Sums): MetricValues {
  return training({ loss: sums.lossSum / sums.weight, counts: sums.counts, samples: sums.samples });
}

/** What to say of a run's progress, step by step. */
function createProgress({ steps, epochs }: RunConfig, setting: Training['setting'], firstStep: number) {
  const { samplesPerStep } = setting;
  const started = performance.now();
  const recent: StepResult[] = [];
  return (step: number, result: StepResult, stepTimes: readonly number[]): RunProgress => {
    if (Number.isFinite(result.loss)) recent.push(result);
    if (recent.length > recentSteps) recent.shift();
    const sums = recent.reduce((so, each) => added(so, each, samplesPerStep), nothing);
    const seconds = (performance.now() - started) / 1000;
    return {
      share: step / steps,
      epoch: (step / steps) * epochs,
      loss: recent.length === 0 ? null : sums.lossSum / sums.weight,
      metrics: recent.length === 0 ? {} : trainingMetrics(setting, sums),
      samplesPerSecond: (1000 * samplesPerStep) / median(stepTimes.slice(-recentSteps)),
      // By the clock, which knows of evaluations and checkpoints too.
      secondsLeft: (seconds / (step - firstStep)) * (steps - step),
    };
  };
}

/** An error as a step throws it, for a loss or another metric that overflows although no gradient ended the run. */
export function nonFiniteMetric(
  of: 'validation' | 'test',
  values: MetricValues,
  trainer: Trainer,
): NonFiniteError | undefined {
  const found = Object.entries(values).find(([, value]) => !Number.isFinite(value));
  if (!found) return undefined;
  const [name, value] = found;
  const tensor =
    trainer.parameters.find(({ data }) => !data.every((weight) => Number.isFinite(weight)))?.path ?? null;
  const where = tensor === null ? '' : ` ('${tensor}' is not finite)`;
  const message = `${of} at step ${trainer.steps}: expected a finite ${name}, got ${value}${where}. Lower the learning rate.`;
  return Object.assign(new RangeError(message), { tensor });
}

/** `count` whole numbers from 1 to `end`, evenly spread, `end` among them. */
function spread(count: number, end: number): number[] {
  return Array.from({ length: count }, (_, i) => Math.max(1, Math.round(((i + 1) * end) / count)));
}

function median(values: readonly number[]): number {
  return values.toSorted((a, b) => a - b)[Math.floor(values.length / 2)];
}

function now(): string {
  return new Date().toISOString();
}
