import { type ComparisonResult, type MethodResult, primaryMetric } from '../comparison.ts';
import { advantage, type Metric, pointsOf, valueText } from '../metric.ts';
import { decide } from './decision.ts';
import { capitalized, counted, thousands } from './numbers.ts';

/** What a comparison cannot show, whatever its verdict; said beside it. */
export function limits(result: ComparisonResult): string[] {
  const { data, config, unit } = result;
  const samples = `${thousands(data.trainSize)} training ${unit.many}`;
  return [
    `Other tasks, models and optimizers: only ${result.model} on ${data.name} (${samples}) with ${result.optimizer} was trained.`,
    `Longer training: runs ended after ${counted(config.epochs, 'epoch')}; methods that learn faster early may end alike, or the other way round.`,
    ...equality(result),
    ...testSetNoise(result),
    ...(result.methods.some((method) => method.tuning.length > 1)
      ? ['Rates between or beyond those tried, and every other setting: only the learning rate was tuned.']
      : ["Each method's best: no setting was tuned, so this compares the methods at one setting only."]),
    'Speed elsewhere: the time a step takes depends on this machine, its load and how many runs shared it.',
  ];
}

function equality(result: ComparisonResult): string[] {
  const open = result.methods.filter((method) => {
    const decision = decide(method, result);
    return decision === 'undecided' || decision === 'untested';
  });
  if (open.length === 0) return [];
  const possible = open.flatMap((method) => stillPossible(method, primaryMetric(result)) ?? []);
  const intervals = possible.length === 0 ? '' : ` By the 95 % intervals, ${possible.join('; ')}.`;
  return [`Equality: undecided does not mean equal.${intervals}`];
}

/** `gc may be up to 0.57 points worse or 1.09 better`: what the interval of a method leaves open; null when it has none. */
function stillPossible({ name, differenceToBaseline }: MethodResult, metric: Metric): string | null {
  const [worst, best] = (differenceToBaseline?.ci95 ?? [0, 0])
    .map((end) => advantage(metric, end, 0))
    .sort((a, b) => a - b) as [number, number];
  const points = pointsOf(metric);
  const ends = [
    ...(worst < 0 ? [`${valueText(metric, -worst)}${points} worse`] : []),
    ...(best > 0 ? [`${valueText(metric, best)}${worst < 0 ? '' : points} better`] : []),
  ];
  return ends.length === 0 ? null : `${name} may be up to ${ends.join(' or ')}`;
}

/**
 * The test samples are a choice too, and every run is scored on the same one. A share a of N of them that are right
 * has a 95 % interval of about
 *
 *     ± 1.96·√(a·(1 − a)/N)
 */
function testSetNoise({ methods, data, unit, metrics: [metric] }: ComparisonResult): string[] {
  if (!metric.ofSamples) return [];
  const variances = methods.flatMap(({ mean }) => (mean === null ? [] : mean * (1 - mean)));
  if (variances.length === 0) return [];
  const half = 1.96 * Math.sqrt(Math.max(...variances) / data.testSize);
  return [
    `${capitalized(`other ${unit.many}`)}: the intervals hold what seeds change. Another ${thousands(data.testSize)} test ${unit.many} ` +
      `would move ${metric.label} by about ± ${valueText(metric, half)}${pointsOf(metric)}, much the same way for all methods.`,
  ];
}
