import { type ComparisonResult, type Difference, type MethodResult, primaryMetric } from '../comparison.ts';
import { differenceText, type Metric, pointsOf, valueText } from '../metric.ts';
import { alpha, baselineOf, type Decision, decide, reachOf } from './decision.ts';
import { counted, listed, pEquals, pValue } from './numbers.ts';

/**
 * What a comparison shows, in sentences that claim no more than the statistics do. The first is the headline; then
 * one a method, how far the test could reach, how rates were chosen, what failed, and whether the pairing is proven.
 *
 * Differences are in the metric's unit; of percentages in points, where 72 % to 74 % is +2.
 */
export function verdict(result: ComparisonResult): string[] {
  return [
    ...comparisonSentences(result),
    ...rateSentences(result),
    ...failureSentences(result),
    ...pairingSentence(result),
  ];
}

function comparisonSentences(result: ComparisonResult): string[] {
  const nothing = nothingToCompare(result);
  if (nothing !== null) return [nothing];
  const judged = result.methods.flatMap((method) => {
    const decision = decide(method, result);
    return decision === null ? [] : [{ method, decision }];
  });
  return [
    headline(judged, result),
    ...judged.map(({ method, decision }) => sentence(method, decision, result)),
    ...reachSentence(result),
  ];
}

function nothingToCompare(result: ComparisonResult): string | null {
  if (result.methods.every((method) => method.seeds.length === 0)) {
    return 'No run finished, so there is nothing to compare.';
  }
  const baseline = baselineOf(result);
  if (baseline === undefined) {
    return 'There is no baseline among the methods, so none can be called better or worse.';
  }
  if (result.methods.length === 1)
    return `Only ${baseline.name} was trained, so there is nothing to compare it with.`;
  if (baseline.seeds.length === 0)
    return `${baseline.name} finished no run, so nothing can be compared with it.`;
  return null;
}

function headline(judged: { method: MethodResult; decision: Decision }[], result: ComparisonResult): string {
  const named = (decision: Decision) =>
    judged.filter((entry) => entry.decision === decision).map((entry) => entry.method.name);
  const are = (names: string[]) => (names.length === 1 ? 'is' : 'are');
  const metric = primaryMetric(result);
  const [better, worse, same] = [named('better'), named('worse'), named('same')];
  const open = [...named('undecided'), ...named('untested')];

  const claims = [
    ...(better.length > 0 ? [`${standing(better, 'better', metric)} than ${result.baseline}`] : []),
    ...(worse.length > 0 ? [`${standing(worse, 'worse', metric)} than ${result.baseline}`] : []),
    ...(same.length > 0 ? [`${listed(same)} changed nothing`] : []),
  ];
  if (claims.length > 0) {
    return `${[...claims, ...(open.length > 0 ? [`${listed(open)} ${are(open)} undecided`] : [])].join('; ')}.`;
  }
  const reach = reachOf(result);
  if (reach?.pairs === 0) return `Undecided: no method shares a finished seed with ${result.baseline}.`;
  if (reach !== null && reach.smallestPHolm >= alpha) {
    const few = `${counted(reach.pairs, 'paired seed')} ${reach.pairs === 1 ? 'is' : 'are'}`;
    return `Undecided: ${few} too few for any difference to count.`;
  }
  return `Undecided: no method can be told apart from ${result.baseline}.`;
}

/** `gc is more accurate`, `gc and znorm have worse bits per character`: to be followed by `than`. */
function standing(
  names: readonly string[],
  decision: 'better' | 'worse',
  { adjective, label }: Metric,
): string {
  const one = names.length === 1;
  if (adjective === undefined) return `${listed(names)} ${one ? 'has' : 'have'} ${decision} ${label}`;
  return `${listed(names)} ${one ? 'is' : 'are'} ${decision === 'better' ? 'more' : 'less'} ${adjective}`;
}

function sentence(method: MethodResult, decision: Decision, result: ComparisonResult): string {
  const { name } = method;
  const { baseline } = result;
  const difference = method.differenceToBaseline!;
  const { pairs, mean, ci95, pHolm } = difference;
  const metric = primaryMetric(result);
  if (decision === 'same') {
    return `${name} ended in the same weights as ${baseline}, bit for bit, on ${counted(pairs, 'seed')}: it changed nothing here.`;
  }
  if (mean === null)
    return `${name} has no finished seed in common with ${baseline}: nothing can be said of it.`;
  const change = `${differenceText(metric, mean)} ${metric.label}${pointsOf(metric)}`;
  if (decision === 'untested') {
    return `${name}: ${change} against ${baseline} (${evidence(difference, result)}), too few seeds for a test.`;
  }
  if (decision !== 'undecided') {
    const size = `${valueText(metric, Math.abs(mean))}${pointsOf(metric)}`;
    return `${standing([name], decision, metric)} than ${baseline} by ${size} (${evidence(difference, result)}).`;
  }
  const open = `${name} is undecided: ${change} against ${baseline} (${evidence(difference, result)}).`;
  if (pHolm! < alpha) return `${open} The test finds a difference, but the interval holds 0.`;
  if (ci95![0] > 0 || ci95![1] < 0) return `${open} The interval leaves out 0: a hint, not a result.`;
  return open;
}

