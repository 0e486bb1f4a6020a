import { describe, expect, test } from 'vitest';
import { bleu, scoreOf, tokenize13a } from '../../src/metrics/bleu.ts';
import golden from './golden/bleu.json' with { type: 'json' };

describe('BLEU', () => {
  test('equals what sacreBLEU publishes in its tests and README', () => {
    const hypotheses = ['The dog bit the man.', "It wasn't surprising.", 'The man had just bitten him.'];
    const references = [
      ['The dog bit the man.', 'It was not unexpected.', 'The man bit him first.'],
      ['The dog had bit the man.', 'No one was surprised.', 'The man had bitten the dog.'],
    ];
    // Published to eight digits, with precisions 82.4/50.0/45.5/37.5, BP 0.943, lengths 17 and 18.
    const found = bleu(hypotheses, references);
    expect(Math.abs(found.score - 48.530827)).toBeLessThan(1e-6);
    expect(found.precisions.map((p) => Number(p.toFixed(1)))).toEqual([82.4, 50, 45.5, 37.5]);
    expect([Number(found.brevityPenalty.toFixed(3)), found.hypothesisLength, found.referenceLength]).toEqual([
      0.943, 17, 18,
    ]);
    expect(bleu(['', '', ''], references).score).toBe(0);
    // Of counts: 0.8375922397 of 1 for these, at equal lengths.
    expect(scoreOf([9, 7, 5, 3], [10, 8, 6, 4], 11, 11).score / 100).toBeCloseTo(0.8375922397, 9);
    expect(scoreOf([0, 0, 0, 0], [4, 4, 2, 1], 0, 1).score).toBe(0);
    expect(scoreOf([0, 0, 0, 0], [10, 11, 12, 0], 14, 10).score).toBe(0);
  });

  test.each(golden.corpora)(
    'equals its definition in Python: %#',
    ({ hypotheses, references, bleu: expected }) => {
      // Logarithms of two libraries: a few units of the last place.
      expect(Math.abs(bleu(hypotheses, references).score - expected)).toBeLessThan(1e-10);
    },
  );

  test('of a perfect translation is 100, by hand of one word in five wrong, 0 of nothing in common', () => {
    expect(bleu(['a b c d e'], [['a b c d e']]).score).toBeCloseTo(100, 10);
    // Precisions 4/5, 3/4, 2/3, 1/2: their product is 1/5.
    expect(bleu(['a b c d x'], [['a b c d e']]).score).toBeCloseTo(100 * 0.2 ** 0.25, 10);
    expect(bleu(['v w x y z'], [['a b c d e']]).score).toBe(0);
  });

  test.each(golden.tokens)('cuts words as in Python: $text', ({ text, tokens }) => {
    expect(tokenize13a(text)).toEqual(tokens);
  });

  test('wants as many references as hypotheses', () => {
    expect(() => bleu(['a', 'b'], [['a']])).toThrow(
      new RangeError('bleu: expected as many references as hypotheses (2), got 1.'),
    );
    expect(() => bleu(['a'], [])).toThrow(
      new RangeError('bleu: expected as many references as hypotheses (1), got none.'),
    );
  });
});
