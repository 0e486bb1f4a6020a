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
