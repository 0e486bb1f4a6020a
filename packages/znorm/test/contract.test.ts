import { describe, expect, it } from 'vitest';
import {
  type ArrayTensor,
  chain,
  fromJSON,
  type GradientTransformation,
  identity,
  init,
  masked,
  type Named,
  type State,
  type TransformationJson,
  tensor,
  update,
} from '../src/index.ts';
import { expectElements } from './closeness.ts';

/** Powers of two of mean 0: sums and multiples of it are exact in float32, so that what is to be 0 is 0. */
const p = [1, -2, 4, 0, 1, -4];
const w = [0.5, -0.25, 1, 0.125, -2, 0.75];

/** The gradients that every transformation must have an answer to, as values and shape. */
const gradients = {
  zero: [
    [0, 0, 0, 0, 0, 0],
    [2, 3],
  ],
  constant: [
    [0.1, 0.1, 0.1, 0.1, 0.1, 0.1],
    [2, 3],
  ],
  one: [[0.3], [1]],
  empty: [[], [0, 3]],
  huge: [p.map((x) => 1e20 * x), [2, 3]],
  tiny: [p.map((x) => 1e-24 * x), [2, 3]],
  nan: [
    [1, NaN, 4, 0, 1, -4],
    [2, 3],
  ],
  inf: [
    [1, Infinity, 4, 0, 1, -4],
    [2, 3],
  ],
} as const;

type Case = keyof typeof gradients;
const cases = Object.keys(gradients) as Case[];

/** By case, an update's values. */
type Values = Readonly<Record<string, readonly number[]>>;
/** The same, or the message of the error. */
type Outcomes = Readonly<Record<string, readonly number[] | string>>;

const change = (from: Values, f: (x: number, k: number, name: string) => number): Values =>
  Object.fromEntries(cases.map((name) => [name, from[name].map((x, k) => f(x, k, name))]));
const unchanged: Values = Object.fromEntries(cases.map((name) => [name, gradients[name][0]]));
const each = (f: (x: number) => number) => change(unchanged, f);
const times = (factor: number) => p.map((x) => factor * x);
const allNaN = p.map(() => NaN);

const std = Math.sqrt(38 / 6);
const norm = Math.sqrt(38);
/** p less the mean of its row, ±1. */
const centred = [0, -3, 3, 1, 2, -3];
/** 0.01 ‖w_i‖ for both rows. */
const limits = [0, 1].map((row) => 0.01 * Math.hypot(...w.slice(3 * row, 3 * row + 3)));
const agc = p.map((x, k) => (x * limits[k < 3 ? 0 : 1]) / Math.sqrt(k < 3 ? 21 : 17));
/** 0 · Infinity where the norm is infinite. */
const onlyInfinityLeft = [0, NaN, 0, 0, 0, 0];
const plusWeights = (from: Values, share: number) =>
  change(from, (x, k, name) => x + share * (name === 'one' ? 2 : w[k]));
const scaled = (from: Values, factor: number) => change(from, (x) => factor * x);

// First step: mu̅ = g and nu̅ = g². 1e-24 squared is 0 in float32, and eps alone divides.
const adamFirst: Values = {
  ...each((x) => x / (Math.abs(x) + 1e-8)),
  inf: [1, NaN, 1, 0, 1, -1],
};
// First step: nu = g²/100, infinite in float32 from |g| = 1.8e20: such elements stand still.
const rmsFirst: Values = {
  ...each((x) => x / (Math.abs(x) / 10 + 1e-8)),
  huge: [10, 0, 0, 0, 10, 0],
  inf: [10, NaN, 10, 0, 10, -10],
};

// β of the first two steps; the first moment is a tenth of g, the second a thousandth of g².
const [nadamNow, nadamNext] = [1, 2].map((t) => 0.9 * (1 - 0.96 ** (0.004 * t) / 2));
const nadamFirst = scaled(adamFirst, 1 + (0.1 * nadamNext) / (1 - nadamNow * nadamNext));
// First step: the sum is g², infinite in float32 from |g| = 1.8e19.
const adagradFirst: Values = {
  ...each((x) => x / (Math.abs(x) + 1e-10)),
  huge: times(0),
  inf: [1, NaN, 1, 0, 1, -1],
};
// First step: nu = g²/10 and delta = 0.
const adadeltaFirst: Values = {
  ...each((x) => (x * 1e-3) / Math.sqrt(0.1 * x * x + 1e-6)),
  huge: times(0),
  inf: [1, Infinity, 4, 0, 1, -4].map((x) => (x * 1e-3) / Math.sqrt(0.1 * x * x + 1e-6)),
};

