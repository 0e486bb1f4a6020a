import type { ComparisonResult, RunFailure, SeedResult } from '../../src/comparison.ts';
import type { MetricValues } from '../../src/metric.ts';
import { provePairing } from '../../src/stats/pairing.ts';
import { type FinishedRun, summarize } from '../../src/stats/summarize.ts';
import { accuracy, loss } from '../../src/tasks/image-classification.ts';

/** Invented runs: the primary metric by method and seed, null where the seed failed. For tests only; nothing was trained. */
export interface InventedRuns {
  accuracies: Record<string, (number | null)[]>;
  /** @default accuracy and loss */
  metrics?: ComparisonResult['metrics'];
  /** @default 'baseline' */
  baseline?: string | null;
  /** @default [0.1] */
  learningRates?: number[];
  /** The rate at which a method is best on validation. @default the first */
  bestRates?: Record<string, number>;
  failures?: RunFailure[];
  /** Adds to the record of one seed, for example its history. */
  enrich?: (method: string, seed: SeedResult) => SeedResult;
}

/** A record as `compare` would write it, of invented runs; the statistics are computed by the code under test. */
export function fixtureResult({
  accuracies,
  metrics = [accuracy, loss],
  baseline = 'baseline',
  learningRates = [0.1],
  bestRates = {},
  failures = [],
  enrich = (_, seed) => seed,
}: InventedRuns): ComparisonResult {
  const [primary] = metrics;
  const names = Object.keys(accuracies);
  const seeds = Array.from(
    { length: Math.max(...names.map((name) => accuracies[name]!.length)) },
    (_, i) => i + 1,
  );
  const runs = names.flatMap((method) =>
    learningRates.flatMap((learningRate) =>
      accuracies[method]!.flatMap((value, index): FinishedRun[] => {
        if (value === null) return [];
        const best = bestRates[method] ?? learningRates[0]!;
        const away = Math.abs(Math.log10(learningRate / best));
        const validation = value - (primary.better === 'higher' ? 0.02 : -0.02) * away;
        const tested = enrich(method, {
          seed: seeds[index]!,
          initHash: `1a2b3c4d5e6f70${seeds[index]}`,
          batchHash: `9f8e7d6c5b4a30${seeds[index]}`,
          weightsHash: `${method}-${seeds[index]}`,
          test: valuesOf(metrics, value),
          validation: valuesOf(metrics, validation),
          history: [],
          stepMs: 41.27,
          degenerateSteps: 0,
        });
        return [{ method, seed: seeds[index]!, learningRate, validation, tested }];
      }),
    ),
  );
  const methods = summarize(
    {
      methods: names.map((name) => ({ name, chain: chains[name] ?? [{ [name]: {} }], learningRates })),
      seeds,
      tuningSeeds: seeds,
      baseline,
      metric: primary,
    },
    runs,
  );
  return {
    format: 'znorm-comparison/3',
    task: 'fixture',
    model: 'invented-20',
    preset: 'quick',
    optimizer: 'momentum',
    data: {
      name: 'fixture data, nothing was trained',
      sha1: { 'fixture_batch_1.bin': '0123456789abcdef0123456789abcdef01234567' },
      trainSize: 9000,
      validationSize: 1000,
      testSize: 10_000,
    },
    metrics,
    unit: { one: 'image', many: 'images', short: 'img' },
    config: {
      epochs: 5,
      batchSize: 64,
      learningRates,
      seeds,
      tuningSeeds: seeds,
      jobs: 2,
      threads: 1,
      engine: 'native',
      augment: true,
    },
    commit: '0123456789abcdef0123456789abcdef01234567',
    versions: { '@znorm/lab': '0.1.0', onnxruntime: '1.30.0', node: '20.20.2' },
    machine: { cpu: 'Fixture CPU @ 0.00GHz', cores: 2, memoryGiB: 8, os: 'linux 6.1', node: '20.20.2' },
    command: `znorm compare --task fixture --model invented-20 --methods ${names.join(',')} --seeds ${seeds.length}`,
    baseline: baseline !== null && names.includes(baseline) ? baseline : null,
    methods,
    failures,
    pairing: provePairing(methods.map((method) => method.seeds)),
  };
}

/** The primary metric as it is; the others follow from it. */
function valuesOf(metrics: ComparisonResult['metrics'], value: number): MetricValues {
  return Object.fromEntries(
    metrics.map(({ name }, index) => [name, index === 0 ? value : 2.3 * (1 - value)]),
  );
}

const chains: Record<string, unknown> = {
  baseline: [],
  clip: [{ clipByGlobalNorm: { maxNorm: 1 } }],
  gc: [{ centralize: {} }],
  znorm: [{ znorm: {} }],
};
