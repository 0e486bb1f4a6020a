import { createHash } from 'node:crypto';
import { closeSync, existsSync, openSync, readFileSync, readSync } from 'node:fs';
import { type FileHandle, open, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { failure } from '../expected-error.ts';
import type { DatasetFile } from './dataset-definition.ts';

/*
 * How data sets lie in the cache that are too large to be held in memory or come in formats too slow to be read
 * during training. Every sample has a fixed place, so any one is one read:
 *
 *     images.u8      [count, channels, height, width], 0-255
 *     targets.u8     [count] class indices, or [count, height, width] masks of 0 and 1
 *     manifest.json  what follows here
 */

/** Samples that belong together and lie one after the other: a patient, or an official split. */
export interface SampleGroup {
  readonly name: string;
  /** Whose samples must not be on both sides of a split. Two groups may be of one person. */
  readonly patient?: string;
  readonly first: number;
  readonly count: number;
  /** Per channel, in units of pixel values scaled to [0, 1]. */
  readonly mean: readonly number[];
  readonly std: readonly number[];
}

export interface SampleManifest {
  readonly format: 1;
  readonly dataset: string;
  /** Where it was read from. */
  readonly from: string;
  readonly count: number;
  /** `[channels, height, width]` of one image. */
  readonly shape: readonly [number, number, number];
  readonly target: 'label' | 'mask';
  readonly groups: readonly SampleGroup[];
  /** What was left out because it was damaged, and why. */
  readonly skipped: readonly string[];
  readonly files: readonly DatasetFile[];
}

export const MANIFEST = 'manifest.json';
const IMAGES = 'images.u8';
const TARGETS = 'targets.u8';

/** Bytes of one target. */
export function targetSize({ target, shape }: Pick<SampleManifest, 'target' | 'shape'>): number {
  return target === 'label' ? 1 : shape[1] * shape[2];
}

/** What has been written of a data set, and how to add to it. */
export interface SampleWriter {
  /** Begins a group; the samples that follow are its own. */
  group(name: string, patient?: string): void;
  /** @param image uint8 `[channels, height, width]` @param target one byte, or `[height, width]` */
  add(image: Uint8Array, target: Uint8Array): Promise<void>;
  /** Writes the manifest. */
  finish(skipped: readonly string[]): Promise<SampleManifest>;
  close(): Promise<void>;
}

/** Begins the files of a data set in an empty folder. */
export async function createSampleWriter(
  folder: string,
  about: Pick<SampleManifest, 'dataset' | 'from' | 'shape' | 'target'>,
): Promise<SampleWriter> {
  const images = await hashedFile(folder, IMAGES);
  const targets = await hashedFile(folder, TARGETS);
  const groups: SampleGroup[] = [];
  let open: { name: string; patient?: string | undefined; first: number; sums: ChannelSums } | undefined;
  let count = 0;

  const endGroup = () => {
    if (open !== undefined && count > open.first) {
      const { name, patient, first, sums } = open;
      const of = patient === undefined ? {} : { patient };
      groups.push({ name, ...of, first, count: count - first, ...channelStatistics(sums) });
    }
    open = undefined;
  };
  return {
    group(name, patient) {
      endGroup();
      open = { name, patient, first: count, sums: channelSums(about.shape) };
    },
    async add(image, target) {
      if (open === undefined) throw new Error('createSampleWriter: expected group() before add().');
      addTo(open.sums, image);
      await images.write(image);
      await targets.write(target);
      count++;
    },
    async finish(skipped) {
      endGroup();
      const files = [await images.finish(), await targets.finish()];
      const manifest: SampleManifest = { format: 1, ...about, count, groups, skipped, files };
      await writeFile(join(folder, MANIFEST), `${JSON.stringify(manifest, null, 1)}\n`);
      return manifest;
    },
    async close() {
      await images.close();
      await targets.close();
    },
  };
}

async function hashedFile(folder: string, name: string) {
  const file: FileHandle = await open(join(folder, name), 'w');
  const digest = createHash('sha1');
  let bytes = 0;
  return {
    async write(data: Uint8Array) {
      digest.update(data);
      bytes += data.length;
      await file.writeFile(data);
    },
    async finish(): Promise<DatasetFile> {
      return { name, bytes, sha1: digest.digest('hex') };
    },
    close: () => file.close(),
  };
}

interface ChannelSums {
  readonly area: number;
  pixels: number;
  readonly sums: number[];
  readonly squares: number[];
}

function channelSums([channels, height, width]: SampleManifest['shape']): ChannelSums {
  const none = () => new Array<number>(channels).fill(0);
  return { area: height * width, pixels: 0, sums: none(), squares: none() };
}

/** Whole numbers, so exact: below 2⁵³ up to 10¹¹ pixels. */
function addTo(into: ChannelSums, image: Uint8Array): void {
  const { area, sums, squares } = into;
  into.pixels += area;
  for (let channel = 0; channel < sums.length; channel++) {
    let sum = 0;
    let square = 0;
    for (let i = channel * area; i < (channel + 1) * area; i++) {
      sum += image[i]!;
      square += image[i]! * image[i]!;
    }
    sums[channel]! += sum;
    squares[channel]! += square;
  }
}

function channelStatistics({ pixels, sums, squares }: ChannelSums): { mean: number[]; std: number[] } {
  const mean = sums.map((sum) => sum / pixels / 255);
  const std = squares.map((square, i) => Math.sqrt(Math.max(square / pixels / 255 ** 2 - mean[i]! ** 2, 0)));
  return { mean, std };
}

/** The manifest in a folder, if there is one. @throws an expected error if it is not one */
export function readManifest(folder: string, dataset: string): SampleManifest | undefined {
  const path = join(folder, MANIFEST);
  if (!existsSync(path)) return undefined;
  try {
    const manifest = JSON.parse(readFileSync(path, 'utf8')) as SampleManifest;
    if (manifest.format === 1 && manifest.dataset === dataset) return manifest;
  } catch {
    // Falls through to the same advice.
  }
  throw failure(
    `${dataset}: ${path} cannot be read. Run \`znorm data remove ${dataset}\` and bring the data again.`,
  );
}

/** Reads samples at their places; memory holds one at a time. */
export interface SampleReader {
  /** Fills both with sample `index`. */
  read(index: number, image: Uint8Array, target: Uint8Array): void;
  close(): void;
}

/** Opens the files that a manifest describes. Works in any thread. */
export function openSamples(folder: string, manifest: SampleManifest): SampleReader {
  const images = openSync(join(folder, IMAGES), 'r');
  const targets = openSync(join(folder, TARGETS), 'r');
  const imageBytes = manifest.shape[0] * manifest.shape[1] * manifest.shape[2];
  const targetBytes = targetSize(manifest);
  const fill = (file: number, into: Uint8Array, position: number, name: string) => {
    if (readSync(file, into, 0, into.length, position) === into.length) return;
    throw failure(
      `${manifest.dataset}: ${name} is shorter than it was. Run \`znorm data verify ${manifest.dataset}\`.`,
    );
  };
  return {
    read(index, image, target) {
      fill(images, image.subarray(0, imageBytes), index * imageBytes, IMAGES);
      fill(targets, target.subarray(0, targetBytes), index * targetBytes, TARGETS);
    },
    close() {
      closeSync(images);
      closeSync(targets);
    },
  };
}
