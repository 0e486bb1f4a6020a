import { describe, expect, test } from 'vitest';
import {
  batchesInOrder,
  channelStatistics,
  createTrainingBatches,
  type LabelledImages,
} from '../src/batches.ts';

const plain = { mean: [0], std: [1 / 255] };

/** Images of one channel whose every pixel is 10 × the image's number, so a batch shows whom it holds. */
function numbered(count: number, side = 2): LabelledImages {
  const images = Uint8Array.from(
    { length: count * side * side },
    (_, i) => 10 * Math.floor(i / (side * side)),
  );
  return { images, labels: Uint8Array.from({ length: count }, (_, i) => i), shape: [1, side, side] };
}

const epoch = (batches: ReturnType<typeof createTrainingBatches>, number: number) =>
  Array.from({ length: batches.stepsPerEpoch }, (_, i) => [
    ...batches.at(number * batches.stepsPerEpoch + i).labels,
  ]).flat();

describe('training batches', () => {
  test('hold every image at most once an epoch, in an order of its own, and drop what is left over', () => {
    const batches = createTrainingBatches(numbered(11), { batchSize: 3, seed: 0, normalization: plain });
    expect(batches.stepsPerEpoch).toBe(3);
    const [first, second] = [epoch(batches, 0), epoch(batches, 1)];
    expect(new Set(first).size).toBe(9);
    expect(new Set(second).size).toBe(9);
    expect(first).not.toEqual(second);
  });

  test('are a function of the step alone: any step can be asked for at any time', () => {
    const options = { batchSize: 4, seed: 3, normalization: plain, augmentation: { crop: 1, flip: true } };
    const copy = ({ inputs, labels }: { inputs: Float32Array; labels: Int32Array }) => [
      [...inputs],
      [...labels],
    ];
    const forward = createTrainingBatches(numbered(22), options);
    const expected = Array.from({ length: 15 }, (_, step) => copy(forward.at(step)));
    const resumed = createTrainingBatches(numbered(22), options);
    for (const step of [14, 0, 7, 5]) expect(copy(resumed.at(step))).toEqual(expected[step]);
  });

  test('a seed gives its own order', () => {
    const of = (seed: number) =>
      epoch(createTrainingBatches(numbered(40), { batchSize: 40, seed, normalization: plain }), 0);
    expect(of(1)).not.toEqual(of(2));
  });

  test('images and labels stay together', () => {
    const batches = createTrainingBatches(numbered(20), { batchSize: 5, seed: 0, normalization: plain });
    for (let step = 0; step < 8; step++) {
      const { inputs, labels } = batches.at(step);
      for (const [i, label] of labels.entries()) {
        expect([...inputs.subarray(4 * i, 4 * i + 4)]).toEqual(Array(4).fill(10 * label));
      }
    }
  });

  test('write into the same arrays at every step', () => {
    const batches = createTrainingBatches(numbered(8), { batchSize: 2, seed: 0, normalization: plain });
    expect(batches.at(0).inputs.buffer).toBe(batches.at(3).inputs.buffer);
  });
});

describe('augmentation', () => {
  const side = 3;
  const picture: LabelledImages = {
    images: Uint8Array.of(1, 2, 3, 4, 5, 6, 7, 8, 9),
    labels: Uint8Array.of(0),
    shape: [1, side, side],
  };

  /** Every image that padding by `crop`, cutting and mirroring may give, worked out the long way. */
  function allOutcomes(crop: number, flip: boolean): Set<string> {
    const pixel = (y: number, x: number) =>
      y >= 0 && y < side && x >= 0 && x < side ? picture.images[y * side + x] : 0;
    const outcomes = new Set<string>();
    for (let down = -crop; down <= crop; down++) {
      for (let right = -crop; right <= crop; right++) {
        const rows = [0, 1, 2].map((y) => [0, 1, 2].map((x) => pixel(y + down, x + right)));
        outcomes.add(rows.flat().join());
        if (flip) outcomes.add(rows.flatMap((row) => row.toReversed()).join());
      }
    }
    return outcomes;
  }

  test.each([
    [0, false],
    [1, false],
    [0, true],
    [2, true],
  ])('crop %s, flip %s: gives every outcome there is, and no other', (crop, flip) => {
    const batches = createTrainingBatches(picture, {
      batchSize: 1,
      seed: 0,
      normalization: plain,
      augmentation: { crop, flip },
    });
    const seen = new Set(
      Array.from({ length: 1500 }, (_, step) => batches.at(step).inputs.map(Math.round).join()),
    );
    expect([...seen].sort()).toEqual([...allOutcomes(crop, flip)].sort());
  });

  test('mirroring on or off leaves the crops as they are', () => {
    const rows = (flip: boolean) => {
      const batches = createTrainingBatches(picture, {
        batchSize: 1,
        seed: 0,
        normalization: plain,
        augmentation: { crop: 1, flip },
      });
      const sums = (image: Float32Array) =>
        [0, 3, 6].map((row) => image[row] + image[row + 1] + image[row + 2]);
      return Array.from({ length: 20 }, (_, step) => sums(batches.at(step).inputs));
    };
    expect(rows(true)).toEqual(rows(false));
  });
});

