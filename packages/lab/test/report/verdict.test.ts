import { describe, expect, test } from 'vitest';
import type { ComparisonResult, RunFailure } from '../../src/comparison.ts';
import type { Metric } from '../../src/metric.ts';
import { verdict } from '../../src/report/verdict.ts';
import { fixtureResult, type InventedRuns } from './fixture-result.ts';

const seven = [0.7, 0.705, 0.711, 0.698, 0.702, 0.709, 0.7];
const three = seven.slice(0, 3);
const better = [0.718, 0.725, 0.727, 0.719, 0.721, 0.727, 0.72];
const worse = [0.67, 0.685, 0.686, 0.668, 0.682, 0.684, 0.67];
const mixed = [0.71, 0.695, 0.715, 0.708, 0.692, 0.713, 0.71];

const untuned =
  'Every method ran at learning rate 0.1, not tuned: a method whose best rate is another is shown below its best.';

const cases: { title: string; runs: InventedRuns; says: string[] }[] = [
  {
    title: 'clearly better',
    runs: { accuracies: { baseline: seven, znorm: better } },
    says: [
      'znorm is more accurate than baseline.',
      'znorm is more accurate than baseline by 1.89 points (95 % interval +1.73 to +2.04; exact paired p = 0.0156; 7 seeds).',
      untuned,
    ],
  },
  {
    title: 'clearly worse',
    runs: { accuracies: { baseline: seven, clip: worse } },
    says: [
      'clip is less accurate than baseline.',
      'clip is less accurate than baseline by 2.57 points (95 % interval −2.99 to −2.16; exact paired p = 0.0156; 7 seeds).',
      untuned,
    ],
  },
  {
    title: 'one better, one worse, one undecided of three, tuned, two at the edge of the rates tried',
    runs: {
      accuracies: { baseline: seven, clip: worse, gc: mixed, znorm: better },
      learningRates: [0.01, 0.1, 1],
      bestRates: { baseline: 0.1, clip: 0.1, gc: 1, znorm: 0.01 },
    },
    says: [
      'znorm is more accurate than baseline; clip is less accurate than baseline; gc is undecided.',
      'clip is less accurate than baseline by 2.57 points (95 % interval −2.99 to −2.16; exact paired p = 0.0156, 0.0469 corrected for 3 comparisons; 7 seeds).',
      'gc is undecided: +0.26 accuracy points against baseline (95 % interval −0.57 to +1.09; exact paired p = 0.531, 0.531 corrected for 3 comparisons; 7 seeds).',
      'znorm is more accurate than baseline by 1.89 points (95 % interval +1.73 to +2.04; exact paired p = 0.0156, 0.0469 corrected for 3 comparisons; 7 seeds).',
      'Learning rates were chosen on the validation split from 0.01, 0.1 and 1: baseline 0.1, clip 0.1, gc 1, znorm 0.01.',
      'The best rate of gc and znorm is at the edge of those tried: a wider range may change this.',
    ],
  },
  {
    title: 'enough seeds for one comparison but not for two: the correction decides, and the reach says so',
    runs: { accuracies: { baseline: seven.slice(0, 6), gc: mixed.slice(0, 6), znorm: better.slice(0, 6) } },
    says: [
      'Undecided: 6 paired seeds are too few for any difference to count.',
      'gc is undecided: +0.13 accuracy points against baseline (95 % interval −0.83 to +1.10; exact paired p = 0.813, 0.813 corrected for 2 comparisons; 6 seeds).',
      'znorm is undecided: +1.87 accuracy points against baseline (95 % interval +1.68 to +2.05; exact paired p = 0.0313, 0.0625 corrected for 2 comparisons; 6 seeds). The interval leaves out 0: a hint, not a result.',
      'With 6 paired seeds the smallest p the exact test can reach is 0.0313, 0.0625 corrected for 2 comparisons; at least 7 seeds are needed to reach p < 0.05.',
      untuned,
    ],
  },
  {
    title: 'undecided with enough seeds',
    runs: { accuracies: { baseline: seven, gc: mixed } },
    says: [
      'Undecided: no method can be told apart from baseline.',
      'gc is undecided: +0.26 accuracy points against baseline (95 % interval −0.57 to +1.09; exact paired p = 0.531; 7 seeds).',
      untuned,
    ],
  },
  {
    title: 'the test finds a difference that one seed makes, the interval does not',
    runs: {
      accuracies: {
        baseline: seven,
        znorm: seven.map((accuracy, index) => accuracy + (index === 3 ? 0.2 : 0.001)),
      },
    },
    says: [
      'Undecided: no method can be told apart from baseline.',
      'znorm is undecided: +2.94 accuracy points against baseline (95 % interval −4.01 to +9.90; exact paired p = 0.0156; 7 seeds). The test finds a difference, but the interval holds 0.',
      untuned,
    ],
  },
  {
    title: 'three seeds',
    runs: { accuracies: { baseline: three, znorm: better.slice(0, 3) } },
    says: [
      'Undecided: 3 paired seeds are too few for any difference to count.',
      'znorm is undecided: +1.80 accuracy points against baseline (95 % interval +1.30 to +2.30; exact paired p = 0.25; 3 seeds). The interval leaves out 0: a hint, not a result.',
      'With 3 paired seeds the smallest p the exact test can reach is 0.25; at least 6 seeds are needed to reach p < 0.05.',
      untuned,
    ],
  },
  {
    title: 'five seeds',
    runs: { accuracies: { baseline: seven.slice(0, 5), gc: mixed.slice(0, 5) } },
    says: [
      'Undecided: 5 paired seeds are too few for any difference to count.',
      'gc is undecided: +0.08 accuracy points against baseline (95 % interval −1.18 to +1.34; exact paired p = 1; 5 seeds).',
      'With 5 paired seeds the smallest p the exact test can reach is 0.0625; at least 6 seeds are needed to reach p < 0.05.',
      untuned,
    ],
  },
  {
    title: 'two seeds',
    runs: { accuracies: { baseline: [0.7, 0.71], znorm: [0.72, 0.725] } },
    says: [
      'Undecided: 2 paired seeds are too few for any difference to count.',
      'znorm: +1.75 accuracy points against baseline (95 % interval −1.43 to +4.93; 2 seeds), too few seeds for a test.',
      'With 2 paired seeds the smallest p the exact test can reach is 0.5; at least 6 seeds are needed to reach p < 0.05.',
      untuned,
    ],
  },
  {
    title: 'one seed',
    runs: { accuracies: { baseline: [0.7], znorm: [0.72] } },
    says: [
      'Undecided: 1 paired seed is too few for any difference to count.',
      'znorm: +2.00 accuracy points against baseline (1 seed), too few seeds for a test.',
      'With 1 paired seed the smallest p the exact test can reach is 1; at least 6 seeds are needed to reach p < 0.05.',
      untuned,
    ],
  },
  {
    title: 'all scores equal',
    runs: { accuracies: { baseline: seven, clip: seven } },
    says: [
      'Undecided: no method can be told apart from baseline.',
      'clip is undecided: 0.00 accuracy points against baseline (95 % interval 0.00 to 0.00; exact paired p = 1; 7 seeds).',
      untuned,
    ],
  },
  {
    title: 'all weights equal: the method never changed a step',
    runs: {
      accuracies: { baseline: three, clip: three },
      enrich: (_, seed) => ({ ...seed, weightsHash: `${seed.seed}` }),
    },
    says: [
      'clip changed nothing.',
      'clip ended in the same weights as baseline, bit for bit, on 3 seeds: it changed nothing here.',
      'With 3 paired seeds the smallest p the exact test can reach is 0.25; at least 6 seeds are needed to reach p < 0.05.',
      untuned,
    ],
  },
  {
    title: 'the baseline is missing',
    runs: { accuracies: { gc: three, znorm: three } },
    says: ['There is no baseline among the methods, so none can be called better or worse.', untuned],
  },
  {
    title: 'only the baseline',
    runs: { accuracies: { baseline: three } },
    says: ['Only baseline was trained, so there is nothing to compare it with.', untuned],
  },
];

