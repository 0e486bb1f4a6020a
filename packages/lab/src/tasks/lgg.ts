import {
  add,
  type Layer,
  type NormalizationKind,
  type SpatialAugmentation,
  segmentation,
  sigmoidCrossEntropy,
  type Trainer,
  tverskyLoss,
  unet,
} from '@znorm/train';
import type { Artifact } from '../comparison.ts';
import { cachedSamples } from '../datasets/imported-dataset.ts';
import { lgg } from '../datasets/lgg.ts';
import { splitByPatient } from '../datasets/patient-split.ts';
import { createSampleBatches } from '../datasets/sample-batches.ts';
import { streamBatches } from '../datasets/streamed-batches.ts';
import { badInput } from '../expected-error.ts';
import type { Metric, MetricValues } from '../metric.ts';
import { hausdorff95 } from '../metrics/hausdorff.ts';
import {
  addOverlaps,
  dice,
  iou,
  type Overlap,
  overlap,
  precision,
  recall,
  tversky,
} from '../metrics/overlap.ts';
import { normalizations } from '../models.ts';
import type { MaskedSlice } from './mask-sheet.ts';
import { wholeBatches } from './recipe.ts';
import {
  countsOf,
  importedData,
  type SampleSplits,
  sampleSplits,
  sha1Of,
  sized,
  withTarget,
} from './sample-splits.ts';
import type { Machine, Task } from './task.ts';

const share = { better: 'higher', format: 'percent', digits: 2 } as const;

const metrics: readonly [Metric, ...Metric[]] = [
  { ...share, name: 'dice', label: 'Dice' },
  { ...share, name: 'iou', label: 'IoU' },
  { ...share, name: 'tversky', label: 'Tversky index' },
  { ...share, name: 'precision', label: 'precision', adjective: 'precise' },
  { ...share, name: 'recall', label: 'recall' },
  {
    name: 'hausdorff95',
    label: '95th-percentile Hausdorff distance, pixels',
    better: 'lower',
    format: 'number',
    digits: 1,
  },
];

/** The U-Nets by name. All have three levels; channels at full size are a setting. */
const models: Readonly<Record<string, (filters: number, normalization?: NormalizationKind) => Layer>> = {
  unet: (filters, normalization) => unet({ filters, levels: 3, normalization }),
  'residual-unet': (filters, normalization) => unet({ filters, levels: 3, normalization, residual: true }),
  'attention-unet': (filters, normalization) => unet({ filters, levels: 3, normalization, attention: true }),
};

/** Scanners differ in contrast more than brains in shape: without `intensity`, some patients are missed altogether. */
const augmentation: SpatialAugmentation = {
  mirror: true,
  rotate: 15,
  zoom: 0.15,
  elastic: 4,
  intensity: 0.3,
};

/** One healthy slice to this many with tumour, so that the network sees some. */
const tumourToHealthy = 4;

const sizes = { models: ['unet'], batchSize: 16 } as const;
const all = { trainSize: Infinity, validationSize: Infinity, testSize: Infinity };

/**
 * The abnormality in brain MRI slices, as a mask. Whole patients are held out. Validation and test are on the slices in
 * which there is something to find; each patient's slices are taken together, and a metric is the mean over patients, as
 * in Buda et al. 2019 (the Hausdorff distance is of each slice).
 */
