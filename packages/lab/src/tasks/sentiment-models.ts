import {
  cast,
  dense,
  div,
  dropout,
  embedding,
  greater,
  type Layer,
  maximum,
  mul,
  normal,
  reduceSum,
  reshape,
  transformerEncoder,
  type Value,
} from '@znorm/train';
import { paddingToken } from '../text/words.ts';

/** The networks for sentences, by name. */
export const sentenceModels = ['bag', 'transformer'] as const;

export interface SentenceOptions {
  readonly vocabulary: number;
  /** Tokens of a sentence. */
  readonly length: number;
  readonly classes: number;
  readonly dropout: number;
}

/**
 * From tokens [N, length] to logits [N, classes].
 *
 * - `bag`: the mean of the embeddings of the words, whatever their order.
 * - `transformer`: the mean of what two layers of attention make of them.
 */
export function sentenceModel(name: string, options: SentenceOptions): Layer {
  const { vocabulary, length, classes, dropout: rate } = options;
  const body: Layer =
    name === 'bag'
      ? embedding({ vocabulary, width: 128, initializer: normal({ std: 0.1 }) })
      : transformerEncoder({
          vocabulary,
          context: length,
          layers: 2,
          heads: 4,
          width: 128,
          hidden: 256,
          padding: paddingToken,
        });
  return (tokens, scope) => {
    const vectors = dropout({ rate })(body(tokens, scope.child('body')), scope.child('dropout'));
    return dense({ units: classes })(meanOfWords(vectors, tokens), scope.child('output'));
  };
}

/** Mean over the positions that are not padding, [N, T, D] → [N, D]. */
function meanOfWords(vectors: Value, tokens: Value): Value {
  const [n, t] = tokens.shape as [number, number];
  const counted = reshape(cast(greater(cast(tokens, 'float32'), paddingToken), 'float32'), [n, t, 1]);
  const sums = reduceSum(mul(vectors, counted), { axes: [1] });
  return div(sums, maximum(reduceSum(counted, { axes: [1] }), 1));
}