const failure = (method: string, seed: number, step: number | null, tensor: string | null): RunFailure => ({
  method,
  seed,
  learningRate: 0.1,
  step,
  tensor,
  message: 'the gradient is not finite',
});

const bits: Metric = {
  name: 'bitsPerCharacter',
  label: 'bits per character',
  better: 'lower',
  format: 'number',
  digits: 3,
};

describe('verdict on a metric of which less is better', () => {
  test('says who has better and worse values, in their own unit, with the sign of the difference', () => {
    const fewer = seven.map((value, index) => value - 0.01 - index / 1000);
    const more = seven.map((value, index) => value + 0.01 + index / 1000);
    const result = fixtureResult({
      metrics: [bits],
      accuracies: { baseline: seven, clip: more, znorm: fewer },
    });
    expect(verdict(result)).toEqual([
      'znorm has better bits per character than baseline; clip has worse bits per character than baseline.',
      'clip has worse bits per character than baseline by 0.013 (95 % interval +0.011 to +0.015; exact paired p = 0.0156, 0.0313 corrected for 2 comparisons; 7 seeds).',
      'znorm has better bits per character than baseline by 0.013 (95 % interval −0.015 to −0.011; exact paired p = 0.0156, 0.0313 corrected for 2 comparisons; 7 seeds).',
      untuned,
    ]);
  });

  test('names the metric where nothing is decided', () => {
    const result = fixtureResult({ metrics: [bits], accuracies: { baseline: seven, gc: mixed } });
    expect(verdict(result)[1]).toBe(
      'gc is undecided: +0.003 bits per character against baseline (95 % interval −0.006 to +0.011; exact paired p = 0.531; 7 seeds).',
    );
  });

  test('says how many seeds chose the rates where not all did', () => {
    const result = fixtureResult({
      accuracies: { baseline: seven, znorm: better },
      learningRates: [0.1, 1],
      bestRates: { baseline: 0.1, znorm: 1 },
    });
    const config = { ...result.config, tuningSeeds: result.config.seeds.slice(0, 2) };
    expect(verdict({ ...result, config }).join(' ')).toContain(
      `Learning rates were chosen on the validation split by 2 seeds of ${config.seeds.length} from 0.1 and 1: `,
    );
  });

  test('chooses the rate with the lowest value on validation', () => {
    const result = fixtureResult({
      metrics: [bits],
      accuracies: { baseline: seven, znorm: better },
      learningRates: [0.01, 0.1, 1],
      bestRates: { baseline: 0.1, znorm: 1 },
    });
    expect(verdict(result).slice(-2)[0]).toBe(
      'Learning rates were chosen on the validation split from 0.01, 0.1 and 1: baseline 0.1, znorm 1.',
    );
  });
});

