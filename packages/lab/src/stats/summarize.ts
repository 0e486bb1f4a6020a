import type { Difference, MethodResult, RobustStatistics, SeedResult } from '../comparison.ts';
import { bootstrapInterval } from './bootstrap.ts';
import { holm } from './holm.ts';
import { mean, meanInterval } from './mean.ts';
import { pairsOf } from './pairing.ts';
import { interquartileMean, probabilityOfImprovement } from './robust.ts';
import { signFlipTest, wilcoxonTest } from './sign-flip.ts';

/** Under this many pairs no test is made: the smallest p of two pairs is 0.5. */
const fewestPairs = 3;

/** What a comparison set out to do; what came of it is in the runs. */
export interface Plan {
  methods: readonly { name: string; chain: unknown; learningRates: readonly number[] }[];
  seeds: readonly number[];
  /** Name of the method the others are compared with; null for none. */
  baseline: string | null;
}

/** A run that finished. Failed runs are not given here: what is missing is known from the plan. */
export interface FinishedRun {
  method: string;
  seed: number;
  learningRate: number;
  /** At the end of training; chooses the learning rate. */
  validationAccuracy: number;
  /** With the test set read; null at the rates that were only tried. */
  tested: SeedResult | null;
}

/**
 * Turns finished runs into what is said about each method: chosen rate, mean and interval over seeds, and the
 * paired difference to the baseline with its test, corrected over all methods compared.
 *
 * Pure: the order of `runs` does not matter, methods and seeds come out in the order of the plan.
 * @param plan  methods, seeds and baseline, as they were asked for
 * @param runs  every run that finished, at every rate tried
 * @example
 * const methods = summarize({ methods: [{ name: 'baseline', chain: [], learningRates: [0.1] }, …], seeds: [1, 2, 3],
 *                             baseline: 'baseline' }, runs)
 */
export function summarize(plan: Plan, runs: readonly FinishedRun[]): MethodResult[] {
  const chosen = plan.methods.map(({ name, chain, learningRates }) => {
    const own = runs.filter((run) => run.method === name);
    const learningRate = chooseLearningRate(learningRates, own);
    const tuning = learningRates.map((rate) => ({
      learningRate: rate,
      validationAccuracy: finiteOrNull(mean(validationAccuracies(own, rate))),
    }));
    return { name, chain, learningRate, tuning, seeds: testedSeeds(plan.seeds, own, learningRate) };
  });

  const baseline = chosen.find((method) => method.name === plan.baseline);
  const differences = chosen.map((method) =>
    baseline === undefined || method === baseline ? null : pairedDifferences(method.seeds, baseline.seeds),
  );
  const pValues = differences.map((values) =>
    values !== null && values.length >= fewestPairs ? signFlipTest(values) : null,
  );
  const adjusted = holm(pValues);

  return chosen.map((method, index): MethodResult => {
    const accuracies = method.seeds.map((seed) => seed.testAccuracy);
    const values = differences[index]!;
    return {
      ...method,
      mean: finiteOrNull(mean(accuracies)),
      ci95: meanInterval(accuracies),
      differenceToBaseline:
        values === null ? null : difference(values, plan.seeds.length, pValues[index]!, adjusted[index]!),
      robust: robustStatistics(accuracies, values, baseline?.seeds.map((seed) => seed.testAccuracy) ?? []),
    };
  });
}

/**
 * The rate to report a method at: best mean validation accuracy over seeds. A rate at which a seed was lost ranks
 * under every rate at which none was, however good its other seeds; equal rates go to the smaller one.
 *
 * @param rates  the grid, at least one rate
 * @param runs   the finished runs of one method
 */
export function chooseLearningRate(
  rates: readonly number[],
  runs: readonly Pick<FinishedRun, 'learningRate' | 'validationAccuracy'>[],
): number {
  const ranked = rates
    .map((rate) => ({ rate, accuracies: validationAccuracies(runs, rate) }))
    .sort(
      (a, b) =>
        b.accuracies.length - a.accuracies.length ||
        (mean(b.accuracies) || 0) - (mean(a.accuracies) || 0) ||
        a.rate - b.rate,
    );
  return ranked[0]!.rate;
}

function validationAccuracies(
  runs: readonly Pick<FinishedRun, 'learningRate' | 'validationAccuracy'>[],
  learningRate: number,
): number[] {
  return runs.filter((run) => run.learningRate === learningRate).map((run) => run.validationAccuracy);
}

function testedSeeds(
  seeds: readonly number[],
  runs: readonly FinishedRun[],
  learningRate: number,
): SeedResult[] {
  return seeds.flatMap(
    (seed) => runs.find((run) => run.seed === seed && run.learningRate === learningRate)?.tested ?? [],
  );
}

/** Test accuracy minus the baseline's, for the seeds that finished under both. */
function pairedDifferences(method: readonly SeedResult[], baseline: readonly SeedResult[]): number[] {
  return pairsOf(method, baseline).map(({ run, partner }) => run.testAccuracy - partner.testAccuracy);
}

function difference(
  values: readonly number[],
  seeds: number,
  p: number | null,
  pHolm: number | null,
): Difference {
  const notes = [
    ...(values.length < fewestPairs ? ['too few seeds'] : []),
    ...(values.length < seeds ? [`${values.length} of ${seeds} seeds paired`] : []),
  ];
  return {
    pairs: values.length,
    mean: finiteOrNull(mean(values)),
    ci95: meanInterval(values),
    p,
    pHolm,
    note: notes.join('; ') || null,
  };
}

function robustStatistics(
  accuracies: readonly number[],
  differences: readonly number[] | null,
  baseline: readonly number[],
): RobustStatistics {
  const enough = differences !== null && differences.length >= fewestPairs;
  return {
    interquartileMean: interquartileMean(accuracies),
    probabilityOfImprovement: differences === null ? null : probabilityOfImprovement(accuracies, baseline),
    differenceBootstrapCi95: enough ? bootstrapInterval(differences) : null,
    wilcoxonP: enough ? wilcoxonTest(differences) : null,
  };
}

function finiteOrNull(value: number): number | null {
  return Number.isFinite(value) ? value : null;
}
