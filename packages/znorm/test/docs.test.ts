import * as fs from 'node:fs';
import { readdirSync, readFileSync } from 'node:fs';
import * as os from 'node:os';
import { basename, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import * as jax from '@jax-js/jax';
import * as tf from '@tensorflow/tfjs';
import ts from 'typescript';
import { describe, expect, it } from 'vitest';
import * as znormWasm from '../src/fused/index.ts';
import * as znorm from '../src/index.ts';
import * as znormJax from '../src/jax/index.ts';
import { fileSystem } from '../src/tfjs/file-system.ts';
import * as znormTfjs from '../src/tfjs/index.ts';
import { useJax } from './carriers/jax.ts';
import { steps } from './stepping.ts';

/**
 * Examples are TypeScript; `expression; // value` promises a value, and a line that is only a call makes a chain. A
 * sketch that cannot run stands indented in a docstring's text, not under `@example`.
 */
interface Example {
  readonly where: string;
  readonly code: string;
  /** The source file whose docstring it is; it may use what that file exports. */
  readonly file?: string;
}

const root = fileURLToPath(new URL('..', import.meta.url));
const readme = fencedBlocks('README.md');
const pages = ['coming-from', 'fused-update', 'gradients', 'jax', 'tensorflow-js'].flatMap((page) =>
  fencedBlocks(`../../docs/${page}.md`),
);
const docstrings = readdirSync(join(root, 'src'), { recursive: true, encoding: 'utf8' })
  .filter((file) => file.endsWith('.ts'))
  .sort()
  .flatMap((file) => docstringExamples(readFileSync(join(root, 'src', file), 'utf8'), file));
const examples = [...readme, ...pages, ...docstrings];

await useJax();

describe('examples', () => {
  it('are there', () => {
    expect(readme.length).toBeGreaterThan(4);
    expect(docstrings.length).toBeGreaterThan(30);
  });

  it.each(examples)('$where runs and gives what it says', async (example) => {
    await run(example);
  });

  it('pass the type checker, but for one that is wrong on purpose', () => {
    const wrong = { where: 'wrong', code: 'znorm({ scope: "row" })' };
    const expected = "wrong: Type '\"row\"' is not assignable to type 'Scope | undefined'.";
    expect(typeErrors([...examples, wrong])).toEqual([expected]);
  });

  it('show every function of the library but the few that a line of prose explains', () => {
    const shown = examples.map(({ code }) => code).join('\n');
    const functions = Object.entries(znorm).filter(([, value]) => typeof value === 'function');
    const hidden = functions
      .map(([name]) => name)
      .filter((name) => !new RegExp(`\\b${name}\\(`).test(shown))
      .sort();
    expect(hidden).toEqual(['axesWithinUnit', 'float32Statistics', 'identity', 'layerOf', 'sizeOf']);
  });
});

describe('a promise that is not kept', () => {
  it('fails', async () => {
    const running = (code: string) => expect(run({ where: 'here', code })).rejects;
    await running('constant({ value: 0.1 }).at(7); // 0.2').toThrow('at(7)');
    await running('chain(adam(), adaptiveClip({ clipping: -1 }))').toThrow('adaptiveClip');
  });
});

function fencedBlocks(path: string): Example[] {
  const markdown = readFileSync(join(root, path), 'utf8');
  return [...markdown.matchAll(/^```ts\n(.*?)^```/gms)].map(({ 1: code, index }) => ({
    where: `${basename(path)}:${lineOf(markdown, index)}`,
    code,
  }));
}

/** What stands between `@example` and the next tag or the end of the comment, less the stars. */
function docstringExamples(source: string, file: string): Example[] {
  return [...source.matchAll(/@example\n(.*?)\n \*(?:\/| @)/gs)].map(({ 1: text, index }) => ({
    where: `${file}:${lineOf(source, index)}`,
    file,
    code: text.replace(/^ \* ?/gm, ''),
  }));
}

function lineOf(text: string, index: number): number {
  return text.slice(0, index).split('\n').length;
}

/**
 * An example as a module of its own. One that imports is complete, as a reader would paste it. One that does not, in a
 * docstring, may use every function of the library and of its own file, and the tensors below; its `jit` compiles
 * nothing.
 */
function asModule({ code, file }: Example): string {
  if (code.includes('import ')) return code;
  const known = { ...znorm, ...znormTfjs };
  const own = file === undefined ? [] : exportedFunctions(file).filter((name) => !(name in known));
  const names = Object.keys(znorm).filter((name) => new RegExp(`\\b${name}\\(`).test(code));
  return `import { ${[...new Set([...names, 'adam', 'arrays as ops', 'describeParameter', 'init', 'tensor'])].join(', ')} } from 'znorm';
${namesImported(znormTfjs, code, 'znorm/tfjs')}
${own.length === 0 ? '' : `import { ${own.join(', ')} } from '../src/${file}';`}
${code.includes('tmpdir()') ? "import { tmpdir } from 'node:os';" : ''}
${code.includes('tf.') ? "import * as tf from '@tensorflow/tfjs';" : ''}
import type { ArrayTensor, Operand, TensorInputs } from 'znorm';
const optimizer = adam();
const gradients = { w: tensor([1, 3]) };
const updates = gradients;
const infos = { w: describeParameter('w', [2]) };
let params = { w: tensor([0.1, -0.2]) };
let state = init(optimizer, params, infos);
const jit = <R>(f: (inputs: TensorInputs<ArrayTensor>) => R) => f;
const toArrays = (scalars: Record<string, number>) => scalars;
const readAll = async (gates: Readonly<Record<string, Operand<ArrayTensor>>>) => gates as Record<string, number>;
const free = (_: ArrayTensor) => {};
{
${code}
}
export {};`;
}

function namesImported(from: object, code: string, name: string): string {
  const used = Object.keys(from).filter((one) => new RegExp(`\\b${one}\\(`).test(code));
  return used.length === 0 ? '' : `import { ${used.join(', ')} } from '${name}';`;
}

function exportedFunctions(file: string): string[] {
  const source = readFileSync(join(root, 'src', file), 'utf8');
  return [...source.matchAll(/^export (?:async )?function (\w+)/gm)].map(([, name]) => name);
}

async function run(example: Example): Promise<void> {
  const promised = example.code
    .replace(/^(?!const |let |import )(\S.*); \/\/ (.+)$/gm, 'promise($1, $2, `$1`);')
    .replace(/^(\w+\(.*\))$/gm, 'take($1);');
  const { outputText } = ts.transpileModule(asModule({ ...example, code: promised }), {
    compilerOptions: { module: ts.ModuleKind.CommonJS, target: ts.ScriptTarget.ES2022 },
  });
  const own = example.file === undefined ? {} : await import(join(root, 'src', example.file));
  const required = (from: string) => modules[from] ?? own;
  const AsyncFunction = (async () => {}).constructor as new (
    ...source: string[]
  ) => (...args: unknown[]) => Promise<void>;
  await new AsyncFunction('require', 'exports', 'promise', 'take', outputText)(required, {}, promise, take);
}

/** What examples import by name. */
const modules: Readonly<Record<string, unknown>> = {
  znorm,
  'znorm/jax': znormJax,
  'znorm/wasm': znormWasm,
  'znorm/tfjs': znormTfjs,
  '@jax-js/jax': jax,
  'znorm/tfjs-node': { fileSystem },
  'node:fs': fs,
  'node:os': os,
  '@tensorflow/tfjs': tf,
};

function promise(actual: unknown, expected: unknown, expression: string): void {
  expect(rounded(actual), expression).toEqual(rounded(expected));
}

/** Numbers to the 12 digits that a person might write. */
function rounded(value: unknown): unknown {
  return JSON.parse(JSON.stringify(value), (_key, inner) =>
    typeof inner === 'number' ? Number(inner.toPrecision(12)) : inner,
  );
}

/** Two steps of a chain that an example only makes, so that it is known to run. */
function take(made: znorm.GradientTransformation): void {
  const gradients = { 'a/kernel': tensor2x2(1), 'a/bias': tensor2x2(-0.5) };
  expect(steps(made, [gradients, gradients])).toHaveLength(2);
}

function tensor2x2(size: number): znorm.ArrayTensor {
  return znorm.tensor(
    [1, -2, 3, 5].map((x) => x * size),
    [2, 2],
  );
}

function typeErrors(checked: readonly Example[]): string[] {
  const options: ts.CompilerOptions = {
    strict: true,
    noEmit: true,
    target: ts.ScriptTarget.ES2023,
    module: ts.ModuleKind.NodeNext,
    moduleResolution: ts.ModuleResolutionKind.NodeNext,
    allowImportingTsExtensions: true,
    skipLibCheck: true,
    types: ['node'],
    paths: {
      znorm: [join(root, 'src/index.ts')],
      'znorm/jax': [join(root, 'src/jax/index.ts')],
      'znorm/wasm': [join(root, 'src/fused/index.ts')],
      'znorm/tfjs': [join(root, 'src/tfjs/index.ts')],
      'znorm/tfjs-node': [join(root, 'src/tfjs/file-system.ts')],
    },
  };
  const files = new Map(
    checked.map((example, i) => [
      join(root, `test/example${i}.ts`),
      { where: example.where, code: asModule(example) },
    ]),
  );
  const host = ts.createCompilerHost(options);
  const { getSourceFile, fileExists } = host;
  host.fileExists = (path) => files.has(path) || fileExists(path);
  host.getSourceFile = (path, target) => {
    const example = files.get(path);
    return example ? ts.createSourceFile(path, example.code, target) : getSourceFile(path, target);
  };
  const program = ts.createProgram([...files.keys()], options, host);
  return ts.getPreEmitDiagnostics(program).map(({ file, messageText }) => {
    const where = files.get(file?.fileName ?? '')?.where ?? file?.fileName;
    return `${where}: ${ts.flattenDiagnosticMessageText(messageText, ' ')}`;
  });
}
