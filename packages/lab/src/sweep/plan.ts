import { type Engine, resolveEngine } from '@znorm/train';
import { z } from 'zod';
import { findDataset } from '../datasets/catalog.ts';
import { didYouMean } from '../did-you-mean.ts';
import { badInput } from '../expected-error.ts';
import {
  builtInMethods,
  type Method,
  optimizerByName,
  resolveMethods,
  withLearningRate,
} from '../methods.ts';
import { modelByName } from '../models.ts';
import { chainJson, type RunConfig, stepsOf } from '../run/config.ts';
import { requireSizesThatFit } from '../tasks/image-classification.ts';
import { taskByName } from '../tasks/tasks.ts';
import { customaryRates, presetByName } from './presets.ts';

/** What to compare. Whatever is left out comes from the preset. */
export interface ComparisonOptions {
  /** `smoke`, `quick` or `paper`. @default 'quick' */
  readonly preset?: string | undefined;
  /** `cifar10`, `fashion-mnist` or `mnist`. @default 'cifar10' */
  readonly task?: string | undefined;
  /** `resnet20` and its like, `plain20` without skips, `mlp`. */
  readonly model?: string | undefined;
  /** Names of built-in methods, or methods of one's own. @default every built-in one */
  readonly methods?: readonly (string | Method)[] | undefined;
  /** `sgd`, `momentum`, `rmsprop`, `adam` or `adamw`. @default 'adam' */
  readonly optimizer?: string | undefined;
  /** Each method is tried at all of them, and reported at its best on the validation images. */
  readonly learningRates?: readonly number[] | undefined;
  readonly epochs?: number | undefined;
  readonly batchSize?: number | undefined;
  /** Images. */
  readonly trainSize?: number | undefined;
  /** Images held out of the official training set. */
  readonly validationSize?: number | undefined;
  /** Images. */
  readonly testSize?: number | undefined;
  /** How many runs of each method at each rate, with seeds 0, 1, 2 … */
  readonly seeds?: number | undefined;
  /** Random crops and flips of training images, as the task has them. @default true */
  readonly augment?: boolean | undefined;
  /** `auto` takes `native` where it can be loaded, else `wasm`. @default 'auto' */
  readonly engine?: 'auto' | Engine | undefined;
}

/** Everything that defines a comparison: what `comparison.json` holds and what its runs are expanded from. */
export const comparisonPlan = z.strictObject({
  task: z.string(),
  model: z.string(),
  preset: z.string(),
  methods: z.array(z.strictObject({ name: z.string(), chain: chainJson })).min(1),
  optimizer: z.strictObject({ name: z.string(), chain: chainJson }),
  learningRates: z.array(z.number().positive()).min(1),
  seeds: z.array(z.number().int().nonnegative()).min(1),
  epochs: z.number().int().positive(),
  batchSize: z.number().int().positive(),
  trainSize: z.number().int().positive(),
  validationSize: z.number().int().positive(),
  testSize: z.number().int().positive(),
  augment: z.boolean(),
  engine: z.enum(['native', 'wasm']),
});

export type ComparisonPlan = z.infer<typeof comparisonPlan>;

/** How the person who reads a message writes the name of an option: `trainSize` in code, `--train-size` typed. */
export type Spelling = (option: keyof ComparisonOptions) => string;

/**
 * Settles everything about a comparison, so that it can be carried out, repeated and compared with another.
 *
 * @throws ExpectedError naming the option, what it takes and what it got
 * @example
 * const plan = await planComparison({ preset: 'smoke', methods: ['baseline', 'znorm'], seeds: 3 });
 * createComparison('runs/first', plan);
 */
export async function planComparison(
  options: ComparisonOptions = {},
  spelled: Spelling = (option) => option,
): Promise<ComparisonPlan> {
  requireKnownOptions(options);
  const preset = presetByName(options.preset ?? 'quick');
  const task = taskByName(options.task ?? 'cifar10');
  const data = findDataset(task.dataset);
  const model = options.model ?? preset.model;
  modelByName(model, data.classes.length);
  const methods = resolveMethods(options.methods ?? builtInMethods);
  const optimizer = options.optimizer ?? 'adam';
  const optimizerChain = optimizerByName(optimizer);
  const learningRates = options.learningRates ?? customaryRates[optimizer];

  type Count = 'seeds' | 'epochs' | 'batchSize' | 'trainSize' | 'validationSize' | 'testSize';
  const count = (option: Count, otherwise: number) =>
    wholeNumber(spelled(option), options[option] ?? otherwise);
  const validationSize = count('validationSize', preset.validationSize);
  const notHeldOut = Math.max(1, data.counts.train - validationSize);
  const trainSize = count('trainSize', Math.min(preset.trainSize, notHeldOut));
  const testSize = count('testSize', Math.min(preset.testSize, data.counts.test));
  requireSizesThatFit({ trainSize, validationSize, testSize }, data, spelled);
  const batchSize = count('batchSize', preset.batchSize);
  if (batchSize > trainSize) {
    throw badInput(
      `compare: expected \`${spelled('batchSize')}\` to be at most the ${trainSize} training images, got ${batchSize}.`,
    );
  }
  return {
    task: task.name,
    model,
    preset: options.preset ?? 'quick',
    methods: methods.map(({ name, chain }) => ({ name, chain: [...chain] })),
    optimizer: { name: optimizer, chain: [...optimizerChain] },
    learningRates: rates(spelled('learningRates'), learningRates),
    seeds: Array.from({ length: count('seeds', preset.seeds) }, (_, seed) => seed),
    epochs: count('epochs', preset.epochs),
    batchSize,
    trainSize,
    validationSize,
    testSize,
    augment: options.augment ?? true,
    engine: await engineOf(options.engine ?? 'auto'),
  };
}

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
 * A whole number >= 1.
 *
 * @param got   what was typed, where that says more than the number
 */
export function wholeNumber(option: string, value: number, got: string = String(value)): number {
  if (Number.isSafeInteger(value) && value >= 1) return value;
  throw badInput(`compare: expected \`${option}\` to be a whole number >= 1, got ${got || 'nothing'}.`);
}

/** A finite number > 0. */
export function learningRate(option: string, value: number, got: string = String(value)): number {
  if (Number.isFinite(value) && value > 0) return value;
  const wanted = option.endsWith('s') ? 'numbers' : 'a number';
  throw badInput(`compare: expected \`${option}\` to be ${wanted} > 0, got ${got || 'nothing'}.`);
}

/** Each once, in the order given. */
function rates(option: string, values: readonly number[]): number[] {
  if (values.length === 0) learningRate(option, Number.NaN, 'none');
  return [...new Set(values.map((value) => learningRate(option, value)))];
}

async function engineOf(wanted: 'auto' | Engine): Promise<Engine> {
  try {
    return await resolveEngine(wanted);
  } catch (error) {
    throw badInput((error as Error).message.replace(/^resolveEngine/, 'compare'), { cause: error });
  }
}

const optionNames: readonly string[] = [
  'preset',
  'task',
  'model',
  'methods',
  'optimizer',
  'learningRates',
  'epochs',
  'batchSize',
  'trainSize',
  'validationSize',
  'testSize',
  'seeds',
  'augment',
  'engine',
] satisfies (keyof ComparisonOptions)[];

function requireKnownOptions(options: ComparisonOptions): void {
  for (const option of Object.keys(options)) {
    if (optionNames.includes(option)) continue;
    const hint = didYouMean(option, optionNames) || ` Known: ${optionNames.join(', ')}.`;
    throw badInput(`compare: unknown option \`${option}\`.${hint}`);
  }
}
