import { describe, expect, test } from 'vitest';
import type { Metric } from '../../src/metric.ts';
import { terminalReport, terminalTable } from '../../src/report/terminal.ts';
import { fixtureResult } from './fixture-result.ts';

const baseline = [0.7, 0.705, 0.711];
const znorm = [0.718, 0.725, 0.727];
const result = fixtureResult({ accuracies: { baseline, znorm, broken: [null, null, null] } });

describe('table in the terminal', () => {
  test('shows accuracy, best seed, loss, time and the paired difference with interval and p', () => {
    expect(terminalTable(result, { rules: true }).split('\n')).toEqual([
      '─────────────────────────────────────────────────────────────────────────',
      'method            test   best   test   ms/               against        p',
      '           accuracy, %   seed   loss  step              baseline',
      '─────────────────────────────────────────────────────────────────────────',
      'baseline  70.53 ± 1.37  71.10  0.678  41.3                     —        —',
      'znorm     72.33 ± 1.17  72.70  0.636  41.3  +1.80 [+1.30, +2.30]     0.25',
      'broken          failed      —      —     —                     —  too few',
      '                                                                    seeds',
      '─────────────────────────────────────────────────────────────────────────',
    ]);
  });

  test('without rules it is the same columns as plain lines', () => {
    const ruled = terminalTable(result, { rules: true }).split('\n');
    const plain = terminalTable(result, { rules: false }).split('\n');
    expect(plain).toEqual(ruled.filter((line) => !line.includes('─')));
  });

  test('one seed has no interval, and a time over 100 ms no decimals', () => {
    const one = fixtureResult({
      accuracies: { baseline: [0.7], znorm: [0.72] },
      enrich: (_, seed) => ({ ...seed, stepMs: 1234.5 }),
    });
    expect(terminalTable(one, { rules: false }).split('\n')[3]).toBe(
      'znorm           72.00  72.00  0.644  1235     +2.00  too few',
    );
  });

  test.each<{ title: string; accuracies: Record<string, number[]> }>([
    {
      title: 'long names',
      accuracies: { baseline, 'znorm-by-layer-with-clipping-and-a-very-long-name': znorm },
    },
    { title: 'absurd intervals', accuracies: { baseline: [0.1, 0.9], 'a-name-of-some-length': [0.7, 0.2] } },
    { title: 'many methods', accuracies: { baseline, clip: baseline, gc: znorm, znorm, other: znorm } },
  ])('no line is over 80 columns with $title, and every name can be read', ({ accuracies }) => {
    const wide = fixtureResult({ accuracies });
    for (const rules of [true, false]) {
      const lines = terminalReport(wide, { rules }).split('\n');
      expect(Math.max(...lines.map((line) => line.length))).toBeLessThanOrEqual(80);
      const table = terminalTable(wide, { rules }).split('\n');
      const firstColumn = table.map((line) => line.split(/\s{2,}/)[0]).join('');
      for (const name of Object.keys(accuracies)) expect(firstColumn).toContain(name);
    }
  });

  test('names break at hyphens, and the label of a metric where the two halves are shortest', () => {
    const bits: Metric = {
      name: 'accuracy',
      label: 'bits per character',
      better: 'lower',
      format: 'number',
      digits: 3,
    };
    const wide = fixtureResult({
      accuracies: { baseline, 'znorm-attention': znorm },
      metrics: [bits, { ...bits, name: 'loss', label: 'perplexity' }],
    });
    const lines = terminalTable(wide, { rules: false }).split('\n');
    const firstColumn = lines.map((line) => line.split(/\s{2,}/)[0]);
    expect(firstColumn).toEqual(['method', '', 'baseline', 'znorm-', 'attention']);
    expect(lines.slice(0, 2).map((line) => line.slice(11, 43).trim())).toEqual([
      'test bits   best        test',
      'per character   seed  perplexity',
    ]);
  });

  test('speaks of the metric it is given, of which less may be better, and of no second one if there is none', () => {
    const bits: Metric = {
      name: 'bits',
      label: 'bits per character',
      better: 'lower',
      format: 'number',
      digits: 3,
    };
    const other = fixtureResult({ metrics: [bits], accuracies: { baseline: [2.1, 2.2], znorm: [2, 2.05] } });
    expect(terminalReport(other, { rules: false }).split('\n').slice(0, 8)).toEqual([
      'method        test bits   best   ms/                  against        p',
      '          per character   seed  step                 baseline',
      'baseline  2.150 ± 0.635  2.100  41.3                        —        —',
      'znorm     2.025 ± 0.318  2.000  41.3  −0.125 [−0.443, +0.193]  too few',
      '                                                                 seeds',
      '',
      'Test bits per character (lower is better): mean over seeds ± 95 % interval;',
      '  paired difference to baseline [95 %]; p: exact paired test, uncorrected.',
    ]);
  });

  test('the report adds the legend and the verdict, headline first', () => {
    expect(terminalReport(result, { rules: false }).split('\n').slice(6, 14)).toEqual([
      '',
      'Test accuracy: mean over seeds ± 95 % interval; paired difference to baseline in',
      '  points [95 %]; p: exact paired test, uncorrected.',
      '',
      'Undecided: 3 paired seeds are too few for any difference to count.',
      '',
      'znorm is undecided: +1.80 accuracy points against baseline (95 % interval +1.30',
      '  to +2.30; exact paired p = 0.25; 3 seeds). The interval leaves out 0: a hint,',
    ]);
  });
});
