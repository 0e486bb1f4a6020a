/** Words of a text as tokens: 0 fills up short sentences, 1 stands for every word without a token. */
export interface Words {
  /** The words from token 2 on: the most frequent first, equals in order of their characters. */
  readonly words: readonly string[];
  /** Number of tokens: 2 + words. */
  readonly size: number;
  encode(words: readonly string[]): number[];
}

export const paddingToken = 0;
const unknownToken = 1;

/** Every word that occurs `least` times becomes a token. */
export function wordsOf(sentences: Iterable<readonly string[]>, least: number): Words {
  const counts = new Map<string, number>();
  for (const sentence of sentences)
    for (const word of sentence) counts.set(word, (counts.get(word) ?? 0) + 1);
  const words = [...counts]
    .filter(([, count]) => count >= least)
    .sort(([a, m], [b, n]) => n - m || (a < b ? -1 : 1))
    .map(([word]) => word);
  const tokens = new Map(words.map((word, i) => [word, i + 2]));
  return {
    words,
    size: words.length + 2,
    encode: (sentence) => sentence.map((word) => tokens.get(word) ?? unknownToken),
  };
}
