export interface Bleu {
  /** 0 to 100. */
  readonly score: number;
  /** Of 1- to 4-grams, in percent. */
  readonly precisions: readonly number[];
  readonly brevityPenalty: number;
  readonly hypothesisLength: number;
  readonly referenceLength: number;
}

/**
 * Corpus BLEU with the 13a tokenization and exponential smoothing: sacreBLEU's default (`nrefs:1|case:mixed|eff:no|
 * tok:13a|smooth:exp`).
 *
 *     BLEU = BP · exp( Σₙ log pₙ / 4 ),   BP = min(1, exp(1 − r/c))
 *
 * pₙ is the share of the hypotheses' n-grams that a reference has too, each as often as the reference that has it most;
 * where no n-gram matches, 100 / (2ᵏ · n-grams) stands in for the k-th such n. c and r are the lengths of hypotheses and
 * of the references nearest to them in length.
 *
 * @param hypotheses one text a sentence
 * @param references one or more lists of texts, each as long as the hypotheses
 * @throws RangeError if a list of references has another length
 * @see Papineni et al. 2002; Post 2018, arXiv 1804.08771
 * @example
 * bleu(['The dog bit the man.'], [['The dog had bit the man.']]).score; // 51.15078115793242
 */
export function bleu(hypotheses: readonly string[], references: readonly (readonly string[])[]): Bleu {
  const wrong = references.find((list) => list.length !== hypotheses.length);
  if (references.length === 0 || wrong)
    throw new RangeError(
      `bleu: expected as many references as hypotheses (${hypotheses.length}), got ${wrong?.length ?? 'none'}.`,
    );
  const matched = [0, 0, 0, 0];
  const total = [0, 0, 0, 0];
  let hypothesisLength = 0;
  let referenceLength = 0;
  for (const [i, hypothesis] of hypotheses.entries()) {
    const words = tokenize13a(hypothesis);
    const others = references.map((list) => tokenize13a(list[i]));
    hypothesisLength += words.length;
    referenceLength += nearest(
      others.map((other) => other.length),
      words.length,
    );
    for (let n = 1; n <= 4; n++) {
      const allowed = others.map((other) => ngrams(other, n));
      for (const [gram, count] of ngrams(words, n)) {
        total[n - 1] += count;
        matched[n - 1] += Math.min(count, Math.max(...allowed.map((grams) => grams.get(gram) ?? 0)));
      }
    }
  }
  return { ...scoreOf(matched, total, hypothesisLength, referenceLength), hypothesisLength, referenceLength };
}

/** BLEU of counts over a whole corpus. @param matched 1- to 4-grams that a reference has @param total all of them */
export function scoreOf(
  matched: readonly number[],
  total: readonly number[],
  hypothesisLength: number,
  referenceLength: number,
): Pick<Bleu, 'score' | 'precisions' | 'brevityPenalty'> {
  const brevityPenalty =
    hypothesisLength >= referenceLength
      ? 1
      : hypothesisLength > 0
        ? Math.exp(1 - referenceLength / hypothesisLength)
        : 0;
  let smoothing = 1;
  const precisions = matched.map((count, k) => {
    if (total[k] === 0) return 0;
    if (count > 0) return (100 * count) / total[k];
    smoothing *= 2;
    return 100 / (smoothing * total[k]);
  });
  const none = matched.every((count) => count === 0) || precisions.includes(0);
  const mean = precisions.reduce((sum, precision) => sum + Math.log(precision), 0) / precisions.length;
  return { score: none ? 0 : brevityPenalty * Math.exp(mean), precisions, brevityPenalty };
}

/** The length nearest to another; of two as near, the shorter. */
function nearest(lengths: readonly number[], to: number): number {
  return lengths.reduce((best, length) => {
    const [a, b] = [Math.abs(length - to), Math.abs(best - to)];
    return a < b || (a === b && length < best) ? length : best;
  });
}

function ngrams(words: readonly string[], n: number): Map<string, number> {
  const counts = new Map<string, number>();
  for (let i = 0; i + n <= words.length; i++) {
    const gram = words.slice(i, i + n).join(' ');
    counts.set(gram, (counts.get(gram) ?? 0) + 1);
  }
  return counts;
}

/**
 * Words as NIST's mteval-v13a script cuts them: punctuation apart, but points and commas within numbers and hyphens
 * that do not follow a digit stay.
 */
export function tokenize13a(text: string): string[] {
  const plain = text
    .replaceAll('<skipped>', '')
    .replaceAll('-\n', '')
    .replaceAll('\n', ' ')
    .replaceAll('&quot;', '"')
    .replaceAll('&amp;', '&')
    .replaceAll('&lt;', '<')
    .replaceAll('&gt;', '>');
  return ` ${plain} `
    .replace(/([{-~[-` -&(-+:-@/])/g, ' $1 ')
    .replace(/([^0-9])([.,])/g, '$1 $2 ')
    .replace(/([.,])([^0-9])/g, ' $1 $2')
    .replace(/([0-9])(-)/g, '$1 $2 ')
    .split(/\s+/u)
    .filter((word) => word !== '');
}
