import { readFileSync } from 'node:fs';
import { classification, parametersOf } from '@znorm/train';
import { Command } from 'commander';
import { parse as parseYaml, YAMLParseError } from 'yaml';
import {
  type Advice,
  chain,
  describeParameter,
  fromJSON,
  lint,
  type ParameterInfo,
  type TransformationJson,
} from 'znorm';
import { z } from 'zod';
import { didYouMean } from '../did-you-mean.ts';
import { badInput } from '../expected-error.ts';
import {
  builtInMethods,
  type Method,
  optimizerByName,
  readMethodsFile,
  withLearningRate,
} from '../methods.ts';
import { imageModel, imageModels } from '../models.ts';

interface Flags {
  readonly optimizer?: string;
  readonly model?: string;
  readonly json?: boolean;
}

/** A chain of the file, with what it is called there. */
interface NamedAdvice {
  /** The method's name; undefined for a file that is one chain. */
  readonly name: string | undefined;
  readonly advice: readonly Advice[];
}

const epilogue = `
FILE holds a chain, as it is saved:
  - clipByGlobalNorm: { maxNorm: 1 }
  - znorm
  - adam: { learningRate: 0.001 }
or methods, as for \`znorm compare --methods-file\`.

Examples:
  znorm lint chain.yaml
  znorm lint methods.yaml --optimizer momentum
      each method as it will be trained, before that optimizer
  znorm lint chain.yaml --model resnet20
      also what depends on the parameters: single elements, biases before a
      batch normalization. NAME is a network for CIFAR-10, a model.json of
      TensorFlow.js, or a file such as
        conv/kernel: [16, 3, 3, 3]
        conv/bias: [16]
        norm/gamma: [16]
  znorm lint chain.json --json

Exit status: 0 read, whatever there was to say; 2 bad input.`;

/** `znorm lint`: what in a chain has no effect, undoes something else, or needs care. */
export function lintCommand(): Command {
  return new Command('lint')
    .description('Read a chain or methods, and say what has no effect, undoes something else, or needs care.')
    .argument('<FILE>', 'YAML or JSON, see below')
    .option('--optimizer <NAME>', 'put after each: adamw, lion, …, see `znorm methods`')
    .option('--model <NAME>', 'a network, or a file of the shapes of its parameters')
    .option('--json', 'print the advice as JSON')
    .addHelpText('after', epilogue)
    .action((file: string, flags: Flags) => {
      const after = flags.optimizer === undefined ? [] : optimizerByName(flags.optimizer, 'lint');
      const parameters = flags.model === undefined ? undefined : parametersNamed(flags.model);
      const all = chainsIn(file).map(({ name, chain }) => ({
        name,
        advice: adviceOn(chain, after, parameters),
      }));
      console.log(flags.json ? JSON.stringify(all, null, 2) : lintReport(file, all));
    });
}

/**
 * Lines of advice on methods of a person's own, as they will be trained; the built-in ones are compared for what they
 * do. For standard error.
 */
export function methodAdvice(methods: readonly Method[], optimizer: readonly TransformationJson[]): string[] {
  const known = new Map(builtInMethods.map(({ name, chain }) => [name, JSON.stringify(chain)]));
  return methods
    .filter(({ name, chain }) => known.get(name) !== JSON.stringify(chain))
    .flatMap(({ name, chain }) =>
      adviceOn(chain, optimizer)
        .filter(({ severity }) => severity === 'warning')
        .map(({ reason, fix }) => `compare: in method '${name}': ${reason} ${fix}`),
    );
}

/** @throws ExpectedError naming the unknown network, or what is wrong with the file */
function parametersNamed(model: string): readonly ParameterInfo[] {
  if (/\.(json|ya?ml)$/.test(model)) return parametersIn(model);
  const shape = [3, 32, 32] as const;
  const known = imageModels(shape);
  if (!known.includes(model)) {
    const hint = didYouMean(model, known) || ` Known: ${known.join(', ')}, or a file of shapes.`;
    throw badInput(`lint: unknown model '${model}'.${hint}`);
  }
  return parametersOf(classification({ model: imageModel(model, 10), input: { shape } }));
}

