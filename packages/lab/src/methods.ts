import { readFileSync } from 'node:fs';
import { parse as parseYaml, YAMLParseError } from 'yaml';
import { fromJSON, type TransformationJson } from 'znorm';
import { didYouMean } from './did-you-mean.ts';
import { badInput } from './expected-error.ts';

/** A gradient recipe under test: what happens to the gradient before the optimizer sees it. */
export interface Method {
  readonly name: string;
  /** Gradient transformations in order, as chain JSON; empty for none. */
  readonly chain: readonly TransformationJson[];
}

/** What there is to know of a method besides its chain. */
export interface BuiltInMethod extends Method {
  /** In a few words. */
  readonly summary: string;
  /** g the gradient, u what the optimizer gets instead, μ and σ the mean and deviation of g's elements. */
  readonly equation: string;
  readonly source: string;
}

const yun = 'Yun, ZNorm, arXiv 2408.01215';
const pascanu = 'Pascanu et al. 2013, arXiv 1211.5063';
const ablation = `an ablation of ${yun}`;

/** The methods every comparison knows by name; a task says which of them it compares if none are named. */
export const builtInMethods: readonly BuiltInMethod[] = [
  {
    name: 'baseline',
    summary: 'the gradient as it is',
    equation: 'u = g',
    source: 'none',
    chain: [],
  },
  {
    name: 'clip',
    summary: 'clipping by global norm',
    equation: 'u = g · min(1, 1/‖all g‖)',
    source: pascanu,
    chain: [{ clipByGlobalNorm: { maxNorm: 1 } }],
  },
  {
    name: 'clip-value',
    summary: 'clipping of every element',
    equation: 'u = min(max(g, −0.5), 0.5)',
    source: pascanu,
    chain: [{ clipByValue: { clipValue: 0.5 } }],
  },
  {
    name: 'agc',
    summary: 'adaptive clipping, per output unit',
    equation: 'u = g · min(1, 0.01 · max(‖w‖, 0.001)/‖g‖) for each output unit',
    source: 'Brock et al. 2021, arXiv 2102.06171',
    chain: ['adaptiveClip'],
  },
  {
    name: 'gc',
    summary: 'gradient centralization',
    equation: 'u = g − mean(g) for each output unit',
    source: 'Yong et al. 2020, arXiv 2004.01461',
    chain: ['centralize'],
  },
  {
    name: 'znorm',
    summary: 'ZNorm, per tensor',
    equation: 'u = (g − μ) / (σ + 1e-8)',
    source: yun,
    chain: ['znorm'],
  },
  {
    name: 'gc-znorm',
    summary: 'ZNorm after centralization',
    equation: 'g ← g − mean(g) for each output unit, then u = (g − μ) / (σ + 1e-8)',
    source: `${yun}, and Yong et al. 2020, arXiv 2004.01461`,
    chain: ['centralize', 'znorm'],
  },
  {
    name: 'center-only',
    summary: 'the centring half of ZNorm',
    equation: 'u = g − μ',
    source: ablation,
    chain: ['center'],
  },
  {
    name: 'scale-only',
    summary: 'the scaling half of ZNorm',
    equation: 'u = g / (σ + 1e-8)',
    source: 'Wright & Demeure, Ranger21, arXiv 2106.13731',
    chain: ['scaleByStd'],
  },
  {
    name: 'znorm-ema',
    summary: 'ZNorm with statistics averaged over steps',
    equation: 'u = (g − μ) / (σ + 1e-8), with μ and σ moving averages of decay 0.9',
    source: ablation,
    chain: [{ znorm: { statistics: { ema: 0.9 } } }],
  },
  {
    name: 'znorm-output',
    summary: 'ZNorm per output unit: per row of a matrix',
    equation: 'u = (g − μ) / (σ + 1e-8) for each output unit',
    source: ablation,
    chain: [{ znorm: { scope: 'output' } }],
  },
  {
    name: 'znorm-head',
    summary: 'ZNorm per attention head',
    equation:
      'u = (g − μ) / (σ + 1e-8) for each head of query, key, value and output kernels; else per tensor',
    source: ablation,
    chain: [{ znorm: { scope: 'head' } }],
  },
  {
    name: 'znorm-layer',
    summary: 'ZNorm per layer, kernel and bias together',
    equation: 'u = (g − μ) / (σ + 1e-8), with μ and σ over all tensors of a layer',
    source: ablation,
    chain: [{ znorm: { scope: 'layer' } }],
  },
  {
    name: 'znorm-global',
    summary: 'ZNorm of all gradients together',
    equation: 'u = (g − μ) / (σ + 1e-8), with μ and σ over all gradients',
    source: ablation,
    chain: [{ znorm: { scope: 'global' } }],
  },
  {
    name: 'znorm-matrices',
    summary: 'ZNorm of tensors of two axes and more',
    equation: 'u = (g − μ) / (σ + 1e-8) for kernels and tables; u = g for vectors',
    source: ablation,
    chain: [{ masked: { select: { minRank: 2 }, transformation: 'znorm' } }],
  },
  {
    name: 'znorm-no-norm-bias',
    summary: 'ZNorm but for biases and normalization layers',
    equation: 'u = (g − μ) / (σ + 1e-8); u = g for biases, and gains and shifts of normalization layers',
    source: ablation,
    chain: [{ masked: { select: { not: { role: ['bias', 'normalization'] } }, transformation: 'znorm' } }],
  },
  {
    name: 'znorm-attention',
    summary: 'ZNorm of attention weights alone',
    equation: 'u = (g − μ) / (σ + 1e-8) for query, key, value and output kernels of attention; else u = g',
    source: ablation,
    chain: [{ masked: { select: { role: 'attention' }, transformation: 'znorm' } }],
  },
  {
    name: 'znorm-no-embeddings',
    summary: 'ZNorm but for embeddings',
    equation: 'u = (g − μ) / (σ + 1e-8); u = g for embedding tables',
    source: ablation,
    chain: [{ masked: { select: { not: { role: 'embedding' } }, transformation: 'znorm' } }],
  },
];

