import { availableParallelism } from 'node:os';
import { join } from 'node:path';
import { Command } from 'commander';
import { badInput, isExpectedError } from '../expected-error.ts';
import { valueText, withUnit } from '../metric.ts';
import { profileText } from '../report/profile.ts';
import { lastEvent, readEvents } from '../run/events.ts';
import { profileRun } from '../run/profile.ts';
import type { RunProgress } from '../run/train.ts';
import { createComparison, plannedRuns } from '../sweep/comparison-folder.ts';
import { type ComparisonPlan, expandRuns, planComparison } from '../sweep/plan.ts';
import { runComparison } from '../sweep/run-comparison.ts';
import { taskByName } from '../tasks/tasks.ts';
import { timestamp } from './compare.ts';
import { asFlag, type DefiningFlags, optionsFromFlags, wholeFromFlag } from './compare-options.ts';
import { fetchProgress } from './fetch-progress.ts';
import { interruptible } from './interrupt.ts';

interface Flags extends Omit<DefiningFlags, 'methods' | 'methodsFile' | 'learningRates' | 'seeds'> {
  readonly method: string;
  readonly methodsFile?: string;
  readonly seed?: string;
  readonly threads?: string;
  readonly out?: string;
  readonly json?: boolean;
  readonly profile?: boolean;
  readonly steps?: string;
  readonly cache?: string;
  readonly from?: string;
}

const epilogue = `
Sizes that are not given are those of the preset. The run is kept as a
comparison of one: \`znorm compare --resume DIR\` goes on with it.

Examples:
  znorm train --method znorm
      a ResNet on CIFAR-10, small enough for a minute or so
  znorm train --model resnet20 --train-size 45000 --epochs 20 --threads 2
      longer, on all the training images
  znorm train --profile --model resnet20 --batch-size 64
      where the time of a step goes

Exit status: 0 done, 1 the run failed, 2 bad input, 130 interrupted.`;

/** `znorm train`: one task, one method, one seed; or where the time of its steps goes. */
export function trainCommand(): Command {
  return new Command('train')
    .description('Train once with one gradient method, or see where the time of a step goes.')
    .option('--task <NAME>', 'what to learn (default: cifar10)')
    .option('--model <NAME>', 'its network (default: that of the preset)')
    .option('--method <NAME>', 'gradient method, as in compare', 'znorm')
    .option('--methods-file <FILE>', 'with methods of your own, as YAML')
    .option('--optimizer <NAME>', "what the method is put inside (default: the task's)")
    .option('--learning-rate <RATE>', 'largest rate (default: customary)')
    .option('--preset <NAME>', 'sizes: smoke, quick or paper (default: quick)')
    .option('--epochs <N>', 'passes over the training samples')
    .option('--batch-size <N>', 'samples a step')
    .option('--train-size <N>', 'training samples')
    .option('--validation-size <N>', 'samples held out of the training set')
    .option('--test-size <N>', 'samples of the test set')
    .option('--no-augment', 'no random changes of training samples')
    .option('--set <NAME=VALUE...>', 'what the task has of its own to set')
    .option('--seed <N>', 'of first weights and batches', '0')
    .option('--engine <NAME>', 'native or wasm (default: native if there is one)')
    .option('--threads <N>', 'any number gives the same result (default: all)')
    .option('--profile', 'only a few steps: time by layer and operator')
    .option('--steps <N>', 'steps that --profile measures (default: 10)')
    .option('--out <DIR>', 'its folder (default: a new one in runs/)')
    .option('--json', 'the result as JSON')
    .option('--cache <DIR>', 'where data sets are kept')
    .option('--from <PATH>', 'a folder or archive that has the data set')
    .addHelpText('after', epilogue)
    .action(async (flags: Flags) => {
      process.exitCode = await inOwnName(() => (flags.profile ? showProfile(flags) : trainOnce(flags)));
    });
}

/** What `train` shares with `compare` speaks as `compare`. */
async function inOwnName(work: () => Promise<number>): Promise<number> {
  try {
    return await work();
  } catch (error) {
    if (isExpectedError(error)) error.message = error.message.replace(/^compare: /, 'train: ');
    throw error;
  }
}

async function planOf(flags: Flags): Promise<ComparisonPlan> {
  const { method, seed, ...rest } = flags;
  if (method.includes(',')) throw badInput(`train: expected \`--method\` to be one method, got '${method}'.`);
  const plan = await planComparison(
    { ...optionsFromFlags({ ...rest, methods: method }), seeds: 1 },
    { spelled: asFlag, cache: flags.cache },
  );
  const number = Number(seed);
  if (seed?.trim() === '' || !Number.isSafeInteger(number) || number < 0) {
    throw badInput(`train: expected \`--seed\` to be a whole number >= 0, got ${seed || 'nothing'}.`);
  }
  return { ...plan, learningRates: plan.learningRates.slice(0, 1), seeds: [number], tuningSeeds: [number] };
}

