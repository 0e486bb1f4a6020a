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
  const sums = new Uint32Array(area);
  const still = { image: new Float32Array(channels * area), mask: new Float32Array(area) };

  /** One sample as it is, into its place in a batch. */
  const read = (index: number, image: Float32Array, targets: Float32Array) => {
    reader.read(index, pixels, target);
    const { mean, std } = manifest.groups[groupOf[index]!]!;
    for (let channel = 0; channel < channels; channel++) {
      sumSquares(pixels, channel * fullHeight * fullWidth, fullWidth, reduce, sums);
      const level = 255 * mean[channel]!;
      // A channel that never changes has no deviation to divide by.
      const scale = 1 / (255 * (std[channel]! || 1));
      const plane = channel * area;
      for (let i = 0; i < area; i++)
        image[plane + i] = (Math.fround(sums[i]! / (reduce * reduce)) - level) * scale;
    }
    if (manifest.target === 'label') targets[0] = target[0]!;
    else {
      sumSquares(target, 0, fullWidth, reduce, sums);
      for (let i = 0; i < area; i++) targets[i] = 2 * sums[i]! >= reduce * reduce ? 1 : 0;
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

/**
 * The sum of each square of `reduce` pixels a side, from a plane that starts at `first`. Where it can, it adds up whole
 * words, two pixels at a time in their halves: that takes a quarter of the time.
 */
function sumSquares(
  pixels: Uint8Array,
  first: number,
  width: number,
  reduce: number,
  sums: Uint32Array,
): void {
  const columns = width / reduce;
  // Half a word holds 255 · reduce² / 2 up to 20.
  const inWords = reduce === 2 ? width % 4 === 0 : reduce % 4 === 0 && reduce <= 20;
  const words = new Int32Array(pixels.buffer, pixels.byteOffset, inWords ? pixels.length / 4 : 0);
  for (let i = 0, row = 0; i < sums.length; i += columns, row++) {
    const start = first + row * reduce * width;
    const rowSums = sums.subarray(i, i + columns);
    if (!inWords) sumRow(pixels, start, width, reduce, rowSums);
    else if (reduce === 2) sumRowByTwo(words, start >> 2, width >> 2, rowSums);
    else sumRowByFour(words, start >> 2, width >> 2, reduce >> 2, rowSums);
  }
}

function sumRow(pixels: Uint8Array, start: number, width: number, reduce: number, sums: Uint32Array): void {
  for (let column = 0; column < sums.length; column++) {
    let sum = 0;
    for (let v = 0; v < reduce; v++)
      for (let u = 0; u < reduce; u++) sum += pixels[start + v * width + column * reduce + u]!;
    sums[column] = sum;
  }
}

/** A word has two pixels of each of two squares; the first square's come first, as in every machine that Node runs on. */
function sumRowByTwo(words: Int32Array, start: number, across: number, sums: Uint32Array): void {
  for (let i = 0; i < across; i++) {
    const pairs = pixelPairs(words[start + i]!) + pixelPairs(words[start + across + i]!);
    sums[2 * i] = pairs & 0xffff;
    sums[2 * i + 1] = pairs >>> 16;
  }
}

/** Squares of `side` words a side, or four times as many pixels. */
function sumRowByFour(
  words: Int32Array,
  start: number,
  across: number,
  side: number,
  sums: Uint32Array,
): void {
  for (let column = 0; column < sums.length; column++) {
    let pairs = 0;
    for (let v = 0; v < 4 * side; v += 4)
      for (let u = 0; u < side; u++) {
        const at = start + v * across + column * side + u;
        pairs += pixelPairs(words[at]!) + pixelPairs(words[at + across]!);
        pairs += pixelPairs(words[at + 2 * across]!) + pixelPairs(words[at + 3 * across]!);
      }
    sums[column] = (pairs & 0xffff) + (pairs >>> 16);
  }
}

/** The first byte of a word added to its second, and in the upper half its third to its fourth. */
function pixelPairs(word: number): number {
  return (word & 0x00ff00ff) + ((word >>> 8) & 0x00ff00ff);
}