/** The optimizers that methods are put inside, as chain JSON with `$learningRate` where the schedule goes. */
export const optimizers: Readonly<Record<string, readonly TransformationJson[]>> = {
  sgd: [{ sgd: { learningRate: '$learningRate' } }],
  momentum: [{ momentum: { learningRate: '$learningRate', momentum: 0.9 } }],
  rmsprop: [{ rmsprop: { learningRate: '$learningRate' } }],
  adam: [{ adam: { learningRate: '$learningRate' } }],
  adamw: [{ adamw: { learningRate: '$learningRate', weightDecay: 0.01 } }],
  nesterov: [{ momentum: { learningRate: '$learningRate', momentum: 0.9, nesterov: true } }],
  nadam: [{ nadam: { learningRate: '$learningRate' } }],
  adamax: [{ adamax: { learningRate: '$learningRate' } }],
  adagrad: [{ adagrad: { learningRate: '$learningRate' } }],
  adadelta: [{ adadelta: { learningRate: '$learningRate' } }],
  lion: [{ lion: { learningRate: '$learningRate', weightDecay: 0.1 } }],
  lamb: [{ lamb: { learningRate: '$learningRate', weightDecay: 0.01 } }],
  lars: [{ lars: { learningRate: '$learningRate', weightDecay: 1e-4 } }],
  novograd: [{ novograd: { learningRate: '$learningRate', weightDecay: 0.001 } }],
  // Its rate is that of matrices; AdamW takes the rest at a constant 3e-4.
  muon: [{ muon: { learningRate: '$learningRate' } }],
};

/**
 * Rates tried where none is asked for. Adam-like steps have the same size whatever a method makes of the gradient's
 * scale, so one customary rate serves all methods; a step of SGD grows with the gradient, so there every method gets
 * the same grid.
 */
export const customaryRates: Readonly<Record<string, readonly number[]>> = {
  sgd: [0.1, 0.01, 0.001],
  momentum: [0.1, 0.01, 0.001],
  rmsprop: [0.001],
  adam: [0.001],
  adamw: [0.001],
  nesterov: [0.1, 0.01, 0.001],
  // PyTorch's.
  nadam: [0.002],
  adamax: [0.002],
  adagrad: [0.01],
  adadelta: [1],
  // The papers'. Lion's is a tenth of Adam's, with ten times its decay; LARS's is of a trust ratio of 0.001.
  lion: [0.0001],
  lamb: [0.002],
  lars: [10, 1],
  novograd: [0.01],
  muon: [0.02],
};

/** Finds an optimizer by name. @throws ExpectedError naming the unknown optimizer */
export function optimizerByName(name: string, where = 'compare'): readonly TransformationJson[] {
  if (Object.hasOwn(optimizers, name)) return optimizers[name];
  throw badInput(`${where}: unknown optimizer '${name}'.${hint(name, Object.keys(optimizers))}`);
}

