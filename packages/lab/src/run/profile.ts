import type { Batch, Trainer } from '@znorm/train';
import { profileSteps, type StepProfile } from '@znorm/train/node';
import { chain, fromJSON } from 'znorm';
import { type FindTask, taskByName } from '../tasks/tasks.ts';
import type { RunConfig, RunSettings } from './config.ts';
import { prepareRun } from './setting.ts';

export interface RunProfile extends StepProfile {
  readonly parameters: number;
  readonly tensors: number;
  /** Of the same steps without the profiler: the median. */
  readonly plainMilliseconds: number;
}

const warmup = 3;

/**
 * Takes the first steps of a run twice: once as they are, and once under the profiler.
 *
 * @param steps how many are measured, after three that pay for allocation
 */
export async function profileRun(
  config: RunConfig,
  settings: RunSettings,
  steps: number,
  findTask: FindTask = taskByName,
): Promise<RunProfile> {
  const { createTrainer, step, objective } = await prepareRun(config, settings, findTask);
  const trainer = await createTrainer();
  const batches: Batch[] = [];
  const times: number[] = [];
  const watched: Trainer = Object.assign(Object.create(trainer), {
    async step(batch: Batch) {
      // Tasks fill the same arrays again and again.
      batches.push(Object.fromEntries(Object.entries(batch).map(([name, data]) => [name, data.slice()])));
      const start = performance.now();
      const result = await trainer.step(batch);
      times.push(performance.now() - start);
      return result;
    },
  });
  try {
    while (batches.length < warmup + steps) await step(watched);
  } finally {
    await trainer.dispose();
  }
  const profile = await profileSteps({
    objective,
    optimizer: chain(fromJSON(config.gradientChain), fromJSON(config.optimizerChain)),
    batchSize: config.batchSize,
    seed: config.seed,
    threads: settings.threads,
    batchAt: (index) => batches[index],
    steps,
    warmup,
  });
  const plain = times.slice(warmup, warmup + steps).toSorted((a, b) => a - b);
  return {
    ...profile,
    parameters: trainer.parameters.reduce((sum, { data }) => sum + data.length, 0),
    tensors: trainer.parameters.length,
    plainMilliseconds: plain[plain.length >> 1],
  };
}