// ‖w‖ / ‖g‖, and 1 where either is 0.
const trusted = (from: Values): Values =>
  change(from, (x, _k, name) => {
    const weights = name === 'one' ? 2 : Math.hypot(...w);
    const size = Math.hypot(...from[name]);
    return size === 0 ? x : x * (weights / size);
  });
/** As trusted() has it, but a single number is no matrix. */
const larsFirst: Values = change({ ...trusted(unchanged), one: [0.3] }, (x, _k, name) =>
  name === 'one' || name === 'zero' ? x : x * 1e-3,
);
const novogradFirst: Values = {
  ...each(() => 0),
  constant: p.map(() => 1 / (Math.sqrt(6) + 1e-7)),
  one: [0.3 / (0.3 + 1e-8)],
  huge: times(1 / norm),
  tiny: times(1e-24 / 1e-8),
  nan: allNaN,
  inf: onlyInfinityLeft,
};

/** σ after five iterations of Muon's polynomial. */
const risen = (sigma: number) => {
  let s = sigma;
  for (let i = 0; i < 5; i++) s = 3.4445 * s - 4.775 * s ** 3 + 2.0315 * s ** 5;
  return s;
};
/** U f(Σ) Vᵀ of p / ‖p‖: a matrix h(S) times p / ‖p‖, S = p pᵀ / ‖p‖² = [[a, b], [b, d]], h(λ) = f(√λ) / √λ. */
const orthogonal = () => {
  const [a, b, d] = [21 / 38, -18 / 38, 17 / 38];
  const half = Math.sqrt(((a - d) / 2) ** 2 + b * b);
  const [high, low] = [(a + d) / 2 + half, (a + d) / 2 - half];
  const h = (lambda: number) => risen(Math.sqrt(lambda)) / Math.sqrt(lambda);
  const slope = (h(high) - h(low)) / (high - low);
  const level = h(low) - slope * low;
  return p.map((x, k) => {
    const [own, diagonal, other] = k < 3 ? [x, a, p[k + 3]] : [x, d, p[k - 3]];
    return ((level + slope * diagonal) * own + slope * b * other) / norm;
  });
};
const orthogonalFirst: Values = {
  ...unchanged,
  constant: p.map(() => risen(1) / Math.sqrt(6)),
  huge: orthogonal(),
  tiny: orthogonal(),
  nan: allNaN,
  inf: allNaN,
};

interface Contract {
  readonly json: TransformationJson;
  /** What its error lists as known options. */
  readonly options: string;
  readonly first: Outcomes;
  /** Of one element, relative. @default a few roundings */
  readonly tolerance?: number;
}