async function trainOnce(flags: Flags): Promise<number> {
  if (flags.steps !== undefined) throw badInput('train: expected `--steps` with --profile, got it without.');
  const threads = wholeFromFlag('--threads', flags.threads) ?? availableParallelism();
  const plan = await planOf(flags);
  const { task: name, model } = plan;
  const task = taskByName(name);
  const method = plan.methods[0].name;
  const folder = flags.out ?? join('runs', `${name}-${model}-${method}-${timestamp()}`);
  createComparison(folder, plan);
  const say = (text: string) => process.stderr.write(`${text}\n`);
  const progress = progressLines(plan, say);
  const fetching = fetchProgress(process.stderr);
  const again = `train: interrupted. Go on with \`znorm compare --resume ${folder}\`.`;
  const result = await interruptible(again, (signal) =>
    runComparison(folder, {
      jobs: 1,
      threads,
      cache: flags.cache,
      from: flags.from,
      signal,
      onFetch: fetching.onProgress,
      onBegin() {
        fetching.stop();
        say(`${method} and ${plan.optimizer.name} on ${name} with ${model}, seed ${plan.seeds[0]}`);
      },
      onProgress: ({ action }, state) => action === 'train' && progress(state),
    }).finally(fetching.stop),
  );

  const [{ files, config }] = plannedRuns(plan, folder);
  const events = readEvents(files.events);
  const test = lastEvent(events, 'test');
  const finish = lastEvent(events, 'finish');
  if (!test || !finish) {
    for (const { message } of result.failures) say(`train: ${message}`);
    return 1;
  }
  const { stepMs, validation } = finish;
  if (flags.json) {
    const record = { folder, config, engine: plan.engine, threads, stepMs, validation, test: test.metrics };
    process.stdout.write(`${JSON.stringify(record, null, 2)}\n`);
    return 0;
  }
  for (const metric of task.metrics) {
    const value = (values: Readonly<Record<string, number>>) => valueText(metric, values[metric.name]);
    const label = withUnit(metric, metric.label);
    console.log(`${label}: test ${value(test.metrics)}, validation ${value(validation)}`);
  }
  console.log(`${stepMs.toFixed(stepMs < 10 ? 2 : 0)} ms a step, ${threads} threads, ${plan.engine}`);
  console.log(`kept in ${folder}`);
  return 0;
}

/** Milliseconds between lines within an epoch: more often, nobody would read them. */
const sayEvery = 10_000;

/** `epoch 2/3  loss 1.82  accuracy, %: 34.40   612 images/s  0:14 left`, at every epoch and now and then. */
function progressLines({ task: name, epochs }: ComparisonPlan, say: (text: string) => void) {
  const {
    unit,
    metrics: [primary],
  } = taskByName(name);
  let said = -Infinity;
  let saidEpoch = -1;
  return ({ epoch, loss, metrics, samplesPerSecond, secondsLeft }: RunProgress) => {
    const whole = Math.min(epochs - 1, Math.floor(epoch));
    if (whole === saidEpoch && performance.now() - said < sayEvery) return;
    [said, saidEpoch] = [performance.now(), whole];
    const value = metrics[primary.name];
    const parts = [
      `epoch ${whole + 1}/${epochs}`,
      ...(loss === null ? [] : [`loss ${loss.toFixed(3)}`]),
      ...(value === undefined ? [] : [`${withUnit(primary, primary.label)}: ${valueText(primary, value)}`]),
      `${samplesPerSecond.toFixed(0)} ${unit.short}/s`,
      `${Math.ceil(secondsLeft)} s left`,
    ];
    say(parts.join('  '));
  };
}

async function showProfile(flags: Flags): Promise<number> {
  for (const name of ['out', 'epochs'] as const) {
    if (flags[name] !== undefined) {
      throw badInput(
        `train: expected \`--${name}\` without --profile, got both. A profile takes no whole run.`,
      );
    }
  }
  const threads = wholeFromFlag('--threads', flags.threads) ?? availableParallelism();
  const steps = wholeFromFlag('--steps', flags.steps) ?? 10;
  const plan = await planOf(flags);
  if (plan.engine !== 'native') {
    throw badInput(
      `train: expected \`--engine\` to be native for --profile, got ${plan.engine}. ONNX Runtime writes no profile in WebAssembly.`,
    );
  }
  const fetching = fetchProgress(process.stderr);
  const { cache, from } = flags;
  for (const data of taskByName(plan.task).data) {
    await data.fetch({ cache, from, onProgress: fetching.onProgress });
  }
  fetching.stop();
  const [config] = expandRuns(plan);
  const settings = { threads, cache, checkpointSeconds: Infinity };
  const profile = await profileRun(config, settings, steps);
  if (flags.json) {
    process.stdout.write(`${JSON.stringify({ config, threads, ...profile }, null, 2)}\n`);
    return 0;
  }
  const { method, model, task, batchSize } = config;
  const { milliseconds, plainMilliseconds, parameters, tensors } = profile;
  const lines = [
    `${method} and ${plan.optimizer.name} on ${task} with ${model}, batch ${batchSize}, ${threads} threads`,
    `${parameters.toLocaleString('en-US')} parameters in ${tensors} tensors`,
    `${milliseconds.toFixed(2)} ms a step, mean of ${steps}; ${plainMilliseconds.toFixed(2)} without the profiler`,
    '',
    profileText(profile),
  ];
  console.log(lines.join('\n'));
  return 0;
}
