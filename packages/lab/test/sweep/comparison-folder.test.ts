import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { readMethodsFile } from '../../src/methods.ts';
import {
  createComparison,
  lockComparison,
  plannedRuns,
  readPlan,
} from '../../src/sweep/comparison-folder.ts';
import { planComparison } from '../../src/sweep/plan.ts';
import { thrown } from '../thrown.ts';

let root: string;
let folder: string;
beforeEach(() => {
  root = mkdtempSync(join(tmpdir(), 'znorm-folder-'));
  folder = join(root, 'runs', 'first');
});
afterEach(() => rmSync(root, { recursive: true }));

const plan = await planComparison({ preset: 'smoke', methods: ['baseline', 'znorm'] });
const own = { name: 'mine', chain: [{ znorm: { scope: 'layer' } }] };

test('a new comparison keeps its plan', () => {
  createComparison(folder, plan);
  expect(readPlan(folder)).toEqual(plan);
});

test("methods of one's own are kept as a methods file, for the command that repeats the comparison", async () => {
  createComparison(folder, await planComparison({ methods: ['baseline', own] }));
  expect(readMethodsFile(join(folder, 'methods.json'))).toEqual([own]);
  createComparison(`${folder}-2`, plan);
  expect(existsSync(join(`${folder}-2`, 'methods.json'))).toBe(false);
});

test('every run has a folder of its own, whatever a method is called', async () => {
  const methods = ['lock', 'comparison.json', 'znorm'].map((name) => ({ name, chain: [] }));
  const odd = await planComparison({ methods, seeds: 1 });
  expect(plannedRuns(odd, folder).map(({ files }) => files.folder)).toEqual(
    ['method-lock', 'method-comparison.json', 'method-znorm'].map((name) =>
      join(folder, name, 'rate-0.001', 'seed-0'),
    ),
  );
});

test('a folder that holds a comparison, or anything else, is not written to', async () => {
  createComparison(folder, plan);
  expect(await thrown(() => createComparison(folder, plan))).toEqual({
    message: `compare: '${folder}' already holds a comparison. Go on with \`npx znorm compare --resume ${folder}\`, or choose another --out.`,
    code: 'bad-input',
  });
  const other = join(root, 'thesis');
  mkdirSync(other);
  writeFileSync(join(other, 'chapter-1.tex'), '');
  expect(await thrown(() => createComparison(other, plan))).toEqual({
    message: `compare: '${other}' is not empty and holds no comparison. Choose another folder with --out.`,
    code: 'bad-input',
  });
});

test('a folder that cannot be made is refused before anything starts', async () => {
  const file = join(root, 'file');
  writeFileSync(file, '');
  expect(await thrown(() => createComparison(join(file, 'x'), plan))).toEqual({
    message: `compare: cannot write in '${join(file, 'x')}' (ENOTDIR). Choose another folder with --out.`,
    code: 'bad-input',
  });
});

test('no comparison, or a damaged one, cannot be read', async () => {
  expect(await thrown(() => readPlan(folder))).toEqual({
    message: `compare: expected a comparison to resume in '${folder}', found none. Leave out --resume to start one.`,
    code: 'bad-input',
  });
  createComparison(folder, plan);
  const file = join(folder, 'comparison.json');
  writeFileSync(file, readFileSync(file, 'utf8').replace('"smoke"', '3'));
  expect(await thrown(() => readPlan(folder))).toEqual({
    message: `${file}: expected the plan of a comparison. ✖ Invalid input: expected string, received number\n  → at preset`,
    code: 'bad-input',
  });
  writeFileSync(file, '{');
  expect(await thrown(() => readPlan(folder))).toEqual({
    message: expect.stringMatching(/comparison\.json: expected the plan of a comparison\. .*JSON/),
    code: 'bad-input',
  });
});

test('a comparison of another version is not gone on with', async () => {
  createComparison(folder, plan);
  const file = join(folder, 'comparison.json');
  const says = (format: string) =>
    `${file}: expected the format znorm-comparison/3, got ${format}. Go on with the version of znorm that made it, or start anew with another --out.`;
  const { format: _, ...old } = plan;
  writeFileSync(file, JSON.stringify(old));
  expect(await thrown(() => readPlan(folder))).toEqual({
    message: says('an earlier one'),
    code: 'bad-input',
  });
  writeFileSync(file, JSON.stringify({ ...plan, format: 'znorm-comparison/2' }));
  expect(await thrown(() => readPlan(folder))).toEqual({
    message: says('znorm-comparison/2'),
    code: 'bad-input',
  });
});

test('one process at a time works on a comparison; the lock of a dead one is taken over', async () => {
  createComparison(folder, plan);
  const lock = join(folder, 'lock');
  const other = spawn(process.execPath, ['-e', 'setInterval(() => {}, 1000)'], { stdio: 'ignore' });
  writeFileSync(lock, `${other.pid}\n`);
  expect(await thrown(() => lockComparison(folder))).toEqual({
    message: `compare: process ${other.pid} is at work in '${folder}'. Wait until it has ended; if it is no comparison, delete ${lock}.`,
    code: 'bad-input',
  });
  other.kill('SIGKILL');
  await once(other, 'exit');
  const unlock = lockComparison(folder);
  expect(readFileSync(lock, 'utf8')).toBe(`${process.pid}\n`);
  unlock();
  expect(existsSync(lock)).toBe(false);
});

test('a lock that says nothing keeps nobody out', () => {
  createComparison(folder, plan);
  writeFileSync(join(folder, 'lock'), '');
  lockComparison(folder)();
});