const contracts: Record<string, Contract> = {
  identity: { json: 'identity', options: 'none', first: unchanged },
  masked: {
    json: { masked: { select: { minRank: 2 }, transformation: { scale: { factor: 0.5 } } } },
    options: 'select, transformation',
    first: { ...each((x) => x / 2), one: [0.3] },
  },
  znorm: {
    json: 'znorm',
    options: 'eps, scope, apply, minStd, relativeMinStd, onDegenerate, statistics',
    first: {
      ...unchanged,
      constant: [0, 0, 0, 0, 0, 0],
      huge: times(1 / std),
      tiny: times(1e-24 / (1e-24 * std + 1e-8)),
      nan: allNaN,
      inf: allNaN,
    },
  },
  scaleByStd: {
    json: 'scaleByStd',
    options: 'eps, scope, apply, minStd, relativeMinStd, onDegenerate, statistics',
    first: {
      ...unchanged,
      huge: times(1 / std),
      tiny: times(1e-24 / (1e-24 * std + 1e-8)),
      nan: allNaN,
      inf: allNaN,
    },
  },
  center: {
    json: 'center',
    options: 'scope, apply',
    first: {
      ...unchanged,
      constant: [0, 0, 0, 0, 0, 0],
      nan: allNaN,
      inf: [-Infinity, NaN, -Infinity, -Infinity, -Infinity, -Infinity],
    },
  },
  centralize: {
    json: 'centralize',
    options: 'none',
    first: {
      ...unchanged,
      constant: [0, 0, 0, 0, 0, 0],
      huge: centred.map((x) => 1e20 * x),
      tiny: centred.map((x) => 1e-24 * x),
      nan: [NaN, NaN, NaN, ...centred.slice(3)],
      inf: [-Infinity, NaN, -Infinity, ...centred.slice(3)],
    },
  },
  clipByValue: {
    json: { clipByValue: { clipValue: 0.5 } },
    options: 'clipValue',
    first: each((x) => Math.max(-0.5, Math.min(0.5, x))),
  },
  clipByNorm: {
    json: { clipByNorm: { maxNorm: 1 } },
    options: 'maxNorm',
    first: { ...unchanged, huge: times(1 / norm), nan: allNaN, inf: onlyInfinityLeft },
  },
  clipByGlobalNorm: {
    json: { clipByGlobalNorm: { maxNorm: 1 } },
    options: 'maxNorm',
    first: { ...unchanged, huge: times(1 / norm), nan: allNaN, inf: onlyInfinityLeft },
  },
  adaptiveClip: {
    json: 'adaptiveClip',
    options: 'clipping, eps',
    first: {
      ...unchanged,
      constant: w.map((_, k) => limits[k < 3 ? 0 : 1] / Math.sqrt(3)),
      one: [0.02],
      huge: agc,
      nan: [NaN, NaN, NaN, ...agc.slice(3)],
      inf: [0, NaN, 0, ...agc.slice(3)],
    },
  },
  normalizeByNorm: {
    json: 'normalizeByNorm',
    options: 'scope',
    first: {
      ...unchanged,
      constant: p.map(() => 1 / Math.sqrt(6)),
      one: [1],
      huge: times(1 / norm),
      tiny: times(1 / norm),
      nan: allNaN,
      inf: onlyInfinityLeft,
    },
  },
  clipByBlockRms: {
    json: { clipByBlockRms: { maxRms: 1 / Math.sqrt(6) } },
    options: 'maxRms',
    first: { ...unchanged, huge: times(1 / norm), nan: allNaN, inf: onlyInfinityLeft },
  },
  trustRatio: {
    json: 'trustRatio',
    options: 'coefficient, eps',
    first: { ...trusted(unchanged), nan: allNaN, inf: onlyInfinityLeft },
  },
  normalizeByNormAverage: { json: 'normalizeByNormAverage', options: 'decay, eps', first: novogradFirst },
  orthogonalize: {
    json: 'orthogonalize',
    options: 'steps',
    first: orthogonalFirst,
    // Five iterations make of a rounding in a weak direction up to 3.4^5 = 485 times as much.
    tolerance: 1e-5,
  },
  partition: {
    json: {
      partition: {
        rules: [
          { select: { minRank: 2 }, transformation: { scale: { factor: 0.5 } } },
          { select: {}, transformation: { scale: { factor: 2 } } },
        ],
        otherwise: 'freeze',
      },
    },
    options: 'rules, otherwise',
    first: { ...each((x) => x / 2), one: [0.6] },
  },
  freeze: { json: 'freeze', options: 'none', first: each(() => 0) },
  zeroNonFinite: {
    json: 'zeroNonFinite',
    options: 'none',
    first: { ...unchanged, nan: [1, 0, 4, 0, 1, -4], inf: [1, 0, 4, 0, 1, -4] },
  },
  skipLargeUpdates: {
    json: { skipLargeUpdates: { maxNorm: 10 } },
    options: 'maxNorm, maxConsecutive',
    first: { ...unchanged, huge: times(0), nan: times(0), inf: times(0) },
  },
  accumulate: { json: { accumulate: { steps: 1 } }, options: 'steps', first: unchanged },
  emaOfParams: { json: 'emaOfParams', options: 'decay', first: unchanged },
  lookahead: {
    json: { lookahead: { syncPeriod: 1, slowStepSize: 0.5 } },
    options: 'syncPeriod, slowStepSize',
    first: each((x) => x / 2),
  },
  scheduleFree: { json: 'scheduleFree', options: 'b1, warmupSteps', first: unchanged },
  samPerturbation: {
    json: 'samPerturbation',
    options: 'rho, adaptive',
    first: {
      ...unchanged,
      constant: p.map(() => 0.05 / Math.sqrt(6)),
      one: [0.05],
      huge: times(0.05 / norm),
      tiny: times(0.05 / norm),
      nan: allNaN,
      inf: onlyInfinityLeft,
    },
  },
  trace: { json: 'trace', options: 'momentum, nesterov, dampening', first: unchanged },
  scaleByAdam: { json: 'scaleByAdam', options: 'b1, b2, eps, epsRoot', first: adamFirst },
  scaleByRms: { json: 'scaleByRms', options: 'decay, eps', first: rmsFirst },
  scaleByNadam: { json: 'scaleByNadam', options: 'b1, b2, eps, momentumDecay', first: nadamFirst },
  scaleByAdamax: { json: 'scaleByAdamax', options: 'b1, b2, eps', first: adamFirst },
  scaleByAdagrad: { json: 'scaleByAdagrad', options: 'initialAccumulator, eps', first: adagradFirst },
  scaleByAdadelta: { json: 'scaleByAdadelta', options: 'rho, eps', first: adadeltaFirst },
  scaleByLion: { json: 'scaleByLion', options: 'b1, b2', first: each(Math.sign) },
  addDecayedWeights: {
    json: { addDecayedWeights: { weightDecay: 0.1 } },
    options: 'weightDecay, select',
    first: plusWeights(unchanged, 0.1),
  },
  addNoise: {
    // A deviation that is 0 in float32: what is left to see is that it neither changes nor breaks a gradient.
    json: { addNoise: { eta: 1e-120 } },
    options: 'eta, gamma, seed',
    first: unchanged,
  },
  scale: { json: { scale: { factor: -0.5 } }, options: 'factor', first: scaled(unchanged, -0.5) },
  scaleByLearningRate: {
    json: { scaleByLearningRate: { learningRate: 0.1 } },
    options: 'learningRate',
    first: scaled(unchanged, -0.1),
  },
  nonfinite: {
    json: 'nonfinite',
    options: 'action, maxConsecutive',
    first: {
      ...unchanged,
      nan: "nonfinite: expected finite gradients, got 1 of 6 elements NaN or infinite at 'w'. Lower the learning rate, clip, or choose `action: 'skip'`.",
      inf: "nonfinite: expected finite gradients, got 1 of 6 elements NaN or infinite at 'w'. Lower the learning rate, clip, or choose `action: 'skip'`.",
    },
  },
  sgd: {
    json: { sgd: { learningRate: 0.1 } },
    options: 'learningRate, weightDecay, decaySelect',
    first: scaled(unchanged, -0.1),
  },
  momentum: {
    json: { momentum: { learningRate: 0.1 } },
    options: 'learningRate, momentum, nesterov, dampening, weightDecay, decaySelect',
    first: scaled(unchanged, -0.1),
  },
  rmsprop: {
    json: 'rmsprop',
    options: 'learningRate, decay, eps, momentum, weightDecay, decaySelect',
    first: scaled(rmsFirst, -0.01),
  },
  adam: {
    json: 'adam',
    options: 'learningRate, b1, b2, eps, epsRoot',
    first: scaled(adamFirst, -0.001),
  },
  adamw: {
    json: 'adamw',
    options: 'learningRate, b1, b2, eps, epsRoot, weightDecay, decaySelect',
    first: scaled(plusWeights(adamFirst, 0.01), -0.001),
  },
};

