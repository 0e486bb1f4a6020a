import { resolveEngine } from '@znorm/train';
import { describe, expect, test } from 'vitest';
import { builtInMethods } from '../../src/methods.ts';
import { type ComparisonOptions, comparisonPlan, expandRuns, planComparison } from '../../src/sweep/plan.ts';
import { tasks } from '../../src/tasks/tasks.ts';
import { thrown } from '../thrown.ts';

const engine = await resolveEngine('auto');
const { presets, methods: usualMethods } = tasks[0];

describe('a plan', () => {
  test('is the quick comparison of all methods unless something else is asked for', async () => {
    const { models, time: _, ...quick } = presets.quick;
    expect(await planComparison()).toEqual({
      ...quick,
      format: 'znorm-comparison/3',
      model: models[0],
      preset: 'quick',
      task: 'cifar10',
      methods: usualMethods.map((name) => ({
        name,
        chain: builtInMethods.find((method) => method.name === name)!.chain,
      })),
      metric: 'accuracy',
      optimizer: { name: 'adam', chain: [{ adam: { learningRate: '$learningRate' } }] },
      learningRates: [0.001],
      seeds: Array.from({ length: presets.quick.seeds }, (_, seed) => seed),
      tuningSeeds: Array.from({ length: presets.quick.seeds }, (_, seed) => seed),
      settings: { augment: true, normalization: 'usual' },
      engine,
    });
  });

  test('of the paper takes all images that are not held out', async () => {
    const sizes = { trainSize: 45_000, validationSize: 5000, testSize: 10_000 };
    expect(await planComparison({ preset: 'paper' })).toMatchObject({ ...sizes, epochs: 200 });
    expect(await planComparison({ preset: 'paper', task: 'mnist', validationSize: 1 })).toMatchObject({
      trainSize: 59_999,
      testSize: 10_000,
    });
  });

  test('tries several rates where none is customary, the same for every method', async () => {
    expect((await planComparison({ optimizer: 'momentum' })).learningRates).toEqual([0.1, 0.01, 0.001]);
    expect((await planComparison({ optimizer: 'adamw' })).learningRates).toEqual([0.001]);
  });

  test('takes every option', async () => {
    const options: ComparisonOptions = {
      preset: 'smoke',
      task: 'mnist',
      model: 'mlp',
      methods: ['znorm', { name: 'mine', chain: ['centralize'] }],
      metric: 'loss',
      optimizer: 'sgd',
      learningRates: [0.1, 0.2, 0.1],
      epochs: 7,
      batchSize: 9,
      trainSize: 90,
      validationSize: 80,
      testSize: 70,
      seeds: 3,
      tuningSeeds: 2,
      settings: { augment: false, normalization: 'group' },
      engine: 'wasm',
    };
    expect(await planComparison(options)).toEqual({
      ...options,
      format: 'znorm-comparison/3',
      methods: [
        { name: 'znorm', chain: ['znorm'] },
        { name: 'mine', chain: ['centralize'] },
      ],
      optimizer: { name: 'sgd', chain: [{ sgd: { learningRate: '$learningRate' } }] },
      learningRates: [0.1, 0.2],
      seeds: [0, 1, 2],
      tuningSeeds: [0, 1],
    });
  });

  test('survives JSON', async () => {
    const plan = await planComparison();
    expect(comparisonPlan.parse(JSON.parse(JSON.stringify(plan)))).toEqual(plan);
  });

  test.each<[ComparisonOptions, string]>([
    [
      { seeds: 3, tuningSeeds: 4, learningRates: [0.1, 0.2] },
      'compare: expected `tuningSeeds` to be at most the 3 seeds, got 4.',
    ],
    [
      { seeds: 3, tuningSeeds: 2, learningRates: [0.1] },
      'compare: expected several rates for `tuningSeeds` to choose from, got 0.1 alone. Name them with `learningRates`.',
    ],
    [{ preset: 'fast' }, "compare: unknown preset 'fast'. Known: smoke, quick, paper."],
    [{ preset: 'toString' }, "compare: unknown preset 'toString'. Known: smoke, quick, paper."],
    [{ task: 'cifar100' }, "compare: unknown task 'cifar100'. Did you mean 'cifar10'?"],
    [{ metric: 'acuracy' }, "compare: unknown metric 'acuracy' for task 'cifar10'. Did you mean 'accuracy'?"],
    [
      { task: 'shakespeare', metric: 'f1' },
      "compare: unknown metric 'f1' for task 'shakespeare'. Known: bitsPerCharacter, perplexity, loss.",
    ],
    [{ model: 'resnet21' }, "compare: unknown model 'resnet21' for task 'cifar10'. Did you mean 'resnet20'?"],
    [
      { model: 'vgg' },
      /^compare: unknown model 'vgg' for task 'cifar10'. Known: resnet8, resnet14, .*, vgg19, cnn, mlp\.$/,
    ],
    [{ optimizer: 'adm' }, "compare: unknown optimizer 'adm'. Did you mean 'adam'?"],
    [{ methods: ['znrom'] }, "compare: unknown method 'znrom'. Did you mean 'znorm'?"],
    [{ learningRates: [0] }, 'compare: expected `learningRates` to be numbers > 0, got 0.'],
    [{ learningRates: [0.1, -1] }, 'compare: expected `learningRates` to be numbers > 0, got -1.'],
    [{ learningRates: [Number.NaN] }, 'compare: expected `learningRates` to be numbers > 0, got NaN.'],
    [{ learningRates: [Infinity] }, 'compare: expected `learningRates` to be numbers > 0, got Infinity.'],
    [{ learningRates: [] }, 'compare: expected `learningRates` to be numbers > 0, got none.'],
    [{ seeds: 0 }, 'compare: expected `seeds` to be a whole number >= 1, got 0.'],
    [{ seeds: 1.5 }, 'compare: expected `seeds` to be a whole number >= 1, got 1.5.'],
    [{ epochs: -1 }, 'compare: expected `epochs` to be a whole number >= 1, got -1.'],
    [{ batchSize: 0 }, 'compare: expected `batchSize` to be a whole number >= 1, got 0.'],
    [
      { trainSize: 49_001, validationSize: 1000 },
      'compare: expected `trainSize` to be at most 49000 (the 50000 of cifar10 less 1000 held out for validation), got 49001.',
    ],
    [
      { validationSize: 50_000 },
      'compare: expected `validationSize` to be at most 49999 (cifar10 has 50000 training images), got 50000.',
    ],
    [
      { testSize: 10_001 },
      'compare: expected `testSize` to be at most 10000 (cifar10 has 10000 test images), got 10001.',
    ],
    [
      { trainSize: 50, batchSize: 51 },
      'compare: expected `batchSize` to be at most the 50 training images, got 51.',
    ],
    [
      { validationSize: 49_990, batchSize: 64 },
      'compare: expected `batchSize` to be at most the 10 training images, got 64.',
    ],
    [{ learningRate: 1 } as never, "compare: unknown option `learningRate`. Did you mean 'learningRates'?"],
    [
      { settings: { blur: 1 } },
      "compare: task 'cifar10' has no setting 'blur'. It has augment, normalization.",
    ],
    [
      { settings: { augmnet: false } },
      "compare: task 'cifar10' has no setting 'augmnet'. Did you mean 'augment'?",
    ],
    [{ settings: { augment: 'no' } }, 'compare: expected setting `augment` to be true or false, got "no".'],
    [{ engine: 'gpu' as never }, 'compare: expected auto, native, wasm or webgpu, got gpu.'],
  ] as [ComparisonOptions, string][])('with %j is refused', async (options, message) => {
    expect(await thrown(() => planComparison(options))).toEqual({
      message: typeof message === 'string' ? message : expect.stringMatching(message),
      code: 'bad-input',
    });
  });
});

