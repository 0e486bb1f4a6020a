import { describe, expect, it } from 'vitest';
import { adam, adamw, init, momentum, rmsprop, sgd, stages, tensor } from '../src/index.ts';
import { expectElements } from './closeness.ts';
import { firstStep } from './stepping.ts';

describe('every optimizer is a chain of transformations', () => {
  it.each([
    [sgd({ learningRate: 1 }), ['scaleByLearningRate']],
    [sgd({ learningRate: 1, weightDecay: 0.1 }), ['addDecayedWeights', 'scaleByLearningRate']],
    [momentum({ learningRate: 1 }), ['trace', 'scaleByLearningRate']],
    [rmsprop(), ['scaleByRms', 'scaleByLearningRate']],
    [rmsprop({ momentum: 0.9 }), ['scaleByRms', 'trace', 'scaleByLearningRate']],
    [adam(), ['scaleByAdam', 'scaleByLearningRate']],
    [adamw(), ['scaleByAdam', 'addDecayedWeights', 'scaleByLearningRate']],
    [adamw({ weightDecay: 0 }), ['scaleByAdam', 'scaleByLearningRate']],
  ])('$name: %#', (optimizer, keys) => {
    expect(stages(optimizer).map((stage) => stage.key)).toEqual(keys);
  });
});

describe('weight decay', () => {
  const params = { 'a/kernel': tensor([1, 2], [1, 2]), 'a/bias': tensor([3]) };
  const zeros = { 'a/kernel': tensor([0, 0], [1, 2]), 'a/bias': tensor([0]) };

  it('reaches the parameters that decaySelect names, and no others', () => {
    const optimizer = sgd({ learningRate: 1, weightDecay: 0.5, decaySelect: { minRank: 2 } });
    const updates = firstStep(optimizer, zeros, params);
    expectElements(updates['a/kernel'].data, [-0.5, -1]);
    expectElements(updates['a/bias'].data, [0]);
  });

  it('of adamw is scaled by the learning rate alone, not by the moments', () => {
    const optimizer = adamw({ learningRate: 0.1, weightDecay: 0.5, decaySelect: { role: 'kernel' } });
    const updates = firstStep(optimizer, zeros, params);
    expectElements(updates['a/kernel'].data, [-0.05, -0.1]);
    expectElements(updates['a/bias'].data, [0]);
  });
});

describe('state', () => {
  it.each([
    [sgd({ learningRate: 1 }), []],
    [momentum({ learningRate: 1 }), ['trace.trace']],
    [rmsprop(), ['scaleByRms.nu']],
    [adam(), ['scaleByAdam.mu', 'scaleByAdam.nu']],
  ])('of $name is named', (optimizer, slots) => {
    expect(Object.keys(init(optimizer, { w: tensor([1]) }).slots.w)).toEqual(slots);
  });
});

describe('options of other libraries are refused with the way to say it here', () => {
  const cases: [string, () => unknown, string][] = [
    [
      'clipValue, which some silently ignore',
      () => adam({ learningRate: 0.001, clipValue: 0.5 } as never),
      'adam: unknown option `clipValue`. Clip before it: chain(clipByValue({ clipValue }), adam({ … })).',
    ],
    [
      'clipnorm',
      () => sgd({ learningRate: 0.1, clipnorm: 1 } as never),
      'sgd: unknown option `clipnorm`. Clip before it: chain(clipByNorm({ maxNorm }), sgd({ … })).',
    ],
    [
      'maxNorm',
      () => momentum({ learningRate: 0.1, maxNorm: 1 } as never),
      'momentum: unknown option `maxNorm`. Clip before it: chain(clipByGlobalNorm({ maxNorm }), momentum({ … })).',
    ],
    ['lr', () => sgd({ lr: 0.1 } as never), 'sgd: unknown option `lr`. Did you mean `learningRate`?'],
    [
      'betas',
      () => adamw({ betas: [0.9, 0.99] } as never),
      'adamw: unknown option `betas`. Did you mean `b1` and `b2`?',
    ],
    [
      'alpha',
      () => rmsprop({ alpha: 0.9 } as never),
      'rmsprop: unknown option `alpha`. Did you mean `decay`?',
    ],
    [
      'momentum in sgd',
      () => sgd({ learningRate: 0.1, momentum: 0.9 } as never),
      'sgd: unknown option `momentum`. Use momentum({ learningRate, momentum }).',
    ],
    [
      'weightDecay in adam',
      () => adam({ weightDecay: 0.1 } as never),
      'adam: unknown option `weightDecay`. Use adamw({ learningRate, weightDecay }).',
    ],
    [
      'a slip',
      () => adam({ learningrate: 0.1 } as never),
      'adam: unknown option `learningrate`. Did you mean `learningRate`?',
    ],
  ];
  it.each(cases)('%s', (_what, make, message) => {
    expect(make).toThrow(new TypeError(message));
  });

  it('no learning rate for sgd, which has no default', () => {
    expect(() => sgd({} as never)).toThrow(
      new RangeError(
        'scaleByLearningRate: expected `learningRate` to be a finite number > 0, a schedule or a function of the step, got undefined.',
      ),
    );
  });

  it('a negative weight decay', () => {
    expect(() => adamw({ weightDecay: -0.1 })).toThrow(
      new RangeError('adamw: expected `weightDecay` to be a finite number >= 0, got -0.1.'),
    );
  });
});
