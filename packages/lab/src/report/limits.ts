import type { ComparisonResult, MethodResult } from '../comparison.ts';
import { decide } from './decision.ts';
import { counted, percent } from './numbers.ts';

/** What a comparison cannot show, whatever its verdict; said beside it. */
export function limits(result: ComparisonResult): string[] {
  const { data, config } = result;
  const images = data.trainSize.toLocaleString('en-US');
  return [
    `Other tasks, models and optimizers: only ${result.model} on ${data.name} (${images} training images) with ${result.optimizer} was trained.`,
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
  const possible = open.flatMap((method) => stillPossible(method) ?? []);
  const intervals = possible.length === 0 ? '' : ` By the 95 % intervals, ${possible.join('; ')}.`;
  return [`Equality: undecided does not mean equal.${intervals}`];
}

/** `gc may be up to 0.57 points worse or 1.09 better`: what the interval of a method leaves open; null when it has none. */
function stillPossible({ name, differenceToBaseline }: MethodResult): string | null {
  const [low, high] = differenceToBaseline?.ci95 ?? [0, 0];
  const ends = [
    ...(low < 0 ? [`${percent(-low)} points worse`] : []),
    ...(high > 0 ? [`${percent(high)} ${low < 0 ? '' : 'points '}better`] : []),
  ];
  return ends.length === 0 ? null : `${name} may be up to ${ends.join(' or ')}`;
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