describe('in order', () => {
  test('every image once, the last batch with what is left', () => {
    const seen = [...batchesInOrder(numbered(7), { batchSize: 3, normalization: plain })].map((batch) => [
      batch.labels.length,
      batch.inputs.length,
    ]);
    expect(seen).toEqual([
      [3, 12],
      [3, 12],
      [1, 4],
    ]);
    const labels: number[] = [];
    for (const batch of batchesInOrder(numbered(7), { batchSize: 3, normalization: plain }))
      labels.push(...batch.labels);
    expect(labels).toEqual([0, 1, 2, 3, 4, 5, 6]);
  });

  test('pixels are normalized channel by channel', () => {
    const data: LabelledImages = {
      images: Uint8Array.of(0, 255, 51, 102),
      labels: Uint8Array.of(0),
      shape: [2, 1, 2],
    };
    const normalization = { mean: [0.5, 0.2], std: [0.25, 0.1] };
    const [batch] = batchesInOrder(data, { batchSize: 1, normalization });
    expect([...batch.inputs]).toEqual([-2, 2, 0, 2].map(Math.fround));
  });

  test('normalizing by the statistics of the data gives mean 0 and deviation 1 a channel', () => {
    const images = Uint8Array.from({ length: 50 * 2 * 9 }, (_, i) => (i * i * 7 + i) % 256);
    const data: LabelledImages = { images, labels: new Uint8Array(50), shape: [2, 3, 3] };
    const [{ inputs }] = batchesInOrder(data, { batchSize: 50, normalization: channelStatistics(data) });
    for (const channel of [0, 1]) {
      const values = [...inputs].filter((_, i) => Math.floor(i / 9) % 2 === channel);
      const mean = values.reduce((sum, x) => sum + x, 0) / values.length;
      const variance = values.reduce((sum, x) => sum + (x - mean) ** 2, 0) / values.length;
      // float32 rounding of values up to about 2.
      expect(Math.abs(mean)).toBeLessThan(1e-6);
      expect(Math.abs(variance - 1)).toBeLessThan(1e-6);
    }
  });
});

test.each<[string, () => unknown, string]>([
  [
    'too few images',
    () => createTrainingBatches(numbered(5), { batchSize: 6, seed: 0, normalization: plain }),
    'createTrainingBatches: expected at least one batch of 6 images, got 5 images. Use a smaller batch size.',
  ],
  [
    'images that do not fit the labels',
    () =>
      createTrainingBatches(
        { ...numbered(5), labels: new Uint8Array(4) },
        { batchSize: 1, seed: 0, normalization: plain },
      ),
    'createTrainingBatches: expected 16 bytes for 4 images of shape [1,2,2], got 20.',
  ],
  [
    'one mean for three channels',
    () => [
      ...batchesInOrder({ ...numbered(3, 2), shape: [4, 1, 1] }, { batchSize: 1, normalization: plain }),
    ],
    'batchesInOrder: expected `normalization.mean` to have one number for each of 4 channels, got 1.',
  ],
  [
    'a batch size of 0',
    () => [...batchesInOrder(numbered(3), { batchSize: 0, normalization: plain })],
    'batchesInOrder: expected `batchSize` to be a whole number >= 1, got 0.',
  ],
])('%s: an error that says so', (_, action, message) => {
  expect(action).toThrow(new RangeError(message));
});
