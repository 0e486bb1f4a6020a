import {
  type Augmentation,
  batchesInOrder,
  classification,
  createTrainingBatches,
  type LabelledImages,
  type Trainer,
  type TrainingBatches,
} from '@znorm/train';
import { byteSize } from '../datasets/byte-size.ts';
import { findDataset } from '../datasets/catalog.ts';
import { sha1Of, sizeOnDisk } from '../datasets/dataset-definition.ts';
import { requireImageDataset } from '../datasets/image-dataset.ts';
import type { Metric } from '../metric.ts';
import { imageModel, imageModels, normalizations } from '../models.ts';
import { thousands } from '../report/numbers.ts';
import { imageUnit, splitImages } from './image-splits.ts';
import { wholeBatches } from './recipe.ts';
import type { Preset, PresetName, Task } from './task.ts';

export const accuracy: Metric = {
  name: 'accuracy',
  label: 'accuracy',
  better: 'higher',
  format: 'percent',
  digits: 2,
  adjective: 'accurate',
  ofSamples: true,
};

export const loss: Metric = {
  name: 'loss',
  label: 'loss',
  better: 'lower',
  format: 'number',
  digits: 3,
  logarithmic: true,
};

export interface ImageClassification {
  /** Of the task and of its data set. */
  readonly name: string;
  readonly summary: string;
  readonly augmentation: Augmentation;
  readonly time: Readonly<Record<PresetName, string>>;
}

/** A data set of labelled images, any network that takes images, and how often its largest logit is the label's. */
export function imageClassification({ name, summary, augmentation, time }: ImageClassification): Task {
  const dataset = findDataset(name);
  const { counts, classes, shape, normalization } = dataset;
  return {
    name,
    summary,
    data: [
      {
        name,
        size: `${thousands(counts.train)} + ${thousands(counts.test)} images, ${byteSize(sizeOnDisk(dataset))}`,
        licence: dataset.licence,
        homepage: dataset.homepage,
        fetch: (options) => requireImageDataset(name, options),
      },
    ],
    unit: imageUnit,
    counts: async () => counts,
    models: imageModels(shape),
    metrics: [accuracy, loss],
    methods: ['baseline', 'clip', 'gc', 'znorm'],
    optimizer: 'adam',
    schedule: (from, steps) => ({ cosine: { from, steps } }),
    settings: {
      augment: { summary: 'random crops and flips of training images', default: true },
      normalization: { summary: 'layers of the network', default: 'usual', values: normalizations },
    },
    presets: {
      smoke: { ...sizes.smoke, time: time.smoke },
      quick: { ...sizes.quick, time: time.quick },
      paper: { ...sizes.paper, time: time.paper },
    },
    steps: wholeBatches,
    async prepare(config, machine) {
      const { batchSize, seed, settings } = config;
      const splits = splitImages(dataset, config, machine);
      let batches: TrainingBatches | undefined;
      const batch = async (step: number) => {
        batches ??= createTrainingBatches(await splits.train(), {
          batchSize,
          seed,
          normalization,
          augmentation: settings.augment ? augmentation : {},
        });
        return batches.at(step);
      };
      const measured = async (trainer: Trainer, split: LabelledImages, onShare?: (share: number) => void) => {
        const inOrder = batchesInOrder(split, { batchSize, normalization });
        const watched = onShare ? told(inOrder, split.labels.length, onShare) : inOrder;
        const { loss, counts, count } = await trainer.evaluate(watched);
        return { accuracy: counts.correct / count, loss };
      };
      return {
        sha1: sha1Of(dataset),
        objective: classification({
          model: imageModel(config.model, classes.length, settings.normalization as 'usual'),
          input: { shape },
        }),
        samplesPerStep: batchSize,
        step: async (trainer) => trainer.step(await batch(trainer.steps)),
        training: ({ loss, counts, samples }) => ({ accuracy: counts.correct / samples, loss }),
        validate: async (trainer) => measured(trainer, await splits.validation()),
        test: async (trainer, onShare) => ({
          metrics: await measured(trainer, await splits.test(), onShare),
        }),
      };
    },
  };
}

/** The same batches, with word of how far they are. */
function* told<B extends { readonly labels: { readonly length: number } }>(
  batches: Iterable<B>,
  count: number,
  onShare: (share: number) => void,
): Generator<B> {
  let seen = 0;
  for (const batch of batches) {
    yield batch;
    seen += batch.labels.length;
    onShare(seen / count);
  }
}

const sizes: Readonly<Record<PresetName, Omit<Preset, 'time'>>> = {
  smoke: {
    models: ['resnet8'],
    epochs: 2,
    batchSize: 32,
    seeds: 2,
    trainSize: 512,
    validationSize: 256,
    testSize: 512,
  },
  quick: {
    models: ['resnet8'],
    epochs: 3,
    batchSize: 32,
    // The fewest with which one of three methods can be told from the baseline at p < 0.05, corrected.
    seeds: 7,
    trainSize: 2000,
    validationSize: 500,
    testSize: 4000,
  },
  paper: {
    models: ['resnet20', 'resnet56', 'resnet110'],
    epochs: 200,
    batchSize: 128,
    seeds: 5,
    trainSize: Infinity,
    validationSize: 5000,
    testSize: Infinity,
  },
};
