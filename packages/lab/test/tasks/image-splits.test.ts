import { expect, test } from 'vitest';
import type { ImageDataset, ImageSplit } from '../../src/datasets/dataset-definition.ts';
import { splitImages } from '../../src/tasks/image-splits.ts';
import { thrown } from '../thrown.ts';

/** Images of 1×1×2 pixels that say who they are: number and split. */
function split(count: number, mark: number): ImageSplit {
  const images = Uint8Array.from({ length: 2 * count }, (_, i) => (i % 2 === 0 ? i / 2 : mark));
  return { images, labels: Uint8Array.from({ length: count }, (_, n) => n % 10), count };
}

const data: ImageDataset = {
  name: 'dots',
  classes: [...'0123456789'],
  shape: [1, 1, 2],
  train: split(100, 1),
  test: split(30, 2),
  sha1: {},
  normalization: { mean: [0], std: [1] },
};

/** The numbers of the images picked; each must lie beside its own label and come from the split marked. */
function numbers({ images, labels }: { images: Uint8Array; labels: ArrayLike<number> }, mark: number) {
  return Array.from({ length: labels.length }, (_, i) => {
    const number = images[2 * i];
    expect([labels[i], images[2 * i + 1]]).toEqual([number % 10, mark]);
    return number;
  });
}

test('training and validation images share none, and test images are of the test set', () => {
  const { train, validation, test } = splitImages(data, { trainSize: 80, validationSize: 20, testSize: 30 });
  const [a, b, c] = [numbers(train, 1), numbers(validation, 1), numbers(test, 2)];
  expect(new Set([...a, ...b]).size).toBe(100);
  expect(new Set(c).size).toBe(30);
});

test('images are drawn, not taken from the front', () => {
  const { train } = splitImages(data, { trainSize: 80, validationSize: 20, testSize: 30 });
  expect(numbers(train, 1)).not.toEqual(numbers(train, 1).toSorted((x, y) => x - y));
});

test('fewer images are the first of more, and validation stays the same', () => {
  const more = splitImages(data, { trainSize: 80, validationSize: 20, testSize: 30 });
  const fewer = splitImages(data, { trainSize: 10, validationSize: 20, testSize: 5 });
  expect(numbers(fewer.train, 1)).toEqual(numbers(more.train, 1).slice(0, 10));
  expect(numbers(fewer.validation, 1)).toEqual(numbers(more.validation, 1));
  expect(numbers(fewer.test, 2)).toEqual(numbers(more.test, 2).slice(0, 5));
});

test('more images than there are cannot be asked for', async () => {
  expect(await thrown(() => splitImages(data, { trainSize: 81, validationSize: 20, testSize: 30 }))).toEqual({
    message:
      'compare: expected `trainSize` to be at most 80 (the 100 of dots less 20 held out for validation), got 81.',
    code: 'bad-input',
  });
});
