import { join } from 'node:path';
import { builtInMethods } from '../methods.ts';
import { taskByName } from '../tasks/tasks.ts';
import type { ComparisonPlan } from './plan.ts';

/** Methods of a comparison that its options alone do not tell: those of one's own. */
export function ownMethods(plan: ComparisonPlan): ComparisonPlan['methods'] {
  const chainOf = new Map(builtInMethods.map(({ name, chain }) => [name, JSON.stringify(chain)]));
  return plan.methods.filter(({ name, chain }) => chainOf.get(name) !== JSON.stringify(chain));
}

/** Where a comparison keeps its methods of one's own, as a methods file. */
export function methodsFileOf(folder: string): string {
  return join(folder, 'methods.json');
}

/** The command that repeats a comparison exactly, whatever the defaults become. */
export function commandOf(plan: ComparisonPlan, folder: string): string {
  const own = ownMethods(plan).length > 0;
  return shellCommand([
    'npx znorm compare',
    ['--preset', plan.preset],
    ['--task', plan.task],
    ['--model', plan.model],
    ['--methods', plan.methods.map(({ name }) => name).join(',')],
    ...(own ? [['--methods-file', methodsFileOf(folder)] as const] : []),
    ...(plan.metric === undefined ? [] : [['--metric', plan.metric] as const]),
    ['--optimizer', plan.optimizer.name],
    ['--learning-rates', plan.learningRates.join(',')],
    ['--epochs', plan.epochs],
    ['--batch-size', plan.batchSize],
    ['--train-size', plan.trainSize],
    ['--validation-size', plan.validationSize],
    ['--test-size', plan.testSize],
    ['--seeds', plan.seeds.length],
    ...(plan.tuningSeeds.length < plan.seeds.length
      ? [['--tuning-seeds', plan.tuningSeeds.length] as const]
      : []),
    ...changedSettings(plan).map((setting) => ['--set', setting] as const),
    ['--engine', plan.engine],
  ]);
}

/** `augment=false`: the task's own settings that are not as they are by default. */
function changedSettings({ task, settings }: ComparisonPlan): string[] {
  const defaults = taskByName(task).settings;
  return Object.entries(settings).flatMap(([name, value]) =>
    value === defaults[name].default ? [] : [`${name}=${value}`],
  );
}

/** The command that goes on with a comparison. */
export function resumeCommand(folder: string): string {
  return shellCommand(['npx znorm compare', ['--resume', folder]]);
}

/** Words, and options with a value that is quoted where a shell would take it apart. */
export function shellCommand(words: readonly (string | readonly [option: string, value: string | number])[]) {
  const quoted = (value: string | number) =>
    /^[\w@%+=:,./-]+$/.test(`${value}`) ? value : `'${`${value}`.replaceAll("'", "'\\''")}'`;
  return words.map((word) => (typeof word === 'string' ? word : `${word[0]} ${quoted(word[1])}`)).join(' ');
}
