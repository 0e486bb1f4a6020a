import { type Engine, resolveEngine } from '@znorm/train';
import { z } from 'zod';
import { didYouMean } from '../did-you-mean.ts';
import { badInput } from '../expected-error.ts';
import {
  customaryRates,
  type Method,
  optimizerByName,
  resolveMethods,
  withLearningRate,
} from '../methods.ts';
import { chainJson, type RunConfig } from '../run/config.ts';
import { notHeldOut, type Recipe, recipe, requireSizesThatFit } from '../tasks/recipe.ts';
import type { Task } from '../tasks/task.ts';
import { type FindTask, metricsOf, presetOf, taskByName } from '../tasks/tasks.ts';

/** What to compare. Whatever is left out comes from the task and its preset. */
/** Comparisons run on the processor: their gradients are looked at. */
export type ProcessorEngine = Exclude<Engine, 'webgpu'>;

export interface ComparisonOptions {
  /** `smoke`, `quick` or `paper`. @default 'quick' */
  readonly preset?: string | undefined;
  /** A name of `tasks`. @default 'cifar10' */
  readonly task?: string | undefined;
  /** One of those that the task offers. */
  readonly model?: string | undefined;
  /** Names of built-in methods, or methods of one's own. @default those of the task */
  readonly methods?: readonly (string | Method)[] | undefined;
  /** Name of the metric of the task by which rates are chosen and methods compared. @default the task's first */
  readonly metric?: string | undefined;
  /** `sgd`, `momentum`, `rmsprop`, `adam` or `adamw`. @default that of the task */
  readonly optimizer?: string | undefined;
  /** Each method is tried at all of them, and reported at its best on the validation samples. */
  readonly learningRates?: readonly number[] | undefined;
  readonly epochs?: number | undefined;
  readonly batchSize?: number | undefined;
  /** Samples: images, sequences, whatever they are in the task. */
  readonly trainSize?: number | undefined;
  /** Samples, held out of the official training set where there is no official validation set. */
  readonly validationSize?: number | undefined;
  /** Samples. */
  readonly testSize?: number | undefined;
  /** How many runs of each method, with seeds 0, 1, 2 … */
  readonly seeds?: number | undefined;
  /**
   * How many of the seeds choose the rates, the first ones: only they run at every rate, the others at the best.
   * @default all
   */
  readonly tuningSeeds?: number | undefined;
  /** What the task has of its own, such as `{ augment: false }`. */
  readonly settings?: Recipe['settings'] | undefined;
  /** `auto` takes `native` where it can be loaded, else `wasm`. @default 'auto' */
  readonly engine?: 'auto' | ProcessorEngine | undefined;
}

/** What the files of a comparison are called that this version of znorm makes and goes on with. */
export const comparisonFormat = 'znorm-comparison/3';

/** Everything that defines a comparison: what `comparison.json` holds and what its runs are expanded from. */
export const comparisonPlan = z.strictObject({
  format: z.literal(comparisonFormat),
  task: z.string(),
  model: z.string(),
  preset: z.string(),
  methods: z.array(z.strictObject({ name: z.string(), chain: chainJson })).min(1),
  /** By which rates are chosen and methods compared; not in plans from before it could be chosen: then the task's first. */
  metric: z.string().optional(),
  optimizer: z.strictObject({ name: z.string(), chain: chainJson }),
  learningRates: z.array(z.number().positive()).min(1),
  seeds: z.array(z.number().int().nonnegative()).min(1),
  /** The first of `seeds`, which run at every rate and choose the best. */
  tuningSeeds: z.array(z.number().int().nonnegative()).min(1),
  ...recipe.shape,
  engine: z.enum(['native', 'wasm']),
});

export type ComparisonPlan = z.infer<typeof comparisonPlan>;

