import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterAll, beforeAll, expect, test, vi } from 'vitest';
import type { ComparisonResult } from '../src/comparison.ts';
import { readMethodsFile } from '../src/methods.ts';
import { drawnDigits } from './drawn-digits.ts';

const { root, cache, remove } = drawnDigits();
const here = process.cwd();
const readme = readFileSync(new URL('../README.md', import.meta.url), 'utf8');
const blocks = (language: string) =>
  [...readme.matchAll(new RegExp(`\`\`\`${language}\n(.*?)\`\`\``, 'gs'))].map(([, code]) => code);

beforeAll(() => {
  vi.stubEnv('ZNORM_CACHE', cache);
  process.chdir(root);
});
afterAll(() => {
  vi.unstubAllEnvs();
  process.chdir(here);
  remove();
});

/** Runs the example as a module, with the built packages: it starts processes, and Node 20 does not read TypeScript. */
async function run(index: number): Promise<Record<string, unknown>> {
  const code = blocks('ts')[index].replace(
    / from '([^']+)'/g,
    (_, name: string) => ` from ${JSON.stringify(fileURLToPath(import.meta.resolve(name)))}`,
  );
  const file = join(root, `example${index}.ts`);
  writeFileSync(file, code);
  return import(/* @vite-ignore */ file);
}

test('the README holds three examples in TypeScript and a methods file', () => {
  expect([blocks('ts').length, blocks('yaml').length]).toEqual([3, 1]);
});

test('the comparison from code runs, tells of its jobs and gives a verdict', async () => {
  const log = vi.spyOn(console, 'log').mockImplementation(() => {});
  const { result } = (await run(0)) as { result: ComparisonResult };
  const told = log.mock.calls.map((words) => words.join(' '));
  log.mockRestore();
  expect(result.methods.map(({ name, seeds }) => [name, seeds.length])).toEqual([
    ['baseline', 3],
    ['znorm-by-layer', 3],
  ]);
  expect(result.pairing).toEqual({ sameInitialWeights: true, sameBatches: true });
  expect(told.slice(0, -1).sort()).toEqual(
    ['test', 'train'].flatMap((action) =>
      ['baseline', 'znorm-by-layer'].flatMap((method) =>
        [0, 1, 2].map((seed) => `${action} ${method} ${seed}`),
      ),
    ),
  );
  expect(told.at(-1)).toContain('3 paired seeds are too few for any difference to count.');
});

test('the data set example trains to well above chance, which is 10 %', async () => {
  expect((await run(1)).accuracy).toBeGreaterThan(0.5);
});

test('the statistics example gives what its comments say', async () => {
  const { interval, robust, p } = (await run(2)) as Record<string, number[]> & { p: number };
  expect(p).toBe(2 / 64);
  // The mean difference is 0.0068; both intervals lie around it and leave out 0.
  for (const [low, high] of [interval, robust]) {
    expect(low).toBeGreaterThan(0);
    expect(low).toBeLessThan(0.0068);
    expect(high).toBeGreaterThan(0.0068);
  }
});

test('the methods file can be read', () => {
  const folder = mkdtempSync(join(tmpdir(), 'znorm-readme-'));
  const file = join(folder, 'methods.yaml');
  writeFileSync(file, blocks('yaml')[0]);
  expect(readMethodsFile(file)).toEqual([
    { name: 'znorm-by-layer', chain: [{ znorm: { scope: 'layer' } }] },
    { name: 'clip-then-gc', chain: [{ clipByGlobalNorm: { maxNorm: 5 } }, 'centralize'] },
  ]);
  rmSync(folder, { recursive: true });
});
