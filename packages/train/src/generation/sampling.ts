import { type RandomStream, uniform } from '../random.ts';

export interface SamplingOptions {
  /** Divides the logits: below 1 the likely becomes likelier, 0 takes the likeliest. @default 1 */
  readonly temperature?: number;
  /** Draws among this many of the likeliest only. @default all */
  readonly topK?: number;
}

/**
 * Draws an index with the probabilities softmax(logits / temperature).
 *
 * One uniform number u decides: the first index whose cumulative probability exceeds u. Equal logits, streams and options
 * give equal indices.
 *
 * @param logits of one choice, finite
 * @throws RangeError for a temperature below 0 or a `topK` that is no whole number >= 1
 * @example
 * const token = sampleCategorical(logits, randomStream(seed, 'sample', position), { temperature: 0.8, topK: 20 });
 */
export function sampleCategorical(
  logits: Float32Array,
  next: RandomStream,
  { temperature = 1, topK = logits.length }: SamplingOptions = {},
): number {
  if (!(temperature >= 0 && temperature < Infinity))
    throw new RangeError(
      `sampleCategorical: expected \`temperature\` to be a finite number >= 0, got ${temperature}.`,
    );
  if (!(Number.isSafeInteger(topK) && topK >= 1))
    throw new RangeError(`sampleCategorical: expected \`topK\` to be a whole number >= 1, got ${topK}.`);
  const u = uniform(next);
  if (temperature === 0 || topK === 1) return likeliest(logits);

  const most = logits[likeliest(logits)];
  // Of equal logits at the border, those that come first.
  const chosen = topK < logits.length ? likeliestFew(logits, topK) : undefined;
  const weights = Float64Array.from(logits, (logit, i) =>
    chosen && !chosen.has(i) ? 0 : Math.exp((logit - most) / temperature),
  );
  let left = u * weights.reduce((sum, weight) => sum + weight, 0);
  let last = 0;
  for (const [i, weight] of weights.entries()) {
    if (weight === 0) continue;
    last = i;
    left -= weight;
    if (left < 0) break;
  }
  return last;
}

/** The index of the largest logit; of equal ones, the first. */
export function likeliest(logits: ArrayLike<number>): number {
  let best = 0;
  for (let i = 1; i < logits.length; i++) if (logits[i] > logits[best]) best = i;
  return best;
}

function likeliestFew(logits: Float32Array, count: number): Set<number> {
  const order = [...logits.keys()].sort((a, b) => logits[b] - logits[a] || a - b);
  return new Set(order.slice(0, count));
}
