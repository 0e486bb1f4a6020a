import { readFileSync } from 'node:fs';
import { parse as parseYaml, YAMLParseError } from 'yaml';
import { fromJSON, type TransformationJson } from 'znorm';
import { didYouMean } from './did-you-mean.ts';
import { badInput } from './expected-error.ts';

/** A gradient recipe under test: what happens to the gradient before the optimizer sees it. */
export interface Method {
  readonly name: string;
  readonly summary: string;
  /** Gradient transformations in order, as chain JSON; empty for none. */
  readonly chain: readonly TransformationJson[];
}

/** The methods every comparison knows by name. */
export const builtInMethods: readonly Method[] = [
  { name: 'baseline', summary: 'the gradient as it is', chain: [] },
  {
    name: 'clip',
    summary: 'clipping by global norm: g · min(1, 1/‖all g‖)',
    chain: [{ clipByGlobalNorm: { maxNorm: 1 } }],
  },
  {
    name: 'gc',
    summary: 'gradient centralization: g − mean(g) per output unit',
    chain: ['centralize'],
  },
  { name: 'znorm', summary: 'ZNorm: (g − mean(g)) / (std(g) + eps) per tensor', chain: ['znorm'] },
];

/** The optimizers that methods are put inside, as chain JSON with `$learningRate` where the schedule goes. */
export const optimizers: Readonly<Record<string, readonly TransformationJson[]>> = {
  sgd: [{ sgd: { learningRate: '$learningRate' } }],
  momentum: [{ momentum: { learningRate: '$learningRate', momentum: 0.9 } }],
  rmsprop: [{ rmsprop: { learningRate: '$learningRate' } }],
  adam: [{ adam: { learningRate: '$learningRate' } }],
  adamw: [{ adamw: { learningRate: '$learningRate', weightDecay: 0.01 } }],
};

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
 * Finds methods by name.
 *
 * @param own methods from a methods file; they may replace built-in ones of the same name
 * @throws ExpectedError naming the unknown method, or one named twice
 */
export function resolveMethods(names: readonly string[], own: readonly Method[] = []): Method[] {
  const known = [...own, ...builtInMethods.filter(({ name }) => !own.some((method) => method.name === name))];
  return names.map((name, index) => {
    const method = known.find((candidate) => candidate.name === name);
    const all = known.map((candidate) => candidate.name);
    if (!method) {
      const near = didYouMean(name, all);
      throw badInput(`compare: unknown method '${name}'.${near || ` Known: ${all.join(', ')}.`}`);
    }
    if (names.indexOf(name) !== index) {
      throw badInput(`compare: method '${name}' is named twice in --methods. Name each method once.`);
    }
    return method;
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
  const methods = record(
    content,
    `${file}: expected \`methods:\` with a list of transformations under each name`,
  );
  for (const key of Object.keys(methods)) {
    if (key !== 'methods') throw badInput(`${file}: unknown key \`${key}\`.${didYouMean(key, ['methods'])}`);
  }
  const named = record(methods.methods, `${file}: expected \`methods\` to map names to transformations`);
  return Object.entries(named).map(([name, chain]) => {
    if (!/^[\w.-]+$/.test(name) || name.startsWith('.')) {
      throw badInput(`${file}: expected a method name of letters, digits, '-', '_' and '.', got '${name}'.`);
    }
    if (!Array.isArray(chain)) {
      throw badInput(
        `${file}: expected \`methods.${name}\` to be a list such as [znorm], got ${JSON.stringify(chain)}.`,
      );
    }
    try {
      fromJSON(chain);
    } catch (error) {
      throw badInput(`${file}: in \`methods.${name}\`: ${(error as Error).message}`, { cause: error });
    }
    return { name, summary: `from ${file}`, chain };
  });
}

function parsedFile(file: string): unknown {
  let text: string;
  try {
    text = readFileSync(file, 'utf8');
  } catch (error) {
    throw badInput(
      `compare: cannot read the methods file '${file}' (${(error as NodeJS.ErrnoException).code}).`,
      {
        cause: error,
      },
    );
  }
  try {
    return parseYaml(text);
  } catch (error) {
    if (!(error instanceof YAMLParseError)) throw error;
    throw badInput(`${file}: not valid YAML. ${error.message.split('\n')[0]}`, { cause: error });
  }
}

function record(value: unknown, otherwise: string): Record<string, unknown> {
  if (value === null || typeof value !== 'object' || Array.isArray(value)) {
    throw badInput(`${otherwise}, got ${JSON.stringify(value) ?? 'nothing'}.`);
  }
  return value as Record<string, unknown>;
}
