import { drawWarp, permutation, randomStream, type SpatialAugmentation, warp } from '@znorm/train';
import { badInput } from '../expected-error.ts';
import { openSamples, type SampleManifest, targetSize } from './sample-file.ts';

/** What batches are made of. Plain data, so that it can be sent to another thread. */
export interface SampleBatchSpec {
  /** Where the files lie. */
  readonly folder: string;
  readonly manifest: SampleManifest;
  /** The samples to take, by number. */
  readonly samples: Uint32Array;
  readonly batchSize: number;
  readonly seed: number;
  /** Squares of this many pixels a side become one: their mean, or what most of a mask's are. @default 1 */
  readonly reduce?: number;
  readonly augmentation?: SpatialAugmentation;
}

/** Images `[count, channels, height, width]`, standardized by their group's statistics; labels, or masks of 0 and 1. */
export interface SampleBatch {
  readonly images: Float32Array;
  readonly targets: Float32Array;
}

export interface SampleBatches {
  /** Of one image, reduced. */
  readonly shape: readonly [number, number, number];
  /** Whole batches in one pass over the samples. */
  readonly stepsPerEpoch: number;
  /** New arrays for one batch. */
  empty(): SampleBatch;
  /**
   * Fills a batch with that of a training step: shuffled by epoch (stream `shuffle`), moved (stream `augment`), a function
   * of seed and step alone.
   */
  fill(step: number, batch: SampleBatch): void;
  /** All samples once, in order, as they are. The arrays are overwritten by the next batch. */
  inOrder(): Generator<SampleBatch & { readonly indices: Uint32Array }>;
  close(): void;
}

/**
 * Makes batches from the files of a data set, in the calling thread. Memory holds one sample at a time.
 *
 * @throws an expected error if there is not one whole batch, or the images cannot be divided into such squares
 */
export function createSampleBatches(spec: SampleBatchSpec): SampleBatches {
  const { folder, manifest, samples, batchSize, seed, reduce = 1, augmentation = {} } = spec;
  const [channels, fullHeight, fullWidth] = manifest.shape;
  if (fullHeight % reduce !== 0 || fullWidth % reduce !== 0)
    throw badInput(
      `${manifest.dataset}: expected images of ${fullHeight}×${fullWidth} pixels to be reduced by a divisor, got ${reduce}.`,
    );
  const shape = [channels, fullHeight / reduce, fullWidth / reduce] as const;
  const area = shape[1] * shape[2];
  const targetLength = manifest.target === 'mask' ? area : 1;
  const groupOf = groupsBySample(manifest);
  const reader = openSamples(folder, manifest);
  const pixels = new Uint8Array(channels * fullHeight * fullWidth);
  const target = new Uint8Array(targetSize(manifest));
  const still = { image: new Float32Array(channels * area), mask: new Float32Array(area) };

  /** One sample as it is, into its place in a batch. */
  const read = (index: number, image: Float32Array, targets: Float32Array) => {
    reader.read(index, pixels, target);
    const { mean, std } = manifest.groups[groupOf[index]!]!;
    for (let channel = 0; channel < channels; channel++) {
      // A channel that never changes has no deviation to divide by.
      const scale = 1 / (255 * (std[channel]! || 1));
      const plane = pixels.subarray(channel * fullHeight * fullWidth, (channel + 1) * fullHeight * fullWidth);
      reducePlane(plane, fullWidth, reduce, image.subarray(channel * area, (channel + 1) * area));
      for (let i = channel * area; i < (channel + 1) * area; i++)
        image[i] = (image[i]! - 255 * mean[channel]!) * scale;
    }
    if (manifest.target === 'label') targets[0] = target[0]!;
    else {
      reducePlane(target, fullWidth, reduce, targets);
      for (let i = 0; i < area; i++) targets[i] = targets[i]! >= 0.5 ? 1 : 0;
    }
  };
  const place = ({ images, targets }: SampleBatch, position: number) => ({
    image: images.subarray(position * channels * area, (position + 1) * channels * area),
    target: targets.subarray(position * targetLength, (position + 1) * targetLength),
  });
  const stepsPerEpoch = Math.floor(samples.length / batchSize);
  if (stepsPerEpoch === 0)
    throw badInput(
      `${manifest.dataset}: expected at least one batch of ${batchSize} samples, got ${samples.length} samples.`,
    );
  let shuffled: { readonly epoch: number; readonly order: Uint32Array } = {
    epoch: -1,
    order: new Uint32Array(),
  };
  const empty = (): SampleBatch => ({
    images: new Float32Array(batchSize * channels * area),
    targets: new Float32Array(batchSize * targetLength),
  });

  return {
    shape,
    stepsPerEpoch,
    empty,
    fill(step, batch) {
      const epoch = Math.floor(step / stepsPerEpoch);
      if (shuffled.epoch !== epoch)
        shuffled = { epoch, order: permutation(randomStream(seed, 'shuffle', epoch), samples.length) };
      const first = (step % stepsPerEpoch) * batchSize;
      const next = randomStream(seed, 'augment', step);
      for (let position = 0; position < batchSize; position++) {
        const { image, target } = place(batch, position);
        const drawn = drawWarp(next, channels, augmentation);
        read(
          samples[shuffled.order[first + position]!]!,
          still.image,
          manifest.target === 'mask' ? still.mask : target,
        );
        if (manifest.target === 'mask') warp(still, shape, drawn, { image, mask: target });
        else warp({ image: still.image }, shape, drawn, { image });
      }
    },
    *inOrder() {
      const batch = empty();
      for (let first = 0; first < samples.length; first += batchSize) {
        const indices = samples.subarray(first, first + batchSize);
        indices.forEach((index, position) => {
          const { image, target } = place(batch, position);
          read(index, image, target);
        });
        yield {
          indices,
          images: batch.images.subarray(0, indices.length * channels * area),
          targets: batch.targets.subarray(0, indices.length * targetLength),
        };
      }
    },
    close: () => reader.close(),
  };
}

/** Which group each sample is in. */
function groupsBySample({ count, groups }: SampleManifest): Uint32Array {
  const found = new Uint32Array(count);
  groups.forEach((group, i) => {
    found.fill(i, group.first, group.first + group.count);
  });
  return found;
}

/** The mean of each square of `reduce` pixels a side. */
function reducePlane(plane: Uint8Array, width: number, reduce: number, out: Float32Array): void {
  const columns = width / reduce;
  for (let i = 0; i < out.length; i++) {
    const start = Math.floor(i / columns) * reduce * width + (i % columns) * reduce;
    let sum = 0;
    for (let v = 0; v < reduce; v++) for (let u = 0; u < reduce; u++) sum += plane[start + v * width + u]!;
    out[i] = sum / (reduce * reduce);
  }
}
