import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import {
  adam,
  chain,
  clipByGlobalNorm,
  constant,
  cosine,
  cyclic,
  exponential,
  freeze,
  fromJSON,
  type GradientTransformation,
  identity,
  injectable,
  joined,
  linear,
  masked,
  momentum,
  nonfinite,
  oneCycle,
  partition,
  polynomial,
  reduceOnPlateau,
  type Schedule,
  scaleByLearningRate,
  sgd,
  stepDecay,
  type TransformationJson,
  tensor,
  toJSON,
  warmup,
  znorm,
} from '../src/index.ts';
import { steps } from './stepping.ts';

describe('the saved form', () => {
  it.each<[GradientTransformation, TransformationJson]>([
    [znorm(), 'znorm'],
    [identity(), 'identity'],
    [chain(), []],
    [znorm({ scope: 'layer' }), { znorm: { scope: 'layer' } }],
    [znorm({ eps: undefined }), 'znorm'],
    [
      chain(nonfinite(), clipByGlobalNorm({ maxNorm: 1 }), adam()),
      ['nonfinite', { clipByGlobalNorm: { maxNorm: 1 } }, 'adam'],
    ],
    [chain(chain(znorm()), identity()), [['znorm'], 'identity']],
    [
      masked(znorm({ statistics: { ema: 0.9 } }), { not: { role: ['bias', 'normalization'] } }),
      {
        masked: {
          select: { not: { role: ['bias', 'normalization'] } },
          transformation: { znorm: { statistics: { ema: 0.9 } } },
        },
      },
    ],
    [
      partition({
        rules: [
          { select: { role: 'bias' }, transformation: freeze() },
          { select: { path: 'head/*' }, transformation: chain(znorm(), sgd({ learningRate: 0.1 })) },
        ],
        otherwise: adam(),
      }),
      {
        partition: {
          rules: [
            { select: { role: 'bias' }, transformation: 'freeze' },
            { select: { path: 'head/*' }, transformation: ['znorm', { sgd: { learningRate: 0.1 } }] },
          ],
          otherwise: 'adam',
        },
      },
    ],
    [
      momentum({ learningRate: warmup({ steps: 5, into: cosine({ from: 0.1, steps: 95 }) }) }),
      { momentum: { learningRate: { warmup: { steps: 5, into: { cosine: { from: 0.1, steps: 95 } } } } } },
    ],
    [
      sgd({ learningRate: joined({ schedules: [0.1, constant({ value: 0.01 })], boundaries: [10] }) }),
      {
        sgd: {
          learningRate: { joined: { schedules: [0.1, { constant: { value: 0.01 } }], boundaries: [10] } },
        },
      },
    ],
  ])('%#', (transformation, json) => {
    expect(toJSON(transformation)).toEqual(json);
    expect(toJSON(fromJSON(json))).toEqual(json);
  });

  it('reads a name over nothing, as YAML gives it, as a name alone', () => {
    expect(toJSON(fromJSON([{ znorm: null }]))).toEqual(['znorm']);
  });

  it('reads an option of nothing as not given', () => {
    expect(threeSteps(fromJSON({ znorm: { eps: null } }))).toEqual(threeSteps(znorm()));
  });
});

const share = fc.double({ min: 0, max: 0.999, noNaN: true });
const size = fc.double({ min: 1e-6, max: 10, noNaN: true });
const count = fc.integer({ min: 1, max: 5 });
const rising = fc
  .uniqueArray(fc.integer({ min: 1, max: 9 }), { minLength: 1, maxLength: 3 })
  .map((list) => list.sort());
const given = <T>(options: { [K in keyof T]: fc.Arbitrary<T[K]> }, required: (keyof T)[] = []) =>
  fc.record(options, { requiredKeys: required });

