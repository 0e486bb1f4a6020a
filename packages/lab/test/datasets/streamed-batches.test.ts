import { mkdirSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { createSampleBatches, type SampleBatchSpec } from '../../src/datasets/sample-batches.ts';
import { createSampleWriter, type SampleManifest } from '../../src/datasets/sample-file.ts';
import { streamBatches } from '../../src/datasets/streamed-batches.ts';
import { thrown } from '../thrown.ts';
import { temporaryFolder } from './tiny-cifar10.ts';

const folder = temporaryFolder();
let masked: SampleManifest;
let labelled: SampleManifest;

/** Ten samples of 2×8×8 pixels in two groups; sample i is bright where (pixel + i) is a multiple of 3. */
async function write(target: 'mask' | 'label'): Promise<SampleManifest> {
  const where = join(folder, target);
  mkdirSync(where);
  const writer = await createSampleWriter(where, { dataset: 'tiny', from: 'here', shape: [2, 8, 8], target });
  for (let i = 0; i < 10; i++) {
    if (i % 5 === 0) writer.group(`group ${i / 5}`);
    const image = Uint8Array.from({ length: 128 }, (_, k) => ((k + i) % 3 === 0 ? 200 : 10 + i));
    const mask = Uint8Array.from({ length: 64 }, (_, k) => Number(k % 8 < i % 8));
    await writer.add(image, target === 'mask' ? mask : Uint8Array.of(i % 2));
  }
  const manifest = await writer.finish([]);
  await writer.close();
  return manifest;
}
beforeAll(async () => {
  masked = await write('mask');
  labelled = await write('label');
});
afterAll(() => rmSync(folder, { recursive: true }));

const spec = (options: Partial<SampleBatchSpec> = {}): SampleBatchSpec => ({
  folder: join(folder, 'mask'),
  manifest: masked,
  samples: Uint32Array.from({ length: 10 }, (_, i) => i),
  batchSize: 3,
  seed: 4,
  augmentation: { mirror: true, rotate: 20, elastic: 1, intensity: 0.2 },
  ...options,
});

describe('batches of samples', () => {
  test('are standardized by their group, in order and as they are', () => {
    const batches = createSampleBatches(spec());
    const all: number[] = [];
    const masks: number[] = [];
    const numbers: number[] = [];
    for (const { images, targets, indices } of batches.inOrder()) {
      all.push(...images);
      masks.push(...targets);
      numbers.push(...indices);
    }
    batches.close();
    expect(numbers).toEqual([0, 1, 2, 3, 4, 5, 6, 7, 8, 9]);
    for (const group of [0, 1])
      for (const channel of [0, 1]) {
        const values = Array.from({ length: 5 }, (_, i) => {
          const start = ((5 * group + i) * 2 + channel) * 64;
          return all.slice(start, start + 64);
        }).flat();
        const mean = values.reduce((sum, x) => sum + x, 0) / values.length;
        const variance = values.reduce((sum, x) => sum + (x - mean) ** 2, 0) / values.length;
        // Float32 pixels of size 1, 320 of them.
        expect([mean, variance]).toEqual([expect.closeTo(0, 6), expect.closeTo(1, 6)]);
      }
    expect(masks.slice(3 * 64, 3 * 64 + 8)).toEqual([1, 1, 1, 0, 0, 0, 0, 0]);
  });

  test('of reduced size hold the means of squares, and of a mask what most pixels are', () => {
    const full = createSampleBatches(spec({ batchSize: 1 }));
    const half = createSampleBatches(spec({ batchSize: 1, reduce: 2 }));
    expect(half.shape).toEqual([2, 4, 4]);
    const [whole, reduced] = [full.inOrder().next().value!, half.inOrder().next().value!];
    const at = (y: number, x: number) => whole.images[y * 8 + x]!;
    const mean = (at(2, 4) + at(2, 5) + at(3, 4) + at(3, 5)) / 4;
    expect(reduced.images[1 * 4 + 2]).toBeCloseTo(mean, 5);
    const masks: number[] = [];
    for (const { targets } of half.inOrder()) masks.push(targets[0]!);
    // Of sample i the first i mod 8 columns are inside: one of two is half, which counts.
    expect(masks.slice(0, 3)).toEqual([0, 1, 1]);
    full.close();
    half.close();
  });

  test.each([
    [6, 2],
    [24, 2],
    [24, 3],
    [24, 4],
    [24, 12],
    [40, 20],
    [48, 24],
  ])(
    'of %i pixels a side, by %i, hold the mean of every square, of white pixels too',
    async (side, reduce) => {
      const where = join(folder, `${side}-${reduce}`);
      mkdirSync(where);
      const shape = [2, side, side] as const;
      const writer = await createSampleWriter(where, {
        dataset: 'squares',
        from: 'here',
        shape,
        target: 'mask',
      });
      writer.group('all');
      // The upper half is white, the largest sums there are.
      const image = Uint8Array.from({ length: 2 * side * side }, (_, k) =>
        k % (side * side) < (side * side) / 2 ? 255 : (k * 37 + 11) % 256,
      );
      const mask = Uint8Array.from({ length: side * side }, (_, k) => Number((k * 7) % 10 < 5));
      await writer.add(image, mask);
      const manifest = await writer.finish([]);
      await writer.close();
      const samples = Uint32Array.of(0);
      const batches = createSampleBatches(spec({ folder: where, manifest, samples, batchSize: 1, reduce }));
      const { images, targets } = batches.inOrder().next().value!;
      batches.close();

      const { mean, std } = manifest.groups[0]!;
      const count = side / reduce;
      const squareMean = (plane: Uint8Array, i: number) => {
        const [top, left] = [Math.floor(i / count) * reduce, (i % count) * reduce];
        const rows = Array.from({ length: reduce }, (_, v) => (top + v) * side + left);
        const sum = rows.flatMap((start) => [...plane.subarray(start, start + reduce)]);
        return sum.reduce((a, b) => a + b, 0) / reduce ** 2;
      };
      for (let i = 0; i < count * count; i++) {
        expect(targets[i]).toBe(squareMean(mask, i) >= 0.5 ? 1 : 0);
        for (const channel of [0, 1]) {
          const plane = image.subarray(channel * side * side, (channel + 1) * side * side);
          const standardized = (squareMean(plane, i) / 255 - mean[channel]!) / std[channel]!;
          // Two roundings to float32 of numbers up to 255 deviations of pixels.
          expect(images[channel * count * count + i]).toBeCloseTo(standardized, 5);
        }
      }
    },
  );

  test('of training take every sample at most once an epoch, in another order each', () => {
    const batches = createSampleBatches(
      spec({ folder: join(folder, 'label'), manifest: labelled, augmentation: {} }),
    );
    expect(batches.stepsPerEpoch).toBe(3);
    const batch = batches.empty();
    const seen = (step: number) => {
      batches.fill(step, batch);
      return Array.from({ length: 3 }, (_, i) => `${batch.images.slice(i * 128, (i + 1) * 128)}`);
    };
    const epoch = [0, 1, 2].flatMap(seen);
    expect(new Set(epoch).size).toBe(9);
    expect([3, 4, 5].flatMap(seen)).not.toEqual(epoch);
    expect([0, 1, 2].flatMap(seen)).toEqual(epoch);
    expect(batch.targets).toHaveLength(3);
    batches.close();
  });

  test('need one whole batch, and squares that fit', async () => {
    expect(await thrown(() => createSampleBatches(spec({ batchSize: 11 })))).toEqual({
      message: 'tiny: expected at least one batch of 11 samples, got 10 samples.',
      code: 'bad-input',
    });
    expect(await thrown(() => createSampleBatches(spec({ reduce: 3 })))).toEqual({
      message: 'tiny: expected images of 8×8 pixels to be reduced by a divisor, got 3.',
      code: 'bad-input',
    });
  });
});

describe('batches made by another thread', () => {
  test('are those made here, bit for bit: one after the other, after a jump, and again', async () => {
    const here = createSampleBatches(spec());
    const streamed = streamBatches(spec());
    const expected = here.empty();
    for (const step of [0, 1, 2, 3, 4, 5, 40, 41, 2, 2, 3, 1000, 0]) {
      here.fill(step, expected);
      const { images, targets } = await streamed.at(step);
      expect(images, `images of step ${step}`).toEqual(expected.images);
      expect(targets, `masks of step ${step}`).toEqual(expected.targets);
    }
    here.close();
    await streamed.close();
  });

  test('come with labels, too', async () => {
    const options = { folder: join(folder, 'label'), manifest: labelled };
    const here = createSampleBatches(spec(options));
    const streamed = streamBatches(spec(options));
    const expected = here.empty();
    here.fill(7, expected);
    expect(await streamed.at(7)).toEqual(expected);
    here.close();
    await streamed.close();
  });

  test('a file that has become shorter ends training with its name', async () => {
    const manifest = { ...masked, count: 20, groups: [{ ...masked.groups[0]!, count: 20 }] };
    const streamed = streamBatches(spec({ manifest, samples: Uint32Array.of(17, 18, 19) }));
    expect((await thrown(() => streamed.at(0))).message).toBe(
      'tiny: images.u8 is shorter than it was. Run `znorm data verify tiny`.',
    );
    await streamed.close();
  });
});
