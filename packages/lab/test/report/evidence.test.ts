import { describe, expect, test } from 'vitest';
import { evidenceTable, recipeTable } from '../../src/report/evidence.ts';
import { fixtureResult } from './fixture-result.ts';

const seven = [0.7, 0.71, 0.72, 0.7, 0.71, 0.72, 0.7];
const better = seven.map((value, i) => value + 0.02 + 0.001 * (i % 3));
const result = fixtureResult({ accuracies: { baseline: seven, clip: seven.toReversed(), znorm: better } });
const other = fixtureResult({ accuracies: { baseline: [0.5, 0.6, 0.7], mine: [0.6, 0.6, 0.7] } });
const alone = fixtureResult({ accuracies: { baseline: [0.84, 0.86] } });
const records = [
  { href: 'records/first', result },
  { href: 'records/second', result: other },
  { href: 'records/alone', result: alone },
];

describe('the table of comparisons', () => {
  const [head, , first, second, ...more] = evidenceTable(records).split('\n');

  test('has a row for every record of more than one method, and a column for every method met, known ones first', () => {
    expect(head).toBe('| comparison | metric | baseline | clip | znorm | mine |');
    expect(more).toEqual([]);
    expect(first).toContain(
      '| [fixture, invented-20](records/first): 9,000 images, 5 epochs, momentum, rate 0.1, 7 seeds | accuracy, % (higher is better) |',
    );
    // Methods that a record does not have are left empty.
    expect(second).toMatch(/\| 60\.00 ± 24\.84 \| {2}\| {2}\| \+3\.33 \[.*\] \|$/);
  });

  test('is bold where the verdict is, and nowhere else', () => {
    expect(first).toMatch(
      /\| 70\.86 ± 0\.83 \| 0\.00 \[[^*]*\] \| \*\*\+2\.09 \[\+2\.00, \+2\.17\]\*\* \| {2}\|$/,
    );
  });
});

test('the table of recipes has the records of one method, with every seed', () => {
  expect(recipeTable(records).split('\n').slice(2)).toEqual([
    '| [fixture, invented-20](records/alone): 9,000 images, 5 epochs, momentum, rate 0.1, 2 seeds | accuracy, % (higher is better) | 85.00 ± 12.71 | 84.00 · 86.00 |',
  ]);
});
