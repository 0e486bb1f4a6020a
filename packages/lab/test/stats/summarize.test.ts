import { describe, expect, test } from 'vitest';
import type { SeedResult } from '../../src/comparison.ts';
import { provePairing } from '../../src/stats/pairing.ts';
import { chooseLearningRate, type FinishedRun, type Plan, summarize } from '../../src/stats/summarize.ts';
import { accuracy, loss } from '../../src/tasks/image-classification.ts';

const seedResult = (seed: number, testAccuracy: number): SeedResult => ({
  seed,
  initHash: `init-${seed}`,
  batchHash: `batch-${seed}`,
  weightsHash: `weights-${seed}-${testAccuracy}`,
  test: { accuracy: testAccuracy, loss: 1 - testAccuracy },
  validation: { accuracy: testAccuracy },
  history: [],
  stepMs: 10,
  degenerateSteps: 0,
});

/** Runs of one method at one rate; a null accuracy is a seed that failed. */
const runsOf = (method: string, learningRate: number, accuracies: (number | null)[]): FinishedRun[] =>
  accuracies.flatMap((accuracy, index) =>
    accuracy === null
      ? []
      : [
          {
            method,
            seed: index + 1,
            learningRate,
            validation: accuracy,
            tested: seedResult(index + 1, accuracy),
          },
        ],
  );

const plan = (methods: string[], count: number, learningRates = [0.1], tuners = count): Plan => ({
  methods: methods.map((name) => ({ name, chain: [{ name }], learningRates })),
  seeds: Array.from({ length: count }, (_, index) => index + 1),
  tuningSeeds: Array.from({ length: tuners }, (_, index) => index + 1),
  baseline: 'baseline',
  metric: accuracy,
});

describe('summary of a comparison', () => {
  test('means, differences and p come from paired seeds, in the order of the plan whatever the order of the runs', () => {
    const runs = [...runsOf('znorm', 0.1, [0.72, 0.74, 0.73]), ...runsOf('baseline', 0.1, [0.7, 0.71, 0.72])];
    const [baseline, znorm] = summarize(plan(['baseline', 'znorm'], 3), runs.toReversed());
    expect(baseline!.name).toBe('baseline');
    expect(baseline!.differenceToBaseline).toBeNull();
    expect(baseline!.mean).toBeCloseTo(0.71, 14);
    expect(znorm!.seeds.map((seed) => seed.seed)).toEqual([1, 2, 3]);
    const { pairs, mean, ci95, p, pHolm, note } = znorm!.differenceToBaseline!;
    expect({ pairs, p, pHolm, note }).toEqual({ pairs: 3, p: 0.25, pHolm: 0.25, note: null });
    // Differences 0.02, 0.03, 0.01: mean 0.02, deviation 0.01, t(2) = 4.3027.
    expect(mean).toBeCloseTo(0.02, 14);
    expect(ci95![0]).toBeCloseTo(0.02 - (4.302652729749 * 0.01) / Math.sqrt(3), 12);
    expect(znorm!.robust.wilcoxonP).toBe(0.25);
    expect(znorm!.robust.probabilityOfImprovement).toBeCloseTo(8.5 / 9, 14);
  });

  test('a seed lost by either method leaves the pairs of the others, and the note says how many', () => {
    const runs = [
      ...runsOf('baseline', 0.1, [0.7, null, 0.72, 0.73, 0.74]),
      ...runsOf('znorm', 0.1, [0.71, 0.72, null, 0.74, 0.75]),
    ];
    const znorm = summarize(plan(['baseline', 'znorm'], 5), runs)[1]!;
    expect(znorm.seeds).toHaveLength(4);
    expect(znorm.differenceToBaseline).toMatchObject({ pairs: 3, p: 0.25, note: '3 of 5 seeds paired' });
    expect(znorm.differenceToBaseline!.mean).toBeCloseTo(0.01, 14);
  });

  test('under three pairs there is no p, and the note says why', () => {
    const two = summarize(plan(['baseline', 'znorm'], 2), [
      ...runsOf('baseline', 0.1, [0.7, 0.71]),
      ...runsOf('znorm', 0.1, [0.8, 0.82]),
    ])[1]!;
    expect(two.differenceToBaseline).toMatchObject({ pairs: 2, p: null, pHolm: null, note: 'too few seeds' });
    expect(two.differenceToBaseline!.ci95).not.toBeNull();
    expect(two.robust).toMatchObject({ differenceBootstrapCi95: null, wilcoxonP: null });

    const one = summarize(plan(['baseline', 'znorm'], 1), [
      ...runsOf('baseline', 0.1, [0.7]),
      ...runsOf('znorm', 0.1, [0.75]),
    ])[1]!;
    expect(one.ci95).toBeNull();
    expect(one.differenceToBaseline!.mean).toBeCloseTo(0.05, 14);
    expect(one.differenceToBaseline).toMatchObject({ pairs: 1, ci95: null, p: null, note: 'too few seeds' });
  });

  test('a method that lost every seed has no mean and no difference, and does not weigh on the correction', () => {
    const seven = [0.7, 0.71, 0.72, 0.7, 0.71, 0.72, 0.7];
    const methods = summarize(plan(['baseline', 'znorm', 'broken'], 7), [
      ...runsOf('baseline', 0.1, seven),
      ...runsOf(
        'znorm',
        0.1,
        seven.map((accuracy, index) => accuracy + 0.01 + index / 1000),
      ),
    ]);
    expect(methods[2]).toMatchObject({ mean: null, ci95: null, seeds: [] });
    expect(methods[2]!.differenceToBaseline).toEqual({
      pairs: 0,
      mean: null,
      ci95: null,
      p: null,
      pHolm: null,
      note: 'too few seeds; 0 of 7 seeds paired',
    });
    expect(methods[1]!.differenceToBaseline).toMatchObject({ p: 2 / 128, pHolm: 2 / 128 });
  });

  test('p is corrected over all methods compared', () => {
    const seven = [0.7, 0.71, 0.72, 0.7, 0.71, 0.72, 0.7];
    const better = seven.map((accuracy, index) => accuracy + 0.01 + index / 1000);
    const methods = summarize(plan(['baseline', 'a', 'b'], 7), [
      ...runsOf('baseline', 0.1, seven),
      ...runsOf('a', 0.1, better),
      ...runsOf('b', 0.1, better),
    ]);
    expect(methods.map((method) => method.differenceToBaseline?.pHolm)).toEqual([
      undefined,
      4 / 128,
      4 / 128,
    ]);
  });

  test('without a baseline no difference is made', () => {
    const methods = summarize({ ...plan(['a', 'b'], 1), baseline: null }, runsOf('a', 0.1, [0.7]));
    expect(methods.map((method) => method.differenceToBaseline)).toEqual([null, null]);
    expect(methods[0]!.robust.probabilityOfImprovement).toBeNull();
  });

  test('where lower is better, a difference keeps its sign and the chance to improve counts the lower run', () => {
    const runs = [...runsOf('baseline', 0.1, [0.7, 0.71, 0.72]), ...runsOf('znorm', 0.1, [0.72, 0.74, 0.73])];
    const byLoss = summarize({ ...plan(['baseline', 'znorm'], 3), metric: loss }, runs)[1]!;
    // The losses are one less the accuracies.
    expect(byLoss.mean).toBeCloseTo(0.27, 14);
    expect(byLoss.differenceToBaseline!.mean).toBeCloseTo(-0.02, 14);
    expect(byLoss.robust.probabilityOfImprovement).toBeCloseTo(8.5 / 9, 14);
  });

  test('the summary is plain JSON: parsing what is printed gives it back', () => {
    const methods = summarize(plan(['baseline', 'znorm'], 2), runsOf('baseline', 0.1, [0.7, 0.71]));
    expect(JSON.parse(JSON.stringify(methods))).toEqual(methods);
  });

  test('each method is reported at its own best rate on validation, and only the tested runs there count', () => {
    const tried: FinishedRun[] = runsOf('znorm', 0.01, [0.6, 0.61]).map((run) => ({ ...run, tested: null }));
    const methods = summarize(plan(['baseline', 'znorm'], 2, [0.01, 0.1]), [
      ...runsOf('baseline', 0.01, [0.71, 0.73]),
      ...runsOf('baseline', 0.1, [0.7, 0.71]),
      ...tried,
      ...runsOf('znorm', 0.1, [0.74, 0.75]),
    ]);
    expect(methods.map((method) => method.learningRate)).toEqual([0.01, 0.1]);
    expect(methods[1]!.tuning).toEqual([
      { learningRate: 0.01, validation: 0.605 },
      { learningRate: 0.1, validation: 0.745 },
    ]);
    expect(methods[1]!.seeds.map((seed) => seed.test.accuracy)).toEqual([0.74, 0.75]);
  });

  test('only the tuning seeds choose the rate, whatever the others came to', () => {
    const runs = [...runsOf('znorm', 0.01, [0.8]), ...runsOf('znorm', 0.1, [0.7, 0.9, 0.9])];
    const [znorm] = summarize(plan(['znorm'], 3, [0.01, 0.1], 1), runs);
    expect(znorm.learningRate).toBe(0.01);
    expect(znorm.tuning).toEqual([
      { learningRate: 0.01, validation: 0.8 },
      { learningRate: 0.1, validation: 0.7 },
    ]);
  });
});

