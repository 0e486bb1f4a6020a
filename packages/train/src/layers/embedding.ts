import { gather } from '../autodiff/indexing.ts';
import { type Initializer, normal } from '../initializers.ts';
import { knownOptions } from '../known-options.ts';
import type { Layer } from './scope.ts';

export interface EmbeddingOptions {
  /** Rows of the table: how many tokens there are. */
  readonly vocabulary: number;
  /** Numbers a token becomes. */
  readonly width: number;
  /** @default normal({ std: 0.02 }), as in GPT-2 */
  readonly initializer?: Initializer;
}

/**
 * Looks each token up in a table that is learnt.
 *
 * Shapes: tokens int64 or int32 [...], table [vocabulary, width], y [..., width].
 */
export function embedding(options: EmbeddingOptions): Layer {
  knownOptions('embedding', options, ['vocabulary', 'width', 'initializer']);
  const { vocabulary, width, initializer = normal({ std: 0.02 }) } = options;
  return (tokens, scope) =>
    gather(scope.parameter('table', [vocabulary, width], { role: 'embedding', initializer }), tokens);
}
