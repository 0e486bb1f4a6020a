import { describe, expect, it } from 'vitest';
import { planFused } from '../../src/fused/plan.ts';
import {
  type ArrayTensor,
  center,
  type GradientTransformation,
  normalizeByNorm,
  type ParameterInfo,
  type StatisticsMode,
  scaleByStd,
  tensor,
  znorm,
} from '../../src/index.ts';
import { steps } from '../stepping.ts';

/** Three heads of two rows each, and of two columns each. */
const key: ParameterInfo = {
  path: 'attention/key/kernel',
  shape: [6, 4],
  outputAxis: 0,
  role: 'attention',
  heads: { axis: 0, count: 3 },
};
const output: ParameterInfo = { ...key, shape: [4, 6], heads: { axis: 1, count: 3 } };
const bias: ParameterInfo = { path: 'bias', shape: [4], outputAxis: 0, role: 'bias' };

/** Heads of very different sizes, others at every step. */
const gradient = ({ shape, heads }: ParameterInfo, step: number) =>
  tensor(
    Float32Array.from({ length: 24 }, (_, i) => {
      const [row, column] = [Math.floor(i / shape[1]), i % shape[1]];
      const head = Math.floor((heads?.axis === 1 ? column : row) / 2);
      return Math.sin(1 + 7 * i + 3 * step) * 100 ** head + head;
    }),
    shape,
  );

/** The elements of one head, in their order. */
function ofHead({ data, shape }: ArrayTensor, { heads }: ParameterInfo, head: number): number[] {
  return [...data].filter((_, i) => {
    const [row, column] = [Math.floor(i / shape[1]), i % shape[1]];
    return Math.floor((heads!.axis === 1 ? column : row) / 2) === head;
  });
}

const modes: StatisticsMode[] = ['exact', { ema: 0.5 }, { every: 2 }];
const byHead: [string, (scope: 'head' | 'tensor') => GradientTransformation][] = [
  ...modes.map((statistics): (typeof byHead)[number] => [
    `znorm, ${JSON.stringify(statistics)}`,
    (scope) => znorm({ scope, statistics }),
  ]),
  ['znorm that passes what is degenerate', (scope) => znorm({ scope, onDegenerate: 'pass', minStd: 3 })],
  ['znorm that zeroes what is degenerate', (scope) => znorm({ scope, onDegenerate: 'zero', minStd: 3 })],
  ['scaleByStd', (scope) => scaleByStd({ scope })],
  ['center', (scope) => center({ scope })],
  ['normalizeByNorm', (scope) => normalizeByNorm({ scope })],
];

describe.each([
  ['rows', key],
  ['columns', output],
])('heads that are blocks of %s', (_, info) => {
  it.each(byHead)('are each treated as a tensor of their own by %s', (_, make) => {
    const gradients = [0, 1, 2].map((step) => gradient(info, step));
    const whole = steps(
      make('head'),
      gradients.map((g) => ({ [info.path]: g })),
      undefined,
      { [info.path]: info },
    );
    for (const head of [0, 1, 2]) {
      const alone = steps(
        make('tensor'),
        gradients.map((g) => ({ w: ofHead(g, info, head) })),
      );
      for (const [step, { updates }] of whole.entries()) {
        expect(updates[info.path].shape).toEqual(info.shape);
        const got = ofHead(updates[info.path], info, head);
        // One rounding of the mean in float32, where sums are in float64 in the same order.
        for (const [i, value] of alone[step].updates.w.data.entries())
          expect(Math.abs(got[i] - value)).toBeLessThanOrEqual(1e-6 * Math.max(1, Math.abs(value)));
      }
    }
  });
});

describe('scope head', () => {
  const infos = { bias, [key.path]: { ...key, heads: { axis: 0, count: 1 } } };

  it('is one statistic a tensor where there are no heads, or one', () => {
    const given = { bias: [1, 2, 4, 8], [key.path]: gradient(key, 0) };
    const run = (scope: 'head' | 'tensor') => steps(znorm({ scope }), [given], undefined, infos)[0].updates;
    expect(run('head')).toEqual(run('tensor'));
  });

  it('runs fused where there are no heads, and says why not where there are', () => {
    expect(planFused(znorm({ scope: 'head' }), [bias, infos[key.path]]).fused).toBe(true);
    expect(planFused(znorm({ scope: 'head' }), [bias, key])).toMatchObject({
      fused: false,
      stages: [{ how: "the kernel has no statistics per head (at 'attention/key/kernel')" }],
    });
  });

  it('does not sample', () => {
    expect(() => znorm({ scope: 'head', statistics: { sample: 0.5 } })).toThrow(
      new RangeError(
        "znorm: expected `statistics.sample` to go with scope 'tensor', 'layer' or 'global', got 'head'.",
      ),
    );
  });
});
