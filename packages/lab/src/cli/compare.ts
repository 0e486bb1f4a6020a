import { rmSync, statSync, writeFileSync } from 'node:fs';
import { isAbsolute, join, relative } from 'node:path';
import { Command } from 'commander';
import { type ComparisonResult, withoutGradients } from '../comparison.ts';
import { badInput } from '../expected-error.ts';
import { builtInMethods } from '../methods.ts';
import { counted, thousands } from '../report/numbers.ts';
import { terminalReport } from '../report/terminal.ts';
import { writeWhole } from '../run/folder.ts';
import { shellCommand } from '../sweep/command.ts';
import { createComparison } from '../sweep/comparison-folder.ts';
import { type ComparisonPlan, planComparison } from '../sweep/plan.ts';
import { type RunComparisonOptions, runComparison, type Work } from '../sweep/run-comparison.ts';
import { presetOf, taskByName, tasks } from '../tasks/tasks.ts';
import { asFlag, type DefiningFlags, optionsFromFlags, wholeFromFlag } from './compare-options.ts';
import { compareProgress } from './compare-progress.ts';
import { fetchProgress } from './fetch-progress.ts';
import { interruptible } from './interrupt.ts';
import { methodAdvice } from './lint.ts';
import { entry } from './paragraph.ts';
import { comparisonsIn, lastComparison, requireSamePlan } from './resume.ts';

interface Flags extends DefiningFlags {
  readonly threads?: string;
  readonly jobs?: string;
  readonly out?: string;
  readonly resume?: string | true;
  readonly json?: string | true;
  readonly cache?: string;
  readonly from?: string;
}

const usual = taskByName('cifar10');

const presetLines = Object.entries(usual.presets).map(([name, preset]) => {
  const { models, trainSize, epochs, seeds } = preset;
  const images = trainSize === Infinity ? 'all' : thousands(trainSize);
  return `  ${name.padEnd(10)}${models.join(', ')}; ${images} ${usual.unit.many}, ${counted(epochs, 'epoch')}, ${counted(seeds, 'seed')}`;
});

const methodWidth = 2 + Math.max(...builtInMethods.map(({ name }) => name.length));
const methodLines = builtInMethods
  .map(({ name, summary }) => `  ${name.padEnd(methodWidth)}${summary}`)
  .join('\n');

const taskWidth = 2 + Math.max(...tasks.map(({ name }) => name.length));

const epilogue = `
Tasks (\`znorm tasks\` says more of them):
${tasks.map(({ name, summary }) => entry(name, summary, { indent: 2, width: taskWidth })).join('\n')}

Presets, here of ${usual.name}, which every other option may change:
${presetLines.join('\n')}

Methods (\`znorm methods\` says more of them):
${methodLines}
  ${'your own'.padEnd(methodWidth)}from --methods-file, as lists of transformations:
    methods:
      clip-then-gc:
        - clipByGlobalNorm: { maxNorm: 5 }
        - centralize

Examples:
  znorm compare
      an answer in about four minutes on two cores
  znorm compare --preset smoke
      the whole way in under a minute
  znorm compare --optimizer momentum --learning-rates 0.1,0.03,0.01
      each method at its own best rate, chosen on validation images
  znorm compare --methods baseline,znorm --seeds 10
      fewer methods, more certainty
  znorm compare --resume
      go on where the last one stopped

Exit status: 0 done, 1 a run failed, 2 bad input, 130 interrupted.`;