const { schedule } = fc.letrec<{ schedule: Schedule; simple: Schedule }>((tie) => ({
  simple: fc.oneof(
    fc.record({ value: size }).map(constant),
    given({ from: size, steps: count, finalFraction: share }, ['from', 'steps']).map((o) =>
      cosine(o as never),
    ),
    fc.record({ from: size, to: size, steps: count }).map(linear),
    fc.record({ from: size, boundaries: rising, factors: share }).map(stepDecay),
    given({ from: size, to: size, steps: count, power: size }, ['from', 'steps']).map((o) =>
      polynomial(o as never),
    ),
    given({ from: size, factor: size, steps: count, staircase: fc.boolean() }, ['from', 'factor']).map((o) =>
      exponential(o as never),
    ),
    given(
      {
        from: size,
        to: size,
        stepsUp: count,
        stepsDown: count,
        cycleFactor: fc.constant(0.5),
        stepFactor: fc.constant(0.9),
      },
      ['from', 'to', 'stepsUp'],
    ).map((o) => cyclic(o as never)),
    given({ peak: size, anneal: fc.constantFrom('cosine', 'linear'), startFraction: share }, ['peak']).map(
      (o) => oneCycle({ ...o, steps: 9 } as never),
    ),
    rising.chain((boundaries) =>
      fc
        .record({
          from: fc.constant(1),
          boundaries: fc.constant(boundaries),
          factors: fc.array(share, { minLength: boundaries.length, maxLength: boundaries.length }),
        })
        .map(stepDecay),
    ),
  ),
  schedule: fc.oneof(
    { depthSize: 'small' },
    tie('simple'),
    fc.record({ value: size }).map(injectable),
    given({ from: fc.oneof(size, tie('schedule')), factor: fc.constant(0.5), patience: count }, ['from']).map(
      (o) => reduceOnPlateau(o as never),
    ),
    given({ steps: count, into: fc.oneof(size, tie('schedule')), from: size }, ['steps', 'into']).map((o) =>
      warmup(o as never),
    ),
    rising.chain((boundaries) =>
      fc
        .record({
          schedules: fc.array(fc.oneof(size, tie('schedule')), {
            minLength: boundaries.length + 1,
            maxLength: boundaries.length + 1,
          }),
          boundaries: fc.constant(boundaries),
        })
        .map(joined),
    ),
  ),
}));

const scope = fc.constantFrom('tensor', 'layer', 'output', 'head', 'global');
const statistics = fc.oneof(fc.constant('exact'), fc.record({ ema: share }), fc.record({ every: count }));
const standardization = given({
  eps: size,
  scope,
  apply: fc.constantFrom('all', 'matrices'),
  minStd: size,
  relativeMinStd: share,
  onDegenerate: fc.constantFrom('center', 'zero', 'pass'),
  statistics,
});
const leafSelector = given({
  role: fc.oneof(fc.constantFrom('kernel', 'bias'), fc.constant(['kernel', 'bias'])),
  path: fc.constantFrom('a/*', '*bias'),
  minRank: fc.integer({ min: 0, max: 3 }),
});
const selector = fc.oneof(
  leafSelector,
  leafSelector.map((not) => ({ not })),
);
const learningRate = fc.oneof(
  size,
  schedule.map(
    (made) =>
      (
        toJSON(scaleByLearningRate({ learningRate: made })) as {
          scaleByLearningRate: { learningRate: unknown };
        }
      ).scaleByLearningRate.learningRate,
  ),
);
const decay = { weightDecay: share, decaySelect: selector };
const moments = { b1: share, b2: share, eps: size, epsRoot: size };

/** Every transformation with every option that its factory takes. */
const optionsOf: Record<string, fc.Arbitrary<unknown>> = {
  identity: fc.constant({}),
  znorm: standardization,
  scaleByStd: standardization,
  center: given({ scope, apply: fc.constantFrom('all', 'matrices') }),
  centralize: fc.constant({}),
  clipByValue: fc.record({ clipValue: size }),
  clipByNorm: fc.record({ maxNorm: size }),
  clipByGlobalNorm: fc.record({ maxNorm: size }),
  adaptiveClip: given({ clipping: size, eps: size }),
  normalizeByNorm: given({ scope }),
  trace: fc.oneof(
    given({ momentum: share, dampening: share }),
    given({ momentum: share, nesterov: fc.boolean() }),
  ),
  scaleByAdam: given(moments),
  scaleByRms: given({ decay: share, eps: size }),
  addDecayedWeights: given({ weightDecay: share, select: selector }, ['weightDecay']),
  // JSON has no −0.
  scale: fc.record({
    factor: fc.double({ noNaN: true, noDefaultInfinity: true, min: -2, max: 2 }).map((factor) => factor + 0),
  }),
  scaleByLearningRate: fc.record({ learningRate }),
  nonfinite: fc.oneof(
    given({ action: fc.constantFrom('throw', 'zero') }),
    fc.record({ action: fc.constant('skip'), maxConsecutive: count }),
  ),
  scaleByNadam: given({ b1: share, b2: share, eps: size, momentumDecay: share }),
  scaleByAdamax: given({ b1: share, b2: share, eps: size }),
  scaleByAdagrad: given({ initialAccumulator: share, eps: size }),
  scaleByAdadelta: given({ rho: share, eps: size }),
  scaleByLion: given({ b1: share, b2: share }),
  nadam: given({ learningRate, b1: share, b2: share, eps: size, momentumDecay: share, ...decay }),
  adamax: given({ learningRate, b1: share, b2: share, eps: size, ...decay }),
  adagrad: given({ learningRate, initialAccumulator: share, eps: size, ...decay }),
  adadelta: given({ learningRate, rho: share, eps: size, ...decay }),
  lion: given({ learningRate, b1: share, b2: share, ...decay }),
  accumulate: fc.record({ steps: count }),
  addNoise: given({ eta: size, gamma: share, seed: count }, ['eta']),
  emaOfParams: given({ decay: share }),
  lookahead: given({ syncPeriod: count, slowStepSize: share.map((x) => 1 - x) }),
  scheduleFree: given({ b1: share.map((x) => (x + 0.001) / 1.001), warmupSteps: count }),
  scheduleFreeAdamw: given({
    learningRate: size,
    b1: fc.constant(0.5),
    b2: share,
    warmupSteps: count,
    ...decay,
  }),
  samPerturbation: given({ rho: size, adaptive: fc.boolean() }),
  clipByBlockRms: fc.record({ maxRms: size }),
  trustRatio: given({ coefficient: size, eps: share }),
  normalizeByNormAverage: given({ decay: share, eps: size }),
  orthogonalize: given({ steps: count }),
  freeze: fc.constant({}),
  zeroNonFinite: fc.constant({}),
  skipLargeUpdates: given({ maxNorm: size, maxConsecutive: count.map((n) => n + 3) }, ['maxNorm']),
  lamb: given({ learningRate, b1: share, b2: share, eps: size, ...decay }),
  lars: given({ learningRate, momentum: share, trustCoefficient: size, trustSelect: selector, ...decay }, [
    'learningRate',
  ]),
  novograd: given({ learningRate, b1: share, b2: share, eps: size, ...decay }),
  muon: given({
    learningRate,
    momentum: share,
    nesterov: fc.boolean(),
    steps: count,
    select: selector,
    adamLearningRate: learningRate,
    adamB1: share,
    adamB2: share,
    ...decay,
  }),
  sgd: given({ learningRate, ...decay }, ['learningRate']),
  momentum: given({ learningRate, momentum: share, nesterov: fc.boolean(), ...decay }, ['learningRate']),
  rmsprop: given({ learningRate, decay: share, eps: size, momentum: share, ...decay }),
  adam: given({ learningRate, ...moments }),
  adamw: given({ learningRate, ...moments, ...decay }),
};

