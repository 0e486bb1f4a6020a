import { permutation, randomStream } from '@znorm/train';
import {
  type CachedSamples,
  cachedSamples,
  type ImportedDataset,
  importDataset,
} from '../datasets/imported-dataset.ts';
import { type GroupSplits, samplesOf } from '../datasets/patient-split.ts';
import { openSamples, type SampleManifest, targetSize } from '../datasets/sample-file.ts';
import type { SampleCounts, SplitSizes } from './recipe.ts';
import type { TaskData } from './task.ts';

/** A data set that a person brings, as a task sees it. */
export function importedData(definition: ImportedDataset): TaskData {
  const { name, published: size, licence, homepage } = definition;
  return {
    name,
    size,
    licence,
    homepage,
    async fetch(options) {
      if (options.from === undefined) await cachedSamples(definition, options);
      else await importDataset(definition, options);
    },
  };
}

/** The identity of the data in a report. */
export function sha1Of({ files }: SampleManifest): Readonly<Record<string, string>> {
  return Object.fromEntries(files.map(({ name, sha1 }) => [name, sha1]));
}

/** Numbers of the samples in each split. */
export interface SampleSplits {
  readonly train: Uint32Array;
  readonly validation: Uint32Array;
  readonly test: Uint32Array;
}

export function sampleSplits({ train, validation, test }: GroupSplits): SampleSplits {
  return { train: samplesOf(train), validation: samplesOf(validation), test: samplesOf(test) };
}

export function countsOf({ train, validation, test }: SampleSplits): SampleCounts {
  return { train: train.length, validation: validation.length, test: test.length };
}

/** As many of each split as a run uses: always the same ones, and smaller sizes are part of larger ones. */
export function sized(
  splits: SampleSplits,
  { trainSize, validationSize, testSize }: SplitSizes,
): SampleSplits {
  const drawn = (name: string, samples: Uint32Array, size: number) =>
    permutation(randomStream(0, name), samples.length)
      .subarray(0, size)
      .map((position) => samples[position])
      .sort();
  return {
    train: drawn('split', splits.train, trainSize),
    validation: drawn('validation split', splits.validation, validationSize),
    test: drawn('test split', splits.test, testSize),
  };
}

/** Which samples have something in their mask. */
export function withTarget({ folder, manifest }: CachedSamples): (sample: number) => boolean {
  const reader = openSamples(folder, manifest);
  const target = new Uint8Array(targetSize(manifest));
  const image = new Uint8Array(0);
  const found = Array.from({ length: manifest.count }, (_, i) => {
    reader.read(i, image, target);
    return target.includes(1);
  });
  reader.close();
  return (sample) => found[sample];
}
