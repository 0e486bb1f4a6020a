import { describe, expect, test } from 'vitest';
import { reportCsv } from '../../src/report/csv.ts';
import { html, trusted } from '../../src/report/html.ts';
import { limits } from '../../src/report/limits.ts';
import { reportMarkdown } from '../../src/report/markdown.ts';
import { listed, pEquals, pValue } from '../../src/report/numbers.ts';
import { fixtureResult } from './fixture-result.ts';

const result = fixtureResult({ accuracies: { baseline: [0.7, 0.71, 0.72], znorm: [0.72, 0.725, 0.74] } });

describe('numbers', () => {
  test.each([
    [1, '1', 'p = 1'],
    [0.03125, '0.0313', 'p = 0.0313'],
    [0.0004, '< 0.001', 'p < 0.001'],
  ])('p of %d is %s', (p, text, sentence) => {
    expect(pValue(p)).toBe(text);
    expect(pEquals(p)).toBe(sentence);
  });

  test('lists read as English', () => {
    expect([[], ['a'], ['a', 'b'], ['a', 'b', 'c']].map(listed)).toEqual(['', 'a', 'a and b', 'a, b and c']);
  });
});

describe('HTML template', () => {
  test('escapes every value but HTML, and joins lists', () => {
    const items = ['<b>', '&"\''].map((item) => html`<li>${item}</li>`);
    expect(html`<ul title="${'"'}">${items}${3}${trusted('<hr>')}</ul>`.html).toBe(
      '<ul title="&quot;"><li>&lt;b&gt;</li><li>&amp;&quot;&#39;</li>3<hr></ul>',
    );
  });
});

describe('what a comparison cannot show', () => {
  test('names the setting, the open interval, the noise of the test set and what was not tuned', () => {
    expect(limits(result)).toEqual([
      'Other tasks, models and optimizers: only invented-20 on fixture data, nothing was trained (9,000 training images) with momentum was trained.',
      'Longer training: runs ended after 5 epochs; methods that learn faster early may end alike, or the other way round.',
      'Equality: undecided does not mean equal. By the 95 % intervals, znorm may be up to 2.55 points better.',
      // 1.96·√(0.71·0.29/10,000) = 0.0089.
      'Other images: the intervals hold what seeds change. Another 10,000 test images would move accuracy by about ± 0.89 points, much the same way for all methods.',
      "Each method's best: no setting was tuned, so this compares the methods at one setting only.",
      'Speed elsewhere: the time a step takes depends on this machine, its load and how many runs shared it.',
    ]);
  });

  test('says of every undecided method how far it may be either way, of others nothing', () => {
    const two = fixtureResult({
      accuracies: { baseline: [0.7, 0.71, 0.72], a: [0.72, 0.71, 0.71], b: [0.7] },
    });
    expect(limits(two)[2]).toBe(
      'Equality: undecided does not mean equal. By the 95 % intervals, a may be up to 3.46 points worse or 4.13 better.',
    );
    const alike = fixtureResult({ accuracies: { baseline: [0.7], same: [0.7] } });
    const same = { ...alike, methods: alike.methods.map((m) => ({ ...m, seeds: alike.methods[0]!.seeds })) };
    expect(limits(same).join()).not.toContain('Equality');
  });
});

describe('CSV', () => {
  test('has a line a run with numbers in full', () => {
    const lines = reportCsv(result).split('\r\n');
    expect(lines).toHaveLength(8);
    expect(lines[0]).toBe(
      'method,learningRate,seed,testAccuracy,testLoss,validationAccuracy,validationLoss,stepMs,degenerateSteps,initHash,batchHash,weightsHash',
    );
    expect(lines[5]).toBe(
      'znorm,0.1,2,0.725,0.6325,0.725,0.6325,41.27,0,1a2b3c4d5e6f702,9f8e7d6c5b4a302,znorm-2',
    );
  });

  test('quotes names with commas and quotes', () => {
    const odd = fixtureResult({ accuracies: { 'a,"b"': [0.5] } });
    expect(reportCsv(odd).split('\r\n')[1]).toMatch(/^"a,""b""",0\.1,1,0\.5,/);
  });
});

describe('Markdown', () => {
  test('has headline, verdict, table and the command', () => {
    const text = reportMarkdown(result);
    expect(text).toMatch(
      /^# invented-20 on fixture data, nothing was trained: Undecided: 3 paired seeds are too few for any difference to count\.\n/,
    );
    expect(text).toContain(
      '| znorm | 72.83 ± 2.59 | 74.00 | 0.625 | 41.3 | +1.83 \\[+1.12, +2.55\\] | 0.25 | 0.25 | 0.1 |',
    );
    expect(text).toContain(`\`\`\`\n${result.command}\n\`\`\``);
  });

  test('a name with a bar or markup stays in its cell', () => {
    const text = reportMarkdown(fixtureResult({ accuracies: { baseline: [0.5], 'a|<b>*': [0.5] } }));
    expect(text).toContain('| a\\|\\<b\\>\\* |');
  });
});