/** Interval, p, and seeds, as far as they exist. */
function evidence({ pairs, ci95, p, pHolm }: Difference, result: ComparisonResult): string {
  const comparisons = reachOf(result)!.comparisons;
  const text = (value: number) => differenceText(primaryMetric(result), value);
  const corrected = comparisons > 1 ? `, ${pValue(pHolm ?? 1)} corrected for ${comparisons} comparisons` : '';
  return [
    ...(ci95 === null ? [] : [`95 % interval ${text(ci95[0])} to ${text(ci95[1])}`]),
    ...(p === null ? [] : [`exact paired ${pEquals(p)}${corrected}`]),
    counted(pairs, 'seed'),
  ].join('; ');
}

function reachSentence(result: ComparisonResult): string[] {
  const reach = reachOf(result);
  if (reach === null || reach.pairs === 0 || reach.smallestPHolm < alpha) return [];
  const corrected =
    reach.comparisons > 1
      ? `, ${pValue(reach.smallestPHolm)} corrected for ${reach.comparisons} comparisons`
      : '';
  return [
    `With ${counted(reach.pairs, 'paired seed')} the smallest p the exact test can reach is ${pValue(reach.smallestP)}${corrected}; ` +
      `at least ${reach.pairsNeeded} seeds are needed to reach p < ${alpha}.`,
  ];
}

function rateSentences(result: ComparisonResult): string[] {
  const tuned = result.methods.filter((method) => method.tuning.length > 1);
  if (tuned.length === 0) {
    const rates = new Set(result.methods.map((method) => method.learningRate));
    const which =
      rates.size === 1
        ? `Every method ran at learning rate ${[...rates][0]}`
        : `Methods ran at set learning rates (${result.methods.map((m) => `${m.name} ${m.learningRate}`).join(', ')})`;
    return [`${which}, not tuned: a method whose best rate is another is shown below its best.`];
  }
  const chosen = tuned.map((method) => `${method.name} ${method.learningRate}`).join(', ');
  const rates = listed(tuned[0]!.tuning.map(({ learningRate }) => String(learningRate)));
  const atEdge = tuned.filter(({ learningRate, tuning }) => {
    const tried = tuning.map((entry) => entry.learningRate);
    return learningRate === Math.min(...tried) || learningRate === Math.max(...tried);
  });
  const { seeds, tuningSeeds } = result.config;
  const by =
    tuningSeeds.length < seeds.length ? ` by ${counted(tuningSeeds.length, 'seed')} of ${seeds.length}` : '';
  return [
    `Learning rates were chosen on the validation split${by} from ${rates}: ${chosen}.`,
    ...(atEdge.length > 0
      ? [
          `The best rate of ${listed(atEdge.map(({ name }) => name))} is at the edge of those tried: a wider range may change this.`,
        ]
      : []),
  ];
}

function failureSentences({ failures, methods }: ComparisonResult): string[] {
  const rates = new Map(methods.map((method) => [method.name, method.learningRate]));
  const lost = failures.filter(({ method, learningRate }) => rates.get(method) === learningRate);
  const onlyTried = failures.length - lost.length;
  const described = lost.slice(0, 3).map(({ method, seed, step, tensor }) => {
    const where = [
      ...(step === null ? [] : [`at step ${step}`]),
      ...(tensor === null ? [] : [`in ${tensor}`]),
    ];
    return [`${method} seed ${seed}`, ...where].join(' ');
  });
  const more = lost.length > 3 ? ` and ${lost.length - 3} more` : '';
  return [
    ...(lost.length > 0
      ? [
          `${counted(lost.length, 'run')} failed and ${lost.length === 1 ? 'is' : 'are'} left out ` +
            `(${described.join(', ')}${more}): what finished may flatter a method that fails.`,
        ]
      : []),
    ...(onlyTried > 0 ? [`${counted(onlyTried, 'run')} failed at learning rates that were not chosen.`] : []),
  ];
}

function pairingSentence({ pairing, methods }: ComparisonResult): string[] {
  const differs = [
    ...(pairing.sameInitialWeights ? [] : ['initial weights']),
    ...(pairing.sameBatches === false ? ['batches'] : []),
  ];
  if (differs.length === 0 || methods.length < 2) return [];
  return [`The pairing is not proven: for the same seed, ${listed(differs)} differ between methods.`];
}
