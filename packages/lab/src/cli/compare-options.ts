import { join } from 'node:path';
import { didYouMean } from '../did-you-mean.ts';
import { badInput } from '../expected-error.ts';
import { optimizers, readMethodsFile, resolveMethods } from '../methods.ts';
import { modelByName } from '../models.ts';
import type { ComparisonPlan } from '../sweep/plan.ts';
import { taskByName } from '../tasks/tasks.ts';

/** The flags of `znorm compare` that define what is compared, as typed. */
export interface CompareFlags {
  readonly task?: string;
  readonly model?: string;
  readonly methods?: string;
  readonly methodsFile?: string;
  readonly optimizer?: string;
  readonly learningRates?: string;
  readonly batchSize?: string;
  readonly epochs?: string;
  readonly trainSize?: string;
  readonly validationSize?: string;
  readonly testSize?: string;
  readonly seeds?: string;
  readonly augment?: boolean;
}

interface Preset {
  readonly model: string;
  readonly epochs: number;
  readonly batchSize: number;
  /** Number of seeds: 0, 1, 2 … */
  readonly seeds: number;
  /** Images; Infinity for as many as there are. */
  readonly trainSize: number;
  readonly validationSize: number;
  readonly testSize: number;
}

/** `quick` is for an answer over coffee, `smoke` to see that everything works, `paper` for the published setting. */
export const presets: Readonly<Record<string, Preset>> = {
  smoke: {
    model: 'resnet8',
    epochs: 2,
    batchSize: 32,
    seeds: 2,
    trainSize: 512,
    validationSize: 256,
    testSize: 512,
  },
  quick: {
    model: 'resnet8',
    epochs: 5,
    batchSize: 64,
    seeds: 5,
    trainSize: 4000,
    validationSize: 1000,
    testSize: 5000,
  },
  paper: {
    model: 'resnet20',
    epochs: 200,
    batchSize: 128,
    seeds: 5,
    trainSize: Infinity,
    validationSize: 5000,
    testSize: Infinity,
  },
};

/** The networks of the published setting, one comparison each. */
export const paperModels: readonly string[] = ['resnet20', 'resnet56', 'resnet110'];

/**
 * Rates tried where none is asked for. Adam-like steps have the same size whatever a method makes of the gradient's
 * scale, so one customary rate serves all methods; a step of SGD grows with the gradient, so there every method gets
 * the same grid.
 */
const customaryRates: Readonly<Record<string, readonly number[]>> = {
  sgd: [0.1, 0.01, 0.001],
  momentum: [0.1, 0.01, 0.001],
  rmsprop: [0.001],
  adam: [0.001],
  adamw: [0.001],
};

export function presetByName(name: string): Preset {
  const preset = presets[name];
  if (preset) return preset;
  const all = Object.keys(presets);
  throw badInput(
    `compare: unknown preset '${name}'.${didYouMean(name, all) || ` Known: ${all.join(', ')}.`}`,
  );
}

/**
 * What is to be compared, from a preset and the flags that change it.
 *
 * @throws ExpectedError naming the flag, what it takes and what it got
 */
export function planFromFlags(
  flags: CompareFlags,
  presetName: string,
  engine: 'native' | 'wasm',
): ComparisonPlan {
  const preset = presetByName(presetName);
  const task = taskByName(flags.task ?? 'cifar10');
  const model = flags.model ?? preset.model;
  modelByName(model, 10);
  const optimizer = optimizerByName(flags.optimizer ?? 'adam');
  const validationSize =
    given(flags.validationSize, '--validation-size', wholeNumber) ?? preset.validationSize;
  const available = task.counts.train - validationSize;
  const trainSize =
    given(flags.trainSize, '--train-size', wholeNumber) ?? Math.min(preset.trainSize, available);
  if (trainSize > available) {
    throw badInput(
      `compare: expected \`--train-size\` to be at most ${available} (${task.counts.train} images less ${validationSize} held out for validation), got ${trainSize}.`,
    );
  }
  const testSize =
    given(flags.testSize, '--test-size', wholeNumber) ?? Math.min(preset.testSize, task.counts.test);
  if (testSize > task.counts.test) {
    throw badInput(`compare: expected \`--test-size\` to be at most ${task.counts.test}, got ${testSize}.`);
  }
  const batchSize = given(flags.batchSize, '--batch-size', wholeNumber) ?? preset.batchSize;
  if (batchSize > trainSize) {
    throw badInput(
      `compare: expected \`--batch-size\` to be at most the ${trainSize} training images, got ${batchSize}.`,
    );
  }
  return {
    task: task.name,
    model,
    preset: presetName,
    methods: methodsFromFlags(flags),
    optimizer,
    learningRates: given(flags.learningRates, '--learning-rates', rates) ?? [
      ...customaryRates[optimizer.name],
    ],
    seeds: Array.from(
      { length: given(flags.seeds, '--seeds', wholeNumber) ?? preset.seeds },
      (_, seed) => seed,
    ),
    epochs: given(flags.epochs, '--epochs', wholeNumber) ?? preset.epochs,
    batchSize,
    trainSize,
    validationSize,
    testSize,
    augment: flags.augment ?? true,
    engine,
  };
}

