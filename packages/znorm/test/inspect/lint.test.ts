import { describe, expect, it } from 'vitest';
import {
  type Advice,
  type AdviceCode,
  adam,
  adamw,
  addDecayedWeights,
  centralize,
  chain,
  clipByGlobalNorm,
  clipByNorm,
  clipByValue,
  constant,
  cosine,
  describeParameter,
  emaOfParams,
  type GradientTransformation,
  init,
  injectable,
  lint,
  lion,
  masked,
  momentum,
  muon,
  nonfinite,
  normalizeByNorm,
  type ParameterInfo,
  partition,
  reduceOnPlateau,
  rmsprop,
  scale,
  scaleByStd,
  scheduleFree,
  sgd,
  skipLargeUpdates,
  tensor,
  update,
  warmup,
  zeroNonFinite,
  znorm,
} from '../../src/index.ts';
import { expectElements } from '../closeness.ts';
import { firstStep } from '../stepping.ts';

const falling = cosine({ from: 0.1, steps: 100 });
const descent = sgd({ learningRate: falling });
const codes = (transformation: GradientTransformation, parameters?: readonly ParameterInfo[]) =>
  lint(transformation, parameters).map(({ code, stages }) => [code, ...stages]);

describe('a chain is told of', () => {
  it.each<[AdviceCode, GradientTransformation, string[]]>([
    [
      'rescaling-before-normalization',
      chain(clipByGlobalNorm({ maxNorm: 1 }), znorm(), descent),
      ['clipByGlobalNorm', 'znorm'],
    ],
    [
      'rescaling-before-normalization',
      chain(clipByNorm({ maxNorm: 1 }), centralize(), scaleByStd(), descent),
      ['clipByNorm', 'scaleByStd'],
    ],
    [
      'rescaling-before-normalization',
      chain(scale({ factor: 3 }), znorm({ scope: 'global' }), descent),
      ['scale', 'znorm'],
    ],
    [
      'rescaling-before-normalization',
      chain(scale({ factor: 3 }), normalizeByNorm(), descent),
      ['scale', 'normalizeByNorm'],
    ],
    [
      'clip-after-normalization',
      chain(znorm(), clipByGlobalNorm({ maxNorm: 1 }), descent),
      ['znorm', 'clipByGlobalNorm'],
    ],
    [
      'decay-before-normalization',
      chain(addDecayedWeights({ weightDecay: 0.1 }), znorm(), descent),
      ['addDecayedWeights', 'znorm'],
    ],
    ['centralize-before-znorm', chain(centralize(), znorm(), descent), ['centralize', 'znorm']],
    ['znorm-under-adaptive', chain(znorm(), adamw()), ['znorm', 'scaleByAdam']],
    ['znorm-under-adaptive', chain(scaleByStd(), lion()), ['scaleByStd', 'scaleByLion']],
    ['constant-rate', chain(znorm(), sgd({ learningRate: 0.1 })), ['znorm', 'scaleByLearningRate']],
    [
      'constant-rate',
      chain(znorm(), momentum({ learningRate: warmup({ steps: 5, into: 0.1 }) })),
      ['znorm', 'scaleByLearningRate'],
    ],
    [
      'constant-rate',
      chain(normalizeByNorm(), sgd({ learningRate: constant({ value: 1 }) })),
      ['normalizeByNorm', 'scaleByLearningRate'],
    ],
    ['late-guard', chain(znorm(), zeroNonFinite(), descent), ['znorm', 'nonfinite']],
    [
      'late-guard',
      chain(rmsprop({ learningRate: falling }), skipLargeUpdates({ maxNorm: 1 })),
      ['scaleByRms', 'skipLargeUpdates'],
    ],
    ['normalization-after-rate', chain(descent, znorm()), ['scaleByLearningRate', 'znorm']],
    ['average-before-rate', chain(emaOfParams(), descent), ['emaOfParams', 'scaleByLearningRate']],
  ])('%s: %#', (code, transformation, stages) => {
    expect(codes(transformation)).toContainEqual([code, ...stages]);
  });
});

describe('a chain is not blamed for', () => {
  it.each<[string, GradientTransformation]>([
    ['znorm under SGD with a rate that falls', chain(nonfinite(), znorm(), descent)],
    [
      'a rate that is a function of the step',
      chain(znorm(), sgd({ learningRate: (step) => 1 / (step + 1) })),
    ],
    ['a rate that is set by hand', chain(znorm(), sgd({ learningRate: injectable({ value: 0.1 }) }))],
    ['a rate that falls on plateaus', chain(znorm(), sgd({ learningRate: reduceOnPlateau({ from: 0.1 }) }))],
    ['no schedule where iterates are averaged', chain(znorm(), sgd({ learningRate: 0.1 }), scheduleFree())],
    ['clipping elements before znorm', chain(clipByValue({ clipValue: 1 }), znorm(), descent)],
    [
      'norms of single tensors before statistics of several',
      chain(clipByNorm({ maxNorm: 1 }), znorm({ scope: 'layer' }), descent),
    ],
    [
      'clipping before statistics of earlier steps',
      chain(clipByNorm({ maxNorm: 1 }), znorm({ statistics: { ema: 0.9 } }), descent),
    ],
    [
      'clipping before a floor in the unit of the gradient',
      chain(clipByNorm({ maxNorm: 1 }), znorm({ minStd: 1e-3 }), descent),
    ],
    ['changing the sign', chain(scale({ factor: -1 }), znorm(), descent)],
    ['decay after znorm', chain(znorm(), momentum({ learningRate: falling, weightDecay: 0.1 }))],
    ['clipping under Adam', chain(clipByGlobalNorm({ maxNorm: 1 }), adam())],
    [
      'parts that never meet',
      partition({
        rules: [{ select: { role: 'bias' }, transformation: chain(clipByNorm({ maxNorm: 1 }), adam()) }],
        otherwise: chain(znorm(), descent),
      }),
    ],
    ['a mask by path that it cannot see through', chain(masked(znorm(), { path: 'head/*' }), adam())],
  ])('%s', (_, transformation) => {
    expect(codes(transformation)).toEqual([]);
  });

  it('the optimizers of this library', () => {
    for (const optimizer of [adamw(), lion(), rmsprop(), descent, muon({ learningRate: falling })]) {
      expect(lint(optimizer)).toEqual([]);
    }
  });
});