const { transformation } = fc.letrec<{ one: TransformationJson; transformation: TransformationJson }>(
  (tie) => ({
    one: fc.oneof(
      ...Object.entries(optionsOf).map(([name, options]) =>
        options.map(
          (chosen) =>
            (Object.keys(chosen as object).length === 0 ? name : { [name]: chosen }) as TransformationJson,
        ),
      ),
    ),
    transformation: fc.oneof(
      { depthSize: 'small', withCrossShrink: true },
      tie('one'),
      fc.array(tie('transformation'), { maxLength: 3 }),
      fc.record({
        masked: fc.record({ select: selector, transformation: tie('transformation') }),
      }) as fc.Arbitrary<TransformationJson>,
      fc.record({
        partition: fc.record({
          rules: fc.array(fc.record({ select: selector, transformation: tie('transformation') }), {
            maxLength: 2,
          }),
          otherwise: tie('transformation'),
        }),
      }) as fc.Arbitrary<TransformationJson>,
    ),
  }),
);

describe('round trip', () => {
  it('knows the options of every transformation', () => {
    const names = [...Object.keys(optionsOf), 'masked', 'partition'].sort().join(', ');
    expect(() => fromJSON('-')).toThrow(`Known: ${names}.`);
  });

  it('every chain comes back from JSON text as it was written', () => {
    fc.assert(
      fc.property(transformation, (json) => {
        expect(toJSON(fromJSON(JSON.parse(JSON.stringify(json))))).toEqual(JSON.parse(JSON.stringify(json)));
      }),
      { numRuns: 500 },
    );
  });

  it('every chain takes the same steps after being saved and read', () => {
    fc.assert(
      fc.property(transformation, (json) => {
        const written = fromJSON(json);
        const read = fromJSON(JSON.parse(JSON.stringify(toJSON(written))));
        expect(threeSteps(read)).toEqual(threeSteps(written));
      }),
      { numRuns: 200 },
    );
  });
});

