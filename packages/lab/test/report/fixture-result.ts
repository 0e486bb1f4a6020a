import type { ComparisonResult, RunFailure, SeedResult } from '../../src/comparison.ts';
import { provePairing } from '../../src/stats/pairing.ts';
import { type FinishedRun, summarize } from '../../src/stats/summarize.ts';

/** Invented runs: test accuracy by method and seed, null where the seed failed. For tests only; nothing was trained. */
export interface InventedRuns {
  accuracies: Record<string, (number | null)[]>;
  /** @default 'baseline' */
  baseline?: string | null;
  /** @default [0.1] */
  learningRates?: number[];
  /** The rate at which a method's validation accuracy peaks. @default the first */
  bestRates?: Record<string, number>;
  failures?: RunFailure[];
  /** Adds to the record of one seed, for example its history. */
  enrich?: (method: string, seed: SeedResult) => SeedResult;
}

/** A record as `compare` would write it, of invented runs; the statistics are computed by the code under test. */
export function fixtureResult({
  accuracies,
  baseline = 'baseline',
  learningRates = [0.1],
  bestRates = {},
  failures = [],
  enrich = (_, seed) => seed,
}: InventedRuns): ComparisonResult {
  const names = Object.keys(accuracies);
  const seeds = Array.from(
    { length: Math.max(...names.map((name) => accuracies[name]!.length)) },
    (_, i) => i + 1,
  );
  const runs = names.flatMap((method) =>
    learningRates.flatMap((learningRate) =>
      accuracies[method]!.flatMap((accuracy, index): FinishedRun[] => {
        if (accuracy === null) return [];
        const best = bestRates[method] ?? learningRates[0]!;
        const away = Math.abs(Math.log10(learningRate / best));
        const tested = enrich(method, {
          seed: seeds[index]!,
          initHash: `1a2b3c4d5e6f70${seeds[index]}`,
          batchHash: `9f8e7d6c5b4a30${seeds[index]}`,
          weightsHash: `${method}-${seeds[index]}`,
          testAccuracy: accuracy,
          testLoss: 2.3 * (1 - accuracy),
          validationAccuracy: accuracy - 0.02 * away,
          history: [],
          stepMs: 41.27,
          degenerateSteps: 0,
        });
        return [
          { method, seed: seeds[index]!, learningRate, validationAccuracy: accuracy - 0.02 * away, tested },
        ];
      }),
    ),
  );
  const methods = summarize(
    {
      methods: names.map((name) => ({ name, chain: chains[name] ?? [{ [name]: {} }], learningRates })),
      seeds,
      baseline,
    },
    runs,
  );
  return {
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
    config: {
      epochs: 5,
      batchSize: 64,
      learningRates,
      seeds,
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

const chains: Record<string, unknown> = {
  baseline: [],
  clip: [{ clipByGlobalNorm: { maxNorm: 1 } }],
  gc: [{ centralize: {} }],
  znorm: [{ znorm: {} }],
};
