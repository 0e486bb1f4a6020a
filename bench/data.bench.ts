import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createSampleWriter, type SampleBatch, streamBatches } from '@znorm/lab';
import { classification, createTrainer, resnet, segmentation, unet } from '@znorm/train';
import { adam } from 'znorm';
import {
  type BenchOptions,
  chosenCases,
  interleave,
  median,
  type Result,
  type Rival,
  spread,
} from './interleave.ts';

/**
 * Slices and patches as the tasks use them: pixels in the files, by how much they are reduced, and threads that train:
 * one, as `znorm compare` has it, or as many as there are cores on a machine of two.
 */
const cases = {
  'lgg-unet': { side: 256, reduce: 4, target: 'mask', batchSize: 16, threads: 1 },
  'patches-resnet8': { side: 96, reduce: 2, target: 'label', batchSize: 32, threads: 1 },
  'lgg-unet-no-core-free': { side: 256, reduce: 4, target: 'mask', batchSize: 16, threads: 2 },
  'patches-resnet8-no-core-free': { side: 96, reduce: 2, target: 'label', batchSize: 32, threads: 2 },
} as const;
const samples = 128;

/**
 * What reading, moving and standardizing training samples adds to a step: a step with the batches of `streamBatches`
 * over the same step with one batch that is always there. Another core, if one is free, makes batches: where none is,
 * the ratio shows what they cost, and the share that waits is what tells whether training ever waits.
 */
export async function* run(options: BenchOptions): AsyncGenerator<Result> {
  for (const [name, of] of chosenCases(cases, options.cases)) {
    const folder = mkdtempSync(join(tmpdir(), 'znorm-bench-'));
    try {
      const { ratio, waiting } = await dataOverWithout(folder, of, (line) =>
        options.report(`${name}: ${line}`),
      );
      yield {
        key: `data/${name}/without`,
        name: `${name}: step with data over without`,
        value: ratio,
        unit: 'ratio',
      };
      yield {
        key: `data/${name}/waiting`,
        name: `${name}: share of a step that waits for data`,
        value: waiting,
        unit: 'ratio',
      };
    } finally {
      rmSync(folder, { recursive: true });
    }
  }
}

type Case = (typeof cases)[keyof typeof cases];

async function dataOverWithout(
  folder: string,
  { side, reduce, target, batchSize, threads }: Case,
  report: (line: string) => void,
): Promise<{ ratio: number; waiting: number }> {
  const manifest = await written(folder, side, target);
  const spec = {
    folder,
    manifest,
    samples: Uint32Array.from({ length: samples }, (_, i) => i),
    batchSize,
    seed: 0,
    reduce,
  };
  const augmentation = {
    mirror: true,
    rotate: 15,
    zoom: 0.15,
    elastic: target === 'mask' ? 4 : 0,
    intensity: 0.3,
  };
  const batches = streamBatches({ ...spec, augmentation });
  const input = { shape: batches.shape };
  const objective =
    target === 'mask'
      ? segmentation({ model: unet({ filters: 16, levels: 3 }), input })
      : classification({ model: resnet({ depth: 8, classes: 2 }), input });
  const trainer = await createTrainer({
    objective,
    optimizer: adam({ learningRate: 1e-3 }),
    batchSize,
    threads,
  });
  const fed = ({ images, targets }: SampleBatch): Record<string, Float32Array | Int32Array> =>
    target === 'mask' ? { images, masks: targets } : { inputs: images, labels: Int32Array.from(targets) };
  const { images, targets } = await batches.at(0);
  const kept = fed({ images: images.slice(), targets: targets.slice() });
  const timed = async (steps: number, step: (i: number) => Promise<unknown>) => {
    const times: number[] = [];
    for (let i = 0; i < steps; i++) {
      const before = performance.now();
      await step(i);
      times.push(performance.now() - before);
    }
    return times;
  };
  let taken = 0;
  const waits: number[] = [];
  const next = async () => {
    const before = performance.now();
    const batch = await batches.at(taken++);
    waits.push(performance.now() - before);
    return fed(batch);
  };
  const rivals: Rival[] = [
    {
      name: 'data',
      measure: (steps) => timed(steps, async () => trainer.step(await next())),
    },
    { name: 'without', measure: (steps) => timed(steps, () => trainer.step(kept)) },
  ];
  const times = await interleave(rivals, { rounds: 21, steps: 3 });
  await batches.close();
  await trainer.dispose();
  report(`${spread(times.data)} ms with data, ${spread(times.without)} ms without`);
  return {
    ratio: Number(median(times.data.map((ms, i) => ms / times.without[i])).toFixed(3)),
    waiting: Number((median(waits) / median(times.data)).toFixed(4)),
  };
}

async function written(folder: string, side: number, target: 'mask' | 'label') {
  const writer = await createSampleWriter(folder, {
    dataset: 'bench',
    from: 'noise',
    shape: [3, side, side],
    target,
  });
  writer.group('all');
  for (let i = 0; i < samples; i++) {
    const image = Uint8Array.from({ length: 3 * side * side }, (_, k) => (k * 31 + i * 97) % 251);
    const mask = Uint8Array.from({ length: target === 'mask' ? side * side : 1 }, (_, k) => (k + i) & 1);
    await writer.add(image, mask);
  }
  const manifest = await writer.finish([]);
  await writer.close();
  return manifest;
}
