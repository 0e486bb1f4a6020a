import { didYouMean } from '../did-you-mean.ts';
import { badInput } from '../expected-error.ts';
import type { Metric } from '../metric.ts';
import { controlProblems } from './control-problems.ts';
import { imageClassification } from './image-classification.ts';
import { lggTask } from './lgg.ts';
import { multi30k } from './multi30k.ts';
import { shakespeare } from './shakespeare.ts';
import { sst2 } from './sst2.ts';
import { type Preset, type PresetName, presetNames, type Task } from './task.ts';
import { lggPatchesTask, pcamTask } from './tumour-patches.ts';

/** Every task that can be compared on. */
export const tasks: readonly Task[] = [
  imageClassification({
    name: 'cifar10',
    summary: '32×32 colour photographs, 10 classes',
    augmentation: { crop: 4, flip: true },
    time: { smoke: 'under a minute', quick: 'about 4 minutes', paper: 'weeks' },
  }),
  imageClassification({
    name: 'fashion-mnist',
    summary: '28×28 grey pictures of clothes, 10 classes',
    augmentation: { crop: 2, flip: true },
    time: { smoke: 'under a minute', quick: 'about 3 minutes', paper: 'weeks' },
  }),
  imageClassification({
    name: 'mnist',
    summary: '28×28 handwritten digits, 10 classes',
    // A mirrored digit is another digit, or none.
    augmentation: { crop: 2 },
    time: { smoke: 'under a minute', quick: 'about 3 minutes', paper: 'weeks' },
  }),
  lggTask,
  lggPatchesTask,
  pcamTask,
  ...controlProblems,
  shakespeare,
  sst2,
  multi30k,
];

/** How a task is found by its name. @throws ExpectedError naming the unknown task */
export type FindTask = (name: string) => Task;

export const taskByName: FindTask = (name) => {
  const task = tasks.find((candidate) => candidate.name === name);
  if (task) return task;
  const all = tasks.map((candidate) => candidate.name);
  throw badInput(`compare: unknown task '${name}'.${didYouMean(name, all) || ` Known: ${all.join(', ')}.`}`);
};

/**
 * What runs of a task are measured by, first that by which rates are chosen and methods compared.
 *
 * @param primary   a metric's name. @default the task's own first
 * @throws ExpectedError naming the unknown metric
 */
export function metricsOf({ name, metrics }: Task, primary?: string): [Metric, ...Metric[]] {
  const first = primary === undefined ? metrics[0] : metrics.find((metric) => metric.name === primary);
  if (first) return [first, ...metrics.filter((metric) => metric !== first)];
  const all = metrics.map((metric) => metric.name);
  const hint = didYouMean(primary!, all) || ` Known: ${all.join(', ')}.`;
  throw badInput(`compare: unknown metric '${primary}' for task '${name}'.${hint}`);
}

/** @throws ExpectedError naming the unknown preset */
export function presetOf(task: Task, name: string): Preset {
  const known: readonly string[] = presetNames;
  if (known.includes(name)) return task.presets[name as PresetName];
  const hint = didYouMean(name, known) || ` Known: ${known.join(', ')}.`;
  throw badInput(`compare: unknown preset '${name}'.${hint}`);
}
