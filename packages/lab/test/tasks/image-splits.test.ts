import { expect, test } from 'vitest';
import type { DatasetDefinition } from '../../src/datasets/dataset-definition.ts';
import { splitImages } from '../../src/tasks/image-splits.ts';
import type { SplitSizes } from '../../src/tasks/recipe.ts';
import { thrown } from '../thrown.ts';

const marks = { train: 1, test: 2 };

/** Images of 1×1×2 pixels that say who they are: number and split. */
const data: DatasetDefinition = {
  name: 'dots',
  title: 'Dots',
  description: '',
  licence: '',
  homepage: '',
  files: [],
  sources: [],
  classes: [...'0123456789'],
  shape: [1, 1, 2],
  counts: { train: 100, test: 30 },
  normalization: { mean: [0], std: [1] },
  decode: async (_, split, wanted) => ({
    images: Uint8Array.from([...wanted!].flatMap((n) => [n, marks[split]])),
    labels: Uint8Array.from(wanted!, (n) => n % 10),
    count: wanted!.length,
  }),
};

const splits = (sizes: SplitSizes) => splitImages(data, sizes, {});

/** The numbers of the images picked; each must lie beside its own label and come from the split marked. */
async function numbers(
  load: () => Promise<{ images: Uint8Array; labels: ArrayLike<number> }>,
  mark: number,
): Promise<number[]> {
  const { images, labels } = await load();
  return Array.from({ length: labels.length }, (_, i) => {
    const number = images[2 * i];
    expect([labels[i], images[2 * i + 1]]).toEqual([number % 10, mark]);
    return number;
  });
}

test('training and validation images share none, and test images are of the test set', async () => {
  const { train, validation, test } = splits({ trainSize: 80, validationSize: 20, testSize: 30 });
  const [a, b] = [await numbers(train, marks.train), await numbers(validation, marks.train)];
  expect(new Set([...a, ...b]).size).toBe(100);
  expect(new Set(await numbers(test, marks.test)).size).toBe(30);
});

test('images are drawn, not taken from the front', async () => {
  const { train } = splits({ trainSize: 80, validationSize: 20, testSize: 30 });
  const drawn = await numbers(train, marks.train);
  expect(drawn).not.toEqual(drawn.toSorted((x, y) => x - y));
});

test('fewer images are the first of more, and validation stays the same', async () => {
  const more = splits({ trainSize: 80, validationSize: 20, testSize: 30 });
  const fewer = splits({ trainSize: 10, validationSize: 20, testSize: 5 });
  const first = async (load: typeof more.train, mark: number, count: number) =>
    (await numbers(load, mark)).slice(0, count);
  expect(await numbers(fewer.train, marks.train)).toEqual(await first(more.train, marks.train, 10));
  expect(await numbers(fewer.validation, marks.train)).toEqual(await first(more.validation, marks.train, 20));
  expect(await numbers(fewer.test, marks.test)).toEqual(await first(more.test, marks.test, 5));
});

test('more images than there are cannot be asked for', async () => {
  expect(await thrown(() => splits({ trainSize: 81, validationSize: 20, testSize: 30 }))).toEqual({
    message:
      'compare: expected `trainSize` to be at most 80 (the 100 of dots less 20 held out for validation), got 81.',
    code: 'bad-input',
  });
});
