import { expect, test } from 'vitest';
import { profileText } from '../../src/report/profile.ts';

test('a profile adds up: phases to the step, operators and layers to forward and backward', () => {
  const part = (phase: 'forward' | 'backward' | 'update', layer: string, operator: string, ms: number) => ({
    phase,
    layer,
    operator,
    milliseconds: ms,
    count: 1,
  });
  const text = profileText({
    milliseconds: 10,
    parts: [
      part('backward', 'a/very/long/path/of/a/layer/conv', 'Conv', 4),
      part('forward', 'a/very/long/path/of/a/layer/conv', 'Conv', 2),
      part('forward', 'norm', 'Mul', 1.5),
      part('forward', '', 'Mul', 1),
      part('update', '', 'fused', 0.5),
    ],
  });
  const lines = text.split('\n');
  expect(lines[1]).toBe('forward                         4.50   45.0  ████████████████████████████');
  expect(lines[5]).toBe('between operators               1.00   10.0  ██████');
  expect(lines[8]).toBe('Conv                            6.00   60.0        2.00        4.00        2');
  expect(lines[12]).toBe('…/long/path/of/a/layer/conv     6.00   60.0        2.00        4.00        2');
  expect(lines[14]).toBe('(the model itself)              1.00   10.0        1.00        0.00        1');
});

test('of many layers the longest are shown, and the rest as one line', () => {
  const parts = Array.from({ length: 40 }, (_, i) => ({
    phase: 'forward' as const,
    layer: `layer${i}`,
    operator: 'Conv',
    milliseconds: 1 + i,
    count: 1,
  }));
  const lines = profileText({ milliseconds: 1000, parts }).split('\n');
  expect(lines.at(-24)).toBe('layer39                        40.00    4.0       40.00        0.00        1');
  // Σ of 1 … 17
  expect(lines.at(-1)).toBe('17 more                       153.00   15.3      153.00        0.00       17');
});
