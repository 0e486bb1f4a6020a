import { existsSync, mkdirSync, readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { z } from 'zod';
import { badInput } from '../expected-error.ts';
import { withLearningRate } from '../methods.ts';
import { chainJson, type RunConfig, stepsOf } from '../run/config.ts';
import { writeWhole } from '../run/folder.ts';

/** Everything that defines a comparison: what `comparison.json` holds and what its runs are expanded from. */
export const comparisonPlan = z.strictObject({
  task: z.string(),
  model: z.string(),
  preset: z.string(),
  methods: z.array(z.strictObject({ name: z.string(), chain: chainJson })).min(1),
  optimizer: z.strictObject({ name: z.string(), chain: chainJson }),
  learningRates: z.array(z.number().positive()).min(1),
  seeds: z.array(z.number().int().nonnegative()).min(1),
  epochs: z.number().positive(),
  batchSize: z.number().int().positive(),
  trainSize: z.number().int().positive(),
  validationSize: z.number().int().positive(),
  testSize: z.number().int().positive(),
  augment: z.boolean(),
  engine: z.enum(['native', 'wasm']),
});

export type ComparisonPlan = z.infer<typeof comparisonPlan>;

/**
 * The runs of a comparison: every method at every rate with every seed. Seeds come first, so that a comparison that
 * is looked at early has all methods at its first seeds rather than all seeds of its first methods.
 */
export function expandRuns(plan: ComparisonPlan): RunConfig[] {
  const { methods, optimizer, learningRates, seeds, preset: _, ...shared } = plan;
  const steps = stepsOf(shared);
  return seeds.flatMap((seed) =>
    learningRates.flatMap((learningRate) =>
      methods.map((method) => ({
        ...shared,
        method: method.name,
        gradientChain: method.chain,
        optimizerChain: withLearningRate(optimizer.chain, { cosine: { from: learningRate, steps } }),
        learningRate,
        seed,
      })),
    ),
  );
}

/**
 * Makes the folder of a new comparison, or finds that of an old one to go on with.
 *
 * @throws ExpectedError if the folder holds a comparison and `resume` is not asked for, or holds none and it is, or
 * holds one of another config
 */
export function openComparison(folder: string, plan: ComparisonPlan, resume: boolean): void {
  const file = join(folder, 'comparison.json');
  if (!existsSync(file)) {
    if (resume) throw badInput(`compare: expected a comparison to resume in '${folder}', found none.`);
    if (existsSync(folder) && readdirSync(folder).length > 0) {
      throw badInput(
        `compare: '${folder}' is not empty and holds no comparison. Choose another folder with --out.`,
      );
    }
    mkdirSync(folder, { recursive: true });
    writeWhole(file, `${JSON.stringify(plan, null, 2)}\n`);
    return;
  }
  if (!resume) {
    throw badInput(
      `compare: '${folder}' already holds a comparison. Go on with --resume ${folder}, or choose another --out.`,
    );
  }
  const before = readPlan(folder);
  const changed = (Object.keys(plan) as (keyof ComparisonPlan)[]).filter(
    (key) => JSON.stringify(plan[key]) !== JSON.stringify(before[key]),
  );
  if (changed.length > 0) {
    const [key] = changed;
    throw badInput(
      `compare: expected the config of '${folder}', got another \`${key}\` (${JSON.stringify(before[key])} there, ${JSON.stringify(plan[key])} now). Resume without that option, or start anew with another --out.`,
    );
  }
}

/** The plan that a comparison's folder was made with. @throws ExpectedError if there is none */
export function readPlan(folder: string): ComparisonPlan {
  const file = join(folder, 'comparison.json');
  if (!existsSync(file))
    throw badInput(`compare: expected a comparison to resume in '${folder}', found none.`);
  const plan = comparisonPlan.safeParse(JSON.parse(readFileSync(file, 'utf8')));
  if (!plan.success) throw badInput(`${file}: not a comparison's config. ${z.prettifyError(plan.error)}`);
  return plan.data;
}