/** Shapes by path in the order of the network, or the weights that TensorFlow.js lists in a model.json. */
function parametersIn(file: string): readonly ParameterInfo[] {
  const content = contentOf(file);
  const manifest = tfjsManifest.safeParse(content);
  const listed = manifest.success
    ? Object.fromEntries(
        manifest.data.weightsManifest
          .flatMap(({ weights }) => weights)
          .filter(({ name }) => !/\/moving_/.test(name))
          .map(({ name, shape }) => [name, shape]),
      )
    : content;
  const shapes = parameterShapes.safeParse(listed);
  if (!shapes.success) {
    throw badInput(
      `lint: expected '${file}' to have shapes by path, as in \`dense/kernel: [64, 10]\`, or to be a model.json of TensorFlow.js.`,
    );
  }
  return Object.entries(shapes.data).map(([path, shape]) => describeParameter(path, shape));
}

const parameterShapes = z.record(z.string(), z.array(z.number().int().nonnegative()));
const tfjsManifest = z.object({
  weightsManifest: z.array(
    z.object({ weights: z.array(z.object({ name: z.string(), shape: z.array(z.number()) })) }),
  ),
});

function adviceOn(
  method: TransformationJson,
  optimizer: readonly TransformationJson[],
  parameters?: readonly ParameterInfo[],
): readonly Advice[] {
  // Comparisons train with a rate that falls.
  const filled = withLearningRate(optimizer, { cosine: { from: 0.1, steps: 1000 } });
  return lint(chain(fromJSON(method), fromJSON(filled)), parameters);
}

function chainsIn(file: string): { name: string | undefined; chain: TransformationJson }[] {
  const content = contentOf(file);
  if (typeof content === 'object' && content !== null && 'methods' in content)
    return readMethodsFile(file) as { name: string; chain: TransformationJson }[];
  // Any text is YAML: one long string.
  if (content === null || (typeof content === 'string' && /\s/.test(content))) {
    throw badInput(
      `lint: expected '${file}' to hold a chain, such as a list of names and options, or \`methods\`. See \`znorm lint --help\`.`,
    );
  }
  try {
    fromJSON(content as TransformationJson);
  } catch (error) {
    throw badInput(`${file}: ${(error as Error).message}`, { cause: error });
  }
  return [{ name: undefined, chain: content as TransformationJson }];
}

function contentOf(file: string): unknown {
  try {
    return parseYaml(readFileSync(file, 'utf8'));
  } catch (error) {
    if (error instanceof YAMLParseError) {
      const [reason] = error.message.split(/:?\n/);
      throw badInput(`${file}: not valid YAML. ${reason}.`, { cause: error });
    }
    const { code } = error as NodeJS.ErrnoException;
    throw badInput(`lint: cannot read '${file}' (${code}). Name a file with a chain in it.`, {
      cause: error,
    });
  }
}

function lintReport(file: string, all: readonly NamedAdvice[]): string {
  return all
    .map(({ name, advice }) => {
      const where = name === undefined ? file : `${file}, method ${name}`;
      if (advice.length === 0) return `${where}: nothing to say.`;
      return [`${where}:`, ...advice.map(paragraph)].join('\n\n');
    })
    .join('\n\n');
}

/** Codes of advice that is about some parameters and not about the chain as a whole. */
const ofParameters = ['one-element-tensor', 'bias-before-batch-norm'];
const shown = 3;

function paragraph({ code, severity, stages, reason, fix, parameters }: Advice): string {
  const heading = `  ${severity}  ${stages.join(', ')}  [${code}]`;
  const more = parameters.length > shown ? ` and ${parameters.length - shown} more` : '';
  const where = ofParameters.includes(code)
    ? wrapped(`at ${parameters.slice(0, shown).join(', ')}${more}`)
    : [];
  return [heading, ...where, ...wrapped(reason), ...wrapped(`→ ${fix}`)].join('\n');
}

/** Lines of at most 80 columns. */
function wrapped(text: string, indent = '    '): string[] {
  const lines: string[] = [];
  for (const word of text.split(' ')) {
    const last = lines.at(-1);
    if (last === undefined || last.length + word.length >= 80) lines.push(indent + word);
    else lines[lines.length - 1] = `${last} ${word}`;
  }
  return lines;
}