describe('with the parameters at hand', () => {
  const infos = [
    describeParameter('conv/kernel', [4, 3, 3, 3]),
    describeParameter('conv/bias', [4]),
    describeParameter('bn/gamma', [4]),
    describeParameter('bn/beta', [4]),
    describeParameter('head/kernel', [2, 4]),
    describeParameter('head/bias', [2]),
    describeParameter('temperature', []),
  ];
  const advised = (transformation: GradientTransformation, parameters = infos) =>
    Object.fromEntries(lint(transformation, parameters).map(({ code, parameters }) => [code, parameters]));

  it('names the tensors of one element and the biases before a batch normalization', () => {
    expect(advised(chain(znorm(), descent))).toEqual({
      'one-element-tensor': ['temperature'],
      'bias-before-batch-norm': ['conv/bias'],
    });
  });

  it('says nothing of them where znorm does not touch them', () => {
    expect(advised(chain(masked(znorm(), { minRank: 2 }), descent))).toEqual({});
    expect(advised(chain(znorm({ apply: 'matrices' }), descent))).toEqual({});
  });

  it('says nothing of a bias before a layer normalization, whose mean is over features', () => {
    const layer = [describeParameter('fc/bias', [4]), describeParameter('layerNorm/gamma', [4])];
    expect(advised(chain(znorm(), descent), layer)).toEqual({});
  });

  it('names only the parameters that the stages share', () => {
    const clipped = chain(masked(clipByNorm({ maxNorm: 1 }), { path: 'head/*' }), znorm(), descent);
    expect(advised(clipped)['rescaling-before-normalization']).toEqual(['head/kernel', 'head/bias']);
    const byPath = chain(masked(znorm(), { path: 'head/*' }), adam());
    expect(advised(byPath)['znorm-under-adaptive']).toEqual(['head/kernel', 'head/bias']);
    const named = Object.fromEntries(infos.map((info) => [info.path, info]));
    expect(lint(byPath, named)).toEqual(lint(byPath, infos));
  });
});

describe('what an advice says is so', () => {
  const g = [0.3, -2, 5, 0.25];
  const params = [1, 2, -1, 0.5];
  const of = (...parts: GradientTransformation[]) =>
    firstStep(chain(...parts), { w: g }, { w: params }).w.data;

  it('rescaling before znorm has no effect', () => {
    // eps is added to a deviation that the factor has changed: 1e-8 of it, twice.
    expectElements(of(clipByNorm({ maxNorm: 0.1 }), znorm()), [...of(znorm())], 1e-6);
  });

  it('clipping after znorm is the same factor, whatever the gradient', () => {
    const clipped = of(znorm(), clipByNorm({ maxNorm: 1 }));
    expectElements(
      clipped,
      Array.from(of(znorm()), (x) => x / Math.sqrt(4)),
      1e-6,
    );
  });

  it('centralize and scaleByStd are centralize and znorm', () => {
    const matrix = { w: tensor([0.3, -2, 5, 0.25, 1, 7], [2, 3]) };
    const once = firstStep(chain(centralize(), scaleByStd()), matrix).w.data;
    expectElements(firstStep(chain(centralize(), znorm()), matrix).w.data, [...once], 1e-6);
  });

  it('at a constant rate znorm goes round the minimum for ever, and a falling rate arrives', () => {
    const distance = (optimizer: GradientTransformation) => {
      let params = { w: tensor([3, -1]) };
      let state = init(optimizer, params);
      for (let step = 0; step < 1000; step++) {
        const result = update(optimizer, params, state, params);
        state = result.state;
        params = {
          w: tensor(
            params.w.data.map((x, i) => x + result.updates.w.data[i]),
            [2],
          ),
        };
      }
      return Math.hypot(params.w.data[0] - params.w.data[1]);
    };
    // The gradient of ‖w‖² / 2 is w; znorm takes its mean away, so w_0 − w_1 is what descends.
    expect(distance(chain(znorm(), sgd({ learningRate: 0.3 })))).toBeGreaterThan(0.1);
    expect(distance(chain(znorm(), sgd({ learningRate: cosine({ from: 0.3, steps: 1000 }) })))).toBeLessThan(
      0.001,
    );
  });

  it('in full: code, severity, stages, reason and fix', () => {
    const expected: Advice = {
      code: 'decay-before-normalization',
      severity: 'warning',
      stages: ['addDecayedWeights', 'znorm'],
      parameters: [],
      reason:
        'znorm divides the sum: (g + λ·w − μ) / σ(g + λ·w). The decay is λ / σ, strong where gradients are small, and the mean of w does not decay at all.',
      fix: 'Decay after znorm: adamw({ weightDecay }), or addDecayedWeights after it.',
    };
    expect(lint(chain(addDecayedWeights({ weightDecay: 0.1 }), znorm(), descent))).toEqual([expected]);
  });
});
