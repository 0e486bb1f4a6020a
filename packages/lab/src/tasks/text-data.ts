import { loadTexts, type TextDataset } from '../datasets/text-dataset.ts';
import type { TaskData } from './task.ts';

/** A data set of texts as a task sees it. */
export function textData(definition: TextDataset): TaskData {
  const { name, holds, licence, homepage } = definition;
  return {
    name,
    size: holds,
    licence,
    homepage,
    async fetch(options) {
      await loadTexts(definition, options);
    },
  };
}

/** SHA-1 of each of its files. */
export function fileHashes({ files }: TextDataset): Record<string, string> {
  return Object.fromEntries(files.map(({ name, sha1 }) => [name, sha1]));
}
