import type { Objective, SafetensorsContent, StepResult, Trainer } from '@znorm/train';
import type { TransformationJson } from 'znorm';
import type { Artifact } from '../comparison.ts';
import type { LoadOptions } from '../datasets/image-dataset.ts';
import type { Metric, MetricValues } from '../metric.ts';
import type { Recipe, SampleCounts, Unit } from './recipe.ts';

/**
 * Something to learn: all that a comparison must know of it beforehand, as data, and a way to get it ready for a run.
 *
 * A task is a record in a file of its own here, listed in `tasks.ts`; nothing else knows what it is about.
 */
export interface Task {
  /** What a person types: lower case, no spaces. */
  readonly name: string;
  readonly summary: string;
  /** The data sets it reads; none for what is made as it goes, such as an environment. */
  readonly data: readonly TaskData[];
  /** What a sample is. */
  readonly unit: Unit;
  /** How many there are; of data that a person brings, in what was brought. */
  readonly counts: (machine: Machine) => Promise<SampleCounts>;
  /** Names of the networks it offers. */
  readonly models: readonly string[];
  /** The first is primary if no other is named: it chooses rates, on validation, and decides the verdict, on the test set. */
  readonly metrics: readonly [Metric, ...Metric[]];
  /** Names of the methods that are compared if none are named. */
  readonly methods: readonly string[];
  /** Name of the optimizer they are put inside if none is named. */
  readonly optimizer: string;
  /** How the learning rate goes from its largest value on, as JSON. */
  readonly schedule: (largest: number, steps: number) => TransformationJson;
  /** What it has of its own that can be set. */
  readonly settings: Readonly<Record<string, Setting>>;
  readonly presets: Readonly<Record<PresetName, Preset>>;
  /** Rates tried inside its own optimizer if none are named. @default what is customary for the optimizer */
  readonly learningRates?: readonly number[];
  /** Of the optimizer, in a whole run. */
  readonly steps: (config: Recipe & { readonly model: string }) => number;
  /**
   * Whether every method is given the same batches, or learns from what it does itself, so that its batches cannot be
   * those of another method. @default 'given'
   */
  readonly batches?: 'given' | 'own';
  /** Builds the network; data may be read when it is first used. What comes out depends on the arguments alone. */
  readonly prepare: (config: TaskConfig, machine: Machine) => Promise<Prepared>;
}

/** A data set as a task sees it. */
export interface TaskData {
  readonly name: string;
  /** How much there is of it, in words. */
  readonly size: string;
  readonly licence: string;
  readonly homepage: string;
  /** Has it in the cache, whole, when it returns. @throws ExpectedError if it cannot be had, or is damaged */
  readonly fetch: (options: LoadOptions) => Promise<void>;
}

/** `smoke` shows that everything works, `quick` is an answer over coffee, `paper` the published setting. */
export const presetNames = ['smoke', 'quick', 'paper'] as const;
export type PresetName = (typeof presetNames)[number];

/** The size of a comparison, before options change it. */
export interface Preset {
  /** One comparison each; the first where there can be only one. */
  readonly models: readonly [string, ...string[]];
  readonly epochs: number;
  readonly batchSize: number;
  /** How many: 0, 1, 2 … */
  readonly seeds: number;
  /** Samples; Infinity for as many as there are. */
  readonly trainSize: number;
  readonly validationSize: number;
  readonly testSize: number;
  /** What it takes on two cores with the default methods, in words: `about 4 minutes`. */
  readonly time: string;
}

export interface Setting {
  readonly summary: string;
  /** A value that is set must be of the same type. */
  readonly default: boolean | number | string;
  /** The words there are. @default any */
  readonly values?: readonly string[];
}

/** What a run says about its task. */
export interface TaskConfig extends Recipe {
  readonly model: string;
  readonly seed: number;
}

/** Where it is done; changes nothing in what comes out. */
export interface Machine {
  /** Folder of all data sets. */
  readonly cache?: string | undefined;
}

/** A task with its data and its network, ready for one run. */
export interface Prepared {
  /** Which data it is: file name → SHA-1 of its bytes. */
  readonly sha1: Readonly<Record<string, string>>;
  readonly objective: Objective;
  /** Samples that one step learns from. */
  readonly samplesPerStep: number;
  /**
   * Has the trainer take its next step, from the batch of that step or from what the task makes up for it. It must
   * follow from the trainer's state and step number: that is what makes a resumed run bit-equal.
   */
  readonly step: (trainer: Trainer) => Promise<StepResult>;
  /** Those of the task's metrics that can be told from the training steps themselves. */
  readonly training: (total: TrainingTotal) => MetricValues;
  /** All of the task's metrics on the validation samples. */
  readonly validate: (trainer: Trainer) => Promise<MetricValues>;
  /** All of them on the test samples, once at the end of a run. */
  readonly test: (trainer: Trainer, onShare: (share: number) => void) => Promise<Tested>;
  /** What it remembers besides the trainer's state, such as experience. Saved and loaded with every checkpoint. */
  readonly memory?: {
    readonly save: () => SafetensorsContent;
    readonly load: (content: SafetensorsContent) => void;
  };
}

/** What several training steps came to. */
export interface TrainingTotal {
  /** Mean, by the weights of the objective. */
  readonly loss: number;
  /** Sums of the objective's counts. */
  readonly counts: Readonly<Record<string, number>>;
  readonly samples: number;
}

export interface Tested {
  readonly metrics: MetricValues;
  /** What the network made, for the report: text that it wrote, masks that it drew. */
  readonly artifacts?: readonly Artifact[];
}
