import { describe, expect, it } from 'vitest';
import {
  adam,
  chain,
  clipByNorm,
  describeParameter,
  type GradientTransformation,
  identity,
  layerOf,
  masked,
  type ParameterInfo,
  type Selection,
  scale,
  sizeOf,
  stages,
  toJSON,
  trace,
  znorm,
} from '../src/index.ts';
import { expectElements } from './closeness.ts';
import { firstStep } from './stepping.ts';

describe('chain', () => {
  it('feeds each part what the one before it gave', () => {
    const scaledThenClipped = chain(scale({ factor: 10 }), clipByNorm({ maxNorm: 1 }));
    const clippedThenScaled = chain(clipByNorm({ maxNorm: 1 }), scale({ factor: 10 }));
    expectElements(firstStep(scaledThenClipped, { w: [3, 4] }).w.data, [0.6, 0.8]);
    expectElements(firstStep(clippedThenScaled, { w: [3, 4] }).w.data, [6, 8]);
  });

  it.each([
    [znorm, 'a function. Call it: `znorm()`, not `znorm`'],
    [[znorm()], 'a list. Spread it: `chain(...parts)`'],
    [undefined, 'undefined'],
    ['znorm', "'znorm'"],
    [{ name: 'znorm' }, '{"name":"znorm"}'],
  ])('refuses %s', (part, got) => {
    expect(() => chain(identity(), part as GradientTransformation)).toThrow(
      new TypeError(`chain: expected part 1 to be a gradient transformation, got ${got}.`),
    );
    expect(() => masked(part as GradientTransformation, {})).toThrow(
      new TypeError(`masked: expected a gradient transformation, got ${got}.`),
    );
  });
});

describe('options', () => {
  it('are copies, all the way down: what a caller does later changes no chain', () => {
    const statistics = { ema: 0.9 };
    const select = { role: ['kernel', 'bias'] as ('kernel' | 'bias')[] };
    const transformation = masked(znorm(Object.freeze({ statistics })), select);
    statistics.ema = 0.1;
    select.role.pop();
    expect(toJSON(transformation)).toEqual({
      masked: {
        select: { role: ['kernel', 'bias'] },
        transformation: { znorm: { statistics: { ema: 0.9 } } },
      },
    });
    expect(transformation.applies?.(describeParameter('a/bias', [2]))).toBe(true);
  });
});

describe('stages', () => {
  it('are the primitives in order; the second of a name has a key of its own', () => {
    const nested = chain(trace(), chain(znorm(), masked(trace(), { minRank: 2 })), adam());
    expect(stages(nested).map((stage) => stage.key)).toEqual([
      'trace',
      'znorm',
      'trace#2',
      'scaleByAdam',
      'scaleByLearningRate',
    ]);
  });

  it('apply where every mask around them and they themselves do', () => {
    const inner = masked(znorm({ apply: 'matrices' }), { path: 'a/*' });
    const [stage] = stages(masked(inner, { role: 'kernel' }));
    const applies = (path: string, shape: number[]) => stage.applies(describeParameter(path, shape));
    expect(applies('a/kernel', [2, 2])).toBe(true);
    expect(applies('b/kernel', [2, 2])).toBe(false);
    expect(applies('a/bias', [2, 2])).toBe(false);
    expect(applies('a/kernel', [4])).toBe(false);
  });
});

describe('a mask selects', () => {
  const parameters: Record<string, ParameterInfo> = {
    kernel: describeParameter('stage1/conv/kernel', [4, 3, 3, 3]),
    bias: describeParameter('stage1/conv/bias', [4]),
    gamma: describeParameter('stage1/norm/gamma', [4]),
    head: describeParameter('head/kernel', [10, 64]),
    embedding: describeParameter('embedding', [100, 8]),
  };

  it.each<[string, Selection, string[]]>([
    ['everything, with no condition', {}, ['kernel', 'bias', 'gamma', 'head', 'embedding']],
    ['a role', { role: 'kernel' }, ['kernel', 'head']],
    ['any of several roles', { role: ['bias', 'normalization'] }, ['bias', 'gamma']],
    ['a path', { path: 'head/kernel' }, ['head']],
    ['a pattern, whose star crosses slashes', { path: 'stage1/*' }, ['kernel', 'bias', 'gamma']],
    ['any of several patterns', { path: ['*bias', 'embedding'] }, ['bias', 'embedding']],
    ['a rank', { minRank: 2 }, ['kernel', 'head', 'embedding']],
    ['what meets all conditions', { role: 'kernel', path: 'stage1/*', minRank: 3 }, ['kernel']],
    ['what is not excluded', { minRank: 2, not: { path: 'head/*' } }, ['kernel', 'embedding']],
    ['by a predicate', (parameter) => sizeOf(parameter.shape) === 4, ['bias', 'gamma']],
  ])('%s', (_what, select, expected) => {
    const { applies } = masked(identity(), select);
    expect(Object.keys(parameters).filter((name) => applies?.(parameters[name]))).toEqual(expected);
  });

  it('no path by a character that is special elsewhere', () => {
    const { applies } = masked(identity(), { path: 'a.b+(c)' });
    expect(applies?.(describeParameter('a.b+(c)', [1]))).toBe(true);
    expect(applies?.(describeParameter('aXb+(c)', [1]))).toBe(false);
  });

  it.each<[unknown, string]>([
    [{ rank: 2 }, "`select` to have only role, path, minRank, not, got 'rank'"],
    [
      { not: { role: 'weights' } },
      "`select.role` to be one of kernel, bias, normalization, embedding, attention, recurrent, got 'weights'",
    ],
    [{ minRank: '2' }, "`select.minRank` to be a whole number, got '2'"],
    [{ path: 3 }, '`select.path` to be a pattern or a list, got 3'],
    ['kernel', '`select` to be a selector such as { role: "kernel" } or a predicate, got \'kernel\''],
    [null, '`select` to be a selector such as { role: "kernel" } or a predicate, got null'],
    [undefined, '`select` to be a selector such as { role: "kernel" } or a predicate, got undefined'],
  ])('not by %j', (select, complaint) => {
    expect(() => masked(znorm(), select as Selection)).toThrow(
      new RangeError(`masked: expected ${complaint}.`),
    );
  });
});

describe('a parameter', () => {
  it('has its role read off the end of its path', () => {
    const roles = ['a/kernel', 'a/bias', 'b', 'a/gamma', 'a/beta', 'embedding', 'a/weight'].map(
      (path) => describeParameter(path, [1]).role,
    );
    expect(roles).toEqual([
      'kernel',
      'bias',
      'bias',
      'normalization',
      'normalization',
      'embedding',
      'kernel',
    ]);
  });

  it('belongs to the layer that its path names', () => {
    expect(['stage1/conv/kernel', 'conv/bias', 'gain'].map((path) => layerOf({ path }))).toEqual([
      'stage1/conv',
      'conv',
      'gain',
    ]);
  });
});
