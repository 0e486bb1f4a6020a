import { existsSync } from 'node:fs';
import {
  batchesInOrder,
  createTrainer,
  createTrainingBatches,
  type GradientStep,
  isNonFinite,
  type Trainer,
} from '@znorm/train';
import { restoreCheckpoint, saveCheckpoint } from '@znorm/train/node';
import { fromJSON, scalarsAt } from 'znorm';
import { loadImageDataset } from '../datasets/image-dataset.ts';
import { modelByName } from '../models.ts';
import { splitImages } from '../tasks/image-classification.ts';
import { taskByName } from '../tasks/tasks.ts';
import { type RunConfig, type RunSettings, stepsOf } from './config.ts';
import { appendEvent, lastEvent, type RunEventOf, readEvents } from './events.ts';
import { type RunFolder, readRunConfig } from './folder.ts';
import { snapshotGradients } from './gradient-snapshot.ts';

/** How far a run is, for whoever watches. */
export interface RunProgress {
  /** Of the run's work, from 0 to 1. */
  readonly share: number;
  readonly epoch: number;
  /** Mean over the steps since the last evaluation. */
  readonly loss: number;
  readonly accuracy: number;
  readonly imagesPerSecond: number;
  readonly secondsLeft: number;
}

/** Evaluations on the validation images in a run: one an epoch, and enough for a curve in short runs. */
const fewestEvaluations = 6;

/** Looks at the gradients, evenly spread over a run: the columns of the report's heat maps. */
const gradientSnapshots = 40;

/**
 * Trains a run from where it stands to its end. Equal config, equal bits: whatever the machine, the number of threads,
 * and however often the run was stopped and resumed.
 *
 * A number that is not finite ends the run with a `fail` event that names step and tensor.
 */
export async function train(
  files: RunFolder,
  settings: RunSettings,
  onProgress: (progress: RunProgress) => void,
): Promise<void> {
  const config = readRunConfig(files);
  const steps = stepsOf(config);
  const setting = await prepare(config, settings);
  const { splits, normalization, augmentation } = setting;
  const batches = createTrainingBatches(splits.train, {
    batchSize: config.batchSize,
    seed: config.seed,
    normalization,
    augmentation,
  });
  const atSnapshot = new Set(spread(gradientSnapshots, steps).map((end) => end - 1));
  const evaluateAfter = new Set(spread(Math.max(config.epochs, fewestEvaluations), steps));
  const trainer = await setting.trainer((step) => {
    if (!atSnapshot.has(step.step)) return;
    appendEvent(files.events, { type: 'gradients', ...snapshotGradients(step, setting.gradientChain) });
  });

  let sums = await standing(files, trainer, steps);
  const stepTimes: number[] = [];
  let lastCheckpoint = performance.now();
  let lastProgress = 0;

  while (trainer.steps < steps) {
    const before = performance.now();
    const batch = batches.at(trainer.steps);
    try {
      const result = await trainer.step(batch);
      sums = {
        lossSum: sums.lossSum + result.loss,
        correct: sums.correct + result.correct,
        seen: sums.seen + 1,
        degenerate: sums.degenerate + degenerateTensors(result.reports),
      };
    } catch (error) {
      if (!isNonFinite(error)) throw error;
      const { tensor, message } = error;
      appendEvent(files.events, { type: 'fail', time: now(), step: trainer.steps, tensor, message });
      return;
    }
    const after = performance.now();
    stepTimes.push(after - before);

    if (after - lastProgress > 250) {
      lastProgress = after;
      const perStep = median(stepTimes.slice(-50));
      onProgress({
        share: trainer.steps / steps,
        epoch: (trainer.steps / steps) * config.epochs,
        loss: sums.lossSum / sums.seen,
        accuracy: sums.correct / (sums.seen * config.batchSize),
        imagesPerSecond: (1000 * config.batchSize) / perStep,
        secondsLeft: ((steps - trainer.steps) * perStep) / 1000,
      });
    }

    if (evaluateAfter.has(trainer.steps)) {
      const validation = await trainer.evaluate(
        batchesInOrder(splits.validation, { batchSize: config.batchSize, normalization }),
      );
      appendEvent(files.events, {
        type: 'evaluation',
        step: trainer.steps,
        epoch: (trainer.steps / steps) * config.epochs,
        learningRate: setting.learningRateAt(trainer.steps - 1),
        trainLoss: sums.lossSum / sums.seen,
        trainAccuracy: sums.correct / (sums.seen * config.batchSize),
        validationLoss: validation.loss,
        validationAccuracy: validation.accuracy,
      });
      sums = { ...sums, lossSum: 0, correct: 0, seen: 0 };
    }

    const due = performance.now() - lastCheckpoint > 1000 * settings.checkpointSeconds;
    if (due || trainer.steps === steps) {
      // The sums first: a checkpoint without its sums could not be resumed, sums without their checkpoint do no harm.
      appendEvent(files.events, {
        type: 'checkpoint',
        step: trainer.steps,
        ...sums,
        stepMs: median(stepTimes),
      });
      await saveCheckpoint(files.checkpoint, trainer);
      lastCheckpoint = performance.now();
    }
  }
  const events = readEvents(files.events);
  appendEvent(files.events, {
    type: 'finish',
    time: now(),
    step: steps,
    batchHash: trainer.batchHash,
    weightsHash: trainer.parameterHash(),
    validationAccuracy: lastEvent(events, 'evaluation')!.validationAccuracy,
    degenerate: sums.degenerate,
    stepMs: lastEvent(events, 'checkpoint')!.stepMs,
  });
  await trainer.dispose();
}

