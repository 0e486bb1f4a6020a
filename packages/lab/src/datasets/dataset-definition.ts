import type { DatasetSource } from './source.ts';

/** One split of a data set, as stored: no scaling, no shuffling, the order of the official files. */
export interface ImageSplit {
  /** Pixels, `[count, channels, height, width]`, 0-255. */
  readonly images: Uint8Array;
  /** Class indices, `[count]`. */
  readonly labels: Uint8Array;
  readonly count: number;
}

/** Images in memory, with everything a task needs to feed them to a model. */
export interface ImageDataset {
  readonly name: string;
  /** Class names; a label is an index into them. */
  readonly classes: readonly string[];
  /** `[channels, height, width]` of one image. */
  readonly shape: readonly [number, number, number];
  readonly train: ImageSplit;
  readonly test: ImageSplit;
  /** SHA-1 of each file the images were read from: the identity of the data in a report. */
  readonly sha1: Readonly<Record<string, string>>;
  readonly normalization: Normalization;
}

/**
 * Mean and (population) standard deviation of the training pixels, one per channel, as fractions of 255:
 *
 *     x = (pixel / 255 − mean) / std
 */
export interface Normalization {
  readonly mean: readonly number[];
  readonly std: readonly number[];
}

/** A file as it lies in the cache. Its checksum, not where it came from, decides whether it is the right one. */
export interface DatasetFile {
  readonly name: string;
  readonly bytes: number;
  /** SHA-1, hexadecimal. */
  readonly sha1: string;
}

/** A data set that znorm can fetch, whatever is in it: what it knows of it before any of it is there. */
export interface FetchableDataset {
  /** The name a person types: lower case, no spaces. */
  readonly name: string;
  readonly title: string;
  readonly description: string;
  readonly licence: string;
  readonly homepage: string;
  readonly files: readonly DatasetFile[];
  /** The archive as its authors publish it: looked for, by name, in a folder that a person points to. */
  readonly archive?: string;
  /** Where to fetch it from, in the order to try. */
  readonly sources: readonly DatasetSource[];
}

/** A data set of labelled images. */
export interface DatasetDefinition extends FetchableDataset {
  readonly classes: readonly string[];
  readonly shape: readonly [number, number, number];
  readonly counts: { readonly train: number; readonly test: number };
  readonly normalization: Normalization;
  /**
   * Reads images of a split out of the files.
   *
   * @param open    gives one of `files`, verified
   * @param wanted  numbers of images, in the order they are to come in. @default all
   */
  readonly decode: (
    open: (name: string) => Promise<VerifiedFile>,
    split: 'train' | 'test',
    wanted?: Uint32Array,
  ) => Promise<ImageSplit>;
}

/** A file of the cache, open, whose bytes are known to be the right ones. */
export interface VerifiedFile {
  readonly bytes: number;
  /** Fills `into` with the bytes from `position` on. */
  readonly read: (position: number, into: Uint8Array) => void;
}

/** Bytes a data set takes in the cache. */
export function sizeOnDisk({ files }: Pick<FetchableDataset, 'files'>): number {
  return files.reduce((sum, file) => sum + file.bytes, 0);
}

/** SHA-1 of each file: the identity of the data in a report. */
export function sha1Of({ files }: Pick<FetchableDataset, 'files'>): Record<string, string> {
  return Object.fromEntries(files.map(({ name, sha1 }) => [name, sha1]));
}