/** Optimizers of which the defaults are only a direction and a rate. */
const directions: Record<string, readonly [direction: string, rate: number, first: Values]> = {
  nadam: ['b1, b2, eps, momentumDecay', 2e-3, nadamFirst],
  adamax: ['b1, b2, eps', 2e-3, adamFirst],
  adagrad: ['initialAccumulator, eps', 0.01, adagradFirst],
  adadelta: ['rho, eps', 1, adadeltaFirst],
  lion: ['b1, b2', 1e-4, each(Math.sign)],
};
for (const [name, [own, rate, first]] of Object.entries(directions)) {
  const options = `learningRate, ${own}, weightDecay, decaySelect`;
  contracts[name] = { json: name, options, first: scaled(first, -rate) };
}

contracts.scheduleFreeAdamw = {
  json: 'scheduleFreeAdamw',
  options: 'learningRate, b1, b2, eps, warmupSteps, weightDecay, decaySelect',
  first: scaled(adamFirst, -2.5e-3),
};
contracts.lamb = {
  json: 'lamb',
  options: 'learningRate, b1, b2, eps, weightDecay, decaySelect',
  first: scaled({ ...trusted(each((x) => x / (Math.abs(x) + 1e-6))), nan: allNaN, inf: allNaN }, -0.001),
};
contracts.lars = {
  json: { lars: { learningRate: 0.1 } },
  options: 'learningRate, momentum, trustCoefficient, trustSelect, weightDecay, decaySelect',
  first: scaled({ ...larsFirst, nan: allNaN, inf: onlyInfinityLeft }, -0.1),
};
contracts.novograd = {
  json: 'novograd',
  options: 'learningRate, b1, b2, eps, weightDecay, decaySelect',
  first: scaled(novogradFirst, -0.01),
};
contracts.muon = {
  json: 'muon',
  options:
    'learningRate, momentum, nesterov, steps, select, adamLearningRate, adamB1, adamB2, weightDecay, decaySelect',
  first: { ...scaled(orthogonalFirst, -0.02), one: [-3e-4] },
  tolerance: 1e-5,
};

