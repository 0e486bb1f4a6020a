import type { ComparisonResult, MethodResult } from '../comparison.ts';
import { decide } from './decision.ts';
import { counted, percent } from './numbers.ts';

/** What a comparison cannot show, whatever its verdict; said beside it. */
export function limits(result: ComparisonResult): string[] {
  const { data, config } = result;
  const undecided = result.methods.filter((method) => {
    const decision = decide(method, result);
    return decision === 'undecided' || decision === 'untested';
  });
  return [
    `Other tasks, models and optimizers: only ${result.model} on ${data.name} (${data.trainSize.toLocaleString('en-US')} training images) ` +
      `with ${result.optimizer} was trained.`,
    `Longer training: runs ended after ${counted(config.epochs, 'epoch')}; methods that learn faster early may end alike, or the other way round.`,
    ...(undecided.length > 0
      ? [
          `Equality: undecided does not mean equal. ${undecided.map((method) => stillPossible(method)).join(' ')}`,
        ]
      : []),
    ...testSetNoise(result),
    ...(result.methods.some((method) => method.tuning.length > 1)
      ? ['Rates between or beyond those tried, and every other setting: only the learning rate was tuned.']
      : ["Each method's best: no setting was tuned, so this compares the methods at one setting only."]),
    'Speed elsewhere: the time a step takes depends on this machine, its load and how many runs shared it.',
  ];
}

function stillPossible({ name, differenceToBaseline }: MethodResult): string {
  const interval = differenceToBaseline?.ci95;
  if (!interval) return `Of ${name} nothing is known.`;
  const [low, high] = interval;
  const ends = [
    ...(low < 0 ? [`${percent(-low)} points worse`] : []),
    ...(high > 0 ? [`${percent(high)} points better`] : []),
  ];
  return ends.length === 0
    ? `${name} scored the same on every seed.`
    : `By its interval ${name} may be up to ${ends.join(' or up to ')}.`;
}

/**
 * The test images are a sample too, and every run is scored on the same one. On N of them an accuracy a has a
 * 95 % interval of about
 *
 *     ± 1.96·√(a·(1 − a)/N)
 */
function testSetNoise({ methods, data }: ComparisonResult): string[] {
  const variances = methods.flatMap(({ mean }) => (mean === null ? [] : mean * (1 - mean)));
  if (variances.length === 0) return [];
  const half = 1.96 * Math.sqrt(Math.max(...variances) / data.testSize);
  return [
    `Other images: the intervals hold what seeds change. Another ${data.testSize.toLocaleString('en-US')} test images ` +
      `would move an accuracy by about ± ${percent(half)} points, much the same way for all methods.`,
  ];
}
