import { type LabelledImages, permutation, randomStream } from '@znorm/train';
import type { DatasetDefinition } from '../datasets/dataset-definition.ts';
import { loadImages } from '../datasets/image-dataset.ts';
import { requireSizesThatFit, type SplitSizes, type Unit } from './recipe.ts';
import type { Machine } from './task.ts';

/** Each is loaded when it is first asked for. */
export interface ImageSplits {
  readonly train: () => Promise<LabelledImages>;
  readonly validation: () => Promise<LabelledImages>;
  readonly test: () => Promise<LabelledImages>;
}

export const imageUnit: Unit = { one: 'image', many: 'images', short: 'img' };

/**
 * Splits an image data set of the cache into training, validation and test images. Of the files, only those images are
 * read that are in the split: `quick` takes 2,500 of CIFAR-10's 50,000.
 *
 * Validation images are held out of the official training set; which ones is drawn once (stream `split`), not by
 * seed, so that every run of every comparison is tuned on the same images. Smaller sizes are prefixes of larger ones.
 * The test images come from the official test set and no other.
 *
 * @throws ExpectedError if more images are asked for than there are
 */
export function splitImages(definition: DatasetDefinition, sizes: SplitSizes, machine: Machine): ImageSplits {
  const { name, counts, shape } = definition;
  const { trainSize, validationSize, testSize } = sizes;
  requireSizesThatFit(sizes, { name, counts, unit: imageUnit });
  const order = (split: 'train' | 'test', stream: string) =>
    permutation(randomStream(0, stream), counts[split]);
  const images = (split: 'train' | 'test', wanted: () => Uint32Array) => {
    let loaded: Promise<LabelledImages> | undefined;
    return () => {
      loaded ??= loadImages(definition, split, wanted(), machine).then(({ images, labels }) => ({
        images,
        labels,
        shape,
      }));
      return loaded;
    };
  };
  return {
    train: images('train', () => order('train', 'split').subarray(0, trainSize)),
    // From the end, so that they stay the same when the training size changes.
    validation: images('train', () => order('train', 'split').subarray(counts.train - validationSize)),
    test: images('test', () => order('test', 'test split').subarray(0, testSize)),
  };
}
