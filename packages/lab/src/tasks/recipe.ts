import { z } from 'zod';
import { badInput } from '../expected-error.ts';

/** How much a run trains and what on, in samples of its task. */
export const recipe = z.strictObject({
  epochs: z.number().int().positive(),
  /** Samples a step. */
  batchSize: z.number().int().positive(),
  trainSize: z.number().int().positive(),
  validationSize: z.number().int().positive(),
  testSize: z.number().int().positive(),
  /** What the task has of its own, such as `augment`. */
  settings: z.record(z.string(), z.union([z.boolean(), z.number(), z.string()])),
});

export type Recipe = z.infer<typeof recipe>;

/** How many samples a run uses; always the same ones, whatever the method and the seed. */
export type SplitSizes = Pick<Recipe, 'trainSize' | 'validationSize' | 'testSize'>;

/** Samples there are. Without a number for validation, its samples are held out of the training ones. */
export interface SampleCounts {
  readonly train: number;
  readonly validation?: number;
  readonly test: number;
}

/** What a sample is called: `{ one: 'image', many: 'images', short: 'img' }`. */
export interface Unit {
  readonly one: string;
  readonly many: string;
  /** In `987 img/s`. */
  readonly short: string;
}

/** Whole batches in all epochs: the samples left over in each epoch are dropped. */
export function wholeBatches({ trainSize, batchSize, epochs }: Omit<Recipe, 'settings'>): number {
  return Math.floor(trainSize / batchSize) * epochs;
}

/** Training samples that are left beside those for validation. */
export function notHeldOut({ train, validation }: SampleCounts, validationSize: number): number {
  return validation === undefined ? train - validationSize : train;
}

/**
 * Checks that there are as many samples as a run asks for.
 *
 * @param of        whose samples, for the message
 * @param spelled   how the person who reads the message writes the name of an option
 * @throws ExpectedError naming the size that does not fit, and what would
 */
export function requireSizesThatFit(
  sizes: SplitSizes,
  of: { readonly name: string; readonly counts: SampleCounts; readonly unit: Unit },
  spelled: (option: keyof SplitSizes) => string = (option) => option,
): void {
  const { validationSize } = sizes;
  const { train, validation, test } = of.counts;
  const { many } = of.unit;
  const requireAtMost = (option: keyof SplitSizes, most: number, why: string) => {
    if (sizes[option] <= most) return;
    throw badInput(
      `compare: expected \`${spelled(option)}\` to be at most ${most} (${why}), got ${sizes[option]}.`,
    );
  };
  const training = `${of.name} has ${train} training ${many}`;
  if (validation === undefined) {
    requireAtMost('validationSize', train - 1, training);
    const held = `the ${train} of ${of.name} less ${validationSize} held out for validation`;
    requireAtMost('trainSize', train - validationSize, held);
  } else {
    requireAtMost('validationSize', validation, `${of.name} has ${validation} validation ${many}`);
    requireAtMost('trainSize', train, training);
  }
  requireAtMost('testSize', test, `${of.name} has ${test} test ${many}`);
}