describe('choice of the learning rate', () => {
  const at = (learningRate: number, ...accuracies: number[]) =>
    accuracies.map((validation) => ({ learningRate, validation }));

  test.each([
    { title: 'best mean over seeds wins', runs: [...at(0.1, 0.7, 0.9), ...at(1, 0.75, 0.75)], rate: 0.1 },
    { title: 'a rate that lost a seed ranks last', runs: [...at(0.1, 0.5, 0.5), ...at(1, 0.9)], rate: 0.1 },
    { title: 'equal rates go to the smaller', runs: [...at(1, 0.5), ...at(0.1, 0.5)], rate: 0.1 },
    { title: 'of rates that all failed, the smaller', runs: [], rate: 0.1 },
  ])('$title', ({ runs, rate }) => expect(chooseLearningRate([1, 0.1], runs, accuracy)).toBe(rate));

  test('where lower is better, the lowest mean wins', () => {
    expect(chooseLearningRate([1, 0.1], [...at(0.1, 2, 3), ...at(1, 2.4, 2.4)], { better: 'lower' })).toBe(1);
  });
});

describe('proof of the pairing', () => {
  const run = (seed: number, initHash: string, batchHash: string) => ({
    ...seedResult(seed, 0.7),
    initHash,
    batchHash,
  });

  test('equal hashes seed by seed prove it; different seeds may differ', () => {
    const methods = [
      [run(1, 'a', 'x'), run(2, 'b', 'y')],
      [run(2, 'b', 'y'), run(1, 'a', 'x')],
    ];
    expect(provePairing(methods)).toEqual({ sameInitialWeights: true, sameBatches: true });
  });

  test('one run with other weights or other batches disproves it', () => {
    const methods = (third: SeedResult) => [[run(1, 'a', 'x')], [run(1, 'a', 'x')], [third]];
    expect(provePairing(methods(run(1, 'b', 'x')))).toEqual({ sameInitialWeights: false, sameBatches: true });
    expect(provePairing(methods(run(1, 'a', 'y')))).toEqual({ sameInitialWeights: true, sameBatches: false });
  });
});