describe('verdict', () => {
  test.each(cases)('$title', ({ runs, says }) => {
    expect(verdict(fixtureResult(runs))).toEqual(says);
  });

  test('a failed run is named with step and tensor, and its partner does not count', () => {
    const result = fixtureResult({
      accuracies: {
        baseline: seven,
        znorm: better.map((accuracy, index) => (index === 2 ? null : accuracy)),
      },
      failures: [failure('znorm', 3, 41, 'stage1/block0/conv1/kernel')],
    });
    expect(verdict(result)).toEqual([
      'znorm is more accurate than baseline.',
      'znorm is more accurate than baseline by 1.93 points (95 % interval +1.81 to +2.06; exact paired p = 0.0313; 6 seeds).',
      untuned,
      '1 run failed and is left out (znorm seed 3 at step 41 in stage1/block0/conv1/kernel): what finished may flatter a method that fails.',
    ]);
  });

  test('a method that lost every seed is said to have nothing to say', () => {
    const result = fixtureResult({
      accuracies: { baseline: three, broken: [null, null, null] },
      failures: [1, 2, 3, 4].map((seed) => failure('broken', seed, null, null)),
    });
    expect(verdict(result)).toEqual([
      'Undecided: no method shares a finished seed with baseline.',
      'broken has no finished seed in common with baseline: nothing can be said of it.',
      untuned,
      '4 runs failed and are left out (broken seed 1, broken seed 2, broken seed 3 and 1 more): what finished may flatter a method that fails.',
    ]);
  });

  test('a failure at a rate that was only tried costs no seed and is told apart', () => {
    const result = fixtureResult({
      accuracies: { baseline: seven, znorm: better },
      learningRates: [0.1, 1],
      failures: [{ ...failure('znorm', 3, 41, null), learningRate: 1 }],
    });
    expect(verdict(result).at(-1)).toBe('1 run failed at learning rates that were not chosen.');
  });

  test('a baseline that finished nothing, or nothing that finished at all, leaves nothing to compare', () => {
    const lost = fixtureResult({ accuracies: { baseline: [null], znorm: [0.7] } });
    expect(verdict(lost)[0]).toBe('baseline finished no run, so nothing can be compared with it.');
    const all = fixtureResult({ accuracies: { baseline: [null], znorm: [null] } });
    expect(verdict(all)[0]).toBe('No run finished, so there is nothing to compare.');
  });

  test.each<[Partial<ComparisonResult['pairing']>, string]>([
    [{ sameBatches: false }, 'batches differ'],
    [{ sameInitialWeights: false }, 'initial weights differ'],
    [{ sameInitialWeights: false, sameBatches: false }, 'initial weights and batches differ'],
  ])('a pairing that is not proven is said so: %o', (pairing, what) => {
    const result = fixtureResult({ accuracies: { baseline: seven, znorm: better } });
    expect(verdict({ ...result, pairing: { ...result.pairing, ...pairing } }).at(-1)).toBe(
      `The pairing is not proven: for the same seed, ${what} between methods.`,
    );
  });

  test('rates that were set by method are listed', () => {
    const result = fixtureResult({ accuracies: { baseline: seven, znorm: better } });
    const methods = result.methods.map((method) =>
      method.name === 'znorm' ? { ...method, learningRate: 0.001 } : method,
    );
    expect(verdict({ ...result, methods }).at(-1)).toBe(
      'Methods ran at set learning rates (baseline 0.1, znorm 0.001), not tuned: a method whose best rate is another is shown below its best.',
    );
  });
});
