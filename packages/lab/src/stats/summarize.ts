import type { Difference, MethodResult, RobustStatistics, SeedResult } from '../comparison.ts';
import { advantage, type Metric } from '../metric.ts';
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
  /** Those of `seeds` that choose the rates. */
  tuningSeeds: readonly number[];
  /** Name of the method the others are compared with; null for none. */
  baseline: string | null;
  /** What runs are judged by. */
  metric: Pick<Metric, 'name' | 'better'>;
}

/** A run that finished. Failed runs are not given here: what is missing is known from the plan. */
export interface FinishedRun {
  method: string;
  seed: number;
  learningRate: number;
  /** The metric at the end of training; chooses the learning rate. */
  validation: number;
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
 *                             tuningSeeds: [1, 2, 3], baseline: 'baseline', metric: { name: 'accuracy', better: 'higher' } }, runs)
 */
export function summarize(plan: Plan, runs: readonly FinishedRun[]): MethodResult[] {
  const { metric } = plan;
  const valuesOf = (seeds: readonly SeedResult[]) => seeds.map((seed) => seed.test[metric.name]!);
  const chosen = plan.methods.map(({ name, chain, learningRates }) => {
    const own = runs.filter((run) => run.method === name);
    const tuners = own.filter((run) => plan.tuningSeeds.includes(run.seed));
    const learningRate = chooseLearningRate(learningRates, tuners, metric);
    const tuning = learningRates.map((rate) => ({
      learningRate: rate,
      validation: finiteOrNull(mean(validationsAt(tuners, rate))),
    }));
    return { name, chain, learningRate, tuning, seeds: testedSeeds(plan.seeds, own, learningRate) };
  });

  const baseline = chosen.find((method) => method.name === plan.baseline);
  const differences = chosen.map((method) =>
    baseline === undefined || method === baseline
      ? null
      : pairedDifferences(method.seeds, baseline.seeds, metric.name),
  );
  const pValues = differences.map((values) =>
    values !== null && values.length >= fewestPairs ? signFlipTest(values) : null,
  );
  const adjusted = holm(pValues);

  return chosen.map((method, index): MethodResult => {
    const own = valuesOf(method.seeds);
    const values = differences[index]!;
    return {
      ...method,
      mean: finiteOrNull(mean(own)),
      ci95: meanInterval(own),
      differenceToBaseline:
        values === null ? null : difference(values, plan.seeds.length, pValues[index]!, adjusted[index]!),
      robust: robustStatistics(own, values, valuesOf(baseline?.seeds ?? []), metric),
    };
  });
}

/**
 * The rate to report a method at: best mean on validation over seeds. A rate at which a seed was lost ranks
 * under every rate at which none was, however good its other seeds; equal rates go to the smaller one.
 *
 * @param rates  the grid, at least one rate
 * @param runs   the finished runs of one method with the seeds that choose
 */
export function chooseLearningRate(
  rates: readonly number[],
  runs: readonly Pick<FinishedRun, 'learningRate' | 'validation'>[],
  metric: Pick<Metric, 'better'>,
): number {
  const ranked = rates
    .map((rate) => ({ rate, values: validationsAt(runs, rate) }))
    .sort(
      (a, b) =>
        b.values.length - a.values.length ||
        advantage(metric, mean(b.values) || 0, mean(a.values) || 0) ||
        a.rate - b.rate,
    );
  return ranked[0]!.rate;
}

function validationsAt(
  runs: readonly Pick<FinishedRun, 'learningRate' | 'validation'>[],
  learningRate: number,
): number[] {
  return runs.filter((run) => run.learningRate === learningRate).map((run) => run.validation);
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

/** The metric on the test set minus the baseline's, for the seeds that finished under both. */
function pairedDifferences(
  method: readonly SeedResult[],
  baseline: readonly SeedResult[],
  metric: string,
): number[] {
  return pairsOf(method, baseline).map(({ run, partner }) => run.test[metric]! - partner.test[metric]!);
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
  values: readonly number[],
  differences: readonly number[] | null,
  baseline: readonly number[],
  { better }: Pick<Metric, 'better'>,
): RobustStatistics {
  const [mine, theirs] = better === 'higher' ? [values, baseline] : [baseline, values];
  const enough = differences !== null && differences.length >= fewestPairs;
  return {
    interquartileMean: interquartileMean(values),
    probabilityOfImprovement: differences === null ? null : probabilityOfImprovement(mine, theirs),
    differenceBootstrapCi95: enough ? bootstrapInterval(differences) : null,
    wilcoxonP: enough ? wilcoxonTest(differences) : null,
  };
}

function finiteOrNull(value: number): number | null {
  return Number.isFinite(value) ? value : null;
}
