import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterAll, beforeAll, expect, test, vi } from 'vitest';
import { sgd } from 'znorm';
import type { LabelledImages } from '../src/batches.ts';
import { classification } from '../src/classification.ts';
import type { Layer } from '../src/layers/scope.ts';
import { createTrainer, type Trainer } from '../src/trainer.ts';

/** Where the README's package names are found here: the source under test, not an older build. */
const sources: Record<string, string> = {
  '@znorm/train': fileURLToPath(new URL('../src/index.ts', import.meta.url)),
  '@znorm/train/node': fileURLToPath(new URL('../src/node.ts', import.meta.url)),
  znorm: fileURLToPath(import.meta.resolve('znorm')),
};

let folder: string;
const examples: Record<string, unknown>[] = [];

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'znorm-readme-'));
  const readme = await readFile(new URL('../README.md', import.meta.url), 'utf8');
  for (const [i, [, code]] of [...readme.matchAll(/```ts\n(.*?)```/gs)].entries()) {
    const file = join(folder, `example${i}.ts`);
    await writeFile(
      file,
      code.replace(/ from '([^']+)'/g, (_, name: string) => ` from ${JSON.stringify(sources[name])}`),
    );
    examples.push(await import(/* @vite-ignore */ file));
  }
});

afterAll(() => rm(folder, { recursive: true }));

test('the README holds six examples, and every one can be imported', () => {
  expect(examples.map((example) => Object.keys(example))).toEqual([
    ['train'],
    ['network'],
    ['loss', 'code'],
    ['pause'],
    ['norms', 'watched'],
    ['counted'],
  ]);
});

test('the first example trains a ResNet-20 and reports its loss', async () => {
  const train = examples[0].train as (images: LabelledImages, steps: number) => Promise<Trainer>;
  const log = vi.spyOn(console, 'log').mockImplementation(() => {});
  const count = 128;
  const images = Uint8Array.from({ length: count * 3072 }, (_, i) => (i * 2654435761) >>> 24);
  const labels = Uint8Array.from({ length: count }, (_, i) => i % 10);
  const trainer = await train({ images, labels, shape: [3, 32, 32] }, 2);
  expect(trainer.steps).toBe(2);
  expect(log).toHaveBeenCalledExactlyOnceWith(
    expect.stringMatching(/^step 0: loss [2-3]\.\d{3}, \d+ of 64 correct$/),
  );
  log.mockRestore();
  await trainer.dispose();
});

test('an objective of its own learns, and predicts from the input alone', () => {
  // Constant pictures would leave a mean square of 0.25.
  expect(examples[2].loss).toBeLessThan(0.05);
  expect(examples[2].code).toMatchObject({ shape: [5, 8] });
});

test('a model of your own trains, and the checkpoint example saves and restores it', async () => {
  const trainer = await createTrainer({
    objective: classification({ model: examples[1].network as Layer, input: { shape: [1, 8, 8] } }),
    optimizer: sgd({ learningRate: 0.1 }),
    batchSize: 4,
  });
  await trainer.step({ inputs: new Float32Array(256).fill(1), labels: Int32Array.of(0, 1, 2, 3) });
  const gains = trainer.parameters.filter(({ path }) => path.endsWith('/gain'));
  expect(gains.map(({ data }) => data[0])).toEqual([expect.any(Number), expect.any(Number)]);
  expect(gains.every(({ data }) => data[0] !== 0)).toBe(true);

  const pause = examples[3].pause as (trainer: Trainer) => Promise<number>;
  const before = trainer.stateHash();
  const here = process.cwd();
  process.chdir(folder);
  try {
    expect(await pause(trainer)).toBe(1);
  } finally {
    process.chdir(here);
  }
  expect(trainer.stateHash()).toBe(before);
  await trainer.dispose();
});

test('the hook example records the norm of every gradient', async () => {
  const { norms, watched } = examples[4] as { norms: Record<string, number>[]; watched: Trainer };
  await watched.step({
    inputs: new Float32Array(32 * 784).fill(0.5),
    labels: Int32Array.from({ length: 32 }, (_, i) => i % 10),
  });
  expect(Object.keys(norms[0])).toEqual(['hidden0/kernel', 'hidden0/bias', 'output/kernel', 'output/bias']);
  expect(Object.values(norms[0]).every((norm) => norm > 0)).toBe(true);
  await watched.dispose();
});

test('the sixth example counts on', () => {
  expect(examples[5].counted).toEqual([5, 6, 7, 8, 9, 0, 1, 2]);
});
