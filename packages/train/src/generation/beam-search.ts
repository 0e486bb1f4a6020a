import type { Stepper } from './stepper.ts';

export interface BeamSearchOptions {
  /** Sentences at a time; the stepper has `beams` sequences for each, one sentence after the other. */
  readonly sentences: number;
  /** Continuations kept for each sentence; 1 is greedy decoding. */
  readonly beams: number;
  /** The token a sentence starts with, and the one that ends it. */
  readonly start: number;
  readonly end: number;
  /** Tokens a sentence may have, its end included. */
  readonly length: number;
  /** Scores are divided by length^penalty: 0 prefers short sentences, 1 the best mean. @default 1 */
  readonly lengthPenalty?: number;
}

/**
 * Writes the likeliest sentences it finds, keeping the best few beginnings at every token.
 *
 *     score = Σ log p(token) / length^penalty
 *
 * A sentence is done when as many of its beginnings have ended as there are beams and none that goes on scores better,
 * or when the length is reached.
 * Beginnings of equal score come in the order of their beams and tokens.
 *
 * @param stepper after `start()`
 * @returns for each sentence its tokens, without start and end
 */
export async function beamSearch(stepper: Stepper, options: BeamSearchOptions): Promise<number[][]> {
  const { sentences, beams, start, end, length, lengthPenalty = 1 } = options;
  const scored = ({ logProbability, tokens }: Beam) => logProbability / (tokens.length + 1) ** lengthPenalty;
  let open = Array.from({ length: sentences }, (): Beam[] =>
    // The first beginnings are all alike: only one of them may branch.
    Array.from({ length: beams }, (_, i) => ({ tokens: [], logProbability: i === 0 ? 0 : -Infinity })),
  );
  const ended: Beam[][] = Array.from({ length: sentences }, () => []);

  const best = (list: readonly Beam[]) => list.reduce((a, b) => (scored(b) > scored(a) ? b : a));
  const isDone = (found: readonly Beam[], going: readonly Beam[]) =>
    found.length >= beams && scored(best(found)) >= scored(best(going));

  for (let position = 0; position < length; position++) {
    const next = open.flat().map(({ tokens }) => tokens.at(-1) ?? start);
    const logits = await stepper.step(next);
    const vocabulary = logits.length / (sentences * beams);
    const rows: number[] = [];
    open = open.map((beginnings, sentence) => {
      const found = ended[sentence];
      const going: (Beam & { row: number })[] = [];
      const logitsOf = (beam: number) => {
        const row = sentence * beams + beam;
        return logits.subarray(row * vocabulary, (row + 1) * vocabulary);
      };
      // Twice as many: half of them may end. Such an end counts only where it is among the best.
      const continuations = bestContinuations(beginnings, logitsOf, 2 * beams);
      for (const [rank, { beam, token, logProbability }] of continuations.entries()) {
        const row = sentence * beams + beam;
        const { tokens } = beginnings[beam];
        if (token === end) {
          if (rank < beams) found.push({ tokens, logProbability });
        } else if (going.length < beams) going.push({ tokens: [...tokens, token], logProbability, row });
      }
      while (going.length < beams)
        going.push({ tokens: [end], logProbability: -Infinity, row: sentence * beams });
      rows.push(...going.map(({ row }) => row));
      return going;
    });
    if (ended.every((found, i) => isDone(found, open[i]))) break;
    if (beams > 1) stepper.reorder(rows);
  }
  return ended.map((found, sentence) => best(found.length > 0 ? found : open[sentence]).tokens);
}

interface Beam {
  readonly tokens: number[];
  readonly logProbability: number;
}

/** The `count` likeliest pairs of a beginning and its next token. */
function bestContinuations(
  beginnings: readonly Beam[],
  logitsOf: (beam: number) => Float32Array,
  count: number,
) {
  const best: { beam: number; token: number; logProbability: number }[] = [];
  for (const [beam, { logProbability: before }] of beginnings.entries()) {
    if (before === -Infinity) continue;
    const logits = logitsOf(beam);
    const most = logits.reduce((a, b) => Math.max(a, b));
    const total = most + Math.log(logits.reduce((sum, logit) => sum + Math.exp(logit - most), 0));
    for (let token = 0; token < logits.length; token++) {
      const logProbability = before + logits[token] - total;
      if (best.length === count && logProbability <= best[count - 1].logProbability) continue;
      const place = best.findIndex((other) => other.logProbability < logProbability);
      best.splice(place < 0 ? best.length : place, 0, { beam, token, logProbability });
      if (best.length > count) best.pop();
    }
  }
  return best;
}
