import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, afterEach, describe, expect, test, vi } from 'vitest';
import { methodAdvice } from '../../src/cli/lint.ts';
import { main } from '../../src/cli/main.ts';
import { builtInMethods, optimizers } from '../../src/methods.ts';

const folder = mkdtempSync(join(tmpdir(), 'znorm-lint-'));
afterAll(() => rmSync(folder, { recursive: true }));
afterEach(() => vi.restoreAllMocks());

function file(name: string, text: string): string {
  const path = join(folder, name);
  writeFileSync(path, text);
  return path;
}

async function znormLint(...args: string[]) {
  const written = { stdout: '', stderr: '' };
  vi.spyOn(console, 'log').mockImplementation((text) => {
    written.stdout += `${text}\n`;
  });
  vi.spyOn(process.stderr, 'write').mockImplementation((text) => {
    written.stderr += text;
    return true;
  });
  const status = await main(['lint', ...args]);
  vi.restoreAllMocks();
  return { status, ...written };
}

const clipped = file('chain.yaml', '- clipByGlobalNorm: { maxNorm: 1 }\n- znorm\n');
const methods = file(
  'methods.yaml',
  'methods:\n  mine: [clipByGlobalNorm: { maxNorm: 5 }, znorm]\n  good: [znorm]\n',
);