/** `znorm compare`: the same training under each gradient method, and what the difference is worth. */
export function compareCommand(): Command {
  return new Command('compare')
    .description(
      'Train with each gradient method from the same weights on the same batches, and say which is better, as far as the seeds can tell.',
    )
    .option('--preset <NAME>', 'smoke, quick or paper, see below (default: quick)')
    .option('--task <NAME>', 'what to learn, see below (default: cifar10)')
    .option('--model <NAME>', 'a network that the task offers, see `znorm tasks`')
    .option('--methods <LIST>', 'names and commas (default: those of the task)')
    .option('--methods-file <FILE>', 'methods of your own, as YAML')
    .option('--metric <NAME>', 'what rates and verdict go by, see `znorm tasks` (default: its first)')
    .option('--optimizer <NAME>', 'adamw, lion, …, see `znorm methods` (default: task’s)')
    .option('--learning-rates <LIST>', 'rates to try; each method is reported at its best')
    .option('--learning-rate <RATE>', 'one rate for all methods')
    .option('--epochs <N>', 'passes over the training samples')
    .option('--batch-size <N>', 'samples (images, for one) a step')
    .option('--train-size <N>', 'training samples')
    .option('--validation-size <N>', 'samples held out of the training set')
    .option('--test-size <N>', 'samples of the test set')
    .option('--set <NAME=VALUE...>', 'what the task has of its own, see `znorm tasks`')
    .option('--no-augment', 'short for --set augment=false')
    .option('--seeds <N>', 'runs of each method, with seeds 0, 1 … N - 1')
    .option('--tuning-seeds <N>', 'seeds that try every rate; others take the best (default: all)')
    .option('--engine <NAME>', 'native or wasm (default: native if there is one)')
    .option('--jobs <N>', 'runs at a time (default: one a core)')
    .option('--threads <N>', 'threads of a run; any number gives the same result')
    .option('--out <DIR>', 'its folder (default: a new one in runs/)')
    .option('--resume [DIR]', 'go on with the one in DIR (default: the last one)')
    .option('--json [FILE]', 'the result as JSON, in FILE or instead of the table')
    .option('--cache <DIR>', 'where data sets are kept')
    .option('--from <PATH>', 'a folder or archive that has the data set')
    .addHelpText('after', epilogue)
    .action(async (flags: Flags) => {
      process.exitCode = await runCompare(flags);
    });
}

async function runCompare(flags: Flags): Promise<number> {
  const how = {
    jobs: wholeFromFlag('--jobs', flags.jobs),
    threads: wholeFromFlag('--threads', flags.threads),
    cache: flags.cache,
    from: flags.from,
  };
  if (typeof flags.json === 'string') requireWritable(flags.json);
  const { folder, comparisons } = await (flags.resume === undefined ? started(flags) : resumed(flags));
  const again = `compare: interrupted. Go on with \`${resumeCommandWith(folder, flags)}\`.`;

  const results: ComparisonResult[] = [];
  for (const comparison of comparisons) {
    const result = await interruptible(again, (signal) => shown(comparison, { ...how, signal }));
    if (flags.json !== true) console.log(summary(result, comparison, flags));
    results.push(result);
  }
  if (flags.json !== undefined) printJson(results, flags.json);
  return results.some(({ failures }) => failures.length > 0) ? 1 : 0;
}

/** Carries out a comparison and shows on standard error how it goes. */
async function shown(folder: string, how: RunComparisonOptions): Promise<ComparisonResult> {
  const fetching = fetchProgress(process.stderr);
  const progress = compareProgress(process.stderr);
  const { onStart, onProgress, onEnd } = progress;
  const onBegin = (work: Work) => {
    fetching.stop();
    progress.onBegin(work);
  };
  try {
    return await runComparison(folder, {
      ...how,
      onFetch: fetching.onProgress,
      onBegin,
      onStart,
      onProgress,
      onEnd,
    });
  } finally {
    fetching.stop();
    progress.stop();
  }
}

/** The record, or a list of them where there are several networks; on standard output, or in a file. */
function printJson(results: readonly ComparisonResult[], file: string | true): void {
  const records = results.map(withoutGradients);
  const text = `${JSON.stringify(records.length === 1 ? records[0] : records, null, 2)}\n`;
  if (file === true) process.stdout.write(text);
  else writeWhole(file, text);
}

/** One comparison or several side by side, and the folder that a person names to go on with them. */
interface Opened {
  readonly folder: string;
  readonly comparisons: readonly string[];
}