export const lggTask: Task = {
  name: 'lgg',
  summary: 'tumour masks in brain MRI slices of patients never seen',
  data: [importedData(lgg)],
  unit: { one: 'slice', many: 'slices', short: 'slices' },
  counts: async (machine) => countsOf((await slices(machine)).splits),
  models: Object.keys(models),
  metrics,
  methods: ['baseline', 'clip', 'gc', 'znorm'],
  optimizer: 'adam',
  learningRates: [0.002],
  schedule: (from, steps) => ({ cosine: { from, steps } }),
  settings: {
    augment: { summary: 'training slices mirrored, rotated, bent and changed in contrast', default: true },
    size: { summary: 'pixels a side: 256, 128 or 64', default: 64 },
    filters: { summary: 'channels at full size', default: 16 },
    normalization: { summary: 'layers of the network', default: 'usual', values: normalizations },
  },
  presets: {
    smoke: {
      ...sizes,
      epochs: 2,
      seeds: 2,
      trainSize: 32,
      validationSize: 16,
      testSize: 16,
      time: 'a minute',
    },
    quick: { ...sizes, ...all, epochs: 6, seeds: 3, time: 'about 4 minutes' },
    paper: { ...sizes, ...all, epochs: 60, seeds: 5, time: 'a day' },
  },
  steps: wholeBatches,
  async prepare(config, machine) {
    const { model, batchSize, seed, settings } = config;
    const [size, filters] = [settings.size as number, settings.filters as number];
    if (![64, 128, 256].includes(size))
      throw badInput(`lgg: expected \`size\` to be 256, 128 or 64, got ${size}.`);
    if (!(Number.isInteger(filters) && filters >= 1))
      throw badInput(`lgg: expected \`filters\` to be a whole number >= 1, got ${filters}.`);
    const normalization = usualOr(settings.normalization);
    const { cached, splits: all } = await slices(machine);
    const splits = sized(all, config);
    const reduce = 256 / size;
    const spec = { ...cached, batchSize, seed, reduce };
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
      const patients = patientsOf(cached.manifest);
      const batches = createSampleBatches({
        ...spec,
        samples,
        batchSize: Math.min(batchSize, samples.length),
      });
      const overlaps = new Map<string, Overlap>();
      const distances: number[] = [];
      const area = size * size;
      for (const { images, targets, indices } of batches.inOrder()) {
        const { logits } = await trainer.predict({ images });
        indices.forEach((sample, i) => {
          const found = Uint8Array.from(
            logits.data.subarray(i * area, (i + 1) * area),
            (logit) => +(logit > 0),
          );
          const truth = targets.subarray(i * area, (i + 1) * area);
          const counts = overlap(found, truth);
          const patient = patients(sample);
          const before = overlaps.get(patient);
          overlaps.set(patient, before ? addOverlaps(before, counts) : counts);
          distances.push(reduce * hausdorff95(found, truth, [size, size]));
        });
        onShare(distances.length / samples.length);
      }
      batches.close();
      const overPatients = (metric: (counts: Overlap) => number) => mean([...overlaps.values()].map(metric));
      return { ...ratios(overPatients), hausdorff95: mean(distances) };
    };
    /** The slice of each patient with most to find, and what was found there. */
    const drawn = async (trainer: Trainer, samples: Uint32Array): Promise<Artifact> => {
      const patients = patientsOf(cached.manifest);
      const batches = createSampleBatches({ ...spec, samples, batchSize: 1 });
      const largest = new Map<string, { readonly pixels: number; readonly slice: MaskedSlice }>();
      const area = size * size;
      for (const { images, targets, indices } of batches.inOrder()) {
        const pixels = targets.reduce((sum, inside) => sum + inside, 0);
        const patient = patients(indices[0]);
        if (pixels <= (largest.get(patient)?.pixels ?? 0)) continue;
        const { logits } = await trainer.predict({ images });
        const found = Uint8Array.from(logits.data, (logit) => +(logit > 0));
        const slice = { image: images.slice(area, 2 * area), found, truth: targets.slice() };
        largest.set(patient, { pixels, slice });
      }
      batches.close();
      // Only here: a run that trains, and a command that starts runs, draw nothing.
      const { maskSheet } = await import('./mask-sheet.ts');
      const shown = [...largest.values()].slice(0, 8).map(({ slice }) => slice);
      return {
        title:
          'FLAIR slices of patients never seen: border of the tumour in blue, of what was predicted in orange',
        png: maskSheet(shown, size),
      };
    };
    return {
      sha1: sha1Of(cached.manifest),
      objective: segmentation({
        model: models[model](filters, normalization),
        input: { shape: training.shape },
        // A missed pixel costs more than a false one: what goes wrong on new patients is that too little is found.
        loss: (logits, masks) =>
          add(sigmoidCrossEntropy(logits, masks), tverskyLoss(logits, masks, { alpha: 0.3, beta: 0.7 })),
      }),
      samplesPerStep: batchSize,
      async step(trainer) {
        const { images, targets } = await training.at(trainer.steps);
        return trainer.step({ images, masks: targets });
      },
      training: ({ counts }) => ratios((metric) => metric(counts as unknown as Overlap)),
      validate: (trainer) => measured(trainer, splits.validation),
      test: async (trainer, onShare) => ({
        metrics: await measured(trainer, splits.test, onShare),
        artifacts: [await drawn(trainer, splits.test)],
      }),
    };
  },
};

function ratios(of: (metric: (counts: Overlap) => number) => number): MetricValues {
  return { dice: of(dice), iou: of(iou), tversky: of(tversky), precision: of(precision), recall: of(recall) };
}

function usualOr(normalization: unknown): NormalizationKind | undefined {
  return normalization === 'usual' ? undefined : (normalization as NormalizationKind);
}

const mean = (values: readonly number[]) => values.reduce((sum, value) => sum + value, 0) / values.length;

/** The data, and the slices of each split that are used. */
async function slices({ cache }: Machine) {
  const cached = await cachedSamples(lgg, { cache });
  const { train, validation, test } = sampleSplits(splitByPatient(cached.manifest));
  const hasTumour = withTarget(cached);
  const tumour = (samples: Uint32Array) => samples.filter(hasTumour);
  const healthy = train.filter((sample) => !hasTumour(sample));
  const some = Math.floor(tumour(train).length / tumourToHealthy);
  const splits: SampleSplits = {
    // Evenly spread over the healthy ones.
    train: Uint32Array.from([
      ...tumour(train),
      ...Array.from(
        { length: Math.min(some, healthy.length) },
        (_, i) => healthy[Math.floor((i * healthy.length) / some)],
      ),
    ]).sort(),
    validation: tumour(validation),
    test: tumour(test),
  };
  return { cached, splits };
}

/** Of each sample. */
function patientsOf({ groups }: Awaited<ReturnType<typeof slices>>['cached']['manifest']) {
  return (sample: number) => {
    const { name, patient = name } = groups.find(
      ({ first, count }) => sample >= first && sample < first + count,
    )!;
    return patient;
  };
}