describe('znorm lint', () => {
  test.each(['', 'Not a chain,\nbut a letter.\n'])(
    'a file of something else is refused: %j',
    async (text) => {
      const { status, stdout, stderr } = await znormLint(file('letter.txt', text));
      expect({ status, stdout }).toEqual({ status: 2, stdout: '' });
      expect(stderr).toContain(
        "letter.txt' to hold a chain, such as a list of names and options, or `methods`.",
      );
    },
  );

  test('says what it found, why, and what to do, in 80 columns', async () => {
    const { status, stdout, stderr } = await znormLint(clipped);
    expect({ status, stderr }).toEqual({ status: 0, stderr: '' });
    expect(stdout).toBe(`${clipped}:

  warning  clipByGlobalNorm, znorm  [rescaling-before-normalization]
    clipByGlobalNorm multiplies by a factor c > 0, which znorm divides out: (c·g
    − c·μ) / (c·σ) = (g − μ) / σ. It has no effect.
    → Remove clipByGlobalNorm. Against single elements that are too large, use
    clipByValue after znorm.
`);
  });

  test('reads JSON as well, and says so where there is nothing to say', async () => {
    const path = file('chain.json', '["centralize", {"adam": {"learningRate": 0.001}}]');
    expect(await znormLint(path)).toEqual({ status: 0, stdout: `${path}: nothing to say.\n`, stderr: '' });
  });

  test('reads each of several methods before the optimizer that is named', async () => {
    const { stdout } = await znormLint(methods, '--optimizer', 'sgd');
    expect(stdout).toContain(`${methods}, method mine:\n\n  warning  clipByGlobalNorm, znorm`);
    expect(stdout).toContain(`${methods}, method good: nothing to say.`);
  });

  test('reads the chain for the parameters of a network, and says what depends on them, and where', async () => {
    const chain = file(
      'znorm.yaml',
      '- znorm\n- sgd: { learningRate: { cosine: { from: 0.1, steps: 100 } } }\n',
    );
    expect((await znormLint(chain, '--model', 'resnet20')).stdout).toBe(`${chain}: nothing to say.\n`);

    const layers = ['a', 'b', 'c', 'd'].flatMap((layer) => [
      `${layer}/conv/kernel: [4, 3, 3, 3]`,
      `${layer}/conv/bias: [4]`,
      `${layer}/norm/gamma: [4]`,
    ]);
    const network = file('network.yaml', [...layers, 'temperature: []'].join('\n'));
    const { stdout, status } = await znormLint(chain, '--model', network);
    expect(status).toBe(0);
    expect(stdout).toContain('  note  znorm  [one-element-tensor]\n    at temperature\n');
    expect(stdout).toContain(
      '  warning  znorm  [bias-before-batch-norm]\n    at a/conv/bias, b/conv/bias, c/conv/bias and 1 more\n    BN(x + b)',
    );
  });

  test('reads the weights of a TensorFlow.js model.json, but for moving averages, which do not train', async () => {
    const chain = file('znorm.yaml', '- znorm\n- adam\n');
    const weights = [
      { name: 'conv2d_Conv2D1/kernel', shape: [3, 3, 1, 8], dtype: 'float32' },
      { name: 'conv2d_Conv2D1/bias', shape: [8], dtype: 'float32' },
      { name: 'norm_BatchNormalization1/gamma', shape: [8], dtype: 'float32' },
      { name: 'norm_BatchNormalization1/moving_mean', shape: [1], dtype: 'float32' },
    ];
    const model = file('model.json', JSON.stringify({ weightsManifest: [{ paths: ['w.bin'], weights }] }));
    const { stdout } = await znormLint(chain, '--model', model, '--json');
    const [{ advice }] = JSON.parse(stdout) as [{ advice: { code: string; parameters: string[] }[] }];
    expect(advice.map(({ code, parameters }) => [code, ...parameters]).slice(1)).toEqual([
      ['bias-before-batch-norm', 'conv2d_Conv2D1/bias'],
    ]);
  });

  test('as JSON gives code, severity, stages, reason and fix of every advice', async () => {
    const { stdout } = await znormLint(methods, '--json', '--optimizer', 'adam');
    const read = JSON.parse(stdout) as { name: string; advice: { code: string }[] }[];
    expect(read.map(({ name, advice }) => [name, ...advice.map(({ code }) => code)])).toEqual([
      ['mine', 'rescaling-before-normalization', 'znorm-under-adaptive'],
      ['good', 'znorm-under-adaptive'],
    ]);
    expect(Object.keys(read[0].advice[0]).sort()).toEqual([
      'code',
      'fix',
      'parameters',
      'reason',
      'severity',
      'stages',
    ]);
  });

  test.each([
    [
      [join(folder, 'none.yaml')],
      `lint: cannot read '${join(folder, 'none.yaml')}' (ENOENT). Name a file with a chain in it.\n`,
    ],
    [[clipped, '--optimizer', 'adm'], "lint: unknown optimizer 'adm'. Did you mean 'adam'?\n"],
    [[clipped, '--model', 'resnet21'], "lint: unknown model 'resnet21'. Did you mean 'resnet20'?\n"],
    [
      [clipped, '--model', clipped],
      `lint: expected '${clipped}' to have shapes by path, as in \`dense/kernel: [64, 10]\`, or to be a model.json of TensorFlow.js.\n`,
    ],
    [
      [file('wrong.yaml', '- znrom\n')],
      `${join(folder, 'wrong.yaml')}: fromJSON: unknown transformation \`znrom\` at [0]. Did you mean \`znorm\`?\n`,
    ],
    [
      [file('broken.yaml', '- znorm: {')],
      `${join(folder, 'broken.yaml')}: not valid YAML. Flow map in block collection must be sufficiently indented and end with a } at line 1, column 11.\n`,
    ],
    [
      [file('method.yaml', 'methods: { mine: [znrom] }')],
      `${join(folder, 'method.yaml')}: in method \`mine\`: fromJSON: unknown transformation \`znrom\` at [0]. Did you mean \`znorm\`?\n`,
    ],
  ])('%#: refuses what it cannot read, with status 2', async (args, stderr) => {
    expect(await znormLint(...args)).toEqual({ status: 2, stdout: '', stderr });
  });
});

describe('advice on the methods of a comparison', () => {
  const mine = { name: 'mine', chain: [{ clipByNorm: { maxNorm: 1 } }, 'znorm'] };

  test('is one line a warning, naming the method; built-in ones are known for what they do', () => {
    expect(methodAdvice([...builtInMethods, mine], optimizers.adam)).toEqual([
      "compare: in method 'mine': clipByNorm multiplies by a factor c > 0, which znorm divides out: (c·g − c·μ) / (c·σ) = (g − μ) / σ. It has no effect. Remove clipByNorm. Against single elements that are too large, use clipByValue after znorm.",
    ]);
  });

  test('is there for a method that takes the place of a built-in one', () => {
    expect(methodAdvice([{ ...mine, name: 'znorm' }], optimizers.sgd)).toHaveLength(1);
  });
});
