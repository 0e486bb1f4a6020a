import { type LabelledImages, permutation, randomStream } from '@znorm/train';
import type { ImageDataset, ImageSplit } from '../datasets/image-dataset.ts';
import { requireSizesThatFit, type SplitSizes, type Unit } from './recipe.ts';

export interface ImageSplits {
  readonly train: LabelledImages;
  readonly validation: LabelledImages;
  readonly test: LabelledImages;
}

export const imageUnit: Unit = { one: 'image', many: 'images', short: 'img' };

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
  const counts = { train: data.train.count, test: data.test.count };
  requireSizesThatFit(sizes, { name: data.name, counts, unit: imageUnit });
  const order = permutation(randomStream(0, 'split'), data.train.count);
  const testOrder = permutation(randomStream(0, 'test split'), data.test.count);
  // Validation comes from the end, so that it stays the same when the training size changes.
  return {
    train: picked(data.train, data.shape, order.subarray(0, trainSize)),
    validation: picked(data.train, data.shape, order.subarray(order.length - validationSize)),
    test: picked(data.test, data.shape, testOrder.subarray(0, testSize)),
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
