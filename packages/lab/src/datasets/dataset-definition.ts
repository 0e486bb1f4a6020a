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
  /** Reads the splits out of the files; `read` gives the verified bytes of one of `files`. */
  readonly decode: (read: (name: string) => Promise<Uint8Array>) => Promise<DatasetSplits>;
}

export interface DatasetSplits {
  readonly train: ImageSplit;
  readonly test: ImageSplit;
}

/** Bytes a data set takes in the cache. */
export function sizeOnDisk({ files }: Pick<FetchableDataset, 'files'>): number {
  return files.reduce((sum, file) => sum + file.bytes, 0);
}
