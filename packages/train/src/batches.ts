import {
  type Augmentation,
  drawPlacement,
  type Normalization,
  normalizationTable,
  type Placement,
  unmoved,
  writeImage,
} from './augmentation.ts';
import { knownOptions } from './known-options.ts';
import { permutation, randomStream } from './random.ts';

/** Images as data sets store them. */
export interface LabelledImages {
  /** uint8 `[count, channels, height, width]` */
  readonly images: Uint8Array;
  /** One class an image, from 0. */
  readonly labels: Uint8Array | Int32Array;
  /** Of one image: `[channels, height, width]` */
  readonly shape: readonly [number, number, number];
}

/** Images and their labels, as `classification` takes them. A `type`, so that it counts as a `Batch` of any names. */
export type LabelledBatch = {
  /** float32 `[count, ...input shape]` */
  readonly inputs: Float32Array;
  /** int32 `[count]` */
  readonly labels: Int32Array;
};

export interface BatchOptions {
  readonly batchSize: number;
  readonly normalization: Normalization;
}

export interface TrainingBatchOptions extends BatchOptions {
  readonly seed: number;
  readonly augmentation?: Augmentation;
}

export interface TrainingBatches {
  /** Whole batches in one pass over the data. */
  readonly stepsPerEpoch: number;
  /** The batch of a step, counted from 0. Its arrays are overwritten by the next call. */
  at(step: number): LabelledBatch;
}

/**
 * Shuffled, augmented, normalized batches, as a function of the step number: a run resumed at step 5,000 asks for
 * batch 5,000 and gets what it would have got.
 *
 * Every epoch has its own order (stream `shuffle`) and its own crops and flips (stream `augment`). The images that are
 * left over when an epoch does not divide into whole batches are dropped, different ones each epoch: a smaller last
 * batch would weigh its images more, and its batch statistics would be noisier.
 *
 * @throws RangeError if images, labels, shape and normalization do not fit together, or there is not one whole batch
 * @example
 * const batches = createTrainingBatches(cifar, { batchSize: 64, seed: 0, normalization, augmentation: { crop: 4, flip: true } });
 * for (let step = 0; step < 5 * batches.stepsPerEpoch; step++) await trainer.step(batches.at(step));
 */
export function createTrainingBatches(data: LabelledImages, options: TrainingBatchOptions): TrainingBatches {
  knownOptions('createTrainingBatches', options, ['batchSize', 'normalization', 'seed', 'augmentation']);
  const { batchSize, seed, augmentation = {} } = options;
  knownOptions('createTrainingBatches', augmentation, ['crop', 'flip']);
  const count = checkedCount('createTrainingBatches', data, options);
  const stepsPerEpoch = Math.floor(count / batchSize);
  if (stepsPerEpoch === 0) {
    throw new RangeError(
      `createTrainingBatches: expected at least one batch of ${batchSize} images, got ${count} images. Use a smaller batch size.`,
    );
  }
  const buffer = createBuffer(data, options);

  const planEpoch = (epoch: number) => {
    const next = randomStream(seed, 'augment', epoch);
    const order = permutation(randomStream(seed, 'shuffle', epoch), count);
    return { epoch, order, placements: Array.from(order, () => drawPlacement(next, augmentation)) };
  };
  let plan = planEpoch(0);

  return {
    stepsPerEpoch,
    at: (step) => {
      const epoch = Math.floor(step / stepsPerEpoch);
      if (plan.epoch !== epoch) plan = planEpoch(epoch);
      const first = (step % stepsPerEpoch) * batchSize;
      const { order, placements } = plan;
      return buffer.fill(
        order.subarray(first, first + batchSize),
        (position) => placements[first + position],
      );
    },
  };
}

/**
 * All images once, in order, unmoved: for evaluation. The last batch holds what is left. The arrays of a batch are
 * overwritten by the next one.
 *
 * @example
 * const { counts, count } = await trainer.evaluate(batchesInOrder(testSet, { batchSize: 250, normalization }));
 * const accuracy = counts.correct / count;
 */
export function* batchesInOrder(data: LabelledImages, options: BatchOptions): Generator<LabelledBatch> {
  const count = checkedCount('batchesInOrder', data, options);
  const buffer = createBuffer(data, options);
  for (let first = 0; first < count; first += options.batchSize) {
    const indices = Uint32Array.from(
      { length: Math.min(options.batchSize, count - first) },
      (_, position) => first + position,
    );
    yield buffer.fill(indices, () => unmoved);
  }
}

/**
 * Mean and deviation of every channel over all images, in units of pixel values scaled to [0, 1]. Sums are of whole
 * numbers, so they are exact and do not depend on the order.
 */
export function channelStatistics({
  images,
  shape: [channels, height, width],
}: LabelledImages): Normalization {
  const area = height * width;
  const sums = new Array<number>(channels).fill(0);
  const squares = new Array<number>(channels).fill(0);
  for (let start = 0; start < images.length; start += area) {
    const channel = (start / area) % channels;
    for (let i = start; i < start + area; i++) {
      sums[channel] += images[i];
      squares[channel] += images[i] * images[i];
    }
  }
  const elements = images.length / channels;
  const mean = sums.map((sum) => sum / elements / 255);
  return {
    mean,
    std: squares.map((sum, channel) => Math.sqrt(sum / elements / 255 ** 2 - mean[channel] ** 2)),
  };
}

/** The arrays that every batch is written to, and the way to write them. */
function createBuffer({ images, labels, shape }: LabelledImages, { batchSize, normalization }: BatchOptions) {
  const size = shape[0] * shape[1] * shape[2];
  const table = normalizationTable(normalization);
  const inputs = new Float32Array(batchSize * size);
  const classes = new Int32Array(batchSize);
  return {
    fill(indices: Uint32Array, placement: (position: number) => Placement): LabelledBatch {
      indices.forEach((index, position) => {
        const pixels = images.subarray(index * size, (index + 1) * size);
        const out = inputs.subarray(position * size, (position + 1) * size);
        writeImage(pixels, shape, placement(position), table, out);
        classes[position] = labels[index];
      });
      return {
        inputs: inputs.subarray(0, indices.length * size),
        labels: classes.subarray(0, indices.length),
      };
    },
  };
}

function checkedCount(
  where: string,
  { images, labels, shape }: LabelledImages,
  options: BatchOptions,
): number {
  const { batchSize, normalization } = options;
  if (!Number.isSafeInteger(batchSize) || batchSize < 1) {
    throw new RangeError(`${where}: expected \`batchSize\` to be a whole number >= 1, got ${batchSize}.`);
  }
  const bytes = labels.length * shape[0] * shape[1] * shape[2];
  if (images.length !== bytes) {
    throw new RangeError(
      `${where}: expected ${bytes} bytes for ${labels.length} images of shape [${shape}], got ${images.length}.`,
    );
  }
  for (const [name, values] of Object.entries(normalization) as [string, readonly number[]][]) {
    if (values.length !== shape[0]) {
      throw new RangeError(
        `${where}: expected \`normalization.${name}\` to have one number for each of ${shape[0]} channels, got ${values.length}.`,
      );
    }
  }
  return labels.length;
}