/** Where a plan is made, and for whom. */
export interface PlanContext {
  /** @default as in code */
  readonly spelled?: Spelling;
  /** Folder of all data sets: of those that a person brings, it tells how much there is. */
  readonly cache?: string | undefined;
  /** @default among `tasks` */
  readonly findTask?: FindTask;
}

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
  { spelled = (option) => option, cache, findTask = taskByName }: PlanContext = {},
): Promise<ComparisonPlan> {
  requireKnownOptions(options);
  const task = findTask(options.task ?? 'cifar10');
  const presetName = options.preset ?? 'quick';
  const preset = presetOf(task, presetName);
  const model = options.model ?? preset.models[0];
  requireModel(task, model);
  const [metric] = metricsOf(task, options.metric);
  const methods = resolveMethods(options.methods ?? task.methods);
  const optimizer = options.optimizer ?? task.optimizer;
  const optimizerChain = optimizerByName(optimizer);
  const usual = optimizer === task.optimizer ? task.learningRates : undefined;
  const learningRates = options.learningRates ?? usual ?? customaryRates[optimizer];

  type Count = 'seeds' | 'tuningSeeds' | 'epochs' | 'batchSize' | 'trainSize' | 'validationSize' | 'testSize';
  const count = (option: Count, otherwise: number) =>
    wholeNumber(spelled(option), options[option] ?? otherwise);
  const counts = await task.counts({ cache });
  const { validation: mostToValidate = Infinity } = counts;
  const validationSize = count('validationSize', Math.min(preset.validationSize, mostToValidate));
  const most = Math.max(1, notHeldOut(counts, validationSize));
  const trainSize = count('trainSize', Math.min(preset.trainSize, most));
  const testSize = count('testSize', Math.min(preset.testSize, counts.test));
  const { name, unit } = task;
  requireSizesThatFit({ trainSize, validationSize, testSize }, { name, unit, counts }, spelled);
  const batchSize = count('batchSize', preset.batchSize);
  if (batchSize > trainSize) {
    throw badInput(
      `compare: expected \`${spelled('batchSize')}\` to be at most the ${trainSize} training ${task.unit.many}, got ${batchSize}.`,
    );
  }
  const seeds = Array.from({ length: count('seeds', preset.seeds) }, (_, seed) => seed);
  const tuningSeeds = count('tuningSeeds', seeds.length);
  if (tuningSeeds > seeds.length) {
    throw badInput(
      `compare: expected \`${spelled('tuningSeeds')}\` to be at most the ${seeds.length} seeds, got ${tuningSeeds}.`,
    );
  }
  const tried = rates(spelled('learningRates'), learningRates);
  if (tuningSeeds < seeds.length && tried.length === 1) {
    throw badInput(
      `compare: expected several rates for \`${spelled('tuningSeeds')}\` to choose from, got ${tried[0]} alone. Name them with \`${spelled('learningRates')}\`.`,
    );
  }
  return {
    format: comparisonFormat,
    task: task.name,
    model,
    preset: presetName,
    methods: methods.map(({ name, chain }) => ({ name, chain: [...chain] })),
    metric: metric.name,
    optimizer: { name: optimizer, chain: [...optimizerChain] },
    learningRates: tried,
    seeds,
    tuningSeeds: seeds.slice(0, tuningSeeds),
    epochs: count('epochs', preset.epochs),
    batchSize,
    trainSize,
    validationSize,
    testSize,
    settings: settingsOf(task, options.settings ?? {}),
    engine: await engineOf(options.engine ?? 'auto'),
  };
}

/**
 * The runs that a comparison may come to: every method at every rate with every seed. Seeds come first, so that a comparison that
 * is looked at early has all methods at its first seeds rather than all seeds of its first methods.
 */
export function expandRuns(plan: ComparisonPlan, findTask: FindTask = taskByName): RunConfig[] {
  const {
    methods,
    optimizer,
    learningRates,
    seeds,
    metric: _,
    tuningSeeds: __,
    preset: ___,
    format: ____,
    ...shared
  } = plan;
  const task = findTask(plan.task);
  const steps = task.steps(plan);
  return seeds.flatMap((seed) =>
    learningRates.flatMap((learningRate) =>
      methods.map((method) => ({
        ...shared,
        method: method.name,
        gradientChain: method.chain,
        optimizerChain: withLearningRate(optimizer.chain, task.schedule(learningRate, steps)),
        learningRate,
        seed,
        steps,
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

function requireModel({ name, models }: Task, model: string): void {
  if (models.includes(model)) return;
  const hint = didYouMean(model, models) || ` Known: ${models.join(', ')}.`;
  throw badInput(`compare: unknown model '${model}' for task '${name}'.${hint}`);
}

/** All settings of a task, those that are given and the others as they are by default. */
function settingsOf(task: Task, given: Recipe['settings']): Recipe['settings'] {
  const known = Object.keys(task.settings);
  for (const [name, value] of Object.entries(given)) {
    if (!known.includes(name)) {
      const all = known.length === 0 ? ' It has none.' : ` It has ${known.join(', ')}.`;
      throw badInput(
        `compare: task '${task.name}' has no setting '${name}'.${didYouMean(name, known) || all}`,
      );
    }
    const { default: usual, values } = task.settings[name];
    if (typeof value === typeof usual && (values?.includes(String(value)) ?? true)) continue;
    const words = { boolean: 'true or false', number: 'a number', string: 'a word' };
    const wanted = values ? `one of ${values.join(', ')}` : words[typeof usual as keyof typeof words];
    throw badInput(`compare: expected setting \`${name}\` to be ${wanted}, got ${JSON.stringify(value)}.`);
  }
  return Object.fromEntries(known.map((name) => [name, given[name] ?? task.settings[name].default]));
}

async function engineOf(wanted: ProcessorEngine | 'auto'): Promise<ProcessorEngine> {
  try {
    return (await resolveEngine(wanted)) as ProcessorEngine;
  } catch (error) {
    throw badInput((error as Error).message.replace(/^resolveEngine/, 'compare'), { cause: error });
  }
}

const optionNames: readonly string[] = [
  'preset',
  'task',
  'model',
  'methods',
  'metric',
  'optimizer',
  'learningRates',
  'epochs',
  'batchSize',
  'trainSize',
  'validationSize',
  'testSize',
  'seeds',
  'tuningSeeds',
  'settings',
  'engine',
] satisfies (keyof ComparisonOptions)[];

function requireKnownOptions(options: ComparisonOptions): void {
  for (const option of Object.keys(options)) {
    if (optionNames.includes(option)) continue;
    const hint = didYouMean(option, optionNames) || ` Known: ${optionNames.join(', ')}.`;
    throw badInput(`compare: unknown option \`${option}\`.${hint}`);
  }
}
