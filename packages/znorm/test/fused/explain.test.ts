import { describe, expect, test } from 'vitest';
import { explain } from '../../src/fused/index.ts';
import {
  adam,
  adamw,
  adaptiveClip,
  addDecayedWeights,
  centralize,
  chain,
  clipByGlobalNorm,
  clipByValue,
  describeParameter,
  fromJSON,
  type GradientTransformation,
  masked,
  momentum,
  nonfinite,
  type Primitive,
  scaleByAdam,
  scaleByRms,
  scaleByStd,
  sgd,
  type TransformationJson,
  trace,
  znorm,
} from '../../src/index.ts';
import { gradientParts, optimizerParts } from './chains.ts';
import { oddParameters } from './random-gradients.ts';

describe('explain', () => {
  test('says in words what the kernel makes of each transformation', () => {
    const optimizer = chain(
      nonfinite({ action: 'skip' }),
      clipByValue({ clipValue: 1 }),
      masked(znorm(), { role: 'kernel' }),
      adamw({ decaySelect: { path: 'nowhere' } }),
    );
    expect(explain(optimizer).text).toBe(
      [
        'fused: one call for 2 tensors, 8.98 words a parameter',
        '    nonfinite              2 tensors  looks at the gradient before anything changes',
        '    clipByValue            2 tensors  limits elements in passing',
        '    znorm                   1 tensor  folded into the update as an affine map of the gradient',
        '    scaleByAdam            2 tensors  moves its moments in place',
        '    addDecayedWeights      0 tensors  applies to none of the parameters',
        '    scaleByLearningRate    2 tensors  one factor of the update',
      ].join('\n'),
    );
  });

  test('says why it makes nothing of a chain, and what it could have done', () => {
    const optimizer = chain(momentum({ learningRate: 0.1 }), clipByGlobalNorm({ maxNorm: 1 }));
    expect(explain(optimizer).text).toBe(
      [
        'not fused: runs on the arrays backend',
        '    trace                  2 tensors  moves its moments in place',
        '    scaleByLearningRate    2 tensors  one factor of the update',
        "  ✗ clipByGlobalNorm       2 tensors  it needs statistics of what moments have made of the gradient, and that would take another pass (at 'layer/kernel' and 1 more)",
      ].join('\n'),
    );
  });

  test('gives the same as data', () => {
    expect(explain(chain(znorm(), sgd({ learningRate: 1 })), [describeParameter('w', [2, 3])])).toEqual({
      fused: true,
      stages: [
        {
          key: 'znorm',
          parameters: 1,
          fused: true,
          how: 'folded into the update as an affine map of the gradient',
        },
        { key: 'scaleByLearningRate', parameters: 1, fused: true, how: 'one factor of the update' },
      ],
      wordsPerParameter: 4,
      text: expect.any(String),
    });
  });

  test.each<[string, TransformationJson, number]>([
    ['adam reads and writes parameter and two moments, and reads the gradient', 'adam', 7],
    ['znorm reads the gradient once more', ['znorm', 'adam'], 8],
    ['center does too', ['center', 'adam'], 8],
    ['all maps together do', ['centralize', 'znorm', { clipByGlobalNorm: { maxNorm: 1 } }, 'adam'], 8],
    ['moving averages of a small tensor do too', [{ znorm: { statistics: { ema: 0.9 } } }, 'adam'], 8],
    [
      'statistics of every tenth step do now and then',
      [{ znorm: { statistics: { every: 10 } } }, 'adam'],
      7.1,
    ],
    ['samples hardly count', [{ znorm: { statistics: { sample: 0.001 } } }, 'adam'], 7],
    ['a guard reads the gradient once more too', ['nonfinite', 'znorm', 'adam'], 9],
    ['sgd has nothing but the parameter', { sgd: { learningRate: 1 } }, 3],
  ])('counts memory traffic: %s', (_, json, words) => {
    const { wordsPerParameter } = explain(fromJSON(json), [describeParameter('w', [100, 100])]);
    expect(wordsPerParameter).toBeCloseTo(words, 10);
  });

  test('of units that take turns in memory: two more to measure them by themselves, one as a whole', () => {
    const kernel = { ...describeParameter('dense/kernel', [4, 3]), outputAxis: 1 };
    const words = (transformation: GradientTransformation) =>
      explain(chain(transformation, adam()), [kernel]).wordsPerParameter;
    expect(words(centralize())).toBe(9);
    expect(words(adaptiveClip())).toBe(8);
    expect(words(znorm())).toBe(8);
  });

  test('of moving averages of a large tensor: measured while it is updated, at no reading of its own', () => {
    const transformation = chain(znorm({ statistics: { ema: 0.9 } }), adam());
    expect(explain(transformation, [describeParameter('w', [1000, 1000])]).wordsPerParameter).toBe(7);
  });
});

