import { describe, expect, test } from 'vitest';
import { describeParameter, type ParameterInfo } from 'znorm';
import { resolveMethods } from '../../src/methods.ts';
import { requireMethodsThatApply } from '../../src/sweep/method-check.ts';
import { thrown } from '../thrown.ts';

const network: ParameterInfo[] = [
  describeParameter('conv/kernel', [4, 3]),
  describeParameter('conv/bias', [4]),
];
const transformer: ParameterInfo[] = [
  ...network,
  describeParameter('tokens/embedding', [9, 4]),
  { path: 'attention/query', shape: [4, 4], outputAxis: 0, role: 'attention' },
];

const check = (name: string | { name: string; chain: [] | object[] }, parameters: readonly ParameterInfo[]) =>
  requireMethodsThatApply(
    {
      task: 'shapes',
      model: 'small',
      methods: resolveMethods([name as string]).map(({ name, chain }) => ({ name, chain: [...chain] })),
    },
    parameters,
  );

describe('a method about some parameters', () => {
  test.each(['znorm-attention', 'znorm-no-embeddings', 'znorm-no-norm-bias', 'znorm-matrices', 'znorm'])(
    '%s is compared on a network that has them and others',
    (name) => {
      expect(() => check(name, transformer)).not.toThrow();
    },
  );

  test.each([
    ['znorm-attention', network, 'none', '{"role":"attention"}'],
    ['znorm-no-embeddings', network, 'every one', '{"not":{"role":"embedding"}}'],
    ['znorm-no-norm-bias', network.slice(0, 1), 'every one', '{"not":{"role":["bias","normalization"]}}'],
  ] as const)('%s is refused on one that has none of them', async (name, parameters, which, select) => {
    expect(await thrown(() => check(name, parameters))).toEqual({
      message: `compare: method '${name}' selects ${which} of the parameters of 'small' on 'shapes', by ${select}. Leave the method out, or choose another model.`,
      code: 'bad-input',
    });
  });

  test('is found however deep in a chain', async () => {
    const inner = { masked: { select: { path: 'head/*' }, transformation: 'znorm' } };
    const nested = { masked: { select: { minRank: 2 }, transformation: [inner] } };
    expect(
      (await thrown(() => check({ name: 'mine', chain: ['centralize', nested] as never }, network))).message,
    ).toBe(
      `compare: method 'mine' selects none of the parameters of 'small' on 'shapes', by {"path":"head/*"}. Leave the method out, or choose another model.`,
    );
  });
});
