import fc from 'fast-check';
import { expect, test } from 'vitest';
import { holm } from '../../src/stats/holm.ts';

test.each([
  { p: [0.01, 0.04, 0.03, 0.005], adjusted: [0.03, 0.06, 0.06, 0.02] },
  { p: [0.5, 0.9, 0.02], adjusted: [1, 1, 0.06] },
  { p: [0.03], adjusted: [0.03] },
  { p: [], adjusted: [] },
])('Holm of $p is $adjusted', ({ p, adjusted }) => {
  holm(p).forEach((value, index) => {
    expect(value).toBeCloseTo(adjusted[index]!, 14);
  });
});

test('a test that was not made stays null and does not weigh on the others', () => {
  expect(holm([null, 0.02, null])).toEqual([null, 0.02, null]);
});

test('is the closed test of Bonferroni: the worst over every set of hypotheses that holds this one', () => {
  const pValues = fc.array(fc.double({ min: 0.001, max: 1, noNaN: true }), { minLength: 1, maxLength: 5 });
  fc.assert(
    fc.property(pValues, (p) => {
      const worst = p.map(() => 0);
      for (let set = 1; set < 2 ** p.length; set++) {
        const members = p.map((_, index) => index).filter((index) => (set >> index) & 1);
        const bonferroni = Math.min(1, members.length * Math.min(...members.map((index) => p[index]!)));
        for (const index of members) worst[index] = Math.max(worst[index]!, bonferroni);
      }
      holm(p).forEach((value, index) => {
        expect(value).toBeCloseTo(worst[index]!, 12);
      });
    }),
  );
});
