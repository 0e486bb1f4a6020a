import type { TransformationJson } from 'znorm';
import { z } from 'zod';
import { recipe } from '../tasks/recipe.ts';

/** A list of transformations; what is in it, `fromJSON` checks. */
export const chainJson = z.array(z.custom<TransformationJson>());

/** Everything that defines a run. Two runs of equal config give equal bits; where and how fast they run is not here. */
export const runConfig = z.strictObject({
  task: z.string(),
  model: z.string(),
  method: z.string(),
  /** The method's own transformations, then the optimizer's, as chain JSON with the schedule filled in. */
  gradientChain: chainJson,
  optimizerChain: chainJson,
  learningRate: z.number().positive(),
  seed: z.number().int(),
  ...recipe.shape,
  /** Of the optimizer, in the whole run. */
  steps: z.number().int().positive(),
  engine: z.enum(['native', 'wasm']),
});

export type RunConfig = z.infer<typeof runConfig>;

/** How a run is carried out on this machine; changes its speed, never its result. */
export const runSettings = z.strictObject({
  threads: z.number().int().positive(),
  cache: z.string().optional(),
  /** Seconds between checkpoints. */
  checkpointSeconds: z.number().nonnegative(),
});

export type RunSettings = z.infer<typeof runSettings>;

/** Where a run keeps its files, below its comparison's folder. */
export function runFolderName({ method, learningRate, seed }: RunConfig): string {
  return `method-${method}/rate-${learningRate}/seed-${seed}`;
}