const waiting = 'accumulate, then moments';

/** Transformations in settings that keep other state than their defaults do. */
const variants: Record<string, TransformationJson> = {
  ...Object.fromEntries(Object.entries(contracts).map(([name, { json }]) => [name, json])),
  [waiting]: [{ accumulate: { steps: 3 } }, 'adam'],
  'lookahead, not every step': ['trace', { lookahead: { syncPeriod: 4 } }],
  'noise of some size': { addNoise: { eta: 1, seed: 3 } },
  'znorm, moving average': { znorm: { statistics: { ema: 0.9 }, scope: 'output' } },
  'znorm, every second step': { znorm: { statistics: { every: 2 }, scope: 'layer' } },
  'znorm, sampled': { znorm: { statistics: { sample: 0.5 }, scope: 'global' } },
  'nonfinite, skip': [{ nonfinite: { action: 'skip' } }, { adam: {} }],
  'nonfinite, zero': { nonfinite: { action: 'zero' } },
  'twice the same': ['trace', { trace: { momentum: 0.5 } }],
  'a schedule': { momentum: { learningRate: { cosine: { from: 0.1, steps: 4 } }, dampening: 0.5 } },
};

describe('every transformation', () => {
  it('is in this contract', () => {
    expect(() => fromJSON('-')).toThrow(
      new TypeError(
        `fromJSON: unknown transformation \`-\`. Known: ${Object.keys(contracts).sort().join(', ')}.`,
      ),
    );
  });

  describe.each(Object.entries(contracts))('%s', (name, { json, options, first, tolerance }) => {
    it.each(cases)('gives exactly what is defined for a gradient: %s', (kind) => {
      const [values, shape] = gradients[kind];
      const step = () => firstUpdate(fromJSON(json), values, shape, kind === 'one' ? [2] : w);
      const expected = first[kind];
      if (typeof expected === 'string') expect(step).toThrow(new RangeError(expected));
      else expectElements(step(), expected, tolerance);
    });

    it('rejects an unknown option and lists its own', () => {
      expect(() => fromJSON({ [name]: { '~~~~~~~~~~~~~~~~': 1 } })).toThrow(
        new TypeError(`${name}: unknown option \`~~~~~~~~~~~~~~~~\`. Known options: ${options}.`),
      );
    });
  });

  describe.each(Object.entries(variants))('%s', (name, json) => {
    it('keeps the names and shapes of its state from step to step', () => {
      const transformation = fromJSON(json);
      const before = init(transformation, someParams());
      const { state } = run(transformation, before, 3);
      expect(shapesOf(state)).toEqual(shapesOf(before));
    });

    it('goes on from a saved state bit for bit', () => {
      const transformation = fromJSON(json);
      const middle = run(transformation, init(transformation, someParams()), 3).state;
      const through = run(transformation, middle, 3);
      const restored = run(transformation, restore(save(middle)), 3);
      expect(restored.updates).toEqual(through.updates);
      expect(save(restored.state)).toBe(save(through.state));
    });

    it('changes nothing that it is given', () => {
      const transformation = fromJSON(json);
      const state = run(transformation, init(transformation, someParams()), 1).state;
      const params = someParams();
      const given = someGradients(7);
      const before = [save(state), JSON.stringify(values(given)), JSON.stringify(values(params))];
      update(transformation, given, state, params);
      expect([save(state), JSON.stringify(values(given)), JSON.stringify(values(params))]).toEqual(before);
    });

    // A step that waits for more micro-batches waits for all parameters.
    it.skipIf(name === waiting)(
      'behind a mask, hands over the gradients of other parameters as the very objects that came in',
      () => {
        const transformation = masked(fromJSON(json), { path: 'a/*' });
        const given = someGradients(3);
        const state = init(transformation, someParams());
        const { updates, state: next } = update(transformation, given, state, someParams());
        expect(updates['b/kernel']).toBe(given['b/kernel']);
        expect(updates.gain).toBe(given.gain);
        expect(next.slots['b/kernel']).toEqual({});
      },
    );

    it('cannot be changed', () => {
      const transformation = fromJSON(json);
      expect(Object.isFrozen(transformation)).toBe(true);
      expect(Object.isFrozen(transformation.options)).toBe(true);
    });
  });

  it('as identity() and chain(), hands over every gradient as the very object that came in', () => {
    const given = someGradients(3);
    for (const transformation of [identity(), chain(), chain(identity(), chain())]) {
      const { updates } = update(transformation, given, init(transformation, given));
      for (const path of Object.keys(given)) expect(updates[path]).toBe(given[path]);
    }
  });
});