/**
 * A comparison's own plan with the flags of a later call on top: equal to it unless a flag asks for something else.
 */
export function planForResume(
  before: ComparisonPlan,
  flags: CompareFlags,
  engine: 'native' | 'wasm',
): ComparisonPlan {
  const typed: CompareFlags = {
    task: before.task,
    model: before.model,
    optimizer: before.optimizer.name,
    learningRates: before.learningRates.join(','),
    batchSize: String(before.batchSize),
    epochs: String(before.epochs),
    trainSize: String(before.trainSize),
    validationSize: String(before.validationSize),
    testSize: String(before.testSize),
    seeds: String(before.seeds.length),
    augment: before.augment,
    ...flags,
  };
  const methods = flags.methods ?? flags.methodsFile;
  const now = planFromFlags(typed, before.preset, engine);
  return methods === undefined ? { ...now, methods: before.methods } : now;
}

/** The command that repeats a comparison exactly, whatever the defaults become. */
export function commandOf(plan: ComparisonPlan, methodsFile: string | undefined): string {
  return [
    'npx znorm compare',
    `--task ${plan.task}`,
    `--model ${plan.model}`,
    `--methods ${plan.methods.map(({ name }) => name).join(',')}`,
    ...(methodsFile === undefined ? [] : [`--methods-file ${join(methodsFile)}`]),
    `--optimizer ${plan.optimizer.name}`,
    `--learning-rates ${plan.learningRates.join(',')}`,
    `--epochs ${plan.epochs}`,
    `--batch-size ${plan.batchSize}`,
    `--train-size ${plan.trainSize}`,
    `--validation-size ${plan.validationSize}`,
    `--test-size ${plan.testSize}`,
    `--seeds ${plan.seeds.length}`,
    ...(plan.augment ? [] : ['--no-augment']),
    `--engine ${plan.engine}`,
  ].join(' ');
}

function methodsFromFlags({ methods, methodsFile }: CompareFlags): ComparisonPlan['methods'] {
  const own = methodsFile === undefined ? [] : readMethodsFile(methodsFile);
  const names =
    methods === undefined
      ? ['baseline', 'clip', 'gc', 'znorm', ...own.map(({ name }) => name)]
      : given(methods, '--methods', list)!;
  const unique = methods === undefined ? [...new Set(names)] : names;
  return resolveMethods(unique, own).map(({ name, chain }) => ({ name, chain: [...chain] }));
}

function optimizerByName(name: string): ComparisonPlan['optimizer'] {
  const chain = optimizers[name];
  if (chain) return { name, chain: [...chain] };
  const all = Object.keys(optimizers);
  throw badInput(
    `compare: unknown optimizer '${name}'.${didYouMean(name, all) || ` Known: ${all.join(', ')}.`}`,
  );
}

function given<V>(
  text: string | undefined,
  flag: string,
  parse: (text: string, flag: string) => V,
): V | undefined {
  return text === undefined ? undefined : parse(text, flag);
}

/** A whole number >= 1. */
export function wholeNumber(text: string, flag: string): number {
  const value = Number(text);
  if (!/^\d+$/.test(text.trim()) || value < 1 || !Number.isSafeInteger(value)) {
    throw badInput(`compare: expected \`${flag}\` to be a whole number >= 1, got ${text}.`);
  }
  return value;
}

function rates(text: string, flag: string): number[] {
  const values = list(text, flag).map((part) => {
    const rate = Number(part);
    if (part === '' || !(rate > 0) || rate === Infinity) {
      throw badInput(`compare: expected \`${flag}\` to be numbers > 0, got ${part || 'nothing'}.`);
    }
    return rate;
  });
  return [...new Set(values)];
}

function list(text: string, flag: string): string[] {
  const parts = text.split(',').map((part) => part.trim());
  if (parts.some((part) => part === '')) {
    throw badInput(
      `compare: expected \`${flag}\` to be names or numbers separated by commas, got '${text}'.`,
    );
  }
  return parts;
}
