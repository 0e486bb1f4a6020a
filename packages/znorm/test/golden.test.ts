import { readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import {
  type ArrayTensor,
  adadelta,
  adagrad,
  adam,
  adamax,
  adamw,
  adaptiveClip,
  applyUpdates,
  center,
  centralize,
  chain,
  clipByGlobalNorm,
  clipByValue,
  cosine,
  cyclic,
  exponential,
  type GradientTransformation,
  init,
  lamb,
  lars,
  linear,
  lion,
  lookahead,
  momentum,
  muon,
  type Named,
  nadam,
  normalizeByNorm,
  novograd,
  oneCycle,
  polynomial,
  type ReduceOnPlateauOptions,
  reduceOnPlateau,
  rmsprop,
  type Schedule,
  type Scope,
  scaleByStd,
  scheduleFreeAdamw,
  sgd,
  stepDecay,
  tensor,
  update,
  znorm,
} from '../src/index.ts';
import { relativeError } from './closeness.ts';

type Lists = Record<string, number[]>;

const torch = golden<{
  shapes: Record<string, number[]>;
  params: Lists;
  gradients: Lists[];
  updates: Record<string, Lists[]>;
  rates: Record<string, number[]>;
  plateaus: Record<string, number[]>;
  clipped: Record<string, Lists>;
}>('optimizers.json');

const numpy = golden<{
  shapes: Record<string, number[]>;
  params: Lists;
  gradients: Lists;
  znorm: Record<Scope, Lists>;
  scaleByStd: Record<Scope, Lists>;
  normalizeByNorm: Record<Scope, Lists>;
  center: Record<Scope, Lists>;
  centralize: Lists;
  adaptiveClip: Lists;
  adaptiveClipLoose: Lists;
}>('transformations.json');

const papers = golden<Pick<typeof torch, 'shapes' | 'params' | 'gradients' | 'updates'>>('papers.json');

/**
 * The requirement of the project. The references are float64; a value here passes through at most about ten float32
 * roundings of 6e-8 each.
 */
const tolerance = 2e-6;

describe('optimizers take the steps that PyTorch takes', () => {
  const decayedTwice = stepDecay({ from: 0.1, boundaries: [2, 4], factors: 0.5 });
  const cases: Record<string, GradientTransformation> = {
    sgd: sgd({ learningRate: 0.1 }),
    sgdWeightDecay: sgd({ learningRate: 0.1, weightDecay: 0.05 }),
    sgdStep: sgd({ learningRate: decayedTwice }),
    momentum: momentum({ learningRate: 0.1, weightDecay: 5e-4 }),
    momentumNesterov: momentum({ learningRate: 0.1, momentum: 0.8, nesterov: true }),
    momentumDampening: momentum({ learningRate: 0.1, dampening: 0.3 }),
    rmsprop: rmsprop(),
    rmspropMomentum: rmsprop({ learningRate: 1e-3, decay: 0.9, momentum: 0.9, weightDecay: 0.01 }),
    adam: adam(),
    adamOptions: adam({ learningRate: 3e-3, b1: 0.8, b2: 0.95, eps: 1e-3 }),
    adamw: adamw(),
    nadam: nadam(),
    nadamOptions: nadam({
      learningRate: 1e-2,
      b1: 0.8,
      b2: 0.95,
      eps: 1e-3,
      momentumDecay: 0.5,
      weightDecay: 0.1,
    }),
    adamax: adamax(),
    adamaxOptions: adamax({ learningRate: 1e-2, b1: 0.8, b2: 0.5, eps: 1e-2, weightDecay: 0.1 }),
    adagrad: adagrad(),
    adagradOptions: adagrad({ learningRate: 0.1, initialAccumulator: 0.3, eps: 1e-3, weightDecay: 0.1 }),
    adadelta: adadelta(),
    adadeltaOptions: adadelta({ learningRate: 0.5, rho: 0.7, eps: 1e-3, weightDecay: 0.1 }),
    adamwCosine: adamw({ learningRate: cosine({ from: 1e-2, steps: 4 }), weightDecay: 0.1 }),
  };

  it('has a case for every golden run', () => {
    expect(Object.keys(cases).sort()).toEqual(Object.keys(torch.updates).sort());
  });

  it.each(Object.entries(cases))('%s: the first step and each of five', (name, optimizer) => {
    expectSteps(optimizer, torch, name);
  });
});

describe('optimizers take the steps of their papers', () => {
  const cases: Record<string, GradientTransformation> = {
    lion: lion(),
    lionDecay: lion({ learningRate: 1e-3, b1: 0.8, b2: 0.95, weightDecay: 0.1 }),
    lamb: lamb(),
    lambDecay: lamb({ learningRate: 0.01, b1: 0.8, b2: 0.95, eps: 1e-3, weightDecay: 0.1 }),
    lars: lars({ learningRate: 1, weightDecay: 0.05 }),
    novograd: novograd(),
    novogradDecay: novograd({ learningRate: 0.1, b1: 0.8, b2: 0.5, weightDecay: 0.05 }),
    scheduleFreeAdamw: scheduleFreeAdamw(),
    scheduleFreeAdamwWarm: scheduleFreeAdamw({
      learningRate: 0.01,
      b1: 0.8,
      b2: 0.95,
      weightDecay: 0.1,
      warmupSteps: 3,
    }),
    lookahead: chain(momentum({ learningRate: 0.1 }), lookahead({ syncPeriod: 2, slowStepSize: 0.3 })),
    muon: muon({ weightDecay: 0.1 }),
  };
  // Five iterations make of a weak direction's rounding up to 3.4^5 = 485 times as much. Measured: 4e-7.
  // Schedule-free steps of 2.5e-3 are differences of y and z, near 1, which float32 keeps to 6e-8 each at every step.
  const bounds: Record<string, number> = {
    muon: 1e-5,
    scheduleFreeAdamw: 5e-5,
    scheduleFreeAdamwWarm: 5e-5,
  };

  it('has a case for every golden run', () => {
    expect(Object.keys(cases).sort()).toEqual(Object.keys(papers.updates).sort());
  });

  it.each(Object.entries(cases))('%s: the first step and each of five', (name, optimizer) => {
    expectSteps(optimizer, papers, name, bounds[name]);
  });
});

describe('schedules give the learning rates that PyTorch gives', () => {
  const cases: Record<string, Schedule> = {
    cosine: cosine({ from: 0.1, steps: 20, finalFraction: 0.01 }),
    step: stepDecay({ from: 0.1, boundaries: [5, 10, 15, 20], factors: 0.2 }),
    multiStep: stepDecay({ from: 0.1, boundaries: [3, 11] }),
    linear: linear({ from: 0.1, to: 0.025, steps: 15 }),
    polynomial: polynomial({ from: 0.1, steps: 15, power: 1.7 }),
    exponential: exponential({ from: 0.1, factor: 0.9 }),
    triangular: cyclic({ from: 0.01, to: 0.1, stepsUp: 3, stepsDown: 5 }),
    triangular2: cyclic({ from: 0.01, to: 0.1, stepsUp: 4, cycleFactor: 0.5 }),
    expRange: cyclic({ from: 0.01, to: 0.1, stepsUp: 4, stepFactor: 0.95 }),
    oneCycle: oneCycle({ peak: 0.1, steps: 21 }),
    oneCycleLinear: oneCycle({
      peak: 0.1,
      steps: 21,
      riseFraction: 0.5,
      startFraction: 0.1,
      finalFraction: 1e-3,
      anneal: 'linear',
    }),
  };

  it.each(Object.entries(cases))('%s', (name, schedule) => {
    const rates = torch.rates[name].map((_, step) => schedule.at(step));
    // PyTorch multiplies its way from step to step in float64: 20 roundings of 1e-16.
    expect(relativeError(rates, torch.rates[name])).toBeLessThan(1e-14);
  });
});

describe('reduceOnPlateau gives the learning rates that PyTorch gives', () => {
  const { losses, ...expected } = torch.plateaus;
  const cases: Record<string, ReduceOnPlateauOptions> = {
    min: { from: 0.1, patience: 2 },
    cooldown: { from: 0.1, factor: 0.5, patience: 1, cooldown: 2, threshold: 0.05, minFraction: 0.2 },
    max: { from: 0.1, mode: 'max', factor: 0.3, patience: 3 },
  };

  it.each(Object.entries(cases))('%s', (name, options) => {
    const schedule = reduceOnPlateau(options);
    const rates = losses.map((loss, step) => {
      schedule.observe(options.mode === 'max' ? -loss : loss);
      return schedule.at(step);
    });
    expect(new Set(rates).size).toBeGreaterThan(1);
    expect(relativeError(rates, expected[name])).toBeLessThan(1e-14); // a few roundings of float64
  });
});

describe('clipping gives the gradients that PyTorch gives', () => {
  const clip = (transformation: GradientTransformation) =>
    outputOf(transformation, tensors(torch.gradients[2], torch.shapes));

  it('clipByValue as clip_grad_value_, exactly', () => {
    expectTensors(clip(clipByValue({ clipValue: 0.5 })), torch.clipped.value, '', 0);
  });

  it('clipByGlobalNorm as clip_grad_norm_', () => {
    // PyTorch divides by ‖g‖ + 1e-6: 4e-8 of ‖g‖ ≈ 27 here.
    expectTensors(clip(clipByGlobalNorm({ maxNorm: 1 })), torch.clipped.norm);
  });

  it('clipByGlobalNorm leaves gradients within the norm exactly as they are', () => {
    expectTensors(clip(clipByGlobalNorm({ maxNorm: 1000 })), torch.clipped.looseNorm, '', 0);
  });
});

describe('transformations follow the formulas of their papers in float64', () => {
  const gradients = tensors(numpy.gradients, numpy.shapes);
  const params = tensors(numpy.params, numpy.shapes);

  it.each(['tensor', 'layer', 'output', 'global'] as const)('znorm, scope %s', (scope) => {
    expectTensors(outputOf(znorm({ scope }), gradients), numpy.znorm[scope]);
  });
  it.each(['tensor', 'layer', 'output', 'global'] as const)('scaleByStd, scope %s', (scope) => {
    expectTensors(outputOf(scaleByStd({ scope }), gradients), numpy.scaleByStd[scope]);
  });
  it.each(['tensor', 'layer', 'output', 'global'] as const)('normalizeByNorm, scope %s', (scope) => {
    expectTensors(outputOf(normalizeByNorm({ scope }), gradients), numpy.normalizeByNorm[scope]);
  });
  it.each(['tensor', 'layer', 'output', 'global'] as const)('center, scope %s', (scope) => {
    expectTensors(outputOf(center({ scope }), gradients), numpy.center[scope]);
  });
  it('centralize', () => {
    expectTensors(outputOf(centralize(), gradients), numpy.centralize);
  });
  it('adaptiveClip, at its defaults and with both branches taken', () => {
    expectTensors(outputOf(adaptiveClip(), gradients, params), numpy.adaptiveClip);
    const loose = outputOf(adaptiveClip({ clipping: 0.5, eps: 0.02 }), gradients, params);
    expectTensors(loose, numpy.adaptiveClipLoose);
  });
});

function expectSteps(
  optimizer: GradientTransformation,
  { params: start, shapes, gradients, updates }: typeof papers,
  name: string,
  bound?: number,
): void {
  let params = tensors(start, shapes);
  let state = init(optimizer, params);
  updates[name].forEach((expected, step) => {
    const result = update(optimizer, tensors(gradients[step], shapes), state, params);
    expectTensors(result.updates, expected, `step ${step}`, bound);
    state = result.state;
    params = applyUpdates(params, result.updates);
  });
}

function golden<G>(file: string): G {
  return JSON.parse(readFileSync(new URL(`./golden/${file}`, import.meta.url), 'utf8'));
}

function tensors(lists: Lists, shapes: Record<string, number[]>): Named<ArrayTensor> {
  return Object.fromEntries(Object.entries(lists).map(([path, data]) => [path, tensor(data, shapes[path])]));
}

function outputOf(
  transformation: GradientTransformation,
  gradients: Named<ArrayTensor>,
  params = gradients,
): Named<ArrayTensor> {
  return update(transformation, gradients, init(transformation, params), params).updates;
}

function expectTensors(actual: Named<ArrayTensor>, expected: Lists, when = '', bound = tolerance): void {
  expect(Object.keys(actual)).toEqual(Object.keys(expected));
  for (const [path, values] of Object.entries(expected)) {
    const error = relativeError(actual[path].data, values);
    expect(error, `${path} ${when}`).toBeLessThanOrEqual(bound);
  }
}
