import { cacheRoot, cacheState, checksumMismatch, firstChanged, verifiedReader } from './cache.ts';
import { findDataset } from './catalog.ts';
import { type DatasetDefinition, type ImageDataset, type ImageSplit, sha1Of } from './dataset-definition.ts';
import { fetchDataset } from './fetch-dataset.ts';
import type { FetchProgress } from './source.ts';

export type { ImageDataset, ImageSplit } from './dataset-definition.ts';
export type { FetchProgress } from './source.ts';

export interface LoadOptions {
  /** Folder of all data sets. @default ZNORM_CACHE, $XDG_CACHE_HOME/znorm or ~/.cache/znorm */
  readonly cache?: string | undefined;
  /** A folder or archive to take the data from, instead of the network. */
  readonly from?: string | undefined;
  readonly signal?: AbortSignal | undefined;
  readonly onProgress?: ((progress: FetchProgress) => void) | undefined;
}

/**
 * Loads a data set into memory; fetches it first if it is not in the cache.
 *
 * Every byte has been compared with the published checksums: now, or before and the file has not changed since.
 *
 * @param dataset   a name of `datasets`, or a definition of one's own
 * @throws an expected error if there is no such data set, it cannot be fetched, or a file of it is damaged
 * @example
 * const { train, shape } = await loadImageDataset('cifar10');
 * train.images.length === train.count * shape[0] * shape[1] * shape[2]; // 50,000 × 3 × 32 × 32
 */
export async function loadImageDataset(
  dataset: string | DatasetDefinition,
  options: LoadOptions = {},
): Promise<ImageDataset> {
  const definition = await inCache(dataset, options);
  const { name, classes, shape, normalization } = definition;
  const train = await loadImages(definition, 'train', undefined, options);
  const test = await loadImages(definition, 'test', undefined, options);
  return { name, classes, shape, train, test, sha1: sha1Of(definition), normalization };
}

/**
 * Images of one split of a data set that is in the cache; no others are read.
 *
 * @param wanted   their numbers, in the order they are to come in; all if undefined
 * @throws an expected error if a file is damaged
 */
export async function loadImages(
  definition: DatasetDefinition,
  split: 'train' | 'test',
  wanted: Uint32Array | undefined,
  options: Pick<LoadOptions, 'cache'>,
): Promise<ImageSplit> {
  const mismatch = (file: string) => checksumMismatch(definition.name, file);
  const reader = await verifiedReader(definition, cacheRoot(options.cache), mismatch);
  try {
    return await definition.decode(reader.open, split, wanted);
  } finally {
    await reader.close();
  }
}

/**
 * Sees to it that a data set is in the cache and undamaged, as `loadImageDataset` does, without the second that it
 * takes to read and decode it. For who only starts those that will load it.
 */
export async function requireImageDataset(
  dataset: string | DatasetDefinition,
  options: LoadOptions = {},
): Promise<void> {
  const definition = await inCache(dataset, options);
  const changed = await firstChanged(definition, cacheRoot(options.cache));
  if (changed !== undefined) throw checksumMismatch(definition.name, changed);
}

async function inCache(
  dataset: string | DatasetDefinition,
  options: LoadOptions,
): Promise<DatasetDefinition> {
  const definition = typeof dataset === 'string' ? findDataset(dataset) : dataset;
  const state = await cacheState(definition, cacheRoot(options.cache));
  if (options.from !== undefined || state === 'missing' || state === 'incomplete') {
    await fetchDataset(definition, options);
  }
  return definition;
}
