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
 * Checks that there are as many images as a run asks for.
 *
 * @param spelled   how the person who reads the message writes the name of an option
 * @throws ExpectedError naming the size that does not fit, and what would
 */
export function requireSizesThatFit(
  sizes: SplitSizes,
  data: { readonly name: string; readonly counts: { readonly train: number; readonly test: number } },
  spelled: (option: keyof SplitSizes) => string = (option) => option,
): void {
  const { validationSize } = sizes;
  const { train, test } = data.counts;
  const requireAtMost = (option: keyof SplitSizes, most: number, why: string) => {
    if (sizes[option] <= most) return;
    throw badInput(
      `compare: expected \`${spelled(option)}\` to be at most ${most} (${why}), got ${sizes[option]}.`,
    );
  };
  requireAtMost('validationSize', train - 1, `${data.name} has ${train} training images`);
  const held = `the ${train} of ${data.name} less ${validationSize} held out for validation`;
  requireAtMost('trainSize', train - validationSize, held);
  requireAtMost('testSize', test, `${data.name} has ${test} test images`);
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
  const counts = { train: data.train.count, test: data.test.count };
  requireSizesThatFit(sizes, { name: data.name, counts });
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
