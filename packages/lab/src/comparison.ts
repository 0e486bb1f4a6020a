import type { Metric, MetricValues } from './metric.ts';

/**
 * The result of one comparison. Everything a person is shown (terminal table, verdict, report) is a pure
 * function of this record, so a report can be rebuilt from the JSON alone.
 *
 * Units: metrics are in their own, percentages as shares in [0, 1]; losses are nats; times are milliseconds; intervals
 * are [low, high].
 * The record holds finite numbers, strings, booleans and null only: it survives JSON unchanged.
 */
export interface ComparisonResult {
  /** Version of the record: `znorm-comparison/3`. */
  format: string;
  task: string;
  model: string;
  preset: string;
  optimizer: string;
  data: {
    name: string;
    /** File name → SHA-1 of its bytes. */
    sha1: Record<string, string>;
    trainSize: number;
    validationSize: number;
    testSize: number;
  };
  /** What was measured, the primary metric first: by it rates were chosen and methods are compared. */
  metrics: [Metric, ...Metric[]];
  /** What a sample is. */
  unit: { one: string; many: string; short: string };
  config: ComparisonConfig;
  /** Commit of the program that ran, or null when it did not run from a checkout. */
  commit: string | null;
  versions: Record<string, string>;
  machine: { cpu: string; cores: number; memoryGiB: number; os: string; node: string };
  /** The exact command that repeats the comparison. */
  command: string;
  /** Name of the method the others are compared with, or null when it is not among them. */
  baseline: string | null;
  methods: MethodResult[];
  failures: RunFailure[];
  pairing: Pairing;
}

/** Everything that defines the runs. What has no name here is shown in the report as it is. */
export interface ComparisonConfig {
  epochs: number;
  batchSize: number;
  learningRates: number[];
  seeds: number[];
  /** Those of `seeds` that ran at every rate and chose the best. */
  tuningSeeds: number[];
  jobs: number;
  threads: number;
  engine: string;
  [option: string]: unknown;
}

export interface MethodResult {
  name: string;
  /** The chain of transformations, as JSON. */
  chain: unknown;
  /** The rate whose runs are reported: the best on validation of those tried. */
  learningRate: number;
  /** Mean of the primary metric on validation at every rate tried, over the tuning seeds that finished; null when none did. */
  tuning: { learningRate: number; validation: number | null }[];
  seeds: SeedResult[];
  /** Of the primary metric on the test set over seeds; null when no seed finished. */
  mean: number | null;
  /** Student-t interval of the mean; null under two seeds. */
  ci95: [number, number] | null;
  /** Null for the baseline itself, and for every method when there is no baseline. */
  differenceToBaseline: Difference | null;
  /** Other statistics of the same numbers, so that a reader sees whether the choice of statistic matters. */
  robust: RobustStatistics;
}

/** Paired difference of the primary metric on the test set: method minus baseline, seed by seed. */
export interface Difference {
  /** Seeds that finished under both methods; only these count. */
  pairs: number;
  mean: number | null;
  ci95: [number, number] | null;
  /** Two-sided exact paired sign-flip test; null under three pairs. */
  p: number | null;
  /** `p` after Holm's correction over the methods compared. */
  pHolm: number | null;
  /** What limits the comparison, for example 'too few seeds'; null when nothing does. */
  note: string | null;
}

export interface RobustStatistics {
  /** Mean of the middle half of the seeds. */
  interquartileMean: number | null;
  /** Probability that a random run of this method is better than a random run of the baseline; ties count half. */
  probabilityOfImprovement: number | null;
  /** Bias-corrected, accelerated bootstrap interval of the mean paired difference; null under three pairs. */
  differenceBootstrapCi95: [number, number] | null;
  /** Two-sided exact Wilcoxon signed-rank test of the paired differences; null under three pairs. */
  wilcoxonP: number | null;
}

export interface SeedResult {
  seed: number;
  /** Hash of all initial parameters. */
  initHash: string;
  /** Hash of every batch the run saw, after augmentation, in order. */
  batchHash: string;
  /** Hash of the final parameters. */
  weightsHash: string;
  /** By the names of `metrics`. */
  test: MetricValues;
  /** At the end of training. */
  validation: MetricValues;
  history: HistoryPoint[];
  /** Median time of one training step. */
  stepMs: number;
  /** Tensor gradients met whose standard deviation was too small to divide by. */
  degenerateSteps: number;
  /** What the network made of test samples. Not part of `--json`. */
  artifacts?: Artifact[];
  /** Gradients layer by layer before and after the transformation, at some steps. Not part of `--json`. */
  gradients?: GradientSnapshot[];
}

/** Something that a network made, to be looked at: text, or a picture as the base64 of a PNG. */
export type Artifact =
  | { readonly title: string; readonly text: string }
  | { readonly title: string; readonly png: string };

export interface HistoryPoint {
  epoch: number;
  step: number;
  /** Those metrics that training steps tell, since the last point. */
  train: MetricValues;
  validation: MetricValues;
}

export interface GradientSnapshot {
  step: number;
  /** In the order of the forward pass. */
  layers: { path: string; before: LayerStatistics; after: LayerStatistics }[];
  /** Cosine between the transformed and the raw gradient over all layers: > 0 still descends. */
  descentCosine: number;
}

export interface LayerStatistics {
  mean: number;
  std: number;
  /** Euclidean norm. */
  norm: number;
  /** Share of entries that are exactly zero. */
  zeros: number;
  /** Largest absolute entry. */
  largest: number;
}

export interface RunFailure {
  method: string;
  seed: number;
  learningRate: number;
  /** Where it failed, when that is known. */
  step: number | null;
  /** The first tensor that was not finite, when that is why it failed. */
  tensor: string | null;
  message: string;
}

/** Whether, seed by seed, every finished run started from the same weights and saw the same batches. */
export interface Pairing {
  sameInitialWeights: boolean;
  /** Null where batches are what a method makes of its own experience, and cannot be the same. */
  sameBatches: boolean | null;
}

/** The metric that methods are compared by. */
export function primaryMetric({ metrics }: ComparisonResult): Metric {
  return metrics[0];
}

/** The record as `--json` prints it: gradients and artifacts, which only the report draws, are left out. */
export function withoutGradients(result: ComparisonResult): ComparisonResult {
  return {
    ...result,
    methods: result.methods.map((method) => ({
      ...method,
      seeds: method.seeds.map(({ gradients: _, artifacts: __, ...seed }) => seed),
    })),
  };
}