describe('fused is every chain of', () => {
  test.each(Object.entries(gradientParts))('%s, then any optimizer', (_, part) => {
    for (const rest of Object.values(optimizerParts)) {
      expect(explain(fromJSON([...part, ...rest]), oddParameters).text).toMatch(/^fused/);
    }
  });
});

describe('not fused', () => {
  const custom: Primitive = {
    name: 'signOf',
    options: {},
    update: (ops, updates) => ({ updates: ops.sign(updates) }),
  };
  const dense = describeParameter('dense/kernel', [4, 3]);

  test.each<[string, GradientTransformation, string, string]>([
    ['a transformation of your own', custom, 'signOf', 'the kernel has no `signOf`'],
    [
      'a guard that is not first',
      chain(znorm(), nonfinite()),
      'nonfinite',
      'it is not first, and what others have made of the gradient is not kept',
    ],
    [
      'limits on what moments have made',
      chain(trace(), clipByValue({ clipValue: 1 })),
      'clipByValue',
      'it limits what moments have made of the gradient',
    ],
    [
      'limits on gradient and decay',
      chain(addDecayedWeights({ weightDecay: 1 }), clipByValue({ clipValue: 1 })),
      'clipByValue',
      'it limits the gradient and a share of the parameter',
    ],
    [
      'statistics of limited elements that were mapped before',
      chain(znorm(), clipByValue({ clipValue: 1 }), clipByGlobalNorm({ maxNorm: 1 })),
      'clipByGlobalNorm',
      'it needs statistics of limited elements, and that would take another pass',
    ],
    [
      'statistics of gradient and decay',
      chain(addDecayedWeights({ weightDecay: 1 }), znorm()),
      'znorm',
      'it needs statistics of the gradient and a share of the parameter, and that would take another pass',
    ],
    [
      'two sets of moments',
      chain(trace(), scaleByAdam()),
      'scaleByAdam',
      'it is the second with moments, and the kernel moves one set a tensor',
    ],
    [
      "Nesterov's momentum after RMSprop",
      chain(scaleByRms(), trace({ nesterov: true })),
      'trace',
      'it is the second with moments, and the kernel moves one set a tensor',
    ],
    [
      'samples of rows that were changed each in its own way',
      chain(centralize(), znorm({ statistics: { sample: 0.5 } })),
      'znorm',
      'it samples a gradient whose rows have been changed each in its own way',
    ],
    [
      'refusals where another stage keeps statistics',
      chain(znorm({ statistics: { ema: 0.9 } }), scaleByStd({ onDegenerate: 'throw' })),
      'scaleByStd',
      "statistics would already be kept when `onDegenerate: 'throw'` ends the step",
    ],
  ])('%s', (_, transformation, stage, reason) => {
    const { fused, stages } = explain(transformation, [dense]);
    expect(fused).toBe(false);
    const against = stages.filter((one) => !one.fused);
    expect(against.map(({ key, how }) => [key, how])).toEqual([[stage, `${reason} (at 'dense/kernel')`]]);
  });
});
