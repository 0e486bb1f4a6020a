import { mkdir, mkdtemp, readdir, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { adam, momentum } from 'znorm';
import { relu } from '../src/autodiff/activation.ts';
import { restoreCheckpoint, saveCheckpoint } from '../src/checkpoint-file.ts';
import { classification } from '../src/classification.ts';
import { dense } from '../src/layers/dense.ts';
import { batchNormalization } from '../src/layers/normalization.ts';
import { sequential } from '../src/layers/sequential.ts';
import { decodeSafetensors, encodeSafetensors } from '../src/safetensors.ts';
import { createTrainer, type Trainer, type TrainerOptions } from '../src/trainer.ts';

const objectiveOf = (units: number) =>
  classification({
    model: sequential({
      hidden: dense({ units }),
      norm: batchNormalization(),
      relu,
      output: dense({ units: 2 }),
    }),
    input: { shape: [3] },
  });

const batch = { inputs: Float32Array.of(1, 2, -1, 0, 3, 1), labels: Int32Array.of(0, 1) };

let trainer: Trainer;
const made: Trainer[] = [];

async function create(options: Partial<TrainerOptions> = {}): Promise<Trainer> {
  const created = await createTrainer({
    objective: objectiveOf(4),
    optimizer: adam({ learningRate: 0.01 }),
    batchSize: 2,
    ...options,
  });
  made.push(created);
  return created;
}

beforeEach(async () => {
  trainer = await create();
  await trainer.step(batch);
});

afterEach(async () => {
  for (const created of made.splice(0)) await created.dispose();
});

describe('a checkpoint', () => {
  test('is a safetensors file whose tensors go by path, and its metadata is JSON', () => {
    const { tensors, metadata } = decodeSafetensors(trainer.checkpoint());
    const slots = (path: string) => [`optimizer/${path}/scaleByAdam.mu`, `optimizer/${path}/scaleByAdam.nu`];
    const paths = trainer.parameters.map(({ path }) => path);
    expect(Object.keys(tensors).sort()).toEqual(
      [
        ...paths.map((path) => `parameters/${path}`),
        ...paths.flatMap(slots),
        'buffers/norm/mean',
        'buffers/norm/variance',
      ].sort(),
    );
    expect([...tensors['parameters/hidden/kernel'].data]).toEqual([...trainer.parameters[0].data]);
    expect(tensors['parameters/hidden/kernel'].shape).toEqual([4, 3]);
    expect(JSON.parse(metadata.progress)).toEqual({ seed: 0, steps: 1, batchHash: trainer.batchHash });
    expect(JSON.parse(metadata.optimizer)).toEqual({ step: 1, gates: {} });
  });

  test('is the same bytes for the same state', () => {
    expect(trainer.checkpoint()).toEqual(trainer.checkpoint());
  });

  test('carries what is attached to it, and gives it back when the trainer is restored', async () => {
    const attached = {
      tensors: { 'replay/rewards': { shape: [3], data: Float32Array.of(1, -2, 0.5) } },
      metadata: { counters: '{"rounds":7}' },
    };
    const other = await create();
    expect(other.restore(trainer.checkpoint(attached))).toEqual(attached);
    expect(other.stateHash()).toBe(trainer.stateHash());
    expect(other.restore(trainer.checkpoint())).toBeUndefined();
  });
});

describe('a checkpoint that does not fit is refused by name, and nothing changes', () => {
  /** The checkpoint of a trainer made otherwise. */
  const of = async (options: Partial<TrainerOptions>) => (await create(options)).checkpoint();
  const foreign = 'The checkpoint is of another model or another optimizer.';

  test.each<[string, () => Uint8Array | Promise<Uint8Array>, string]>([
    [
      'another seed',
      () => of({ seed: 7 }),
      'restore: expected a checkpoint of seed 0, got 7. Create the trainer with that seed.',
    ],
    [
      'another width',
      () => of({ objective: objectiveOf(5) }),
      `restore: expected a tensor of shape [4,3], got shape [5,3] at 'parameters/hidden/kernel'. ${foreign}`,
    ],
    [
      'an optimizer with less state',
      () => of({ optimizer: momentum({ learningRate: 0.1 }) }),
      `restore: expected a tensor of shape [4,3], got none at 'optimizer/hidden/kernel/scaleByAdam.mu'. ${foreign}`,
    ],
    [
      'one tensor too many',
      () => {
        const { tensors, metadata } = decodeSafetensors(trainer.checkpoint());
        return encodeSafetensors({ tensors: { ...tensors, extra: tensors['buffers/norm/mean'] }, metadata });
      },
      `restore: expected only tensors of this trainer, got 'extra'. ${foreign}`,
    ],
    [
      'a file of weights without a state',
      () => encodeSafetensors({ ...decodeSafetensors(trainer.checkpoint()), metadata: {} }),
      'restore: expected a checkpoint of format znorm-checkpoint/1, got none.',
    ],
    [
      'a file that was cut off',
      () => trainer.checkpoint().slice(0, -1),
      "safetensors: expected 440 bytes of tensors, got 439. The file is truncated at 'parameters/output/kernel'.",
    ],
  ])('%s', async (_, bytes, message) => {
    const before = trainer.stateHash();
    const checkpoint = await bytes();
    expect(() => trainer.restore(checkpoint)).toThrow(new RangeError(message));
    expect(trainer.stateHash()).toBe(before);
  });
});

describe('on disk', () => {
  let folder: string;
  beforeEach(async () => {
    folder = await mkdtemp(join(tmpdir(), 'znorm-checkpoint-'));
  });
  afterEach(() => rm(folder, { recursive: true }));

  test('saves over an old checkpoint and restores it, leaving nothing else behind', async () => {
    const path = join(folder, 'last.safetensors');
    await writeFile(path, 'an older checkpoint');
    await saveCheckpoint(path, trainer);
    expect(await readdir(folder)).toEqual(['last.safetensors']);

    const saved = trainer.stateHash();
    await trainer.step(batch);
    expect(trainer.stateHash()).not.toBe(saved);
    await restoreCheckpoint(path, trainer);
    expect(trainer.stateHash()).toBe(saved);
  });

  test('a save that fails leaves the old file whole and no part of the new one', async () => {
    const path = join(folder, 'last.safetensors');
    await saveCheckpoint(path, trainer);
    const before = await readFile(path);
    const broken = {
      checkpoint: () => {
        throw new RangeError('no state');
      },
    };
    await expect(saveCheckpoint(path, broken)).rejects.toThrow('no state');
    // The name is taken by a folder: the last step, the renaming, cannot be done.
    const blocked = join(folder, 'blocked');
    await mkdir(join(blocked, 'inside'), { recursive: true });
    await expect(saveCheckpoint(blocked, trainer)).rejects.toThrow();
    expect((await readdir(folder)).sort()).toEqual(['blocked', 'last.safetensors']);
    expect(await readFile(path)).toEqual(before);
  });
});