/** Puts a schedule where an optimizer's JSON says `$learningRate`. */
export function withLearningRate(
  chain: readonly TransformationJson[],
  schedule: unknown,
): TransformationJson[] {
  const filled = (value: unknown): unknown => {
    if (value === '$learningRate') return schedule;
    if (Array.isArray(value)) return value.map(filled);
    if (value === null || typeof value !== 'object') return value;
    return Object.fromEntries(Object.entries(value).map(([key, inner]) => [key, filled(inner)]));
  };
  return chain.map((part) => filled(part) as TransformationJson);
}

/**
 * The methods to compare: built-in ones by name, and methods of one's own.
 *
 * @param own   more methods that can be named; one may take the place of the built-in one of its name
 * @throws ExpectedError naming the unknown method, one named twice, or what is wrong with one's own
 */
export function resolveMethods(entries: readonly (string | Method)[], own: readonly Method[] = []): Method[] {
  const known = [...own, ...builtInMethods];
  const names = entries.map((entry) => (typeof entry === 'string' ? entry : entry.name));
  if (names.length === 0) throw badInput('compare: expected at least one method, got none.');
  return entries.map((entry, index) => {
    const name = names[index];
    if (names.indexOf(name) !== index) {
      throw badInput(`compare: method '${name}' is named twice. Name each method once.`);
    }
    if (typeof entry !== 'string') return checkedMethod('compare', name, entry.chain);
    const method = known.find((candidate) => candidate.name === name);
    if (method) return method;
    const all = [...new Set(known.map((candidate) => candidate.name))];
    throw badInput(`compare: unknown method '${name}'.${hint(name, all)}`);
  });
}

/**
 * Reads methods of a user's own from YAML or JSON:
 *
 *     methods:
 *       znorm-by-layer:
 *         - znorm: { scope: layer }
 *       clip-then-gc:
 *         - clipByGlobalNorm: { maxNorm: 5 }
 *         - centralize
 *
 * @throws ExpectedError naming file, method and key
 */
export function readMethodsFile(file: string): Method[] {
  const content = parsedFile(file);
  const wanted = 'expected `methods` with a list under each name, as in `methods: { mine: [znorm] }`';
  const methods = record(content, `${file}: ${wanted}`);
  for (const key of Object.keys(methods)) {
    if (key !== 'methods') throw badInput(`${file}: unknown key \`${key}\`.${didYouMean(key, ['methods'])}`);
  }
  const named = record(methods.methods, `${file}: ${wanted}`);
  return Object.entries(named).map(([name, chain]) => checkedMethod(file, name, chain));
}

/** A method whose name can be a folder's and whose chain can be built. */
function checkedMethod(where: string, name: string, chain: unknown): Method {
  if (!/^\w[\w.-]*$/.test(name)) {
    throw badInput(`${where}: expected a method name of letters, digits, '-', '_' and '.', got '${name}'.`);
  }
  if (!Array.isArray(chain)) {
    throw badInput(
      `${where}: expected method \`${name}\` to be a list such as [znorm], got ${JSON.stringify(chain)}.`,
    );
  }
  try {
    fromJSON(chain);
  } catch (error) {
    throw badInput(`${where}: in method \`${name}\`: ${(error as Error).message}`, { cause: error });
  }
  return { name, chain };
}

function parsedFile(file: string): unknown {
  let text: string;
  try {
    text = readFileSync(file, 'utf8');
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException;
    throw badInput(`compare: cannot read the methods file '${file}' (${code}). Check --methods-file.`, {
      cause: error,
    });
  }
  try {
    return parseYaml(text);
  } catch (error) {
    if (!(error instanceof YAMLParseError)) throw error;
    const [reason] = error.message.split(/:?\n/);
    throw badInput(`${file}: not valid YAML. ${reason}.`, { cause: error });
  }
}

function record(value: unknown, otherwise: string): Record<string, unknown> {
  if (value === null || typeof value !== 'object' || Array.isArray(value)) {
    throw badInput(`${otherwise}, got ${JSON.stringify(value) ?? 'nothing'}.`);
  }
  return value as Record<string, unknown>;
}

function hint(name: string, known: readonly string[]): string {
  return didYouMean(name, known) || ` Known: ${known.join(', ')}.`;
}
