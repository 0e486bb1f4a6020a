/**
 * A vocabulary of parts of words, learnt from a text: byte-pair encoding.
 *
 * Tokens 0 to 255 are the bytes of UTF-8, so that there is no text without tokens; each merge adds a token that stands
 * for two others side by side. Parts of a word never reach over its borders; a word takes the space before it along.
 *
 * @see Sennrich et al. 2016, arXiv 1508.07909; Radford et al. 2019 for bytes
 */
export interface BytePairs {
  /** Pairs of tokens in the order in which they were merged: merge i makes token 256 + i. */
  readonly merges: readonly (readonly [number, number])[];
  /** Number of tokens: 256 + merges. */
  readonly size: number;
  encode(text: string): number[];
  /** Bytes that are no UTF-8, as a model may write, become U+FFFD. */
  decode(tokens: Iterable<number>): string;
}

/** Words with the space before them, numbers, and every other character by itself. */
const piecePattern = / ?\p{L}+| ?\p{N}+| ?[^\s\p{L}\p{N}]|\s/gu;

/**
 * Learns merges: at each step the pair that occurs most often in the text; of equal ones, that of the smallest tokens.
 *
 * @param lines the text
 * @param merges how many; fewer are learnt where no pair occurs twice
 * @example
 * const parts = learnBytePairs(['low lower lowest'], 10);
 * parts.decode(parts.encode('lowly')); // 'lowly'
 */
export function learnBytePairs(lines: Iterable<string>, merges: number): BytePairs {
  const counts = new Map<string, number>();
  for (const line of lines)
    for (const [piece] of line.matchAll(piecePattern)) counts.set(piece, (counts.get(piece) ?? 0) + 1);
  const words = [...counts].map(([piece, count]) => ({ tokens: bytesOf(piece), count }));

  // `listed` is the count with which a pair stands on the heap, at least its own; other entries of it are out of date.
  const pairs = new Map<number, { count: number; listed: number; words: Set<number> }>();
  const heap = maxHeap();
  const change = (a: number, b: number, by: number, word: number) => {
    const key = a * base + b;
    const pair = pairs.get(key) ?? { count: 0, listed: 0, words: new Set<number>() };
    pairs.set(key, pair);
    pair.count += by;
    if (by > 0) pair.words.add(word);
    if (pair.count > pair.listed) list(pair, key);
  };
  const list = (pair: { count: number; listed: number }, key: number) => {
    pair.listed = pair.count;
    heap.push({ count: pair.count, key });
  };
  for (const [index, { tokens, count }] of words.entries())
    for (let i = 0; i + 1 < tokens.length; i++) change(tokens[i], tokens[i + 1], count, index);

  const learnt: [number, number][] = [];
  while (learnt.length < merges) {
    const top = heap.pop();
    if (!top) break;
    const pair = pairs.get(top.key);
    if (pair?.listed !== top.count) continue;
    if (pair.count < pair.listed) {
      list(pair, top.key);
      continue;
    }
    if (pair.count < 2) break;
    const [a, b] = [Math.floor(top.key / base), top.key % base];
    const token = firstMerged + learnt.length;
    learnt.push([a, b]);
    for (const index of pair.words) {
      const word = words[index];
      for (let i = 0; i + 1 < word.tokens.length; i++)
        change(word.tokens[i], word.tokens[i + 1], -word.count, index);
      word.tokens = mergeAll(word.tokens, a, b, token);
      for (let i = 0; i + 1 < word.tokens.length; i++)
        change(word.tokens[i], word.tokens[i + 1], word.count, index);
    }
    pairs.delete(top.key);
  }
  return bytePairs(learnt);
}

/** The same from merges that were learnt before. */
export function bytePairs(merges: readonly (readonly [number, number])[]): BytePairs {
  const ranks = new Map(merges.map(([a, b], rank) => [a * base + b, rank]));
  const bytes: Uint8Array[] = Array.from({ length: firstMerged }, (_, byte) => Uint8Array.of(byte));
  for (const [a, b] of merges) bytes.push(Uint8Array.from([...bytes[a], ...bytes[b]]));
  const known = new Map<string, readonly number[]>();

  const encodePiece = (piece: string): readonly number[] => {
    let tokens = bytesOf(piece);
    for (;;) {
      let first = Infinity;
      for (let i = 0; i + 1 < tokens.length; i++)
        first = Math.min(first, ranks.get(tokens[i] * base + tokens[i + 1]) ?? Infinity);
      if (first === Infinity) return tokens;
      tokens = mergeAll(tokens, ...merges[first], firstMerged + first);
    }
  };
  return {
    merges,
    size: firstMerged + merges.length,
    encode: (text) =>
      Array.from(text.matchAll(piecePattern)).flatMap(([piece]) => {
        const tokens = known.get(piece) ?? encodePiece(piece);
        known.set(piece, tokens);
        return tokens;
      }),
    decode: (tokens) =>
      new TextDecoder().decode(Uint8Array.from([...tokens].flatMap((token) => [...bytes[token]]))),
  };
}

const firstMerged = 256;

/** A pair of tokens is one number, a · base + b. */
const base = 2 ** 20;

function bytesOf(piece: string): number[] {
  return [...new TextEncoder().encode(piece)];
}

function mergeAll(tokens: readonly number[], a: number, b: number, token: number): number[] {
  const merged: number[] = [];
  for (let i = 0; i < tokens.length; i++) {
    if (tokens[i] === a && tokens[i + 1] === b) {
      merged.push(token);
      i++;
    } else merged.push(tokens[i]);
  }
  return merged;
}

interface Entry {
  readonly count: number;
  readonly key: number;
}

/** The entry of the largest count comes first; of equal counts, the smallest key. */
function maxHeap() {
  const entries: Entry[] = [];
  const before = (a: Entry, b: Entry) => a.count > b.count || (a.count === b.count && a.key < b.key);
  const swap = (i: number, j: number) => {
    [entries[i], entries[j]] = [entries[j], entries[i]];
  };
  return {
    push(entry: Entry): void {
      entries.push(entry);
      for (let i = entries.length - 1; i > 0; ) {
        const parent = (i - 1) >> 1;
        if (!before(entries[i], entries[parent])) break;
        swap(i, parent);
        i = parent;
      }
    },
    pop(): Entry | undefined {
      const top = entries[0];
      const last = entries.pop();
      if (entries.length === 0 || !last) return top;
      entries[0] = last;
      for (let i = 0; ; ) {
        let best = i;
        for (const child of [2 * i + 1, 2 * i + 2])
          if (child < entries.length && before(entries[child], entries[best])) best = child;
        if (best === i) return top;
        swap(i, best);
        i = best;
      }
    },
  };
}
