import { badInput } from '../expected-error.ts';
import { readMethodsFile, resolveMethods } from '../methods.ts';
import { type ComparisonOptions, learningRate, type Spelling, wholeNumber } from '../sweep/plan.ts';
import { taskByName } from '../tasks/tasks.ts';

/** The flags of `znorm compare` that define what is compared, as typed. */
export interface DefiningFlags {
  readonly preset?: string;
  readonly task?: string;
  readonly model?: string;
  readonly methods?: string;
  readonly methodsFile?: string;
  readonly metric?: string;
  readonly optimizer?: string;
  readonly learningRate?: string;
  readonly learningRates?: string;
  readonly batchSize?: string;
  readonly epochs?: string;
  readonly trainSize?: string;
  readonly validationSize?: string;
  readonly testSize?: string;
  readonly seeds?: string;
  readonly tuningSeeds?: string;
  readonly augment: boolean;
  readonly set?: readonly string[];
  readonly engine?: string;
}

/** `trainSize` → `--train-size` */
export const asFlag: Spelling = (option) =>
  option === 'settings' ? '--set' : `--${option.replace(/[A-Z]/g, (capital) => `-${capital.toLowerCase()}`)}`;

/**
 * What was typed, as options of a comparison; what was not typed is not there.
 *
 * @throws ExpectedError naming the flag, what it takes and what it got
 */
export function optionsFromFlags(flags: DefiningFlags): ComparisonOptions {
  const { preset, task, model, metric, optimizer } = flags;
  type Count = 'epochs' | 'batchSize' | 'trainSize' | 'validationSize' | 'testSize' | 'seeds' | 'tuningSeeds';
  const count = (option: Count) => wholeFromFlag(asFlag(option), flags[option]);
  const options: ComparisonOptions = {
    preset,
    task,
    model,
    methods: methodsFromFlags(flags),
    metric,
    optimizer,
    learningRates: ratesFromFlags(flags),
    epochs: count('epochs'),
    batchSize: count('batchSize'),
    trainSize: count('trainSize'),
    validationSize: count('validationSize'),
    testSize: count('testSize'),
    seeds: count('seeds'),
    tuningSeeds: count('tuningSeeds'),
    settings: settingsFromFlags(flags),
    engine: engineFromFlag(flags.engine),
  };
  return Object.fromEntries(Object.entries(options).filter(([, value]) => value !== undefined));
}

/** A whole number >= 1, if anything was typed. */
export function wholeFromFlag(flag: string, text: string | undefined): number | undefined {
  return text === undefined ? undefined : wholeNumber(flag, Number(text), text.trim());
}

function ratesFromFlags({ learningRate: one, learningRates: several }: DefiningFlags): number[] | undefined {
  if (one !== undefined && several !== undefined) {
    throw badInput('compare: expected either `--learning-rate` or `--learning-rates`, got both.');
  }
  if (one !== undefined) return [learningRate('--learning-rate', Number(one), one.trim())];
  return several?.split(',').map((text) => learningRate('--learning-rates', Number(text), text.trim()));
}

/** Methods by name, some of them from a file; those of the task and of the file if only the file is named. */
function methodsFromFlags({
  methods,
  methodsFile,
  task = 'cifar10',
}: DefiningFlags): ComparisonOptions['methods'] {
  if (methods === undefined && methodsFile === undefined) return undefined;
  const own = methodsFile === undefined ? [] : readMethodsFile(methodsFile);
  const all = [...taskByName(task).methods, ...own.map(({ name }) => name)];
  const names = methods === undefined ? [...new Set(all)] : methods.split(',').map((name) => name.trim());
  if (names.includes('')) {
    throw badInput(`compare: expected \`--methods\` to be names separated by commas, got '${methods}'.`);
  }
  return resolveMethods(names, own);
}

/** `--set augment=false`, for which `--no-augment` is short. */
function settingsFromFlags({ augment, set = [] }: DefiningFlags): ComparisonOptions['settings'] {
  const pairs = set.map((text): [string, boolean | number | string] => {
    const [, name, value] = /^([^=]+)=(.+)$/s.exec(text) ?? [];
    if (name === undefined) throw badInput(`compare: expected \`--set\` to be NAME=VALUE, got '${text}'.`);
    if (value === 'true' || value === 'false') return [name, value === 'true'];
    return [name, Number.isFinite(Number(value)) ? Number(value) : value];
  });
  // Commander says true where nothing was typed; there is no flag that says yes.
  if (!augment) pairs.push(['augment', false]);
  return pairs.length === 0 ? undefined : Object.fromEntries(pairs);
}

function engineFromFlag(name: string | undefined): ComparisonOptions['engine'] {
  if (name === undefined || name === 'native' || name === 'wasm') return name;
  throw badInput(`compare: expected \`--engine\` to be native or wasm, got ${name}.`);
}
