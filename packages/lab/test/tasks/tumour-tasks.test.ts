import { mkdirSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { createTrainer } from '@znorm/train';
import { decode } from 'fast-png';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { adam } from 'znorm';
import { importDataset } from '../../src/datasets/imported-dataset.ts';
import { lgg } from '../../src/datasets/lgg.ts';
import { lggPatches } from '../../src/datasets/lgg-patches.ts';
import { pcam } from '../../src/datasets/pcam.ts';
import { planComparison } from '../../src/sweep/plan.ts';
import { lggTask } from '../../src/tasks/lgg.ts';
import { maskSheet } from '../../src/tasks/mask-sheet.ts';
import type { Task, TaskConfig } from '../../src/tasks/task.ts';
import { lggPatchesTask, pcamTask } from '../../src/tasks/tumour-patches.ts';
import { examinations, writeHdf5, writeTree } from '../datasets/lgg-files.ts';
import { temporaryFolder } from '../datasets/tiny-cifar10.ts';
import { thrown } from '../thrown.ts';

const folder = temporaryFolder();
const cache = join(folder, 'cache');

/** Nine patients with a slice without tumour and two with squares; PCam's six files with patches of two kinds. */
beforeAll(async () => {
  const sides = Object.fromEntries(
    Array.from({ length: 9 }, (_, i) => [`TCGA_CS_000${i}_20000101`, [0, 60 + 8 * i, 130]]),
  );
  writeTree(join(folder, 'lgg'), examinations(sides));
  await importDataset(lgg, { cache, from: join(folder, 'lgg') });
  await importDataset(lggPatches, { cache });
  mkdirSync(join(folder, 'pcam'));
  for (const [split, count] of Object.entries({ train: 16, valid: 6, test: 4 })) {
    const file = (kind: string) => join(folder, 'pcam', `camelyonpatch_level_2_split_${split}_${kind}.h5`);
    const size = 96 * 96 * 3;
    // Positive ones, every second, are brighter in red.
    const pixels = Uint8Array.from({ length: count * size }, (_, k) =>
      k % 3 === 0 && Math.floor(k / size) % 2 === 1 ? 180 : (k * 7 + Math.floor(k / size) * 13) % 120,
    );
    await writeHdf5(file('x'), 'x', pixels, [count, 96, 96, 3]);
    await writeHdf5(
      file('y'),
      'y',
      Uint8Array.from({ length: count }, (_, i) => i % 2),
      [count, 1, 1, 1],
    );
  }
  await importDataset(pcam, { cache, from: join(folder, 'pcam') });
}, 60_000);
afterAll(() => rmSync(folder, { recursive: true }));

const config = (options: Partial<TaskConfig>): TaskConfig => ({
  model: 'resnet8',
  seed: 0,
  epochs: 1,
  batchSize: 4,
  trainSize: 12,
  validationSize: 2,
  testSize: 4,
  ...options,
  settings: { augment: true, size: 64, filters: 2, normalization: 'usual', ...options.settings },
});

/** Two training steps, validation and test; twice, to see that it follows from the config. */
async function trained(task: Task, options: TaskConfig) {
  const run = async () => {
    const prepared = await task.prepare(options, { cache });
    const { objective, step, validate, test, training } = prepared;
    const optimizer = adam({ learningRate: 0.01 });
    const trainer = await createTrainer({ objective, optimizer, batchSize: options.batchSize });
    const first = await step(trainer);
    await step(trainer);
    const shares: number[] = [];
    const result = {
      training: training({ loss: first.loss, counts: first.counts, samples: options.batchSize }),
      validation: await validate(trainer),
      tested: await test(trainer, (share) => shares.push(share)),
      state: trainer.stateHash(),
      batches: trainer.batchHash,
      shares,
    };
    await trainer.dispose();
    return result;
  };
  const result = await run();
  expect(await run()).toEqual(result);
  expect(result.shares.at(-1)).toBe(1);
  return result;
}

describe('lgg', () => {
  test('uses the slices with tumour, a fourth as many healthy ones, and holds patients out', async () => {
    // 9 patients: 2 for test, 1 for validation, 6 for training, each with 2 slices of tumour; and 3 healthy ones.
    expect(await lggTask.counts({ cache })).toEqual({
      train: 15,
      validation: 2,
      test: 4,
    });
    const options = { task: 'lgg', preset: 'paper', batchSize: 8, seeds: 1 };
    expect(await planComparison(options, { cache })).toMatchObject({
      model: 'unet',
      trainSize: 15,
      validationSize: 2,
      testSize: 4,
    });
  });

  test.each(['unet', 'residual-unet', 'attention-unet'])('trains and measures a %s', async (model) => {
    const { training, validation, tested } = await trained(lggTask, config({ model }));
    const names = ['dice', 'iou', 'tversky', 'precision', 'recall'];
    expect(Object.keys(training)).toEqual(names);
    for (const values of [validation, tested.metrics]) {
      expect(Object.keys(values)).toEqual([...names, 'hausdorff95']);
      // Of one mask, IoU = Dice/(2 − Dice); of the mean over two patients, at most that.
      expect(values.iou).toBeLessThanOrEqual(values.dice / (2 - values.dice) + 1e-12);
      for (const name of names) expect(values[name]).toBeGreaterThanOrEqual(0);
    }
    // One slice for each of the two patients.
    const [{ title, png }] = tested.artifacts as [{ title: string; png: string }];
    expect(title).toMatch(/^FLAIR slices of patients never seen/);
    const { width, height } = decode(Buffer.from(png, 'base64'));
    expect([width, height]).toEqual([256, 128]);
  });

  test('sizes and filters that cannot be are named', async () => {
    const wrong = (settings: object) =>
      thrown(() => lggTask.prepare(config({ model: 'unet', settings: settings as never }), { cache }));
    expect(await wrong({ size: 100 })).toEqual({
      message: 'lgg: expected `size` to be 256, 128 or 64, got 100.',
      code: 'bad-input',
    });
    expect(await wrong({ filters: 0.5 })).toEqual({
      message: 'lgg: expected `filters` to be a whole number >= 1, got 0.5.',
      code: 'bad-input',
    });
  });

  test('that has not been brought says how', async () => {
    const plan = planComparison({ task: 'lgg' }, { cache: join(folder, 'empty') });
    expect((await thrown(() => plan)).message).toMatch(
      /^lgg: not in the cache\. Run `znorm data get lgg --from PATH` with\n/,
    );
  });
});

describe('patches', () => {
  test('of LGG are trained on and measured, patients held out', async () => {
    const options = config({ settings: { size: 32 }, testSize: 20, validationSize: 10 });
    const { training, validation, tested } = await trained(lggPatchesTask, options);
    expect(Object.keys(training)).toEqual(['accuracy', 'loss']);
    for (const values of [validation, tested.metrics])
      expect(Object.keys(values)).toEqual(['auroc', 'accuracy', 'loss']);
  });

  test('of PatchCamelyon are streamed from the official files, and a few steps learn them', async () => {
    expect(await pcamTask.counts({ cache })).toEqual({
      train: 16,
      validation: 6,
      test: 4,
    });
    const options = config({ settings: { size: 32 }, trainSize: 16, validationSize: 6 });
    await trained(pcamTask, options);
    const { objective, step, test } = await pcamTask.prepare(options, { cache });
    const trainer = await createTrainer({ objective, optimizer: adam({ learningRate: 0.01 }), batchSize: 4 });
    for (let i = 0; i < 30; i++) await step(trainer);
    const { metrics } = await test(trainer, () => {});
    await trainer.dispose();
    expect(metrics.auroc).toBe(1);
  });
});

test('a sheet shows slices in grey and the borders of both masks, purple where they meet', () => {
  const size = 64;
  const square = (left: number, right: number) =>
    Uint8Array.from({ length: size * size }, (_, i) => {
      const [x, y] = [i % size, Math.floor(i / size)];
      return Number(x >= left && x < right && y >= 16 && y < 32);
    });
  const slice = { image: new Float32Array(size * size), truth: square(8, 24), found: square(8, 40) };
  const { data, width, height } = decode(
    Buffer.from(maskSheet([slice, slice, slice, slice, slice], size), 'base64'),
  );
  expect([width, height]).toEqual([512, 256]);
  const at = (x: number, y: number) => [...data.subarray(3 * (y * width + x), 3 * (y * width + x) + 3)];
  expect(at(16, 40)).toEqual([204, 0, 204]);
  expect(at(47, 40)).toEqual([86, 180, 233]);
  expect(at(79, 40)).toEqual([230, 159, 0]);
  // The mean is a third of the way from 1½ deviations below to 3 above.
  expect(at(100, 100)).toEqual([85, 85, 85]);
  expect(at(128 + 79, 40)).toEqual([230, 159, 0]);
  expect(at(300, 200)).toEqual([0, 0, 0]);
});
