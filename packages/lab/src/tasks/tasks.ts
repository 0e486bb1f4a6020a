import type { Augmentation } from '@znorm/train';
import { didYouMean } from '../did-you-mean.ts';
import { badInput } from '../expected-error.ts';

/** What is learnt: the data, and how training images are varied. */
export interface Task {
  readonly name: string;
  readonly summary: string;
  /** Name of its data set. */
  readonly dataset: string;
  readonly augmentation: Augmentation;
}

export const tasks: readonly Task[] = [
  {
    name: 'cifar10',
    summary: '32×32 colour photographs, 10 classes',
    dataset: 'cifar10',
    augmentation: { crop: 4, flip: true },
  },
  {
    name: 'fashion-mnist',
    summary: '28×28 grey pictures of clothes, 10 classes',
    dataset: 'fashion-mnist',
    augmentation: { crop: 2, flip: true },
  },
  {
    name: 'mnist',
    summary: '28×28 handwritten digits, 10 classes',
    dataset: 'mnist',
    // A mirrored digit is another digit, or none.
    augmentation: { crop: 2 },
  },
];

/** Finds a task by name. @throws ExpectedError naming the unknown task */
export function taskByName(name: string): Task {
  const task = tasks.find((candidate) => candidate.name === name);
  if (task) return task;
  const all = tasks.map((candidate) => candidate.name);
  throw badInput(`compare: unknown task '${name}'.${didYouMean(name, all) || ` Known: ${all.join(', ')}.`}`);
}
