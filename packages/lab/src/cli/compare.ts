import { existsSync, readdirSync, statSync } from 'node:fs';
import { availableParallelism } from 'node:os';
import { join, relative } from 'node:path';
import { type Engine, resolveEngine } from '@znorm/train';
import { Command } from 'commander';
import { type ComparisonResult, withoutGradients } from '../comparison.ts';
import { loadImageDataset } from '../datasets/image-dataset.ts';
import { badInput } from '../expected-error.ts';
import { reportPage } from '../report/page.ts';
import { terminalReport } from '../report/terminal.ts';
import { writeWhole } from '../run/folder.ts';
import { compare, comparisonResult, jobsLeft, plannedRuns } from '../sweep/compare.ts';
import { type ComparisonPlan, openComparison, readPlan } from '../sweep/plan.ts';
import { taskByName } from '../tasks/tasks.ts';
import {
  type CompareFlags,
  commandOf,
  paperModels,
  planForResume,
  planFromFlags,
  presetByName,
  wholeNumber,
} from './compare-options.ts';
import { compareProgress } from './compare-progress.ts';
import { fetchProgress } from './fetch-progress.ts';
import { interruptible } from './interrupt.ts';

interface Flags extends CompareFlags {
  readonly preset?: string;
  readonly threads?: string;
  readonly jobs?: string;
  readonly engine?: string;
  readonly out?: string;
  readonly resume?: string | true;
  readonly json?: string | true;
  readonly cache?: string;
  readonly from?: string;
}

const examples = `
Examples:
  znorm compare                                        about five minutes on two cores
  znorm compare --preset smoke                         the whole way in under a minute
  znorm compare --optimizer momentum --learning-rates 0.1,0.03,0.01
                                                       each method at its own best rate
  znorm compare --methods baseline,znorm --seeds 10    fewer methods, more certainty
  znorm compare --resume                               go on where the last one stopped`;

/** `znorm compare`: the same training under each gradient method, and what the difference is worth. */
export function compareCommand(): Command {
  return new Command('compare')
    .description('train with each gradient method from the same weights on the same batches, and compare')
    .option('--preset <name>', 'smoke, quick or paper (default: quick)')
    .option('--task <name>', 'cifar10, fashion-mnist or mnist (default: cifar10)')
    .option('--model <name>', 'resnet8, 14, 20, 32, 44, 56, 110; plain20 and so on without skips; mlp')
    .option('--methods <list>', 'gradient methods, separated by commas (default: baseline,clip,gc,znorm)')
    .option('--methods-file <file>', 'methods of your own, as YAML')
    .option('--optimizer <name>', 'sgd, momentum, rmsprop, adam or adamw (default: adam)')
    .option('--learning-rates <list>', 'rates to try; each method is reported at its best on validation images')
    .option('--learning-rate <rate>', 'one rate for all methods')
    .option('--epochs <n>', 'passes over the training images')
    .option('--batch-size <n>', 'images a step')
    .option('--train-size <n>', 'training images')
    .option('--validation-size <n>', 'images held out of the training set')
    .option('--test-size <n>', 'images of the test set')
    .option('--no-augment', 'train on the images as they are, without random crops and flips')
    .option('--seeds <n>', 'runs of each method, with seeds 0 to N − 1')
    .option('--engine <name>', 'native or wasm (default: native where it can be loaded)')
    .option('--threads <n>', 'threads of one run; any number gives the same result')
    .option('--jobs <n>', 'runs at a time')
    .option('--out <dir>', 'folder of the comparison (default: runs/TASK-MODEL-PRESET-TIME)')
    .option('--resume [dir]', 'go on with the comparison in DIR (default: the last one in runs/)')
    .option('--json [file]', 'the result as JSON, in FILE or instead of the table')
    .option('--cache <dir>', 'where data sets are kept')
    .option('--from <path>', 'a folder or archive with the data set, instead of fetching it')
    .addHelpText('after', examples)
    .action(async ({ learningRate, augment, ...flags }: Flags & { learningRate?: string }) => {
      if (learningRate !== undefined && flags.learningRates !== undefined) {
        throw badInput('compare: expected either `--learning-rate` or `--learning-rates`, got both.');
      }
      // Commander sets `augment` even where --no-augment is not given; only a typed flag may contradict a resumed plan.
      const typed = {
        ...flags,
        learningRates: flags.learningRates ?? learningRate,
        augment: augment ? undefined : false,
      };
      process.exitCode = await runCompare(typed);
    });
}

async function runCompare(flags: Flags): Promise<number> {
  const resolved = await engineFromFlag(flags.engine);
  const plans = plansFromFlags(flags, resolved);
  const results: ComparisonResult[] = [];
  for (const { plan, folder } of plans) {
    openComparison(folder, plan, flags.resume !== undefined);
    const result = await carryOut(plan, folder, flags);
    if (flags.json !== true) console.log(summary(result, folder));
    results.push(result);
  }
  if (flags.json !== undefined) {
    const records = results.map(withoutGradients);
    const text = `${JSON.stringify(records.length === 1 ? records[0] : records, null, 2)}\n`;
    if (flags.json === true) process.stdout.write(text);
    else writeWhole(flags.json, text);
  }
  return results.some(({ failures }) => failures.length > 0) ? 1 : 0;
}