describe('what cannot be saved is refused with its path', () => {
  it('a function as learning rate', () => {
    expect(() => toJSON(chain(znorm(), sgd({ learningRate: () => 0.1 })))).toThrow(
      new TypeError(
        'toJSON: expected data at sgd.learningRate, got a function. Only schedules (cosine, warmup, …) and selectors ({ minRank: 2 }) can be saved.',
      ),
    );
  });

  it('a predicate as selector', () => {
    expect(() => toJSON(masked(znorm(), (parameter) => parameter.shape.length > 1))).toThrow(
      new TypeError(
        'toJSON: expected data at masked.select, got a function. Only schedules (cosine, warmup, …) and selectors ({ minRank: 2 }) can be saved.',
      ),
    );
  });

  it('a predicate in a partition', () => {
    const rules = [{ select: () => true, transformation: znorm() }];
    expect(() => toJSON(partition({ rules, otherwise: znorm() }))).toThrow(
      new TypeError(
        'toJSON: expected data at partition.rules[0].select, got a function. Only schedules (cosine, warmup, …) and selectors ({ minRank: 2 }) can be saved.',
      ),
    );
  });

  it('a transformation or a schedule of your own', () => {
    const own = { name: 'myClip', options: {}, update: (_ops: unknown, g: unknown) => ({ updates: g }) };
    expect(() => toJSON(own as GradientTransformation)).toThrow(
      new TypeError(
        'toJSON: expected a transformation of this library, got `myClip`. Save its name and options yourself.',
      ),
    );
    const schedule = { name: 'mySchedule', options: {}, at: () => 0.1 };
    expect(() => toJSON(sgd({ learningRate: schedule }))).toThrow(
      new TypeError('toJSON: expected a schedule of this library at sgd.learningRate, got `mySchedule`.'),
    );
  });
});

describe('what cannot be read is refused with its path', () => {
  const form = 'a transformation as { name: options }, its name, or a list of them';
  it.each<[unknown, string]>([
    ['znrom', 'unknown transformation `znrom`. Did you mean `znorm`?'],
    [
      ['znorm', { clipByGlobalnorm: {} }],
      'unknown transformation `clipByGlobalnorm` at [1]. Did you mean `clipByGlobalNorm`?',
    ],
    [
      [{ masked: { select: {}, transformation: ['adm'] } }],
      'unknown transformation `adm` at [0].masked.transformation[0]. Did you mean `adam`?',
    ],
    [
      [{ adam: { learningRate: { cosin: {} } } }],
      'unknown schedule `cosin` at [0].adam.learningRate. Did you mean `cosine`?',
    ],
    [
      { sgd: { learningRate: { warmup: { steps: 1, into: { zzzzzzzz: {} } } } } },
      'unknown schedule `zzzzzzzz` at sgd.learningRate.warmup.into. Known: constant, cosine, cyclic, exponential, injectable, joined, linear, oneCycle, polynomial, reduceOnPlateau, stepDecay, warmup.',
    ],
    [
      { sgd: { learningRate: { joined: { schedules: [1, { lnear: {} }], boundaries: [3] } } } },
      'unknown schedule `lnear` at sgd.learningRate.joined.schedules[1]. Did you mean `linear`?',
    ],
    [
      { sgd: { learningRate: {} } },
      'expected a schedule as { name: options } or a number, got {} at sgd.learningRate.',
    ],
    [
      { partition: { rules: [{ select: {}, transformation: 'adm' }], otherwise: 'adam' } },
      'unknown transformation `adm` at partition.rules[0].transformation. Did you mean `adam`?',
    ],
    [null, `expected ${form}, got null.`],
    [[3], `expected ${form}, got 3 at [0].`],
    [{ znorm: {}, adam: {} }, `expected ${form}, got {"znorm":{},"adam":{}}.`],
  ])('%j', (json, complaint) => {
    expect(() => fromJSON(json as TransformationJson)).toThrow(new TypeError(`fromJSON: ${complaint}`));
  });

  it('names of the language are no transformations', () => {
    expect(() => fromJSON('toString')).toThrow('fromJSON: unknown transformation `toString`.');
    expect(() => fromJSON({ sgd: { learningRate: { toString: {} } } })).toThrow(
      'fromJSON: unknown schedule `toString` at sgd.learningRate.',
    );
    expect(() => fromJSON({ constructor: {} } as never)).toThrow(
      'fromJSON: unknown transformation `constructor`.',
    );
  });

  it('options are checked by the transformation itself', () => {
    expect(() => fromJSON([{ znorm: { eps: -1 } }])).toThrow(
      new RangeError('znorm: expected `eps` to be a finite number >= 0, got -1.'),
    );
    expect(() => fromJSON({ adam: { learningRate: '0.1' } })).toThrow(
      new RangeError(
        "scaleByLearningRate: expected `learningRate` to be a finite number > 0, a schedule or a function of the step, got '0.1'.",
      ),
    );
    expect(() => fromJSON({ znorm: 3 })).toThrow(
      new TypeError('znorm: expected options to be an object, got 3.'),
    );
  });
});

function threeSteps(chained: GradientTransformation): unknown {
  const gradients = [1, 2, 3].map((seed) => ({
    'a/kernel': tensor(
      [1, -2, 0.5, 3].map((x) => Math.sin(x * seed)),
      [2, 2],
    ),
    'a/bias': tensor([0.25 * seed, -1]),
  }));
  return steps(chained, gradients).map(({ updates, state, reports }) => ({ updates, state, reports }));
}
