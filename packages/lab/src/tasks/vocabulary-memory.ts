import { createHash } from 'node:crypto';
import type { SafetensorsContent } from '@znorm/train';
import { failure } from '../expected-error.ts';

/**
 * Remembers in every checkpoint which vocabulary a run reads its tokens by: with another one the same numbers would
 * stand for other words, and nothing else would notice.
 *
 * @param vocabulary what the vocabulary consists of, in order
 */
export function vocabularyMemory(task: string, vocabulary: unknown) {
  const hash = createHash('sha1').update(JSON.stringify(vocabulary)).digest('hex');
  return {
    save: (): SafetensorsContent => ({ tensors: {}, metadata: { vocabulary: hash } }),
    load({ metadata }: SafetensorsContent): void {
      if (metadata.vocabulary === hash) return;
      throw failure(
        `${task}: expected the vocabulary that the run began with (${metadata.vocabulary}), got another one (${hash}). Bring the text it was learnt from, or begin a new run.`,
      );
    },
  };
}
