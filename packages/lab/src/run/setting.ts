import { createTrainer, type TrainerOptions } from '@znorm/train';
import { chain, fromJSON, scalarsAt } from 'znorm';
import type { FindTask } from '../tasks/tasks.ts';
import type { RunConfig, RunSettings } from './config.ts';

/** What training and testing share: the task made ready, chains, and a way to make the trainer. */
export async function prepareRun(config: RunConfig, settings: RunSettings, findTask: FindTask) {
  const task = findTask(config.task);
  const prepared = await task.prepare(config, { cache: settings.cache });
  const gradientChain = fromJSON(config.gradientChain);
  const optimizer = fromJSON(config.optimizerChain);
  return {
    ...prepared,
    task,
    gradientChain,
    /** Of the step with this number, counted from 0. */
    learningRateAt(step: number): number {
      const scalars = Object.entries(scalarsAt(optimizer, { step, gates: {} }));
      return scalars.find(([name]) => name.endsWith('.learningRate'))![1];
    },
    createTrainer: (hook: Pick<TrainerOptions, 'onGradients' | 'gradientsAt'> = {}) =>
      createTrainer({
        objective: prepared.objective,
        optimizer: chain(gradientChain, optimizer),
        batchSize: config.batchSize,
        seed: config.seed,
        engine: config.engine,
        threads: settings.threads,
        ...hook,
      }),
  };
}
