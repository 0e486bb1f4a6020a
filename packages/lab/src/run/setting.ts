import { classification, createTrainer, type TrainerOptions } from '@znorm/train';
import { chain, fromJSON, scalarsAt } from 'znorm';
import { loadImageDataset } from '../datasets/image-dataset.ts';
import { modelByName } from '../models.ts';
import { splitImages } from '../tasks/image-classification.ts';
import { taskByName } from '../tasks/tasks.ts';
import type { RunConfig, RunSettings } from './config.ts';

/** What training and testing share: images, chains, and a way to make the trainer. */
export async function prepareRun(config: RunConfig, settings: RunSettings) {
  const task = taskByName(config.task);
  const data = await loadImageDataset(task.dataset, { cache: settings.cache });
  const gradientChain = fromJSON(config.gradientChain);
  const optimizer = fromJSON(config.optimizerChain);
  return {
    splits: splitImages(data, config),
    normalization: data.normalization,
    augmentation: config.augment ? task.augmentation : {},
    gradientChain,
    /** Of the step with this number, counted from 0. */
    learningRateAt(step: number): number {
      const scalars = Object.entries(scalarsAt(optimizer, { step, gates: {} }));
      return scalars.find(([name]) => name.endsWith('.learningRate'))![1];
    },
    createTrainer: (hook: Pick<TrainerOptions, 'onGradients' | 'gradientsAt'> = {}) =>
      createTrainer({
        objective: classification({
          model: modelByName(config.model, data.classes.length),
          input: { shape: data.shape },
        }),
        optimizer: chain(gradientChain, optimizer),
        batchSize: config.batchSize,
        seed: config.seed,
        engine: config.engine,
        threads: settings.threads,
        ...hook,
      }),
  };
}
