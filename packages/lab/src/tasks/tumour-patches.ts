import { classification, type SpatialAugmentation, type Trainer } from '@znorm/train';
import { type CachedSamples, cachedSamples, type ImportedDataset } from '../datasets/imported-dataset.ts';
import { lggPatches } from '../datasets/lgg-patches.ts';
import { type GroupSplits, splitByPatient } from '../datasets/patient-split.ts';
import { pcam } from '../datasets/pcam.ts';
import { createSampleBatches, type SampleBatch } from '../datasets/sample-batches.ts';
import { streamBatches } from '../datasets/streamed-batches.ts';
import { badInput } from '../expected-error.ts';
import type { Metric, MetricValues } from '../metric.ts';
import { auroc } from '../metrics/auroc.ts';
import { imageModel, imageModels, normalizations } from '../models.ts';
import { accuracy, loss } from './image-classification.ts';
import { wholeBatches } from './recipe.ts';
import { countsOf, importedData, sampleSplits, sha1Of, sized } from './sample-splits.ts';
import type { Machine, Preset, PresetName, Task } from './task.ts';

const areaUnderCurve: Metric = {
  name: 'auroc',
  label: 'AUROC',
  better: 'higher',
  format: 'percent',
  digits: 2,
};

interface PatchTask {
  readonly dataset: ImportedDataset;
  readonly summary: string;
  readonly augmentation: SpatialAugmentation;
  readonly splits: (cached: CachedSamples) => GroupSplits;
  readonly presets: Readonly<Record<PresetName, Preset>>;
}

/** 96×96 patches with a tumour in their centre, or without. */
function tumourPatches({ dataset, summary, augmentation, splits: split, presets }: PatchTask): Task {
  const prepared = async ({ cache }: Machine) => {
    const cached = await cachedSamples(dataset, { cache });
    return { cached, splits: sampleSplits(split(cached)) };
  };
  return {
    name: dataset.name,
    summary,
    data: [importedData(dataset)],
    unit: { one: 'patch', many: 'patches', short: 'patches' },
    counts: async (machine) => countsOf((await prepared(machine)).splits),
    models: imageModels(dataset.shape),
    metrics: [areaUnderCurve, accuracy, loss],
    methods: ['baseline', 'clip', 'gc', 'znorm'],
    optimizer: 'adam',
    learningRates: [0.002],
    schedule: (from, steps) => ({ cosine: { from, steps } }),
    settings: {
      augment: { summary: 'training patches mirrored, turned and changed in intensity', default: true },
      size: { summary: 'pixels a side: 96, 48 or 32', default: 48 },
      normalization: { summary: 'layers of the network', default: 'usual', values: normalizations },
    },
    presets,
    steps: wholeBatches,
    async prepare(config, machine) {
      const { model, batchSize, seed, settings } = config;
      const size = settings.size as number;
      if (![96, 48, 32].includes(size))
        throw badInput(`${dataset.name}: expected \`size\` to be 96, 48 or 32, got ${size}.`);
      const { cached, splits: all } = await prepared(machine);
      const splits = sized(all, config);
      const spec = { ...cached, batchSize, seed, reduce: 96 / size };
      const training = streamBatches({
        ...spec,
        samples: splits.train,
        augmentation: settings.augment ? augmentation : {},
      });
      const measured = async (
        trainer: Trainer,
        samples: Uint32Array,
        onShare: (share: number) => void = () => {},
      ): Promise<MetricValues> => {
        const batches = createSampleBatches({
          ...spec,
          samples,
          batchSize: Math.min(batchSize, samples.length),
        });
        const scores: number[] = [];
        const labels: number[] = [];
        for (const { images, targets } of batches.inOrder()) {
          const { logits } = await trainer.predict({ inputs: images });
          targets.forEach((label, i) => {
            labels.push(label);
            scores.push(logits.data[2 * i + 1] - logits.data[2 * i]);
          });
          onShare(labels.length / samples.length);
        }
        batches.close();
        // Of two classes, the cross entropy is log(1 + e⁻ˢ) for the score s of the right one.
        const right = scores.map((score, i) => (labels[i] === 1 ? score : -score));
        const entropies = right.map((score) => Math.max(-score, 0) + Math.log1p(Math.exp(-Math.abs(score))));
        return {
          auroc: auroc(scores, labels),
          // Equal logits count as class 0, the first.
          accuracy: mean(scores.map((score, i) => Number(score > 0 === (labels[i] === 1)))),
          loss: mean(entropies),
        };
      };
      return {
        sha1: sha1Of(cached.manifest),
        objective: classification({
          model: imageModel(model, 2, settings.normalization as 'usual'),
          input: { shape: training.shape },
        }),
        samplesPerStep: batchSize,
        step: async (trainer) => trainer.step(labelled(await training.at(trainer.steps))),
        training: ({ loss, counts, samples }) => ({ accuracy: counts.correct / samples, loss }),
        validate: (trainer) => measured(trainer, splits.validation),
        test: async (trainer, onShare) => ({ metrics: await measured(trainer, splits.test, onShare) }),
      };
    },
  };
}

const labelled = ({ images, targets }: SampleBatch) => ({ inputs: images, labels: Int32Array.from(targets) });

const mean = (values: readonly number[]) => values.reduce((sum, value) => sum + value, 0) / values.length;

const sizes = { models: ['resnet8'], batchSize: 32 } as const;
const all = { trainSize: Infinity, validationSize: 200, testSize: Infinity };

/** The stand-in where PatchCamelyon cannot be had: patches of brain MRI, cut by its rule. Patients are held out. */
export const lggPatchesTask: Task = tumourPatches({
  dataset: lggPatches,
  summary: 'patches of brain MRI with tumour in the centre or not',
  augmentation: { mirror: true, rotate: 15, zoom: 0.1, intensity: 0.3 },
  splits: ({ manifest }) => splitByPatient(manifest),
  presets: {
    smoke: {
      ...sizes,
      epochs: 2,
      seeds: 2,
      trainSize: 128,
      validationSize: 64,
      testSize: 64,
      time: 'under a minute',
    },
    quick: { ...sizes, ...all, epochs: 5, seeds: 3, time: 'about 4 minutes' },
    paper: { ...sizes, ...all, models: ['resnet20'], epochs: 60, seeds: 5, time: 'a day' },
  },
});

/** PatchCamelyon with its official splits. */
export const pcamTask: Task = tumourPatches({
  dataset: pcam,
  summary: 'patches of lymph nodes with tumour in the centre or not',
  // Tissue has no up and down.
  augmentation: { mirror: true, quarterTurns: true, intensity: 0.1 },
  splits: ({ manifest: { groups } }) => {
    const named = (name: string) => groups.filter((group) => group.name === name);
    return { train: named('train'), validation: named('validation'), test: named('test') };
  },
  presets: {
    smoke: {
      ...sizes,
      epochs: 1,
      seeds: 2,
      trainSize: 512,
      validationSize: 256,
      testSize: 256,
      time: 'a minute',
    },
    quick: {
      ...sizes,
      epochs: 2,
      seeds: 5,
      trainSize: 8192,
      validationSize: 1000,
      testSize: 4000,
      time: 'half an hour',
    },
    paper: {
      ...sizes,
      models: ['resnet20'],
      epochs: 20,
      seeds: 5,
      trainSize: Infinity,
      validationSize: Infinity,
      testSize: Infinity,
      time: 'weeks',
    },
  },
});
