import { randomStream } from '../random.ts';
import { type SamplingOptions, sampleCategorical } from './sampling.ts';
import type { Stepper } from './stepper.ts';

export interface GenerateOptions extends SamplingOptions {
  /** What each sequence starts with: at least one token, all of one length. */
  readonly prompts: readonly (readonly number[])[];
  /** Tokens to add to each. */
  readonly length: number;
  /** @default 0 */
  readonly seed?: number;
}

/**
 * Continues each prompt by tokens drawn one after the other.
 *
 * What sequence i draws depends on the seed, i and the position alone.
 *
 * @returns the added tokens, without the prompts
 * @throws RangeError if there are not as many prompts as sequences, they differ in length, or the context is too short
 * @example
 * const [added] = await generate(stepper, { prompts: [[0]], length: 100, temperature: 0.8, seed: 1 });
 */
export async function generate(
  stepper: Stepper,
  { prompts, length, seed = 0, ...sampling }: GenerateOptions,
): Promise<number[][]> {
  const given = prompts[0]?.length ?? 0;
  if (given === 0 || prompts.some((prompt) => prompt.length !== given))
    throw new RangeError(
      `generate: expected prompts of one length >= 1, got lengths ${prompts.map((prompt) => prompt.length).join(', ') || 'of none'}.`,
    );
  stepper.start();
  const sequences = prompts.map((prompt) => [...prompt]);
  for (let position = 0; position < given + length - 1; position++) {
    const logits = await stepper.step(sequences.map((tokens) => tokens[position]));
    if (position < given - 1) continue;
    const vocabulary = logits.length / sequences.length;
    for (const [i, tokens] of sequences.entries()) {
      const own = logits.subarray(i * vocabulary, (i + 1) * vocabulary);
      tokens.push(sampleCategorical(own, randomStream(seed, 'sample', i, position), sampling));
    }
  }
  return sequences.map((tokens) => tokens.slice(given));
}
