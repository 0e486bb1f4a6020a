import { badInput } from '../expected-error.ts';
import { decodeText, linesOf } from '../text/utf8.ts';
import { cacheRoot, cacheState, checksumMismatch, verifiedReader } from './cache.ts';
import type { FetchableDataset } from './dataset-definition.ts';
import { fetchDataset } from './fetch-dataset.ts';
import type { LoadOptions } from './image-dataset.ts';

/** A data set of text files. */
export interface TextDataset extends FetchableDataset {
  /** What there is, for a list: `29,000 + 1,000 pairs of sentences`. */
  readonly holds: string;
}

/**
 * The texts of a data set by file name; fetches them first if they are not in the cache. They are UTF-8 and not empty.
 *
 * @throws an expected error if they cannot be fetched, or a file of them is damaged, is not UTF-8 or empty
 */
export async function loadTexts(
  definition: TextDataset,
  options: LoadOptions = {},
): Promise<Readonly<Record<string, string>>> {
  const cache = cacheRoot(options.cache);
  const state = await cacheState(definition, cache);
  if (options.from !== undefined || state === 'missing' || state === 'incomplete')
    await fetchDataset(definition, options);
  const { name, files } = definition;
  const reader = await verifiedReader(definition, cache, (file) => checksumMismatch(name, file));
  const texts: Record<string, string> = {};
  try {
    for (const file of files)
      texts[file.name] = decodeText(await reader.read(file.name), `${name}: ${file.name}`);
  } finally {
    await reader.close();
  }
  return texts;
}

/** Sentences and their translations, line by line. @throws ExpectedError if there are not as many of both */
export function pairedLines(
  where: string,
  source: { readonly name: string; readonly text: string },
  target: { readonly name: string; readonly text: string },
): { source: string; target: string }[] {
  const [from, to] = [linesOf(source.text), linesOf(target.text)];
  if (from.length !== to.length)
    throw badInput(
      `${where}: expected as many lines in ${target.name} as in ${source.name} (${from.length}), got ${to.length}. Bring files that belong together.`,
    );
  return from.map((line, i) => ({ source: line, target: to[i] }));
}
