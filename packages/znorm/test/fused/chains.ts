import type { TransformationJson } from '../../src/index.ts';

/**
 * What a chain may do to gradients before its optimizer, one of each kind and the combinations that meet in practice.
 * All of it can be fused with every optimizer below.
 */
export const gradientParts: Readonly<Record<string, readonly TransformationJson[]>> = {
  nothing: [],
  'guard that throws': ['nonfinite'],
  'guard that skips': [{ nonfinite: { action: 'skip' } }],
  'guard that zeroes': [{ nonfinite: { action: 'zero' } }],
  'limited elements': [{ clipByValue: { clipValue: 0.7 } }],
  'a factor': [{ scale: { factor: -3 } }],
  znorm: ['znorm'],
  'znorm without eps': [{ znorm: { eps: 0 } }],
  'znorm by layer': [{ znorm: { scope: 'layer' } }],
  'znorm by row': [{ znorm: { scope: 'output', eps: 1e-3 } }],
  'znorm of everything': [{ znorm: { scope: 'global' } }],
  'znorm of matrices': [{ znorm: { apply: 'matrices' } }],
  'znorm with a floor, zero below': [{ znorm: { minStd: 0.8, onDegenerate: 'zero' } }],
  'znorm with a relative floor, as it is below': [{ znorm: { relativeMinStd: 2, onDegenerate: 'pass' } }],
  'znorm that may refuse': [{ znorm: { onDegenerate: 'throw' } }],
  'znorm by moving averages': [{ znorm: { statistics: { ema: 0.9 } } }],
  'znorm by moving averages of rows': [{ znorm: { scope: 'output', statistics: { ema: 0.5 } } }],
  'znorm by moving averages of a layer': [{ znorm: { scope: 'layer', statistics: { ema: 0.9 } } }],
  'znorm by every third step': [{ znorm: { statistics: { every: 3 } } }],
  'znorm by every third step, by row': [{ znorm: { scope: 'output', statistics: { every: 3 } } }],
  'znorm by every third step, of everything': [{ znorm: { scope: 'global', statistics: { every: 3 } } }],
  'znorm by a sample': [{ znorm: { statistics: { sample: 0.2, seed: 3 } } }],
  'znorm by a sample of everything': [{ znorm: { scope: 'global', statistics: { sample: 0.2 } } }],
  scaleByStd: ['scaleByStd'],
  'scaleByStd by row': [{ scaleByStd: { scope: 'output' } }],
  centralize: ['centralize'],
  center: ['center'],
  'center by row': [{ center: { scope: 'output' } }],
  'center by layer': [{ center: { scope: 'layer' } }],
  'center of everything': [{ center: { scope: 'global', apply: 'matrices' } }],
  'centralized, then center': ['centralize', 'center'],
  'center by row, then scaleByStd': [{ center: { scope: 'output' } }, 'scaleByStd'],
  clipByNorm: [{ clipByNorm: { maxNorm: 1 } }],
  clipByGlobalNorm: [{ clipByGlobalNorm: { maxNorm: 1 } }],
  adaptiveClip: [{ adaptiveClip: { clipping: 0.1 } }],
  normalizeByNorm: ['normalizeByNorm'],
  'normalizeByNorm by row': [{ normalizeByNorm: { scope: 'output' } }],
  'normalizeByNorm by layer': [{ normalizeByNorm: { scope: 'layer' } }],
  'normalizeByNorm of everything': [{ normalizeByNorm: { scope: 'global' } }],

  'decay after znorm': ['znorm', { addDecayedWeights: { weightDecay: 0.01, select: { minRank: 2 } } }],
  'clipped, then znorm': [{ clipByGlobalNorm: { maxNorm: 1 } }, 'znorm'],
  'znorm, then clipped': ['znorm', { clipByGlobalNorm: { maxNorm: 1 } }],
  'centralized, then znorm': ['centralize', 'znorm'],
  'centralized, then znorm by row': ['centralize', { znorm: { scope: 'output' } }],
  'centralized, then znorm of everything': ['centralize', { znorm: { scope: 'global' } }],
  'znorm, then centralized': ['znorm', 'centralize'],
  // About half of the rows of one kernel are below this floor.
  'rows set to zero, then znorm': [
    { scaleByStd: { scope: 'output', minStd: 0.29, onDegenerate: 'zero' } },
    'znorm',
  ],
  'znorm by a sample, then centralized': [{ znorm: { statistics: { sample: 0.2 } } }, 'centralize'],
  'znorm by moving averages, then clipped': [
    { znorm: { statistics: { ema: 0.9 } } },
    { clipByGlobalNorm: { maxNorm: 1 } },
  ],
  'znorm by every third step, then clipped': [
    { znorm: { statistics: { every: 3 } } },
    { clipByNorm: { maxNorm: 1 } },
  ],
  'clipped, then znorm by every third step': [
    { clipByGlobalNorm: { maxNorm: 1 } },
    { znorm: { statistics: { every: 3 } } },
  ],
  'two moving averages': [
    { znorm: { statistics: { ema: 0.9 } } },
    { scaleByStd: { statistics: { ema: 0.5 }, scope: 'layer' } },
  ],
  'limited, znorm, limited': [
    { clipByValue: { clipValue: 1.5 } },
    'znorm',
    { clipByValue: { clipValue: 1 } },
    { clipByValue: { clipValue: 0.9 } },
  ],
  'limited, then kept statistics': [
    { clipByValue: { clipValue: 0.5 } },
    { znorm: { statistics: { ema: 0.9 } } },
  ],
  'limited, then sampled': [{ clipByValue: { clipValue: 0.5 } }, { znorm: { statistics: { sample: 0.2 } } }],
  'limited between factors': [
    { scale: { factor: 2 } },
    { clipByValue: { clipValue: 1 } },
    { scale: { factor: 0.5 } },
  ],
  'decay and a factor': [{ addDecayedWeights: { weightDecay: 0.01 } }, { scale: { factor: 0.5 } }],
  'decay and a factor after a limit': [
    'znorm',
    { clipByValue: { clipValue: 1 } },
    { addDecayedWeights: { weightDecay: 0.01 } },
    { scale: { factor: 0.5 } },
  ],
  'adaptive clipping of what znorm makes': [
    { nonfinite: { action: 'skip' } },
    'znorm',
    { adaptiveClip: { clipping: 0.2 } },
  ],
  'everything masked differently': [
    { masked: { select: { role: 'kernel' }, transformation: { znorm: { scope: 'output' } } } },
    { masked: { select: { role: ['bias', 'normalization'] }, transformation: 'normalizeByNorm' } },
    { masked: { select: { not: { path: 'a/*' } }, transformation: { clipByGlobalNorm: { maxNorm: 1 } } } },
  ],
};

