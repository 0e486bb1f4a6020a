import { describe, expect, test } from 'vitest';
import { advantage, differenceText, type Metric, plusMinus, pointsOf, valueText } from '../src/metric.ts';

const dice: Metric = { name: 'dice', label: 'Dice', better: 'higher', format: 'percent', digits: 2 };
const bits: Metric = { name: 'bits', label: 'bits', better: 'lower', format: 'number', digits: 3 };

describe('a percentage', () => {
  test.each([
    [0.0184, '+1.84'],
    [-0.0032, '−0.32'],
    [0.00001, '0.00'],
    [-0.00001, '0.00'],
  ])('that differs by %d does so by %s points', (difference, text) => {
    expect(differenceText(dice, difference)).toBe(text);
    expect(pointsOf(dice)).toBe(' points');
  });

  test('is shown times 100, and its interval by half its width', () => {
    expect(valueText(dice, 0.7231)).toBe('72.31');
    expect(plusMinus(dice, [0.7, 0.72])).toBe('± 1.00');
  });
});

describe('a number', () => {
  test('is shown as it is, in powers of ten where it has left all bounds', () => {
    expect([2.0417, -3, 1e30].map((value) => valueText(bits, value))).toEqual([
      '2.042',
      '−3.000',
      '1.00e+30',
    ]);
    expect(differenceText(bits, -0.25)).toBe('−0.250');
    expect(pointsOf(bits)).toBe('');
  });
});

test('the advantage is with the better value, whichever way is better', () => {
  expect(advantage(dice, 0.8, 0.7)).toBeGreaterThan(0);
  expect(advantage(bits, 2.1, 2)).toBeLessThan(0);
  expect(advantage(bits, 2, 2)).toBe(0);
});
