import { type LabelledImages, permutation, randomStream } from '@znorm/train';
import type { ImageDataset, ImageSplit } from '../datasets/image-dataset.ts';
import { badInput } from '../expected-error.ts';

/** How many images a run uses; always the same ones, whatever the method and the seed. */
export interface SplitSizes {
  readonly trainSize: number;
  readonly validationSize: number;
  readonly testSize: number;
}

export interface ImageSplits {
  readonly train: LabelledImages;
  readonly validation: LabelledImages;
  readonly test: LabelledImages;
}

/**
 * Splits an image data set into training, validation and test images.
 *
 * Validation images are held out of the official training set; which ones is drawn once (stream `split`), not by
 * seed, so that every run of every comparison is tuned on the same images. Smaller sizes are prefixes of larger ones.
 * The test images come from the official test set and no other.
 *
 * @throws ExpectedError if more images are asked for than there are
 */
export function splitImages(data: ImageDataset, sizes: SplitSizes): ImageSplits {
  const { trainSize, validationSize, testSize } = sizes;
  const available = data.train.count - validationSize;
  if (trainSize > available) {
    throw badInput(
      `compare: expected \`--train-size\` to be at most ${available} (${data.train.count} images of ${data.name} less ${validationSize} held out for validation), got ${trainSize}.`,
    );
  }
  if (testSize > data.test.count) {
    throw badInput(`compare: expected \`--test-size\` to be at most ${data.test.count}, got ${testSize}.`);
  }
  const order = permutation(randomStream(0, 'split'), data.train.count);
  // Validation comes from the end, so that it stays the same when the training size changes.
  return {
    train: picked(data.train, data.shape, order.subarray(0, trainSize)),
    validation: picked(data.train, data.shape, order.subarray(order.length - validationSize)),
    test: picked(
      data.test,
      data.shape,
      permutation(randomStream(0, 'test split'), data.test.count).subarray(0, testSize),
    ),
  };
}

function picked(
  split: ImageSplit,
  shape: readonly [number, number, number],
  indices: Uint32Array,
): LabelledImages {
  const size = shape[0] * shape[1] * shape[2];
  const images = new Uint8Array(indices.length * size);
  indices.forEach((index, position) => {
    images.set(split.images.subarray(index * size, (index + 1) * size), position * size);
  });
  return { images, labels: Uint8Array.from(indices, (index) => split.labels[index]), shape };
}