const learningRate = { warmup: { steps: 20, into: { cosine: { from: 0.02, steps: 1000 } } } };

export const optimizerParts: Readonly<Record<string, readonly TransformationJson[]>> = {
  sgd: [{ sgd: { learningRate: 0.01 } }],
  'sgd with decay on a schedule': [{ sgd: { learningRate, weightDecay: 0.01 } }],
  momentum: [{ momentum: { learningRate: 0.01 } }],
  'slow momentum with decay': [{ momentum: { learningRate, momentum: 0.999, weightDecay: 5e-4 } }],
  nesterov: [{ momentum: { learningRate: 0.01, nesterov: true, weightDecay: 5e-4 } }],
  'dampened momentum': [{ momentum: { learningRate: 0.01, dampening: 0.9 } }],
  rmsprop: [{ rmsprop: { learningRate: 1e-3 } }],
  'rmsprop with momentum and decay': [{ rmsprop: { learningRate: 1e-5, momentum: 0.9, weightDecay: 1e-3 } }],
  adam: [{ adam: { learningRate: 1e-3 } }],
  'adam with a root': [{ adam: { learningRate, b2: 0.9999, epsRoot: 1e-4 } }],
  adamw: [{ adamw: { learningRate, weightDecay: 0.1, decaySelect: { minRank: 2 } } }],
  'factors on both sides': [
    { scaleByLearningRate: { learningRate } },
    'trace',
    { addDecayedWeights: { weightDecay: 1e-3 } },
    { scale: { factor: 2 } },
    { addDecayedWeights: { weightDecay: 1e-4 } },
  ],
  'momentum on kernels alone': [
    { masked: { select: { minRank: 2 }, transformation: 'trace' } },
    { scaleByLearningRate: { learningRate: 0.01 } },
  ],
};