/** One comparison, or one a network for the published setting. */
function plansFromFlags(flags: Flags, engine: Engine): { plan: ComparisonPlan; folder: string }[] {
  if (flags.resume !== undefined) {
    if (flags.preset !== undefined)
      throw badInput('compare: a resumed comparison keeps its preset. Leave out --preset.');
    const folder = flags.resume === true ? (flags.out ?? lastComparison()) : flags.resume;
    const before = readPlan(folder);
    return [
      { plan: planForResume(before, definingFlags(flags), flags.engine ? engine : before.engine), folder },
    ];
  }
  const preset = flags.preset ?? 'quick';
  presetByName(preset);
  const models = preset === 'paper' && flags.model === undefined ? paperModels : [flags.model];
  const plans = models.map((model) => planFromFlags({ ...definingFlags(flags), model }, preset, engine));
  return plans.map((plan) => {
    const name = `${plan.task}-${plan.model}-${preset}-${timestamp()}`;
    const folder = flags.out ?? join('runs', name);
    return { plan, folder: flags.out && plans.length > 1 ? `${folder}-${plan.model}` : folder };
  });
}

async function carryOut(plan: ComparisonPlan, folder: string, flags: Flags): Promise<ComparisonResult> {
  const task = taskByName(plan.task);
  const fetching = fetchProgress(process.stderr);
  const stopped = `${task.dataset}: interrupted. Run the same command to go on from there.`;
  const data = await interruptible(stopped, (signal) =>
    loadImageDataset(task.dataset, {
      cache: flags.cache,
      from: flags.from,
      onProgress: fetching.onProgress,
      signal,
    }),
  ).finally(fetching.stop);

  const runs = plannedRuns(plan, folder);
  const cores = availableParallelism();
  const jobs = flags.jobs === undefined ? Math.min(cores, runs.length) : wholeNumber(flags.jobs, '--jobs');
  const threads =
    flags.threads === undefined
      ? Math.max(1, Math.floor(cores / jobs))
      : wholeNumber(flags.threads, '--threads');
  const left = jobsLeft(plan, runs);
  const methods = plan.methods.map(({ name }) => name).join(', ');
  process.stderr.write(
    `${methods} on ${plan.task} with ${plan.model}: ${runs.length} runs of ${plan.epochs} epochs, ${jobs} at a time.\n`,
  );

  const progress = compareProgress(process.stderr, { jobs: left.train + left.test, epochs: plan.epochs });
  const settings = { threads, cache: flags.cache, checkpointSeconds: 20 };
  const again = `compare: interrupted. Go on with \`npx znorm compare --resume ${relative('', folder)}\`.`;
  await interruptible(again, (signal) => compare(runs, { ...progress, jobs, settings, signal })).finally(
    progress.stop,
  );

  const { trainSize, validationSize, testSize } = plan;
  const result = comparisonResult(plan, runs, {
    command: commandOf(plan, flags.methodsFile),
    data: { name: data.name, sha1: { ...data.sha1 }, trainSize, validationSize, testSize },
    jobs,
    threads,
  });
  writeWhole(join(folder, 'result.json'), `${JSON.stringify(withoutGradients(result), null, 2)}\n`);
  writeWhole(join(folder, 'report.html'), reportPage(result));
  return result;
}

function summary(result: ComparisonResult, folder: string): string {
  return [
    '',
    terminalReport(result, { rules: process.stdout.isTTY === true }),
    '',
    `Report   ${join(relative('', folder), 'report.html')}`,
    `Runs     ${relative('', folder)}`,
    `Repeat   ${result.command}`,
  ].join('\n');
}

async function engineFromFlag(name: string | undefined): Promise<Engine> {
  if (name !== undefined && name !== 'native' && name !== 'wasm') {
    throw badInput(`compare: expected \`--engine\` to be native or wasm, got ${name}.`);
  }
  try {
    return await resolveEngine(name ?? 'auto');
  } catch (error) {
    throw badInput(`compare: ${(error as Error).message}`, { cause: error });
  }
}

/** The flags that define what is compared; the others only say how and where. */
function definingFlags(flags: Flags): CompareFlags {
  const { preset, threads, jobs, engine, out, resume, json, cache, from, ...defining } = flags;
  return Object.fromEntries(Object.entries(defining).filter(([, value]) => value !== undefined));
}

function lastComparison(): string {
  const folders = existsSync('runs') ? readdirSync('runs').map((name) => join('runs', name)) : [];
  const comparisons = folders.filter((folder) => existsSync(join(folder, 'comparison.json')));
  const last = comparisons.sort((a, b) => statSync(a).mtimeMs - statSync(b).mtimeMs).at(-1);
  if (!last)
    throw badInput(
      'compare: expected a comparison to resume in runs/, found none. Name its folder: --resume DIR.',
    );
  return last;
}

/** 20261123-135900, local time: sorts by age. */
function timestamp(): string {
  const at = new Date();
  const two = (value: number) => String(value).padStart(2, '0');
  const day = [at.getFullYear(), two(at.getMonth() + 1), two(at.getDate())].join('');
  return `${day}-${[at.getHours(), at.getMinutes(), at.getSeconds()].map(two).join('')}`;
}
