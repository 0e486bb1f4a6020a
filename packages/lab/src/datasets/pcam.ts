import { createReadStream, createWriteStream } from 'node:fs';
import { readdir, rm } from 'node:fs/promises';
import { basename, join } from 'node:path';
import { pipeline } from 'node:stream/promises';
import { createGunzip } from 'node:zlib';
import { badInput, failure } from '../expected-error.ts';
import { openHdf5Bytes } from './hdf5.ts';
import type { ImportContext, ImportedDataset } from './imported-dataset.ts';
import type { SampleWriter } from './sample-file.ts';

const SIZE = 96;
/** Rows read at a time: 7 MB. */
const ROWS = 256;

/** Our name of each official split, and the one in its files' names. */
const splits = { train: 'train', validation: 'valid', test: 'test' } as const;

export const pcam: ImportedDataset = {
  name: 'pcam',
  title: 'PatchCamelyon',
  description: 'lymph node patches, 96×96 colour; tumour in the centre or not',
  licence: 'CC0; cite Veeling et al. 2018, arXiv 1806.03962',
  homepage: 'https://github.com/basveeling/pcam',
  published: '262,144 + 32,768 + 32,768 patches',
  shape: [3, SIZE, SIZE],
  target: 'label',
  wanted:
    'the folder of the six files camelyonpatch_level_2_split_{train,valid,test}_{x,y}.h5 (or .h5.gz) of https://github.com/basveeling/pcam',
  async read(path, into, context) {
    if (path === undefined) throw badInput('no address gives it to a program');
    const names = await readdir(path).catch(() => {
      throw badInput(`${path} is not a folder`);
    });
    for (const [group, official] of Object.entries(splits)) {
      const file = (kind: 'x' | 'y') => {
        const name = `camelyonpatch_level_2_split_${official}_${kind}.h5`;
        const found = [name, `${name}.gz`].find((candidate) => names.includes(candidate));
        if (found === undefined) throw badInput(`${path} does not hold ${name} or ${name}.gz`);
        return join(path, found);
      };
      const [x, y] = [file('x'), file('y')];
      into.group(group);
      await readSplit(x, y, into, context);
    }
  },
};

async function readSplit(x: string, y: string, into: SampleWriter, context: ImportContext): Promise<void> {
  const images = await openUnpacked(x, 'x', context);
  try {
    const labels = await openUnpacked(y, 'y', context);
    try {
      const [count] = images.shape as [number];
      requireShape(x, images.shape, [count, SIZE, SIZE, 3]);
      requireShape(y, labels.shape, [count, 1, 1, 1]);
      const task = `reading ${basename(x).replace(/\.gz$/, '')}`;
      for (let first = 0; first < count; first += ROWS) {
        context.signal?.throwIfAborted();
        const end = Math.min(first + ROWS, count);
        const pixels = images.rows(first, end);
        const classes = labels.rows(first, end);
        for (let i = 0; i < end - first; i++) {
          const label = classes[i]!;
          if (label > 1)
            throw failure(`${basename(y)} holds the label ${label} at ${first + i}, expected 0 or 1`);
          await into.add(planes(pixels, i), Uint8Array.of(label));
        }
        context.onProgress({ kind: 'task', task, done: end, total: count, unit: 'files' });
      }
    } finally {
      await labels.close();
    }
  } finally {
    await images.close();
  }
}

/** HDF5 must be read at any place, which gzip does not allow: a `.gz` is unpacked first, beside the finished files. */
async function openUnpacked(path: string, dataset: string, { workspace, signal }: ImportContext) {
  if (!path.endsWith('.gz')) return openHdf5Bytes(path, dataset);
  const plain = join(workspace, basename(path, '.gz'));
  try {
    await pipeline(createReadStream(path), createGunzip(), createWriteStream(plain), { signal });
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException;
    if (!code?.startsWith('Z_')) throw error;
    throw failure(`${basename(path)} is truncated or damaged`, { cause: error });
  }
  const opened = await openHdf5Bytes(plain, dataset);
  return {
    ...opened,
    async close() {
      opened.close();
      await rm(plain, { force: true });
    },
  };
}

function requireShape(path: string, got: readonly number[], expected: readonly number[]): void {
  if (`${got}` !== `${expected}`)
    throw failure(`${basename(path)} holds an array [${got.join(', ')}], expected [${expected.join(', ')}]`);
}

/** `[96, 96, 3]` number `index` of several, as `[3, 96, 96]`. */
function planes(pixels: Uint8Array, index: number): Uint8Array {
  const area = SIZE * SIZE;
  const image = new Uint8Array(3 * area);
  const start = index * 3 * area;
  for (let i = 0; i < area; i++)
    for (let channel = 0; channel < 3; channel++)
      image[channel * area + i] = pixels[start + 3 * i + channel]!;
  return image;
}
