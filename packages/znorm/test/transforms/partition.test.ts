import { describe, expect, it } from 'vitest';
import {
  adam,
  chain,
  clipByGlobalNorm,
  freeze,
  init,
  masked,
  partition,
  scale,
  sgd,
  tensor,
} from '../../src/index.ts';
import { expectElements } from '../closeness.ts';
import { firstStep } from '../stepping.ts';

const gradients = {
  'body/kernel': tensor([3, 4, 0, 0], [2, 2]),
  'body/bias': tensor([6, 8]),
  'head/bias': tensor([1]),
};

describe('partition', () => {
  it('gives each parameter to the first rule that selects it, and the rest to the last chain', () => {
    const updates = firstStep(
      partition({
        rules: [
          { select: { path: 'body/*', minRank: 2 }, transformation: freeze() },
          { select: ({ path }) => path.startsWith('body'), transformation: scale({ factor: 2 }) },
        ],
        otherwise: sgd({ learningRate: 0.5 }),
      }),
      gradients,
    );
    expect(Array.from(updates['body/kernel'].data)).toEqual([0, 0, 0, 0]);
    expect(Array.from(updates['body/bias'].data)).toEqual([12, 16]);
    expect(Array.from(updates['head/bias'].data)).toEqual([-0.5]);
  });

  it('takes norms over a part alone', () => {
    const rules = [{ select: { role: 'bias' as const }, transformation: clipByGlobalNorm({ maxNorm: 1 }) }];
    const updates = firstStep(partition({ rules, otherwise: clipByGlobalNorm({ maxNorm: 1 }) }), gradients);
    expectElements(updates['body/kernel'].data, [0.6, 0.8, 0, 0]);
    expectElements(updates['head/bias'].data, [1 / Math.sqrt(101)]);
  });

  it('keeps no state for frozen parameters', () => {
    const rules = [{ select: { path: 'body/*' }, transformation: freeze() }];
    const { slots } = init(partition({ rules, otherwise: adam() }), {
      'body/kernel': tensor([1]),
      'head/kernel': tensor([1]),
    });
    expect(Object.keys(slots['body/kernel'])).toEqual([]);
    expect(Object.keys(slots['head/kernel'])).toEqual(['scaleByAdam.mu', 'scaleByAdam.nu']);
  });

  it.each<[unknown, Error]>([
    [
      { rules: {}, otherwise: adam() },
      new RangeError('partition: expected `rules` to be a list of { select, transformation }, got {}.'),
    ],
    [
      { rules: [{ select: { rank: 2 }, transformation: adam() }], otherwise: adam() },
      new RangeError(
        "partition.rules[0]: expected `select` to have only role, path, minRank, not, got 'rank'.",
      ),
    ],
    [
      { rules: [{ selects: {}, transformation: adam() }], otherwise: adam() },
      new TypeError('partition.rules[0]: unknown option `selects`. Did you mean `select`?'),
    ],
    [{ rules: [] }, new TypeError('masked: expected a gradient transformation, got undefined.')],
  ])('%#: what it cannot take is refused', (options, error) => {
    expect(() => partition(options as never)).toThrow(error);
  });
});

describe('freeze', () => {
  it('last in a chain, leaves the parameters that it is masked to as they are, NaN gradients or not', () => {
    const optimizer = chain(adam(), masked(freeze(), { path: 'a' }));
    const { a, b } = firstStep(optimizer, { a: tensor([1, NaN]), b: tensor([1, 2]) });
    expect(Array.from(a.data)).toEqual([0, 0]);
    expect(b.data[0]).toBeLessThan(0);
  });
});