function firstUpdate(
  transformation: GradientTransformation,
  values: readonly number[],
  shape: readonly number[],
  weights: readonly number[],
): ArrayTensor['data'] {
  const params = { w: tensor(weights.slice(0, values.length), shape) };
  const { updates } = update(
    transformation,
    { w: tensor(values, shape) },
    init(transformation, params),
    params,
  );
  expect(updates.w.shape).toEqual(shape);
  return updates.w.data;
}

function someParams(): Named<ArrayTensor> {
  return {
    'a/kernel': tensor([0.3, -0.2, 0.5, 0.7, -0.9, 0.4], [2, 3]),
    'a/bias': tensor([0.1, -0.1]),
    'b/kernel': tensor([1, -0.5, 0.25, 2], [2, 2]),
    gain: tensor([1.5], []),
  };
}

/** Different at every step, without two elements alike. */
function someGradients(step: number): Named<ArrayTensor> {
  let seed = step + 1;
  return Object.fromEntries(
    Object.entries(someParams()).map(([path, { shape, data }]) => [
      path,
      tensor(
        data.map(() => Math.sin(17 * seed++)),
        shape,
      ),
    ]),
  );
}

function run(transformation: GradientTransformation, start: State<ArrayTensor>, steps: number) {
  let state = start;
  let updates: Named<ArrayTensor> = {};
  for (let i = 0; i < steps; i++) {
    ({ updates, state } = update(transformation, someGradients(state.step), state, someParams()));
  }
  return { updates, state };
}

function values(named: Named<ArrayTensor>): Record<string, number[]> {
  return Object.fromEntries(Object.entries(named).map(([path, { data }]) => [path, Array.from(data)]));
}

function shapesOf(state: State<ArrayTensor>): Record<string, Record<string, readonly number[]>> {
  return mapSlots(state.slots, ({ shape }) => shape);
}

function save(state: State<ArrayTensor>): string {
  const slots = mapSlots(state.slots, ({ shape, data }) => ({
    shape,
    kind: data.constructor.name,
    data: Array.from(data),
  }));
  return JSON.stringify({ ...state, slots });
}

function restore(json: string): State<ArrayTensor> {
  const state = JSON.parse(json);
  return {
    ...state,
    slots: mapSlots<{ shape: number[]; kind: string; data: number[] }, ArrayTensor>(
      state.slots,
      ({ shape, kind, data }) => ({
        shape,
        data: kind === 'Float64Array' ? Float64Array.from(data) : Float32Array.from(data),
      }),
    ),
  };
}

function mapSlots<A, B>(
  slots: Readonly<Record<string, Readonly<Record<string, A>>>>,
  f: (slot: A) => B,
): Record<string, Record<string, B>> {
  return Object.fromEntries(
    Object.entries(slots).map(([path, own]) => [
      path,
      Object.fromEntries(Object.entries(own).map(([name, slot]) => [name, f(slot)])),
    ]),
  );
}