/** A new comparison; where the preset has several networks, one of each, unless one is named. */
async function started(flags: Flags): Promise<Opened> {
  const options = optionsFromFlags(flags);
  const { preset = 'quick', task = usual.name, model } = options;
  const { models } = presetOf(taskByName(task), preset);
  if (models.length === 1 || model !== undefined) {
    const plan = await planComparison(options, { spelled: asFlag, cache: flags.cache });
    advise(plan);
    const folder = flags.out ?? join('runs', `${task}-${plan.model}-${preset}-${timestamp()}`);
    createComparison(folder, plan);
    return { folder, comparisons: [folder] };
  }
  const folder = flags.out ?? join('runs', `${task}-${preset}-${timestamp()}`);
  // All of them before the first is trained, so that `--resume` finds them all.
  const plans = await Promise.all(
    models.map((each) =>
      planComparison({ ...options, model: each }, { spelled: asFlag, cache: flags.cache }),
    ),
  );
  advise(plans[0]);
  const comparisons = plans.map((plan) => {
    const inside = join(folder, plan.model);
    createComparison(inside, plan);
    return inside;
  });
  return { folder, comparisons };
}

/** On methods of one's own, before anything is trained. */
function advise({ methods, optimizer }: ComparisonPlan): void {
  for (const line of methodAdvice(methods, optimizer.chain)) process.stderr.write(`${line}\n`);
}

async function resumed(flags: Flags): Promise<Opened> {
  if (flags.out !== undefined) {
    throw badInput(
      'compare: expected either `--resume` or `--out`, got both. Name the folder: --resume DIR.',
    );
  }
  const folder = typeof flags.resume === 'string' ? flags.resume : lastComparison();
  const comparisons = comparisonsIn(folder);
  const typed = optionsFromFlags(flags);
  for (const comparison of comparisons) await requireSamePlan(comparison, typed, flags.cache);
  return { folder, comparisons };
}

/** With what was typed about how to carry it out, such as where the data is. */
function resumeCommandWith(folder: string, { cache, from, jobs, threads, json }: Flags): string {
  const values = { jobs, threads, cache, from, json: json === true ? undefined : json };
  return shellCommand([
    'npx znorm compare',
    ['--resume', folder],
    ...Object.entries(values).flatMap(([name, value]) =>
      value === undefined ? [] : [[`--${name}`, value] as const],
    ),
    ...(json === true ? ['--json'] : []),
  ]);
}

function summary(result: ComparisonResult, folder: string, flags: Flags): string {
  // A run that failed would fail again; one whose process died need not.
  const died = result.failures.filter(({ step }) => step === null).length;
  const retry = `Retry    ${resumeCommandWith(folder, flags)}  # ${counted(died, 'run')} whose process died`;
  return [
    '',
    terminalReport(result, { rules: process.stdout.isTTY === true }),
    '',
    `Report   ${shortPath(join(folder, 'report.html'))}`,
    `Runs     ${shortPath(folder)}`,
    `Repeat   ${result.command}`,
    ...(died > 0 ? [retry] : []),
  ].join('\n');
}

/** From here if it is in here, else in full. */
function shortPath(path: string): string {
  const fromHere = relative('', path) || '.';
  return fromHere.startsWith('..') || isAbsolute(fromHere) ? path : fromHere;
}

/** Finds out before training, not after it, that a result cannot be written. */
function requireWritable(file: string): void {
  const reason = statSync(file, { throwIfNoEntry: false })?.isDirectory() ? 'EISDIR' : failureOfWriting(file);
  if (reason)
    throw badInput(`compare: cannot write \`--json\` to '${file}' (${reason}). Choose another file.`);
}

function failureOfWriting(file: string): string | undefined {
  const trial = `${file}.${process.pid}.tmp`;
  try {
    writeFileSync(trial, '');
    rmSync(trial);
    return undefined;
  } catch (error) {
    return (error as NodeJS.ErrnoException).code;
  }
}

/** 20261123-135900, local time: sorts by age. */
export function timestamp(): string {
  const at = new Date();
  const two = (value: number) => String(value).padStart(2, '0');
  const day = [at.getFullYear(), two(at.getMonth() + 1), two(at.getDate())].join('');
  return `${day}-${[at.getHours(), at.getMinutes(), at.getSeconds()].map(two).join('')}`;
}