/** Reads the test images with the weights that a run ended with. */
export async function evaluateTest(
  files: RunFolder,
  settings: RunSettings,
  onProgress: (progress: RunProgress) => void,
): Promise<void> {
  const config = readRunConfig(files);
  const setting = await prepare(config, settings);
  const trainer = await setting.trainer();
  await restoreCheckpoint(files.checkpoint, trainer);
  const { test } = setting.splits;
  const started = performance.now();
  let seen = 0;
  function* watched() {
    for (const batch of batchesInOrder(test, {
      batchSize: config.batchSize,
      normalization: setting.normalization,
    })) {
      yield batch;
      seen += batch.labels.length;
      const seconds = (performance.now() - started) / 1000;
      onProgress({
        share: seen / test.labels.length,
        epoch: config.epochs,
        loss: Number.NaN,
        accuracy: Number.NaN,
        imagesPerSecond: seen / seconds,
        secondsLeft: (seconds / seen) * (test.labels.length - seen),
      });
    }
  }
  const { accuracy, loss, count } = await trainer.evaluate(watched());
  appendEvent(files.events, {
    type: 'test',
    step: stepsOf(config),
    testAccuracy: accuracy,
    testLoss: loss,
    count,
  });
  await trainer.dispose();
}

interface Sums {
  readonly lossSum: number;
  readonly correct: number;
  readonly seen: number;
  readonly degenerate: number;
}

/** Puts the trainer where the run stands, and says so in the events: at its last checkpoint, or at the start. */
async function standing(files: RunFolder, trainer: Trainer, steps: number): Promise<Sums> {
  const events = readEvents(files.events);
  const initHash = trainer.parameterHash();
  if (existsSync(files.checkpoint)) await restoreCheckpoint(files.checkpoint, trainer);
  if (!lastEvent(events, 'start')) {
    const parameters = trainer.parameters.map(({ path, shape, role }) => ({ path, shape: [...shape], role }));
    appendEvent(files.events, {
      type: 'start',
      time: now(),
      engine: trainer.engine,
      initHash,
      steps,
      parameters,
    });
  } else appendEvent(files.events, { type: 'resume', time: now(), step: trainer.steps });
  const kept = events.findLast(
    (event): event is RunEventOf<'checkpoint'> => event.type === 'checkpoint' && event.step === trainer.steps,
  );
  return kept ?? { lossSum: 0, correct: 0, seen: 0, degenerate: 0 };
}

/** Everything that training and testing share: images, chain, and a way to make the trainer. */
async function prepare(config: RunConfig, settings: RunSettings) {
  const task = taskByName(config.task);
  const data = await loadImageDataset(task.dataset, { cache: settings.cache });
  const chain = fromJSON([...config.gradientChain, ...config.optimizerChain]);
  return {
    splits: splitImages(data, config),
    normalization: data.normalization,
    augmentation: config.augment ? task.augmentation : {},
    gradientChain: fromJSON([...config.gradientChain]),
    learningRateAt: (step: number) =>
      Object.entries(scalarsAt(chain, { step, gates: {} })).find(([name]) =>
        name.endsWith('.learningRate'),
      )?.[1] ?? config.learningRate,
    trainer: (onGradients?: (step: GradientStep) => void) =>
      createTrainer({
        model: modelByName(config.model, data.classes.length),
        input: { shape: data.shape },
        optimizer: chain,
        batchSize: config.batchSize,
        seed: config.seed,
        engine: config.engine,
        threads: settings.threads,
        onGradients,
      }),
  };
}

function degenerateTensors(reports: Awaited<ReturnType<Trainer['step']>>['reports']): number {
  return reports.filter(({ name, value }) => name === 'degenerate' && value.data[0] > 0).length;
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