test('every method gets the same rates and seeds, and the schedule of its rate', async () => {
  const plan = await planComparison({
    methods: ['baseline', 'znorm'],
    learningRates: [0.1, 0.2],
    seeds: 2,
    validationSize: 1000,
    testSize: 5000,
    trainSize: 100,
    batchSize: 30,
    epochs: 2,
    optimizer: 'sgd',
  });
  const runs = expandRuns(plan);
  expect(runs.map(({ method, learningRate, seed }) => [seed, learningRate, method])).toEqual(
    [0, 1].flatMap((seed) =>
      [0.1, 0.2].flatMap((rate) => ['baseline', 'znorm'].map((method) => [seed, rate, method])),
    ),
  );
  expect(runs.at(-1)).toEqual({
    task: 'cifar10',
    model: 'resnet8',
    method: 'znorm',
    gradientChain: ['znorm'],
    // Three whole batches an epoch.
    optimizerChain: [{ sgd: { learningRate: { cosine: { from: 0.2, steps: 6 } } } }],
    learningRate: 0.2,
    seed: 1,
    epochs: 2,
    batchSize: 30,
    trainSize: 100,
    validationSize: 1000,
    testSize: 5000,
    settings: { augment: true, normalization: 'usual' },
    steps: 6,
    engine,
  });
});
