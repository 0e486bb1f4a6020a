import { existsSync, readFileSync } from 'node:fs';
import { expect, test } from 'vitest';
import { type Backend, backends, fusedChains } from './backends.ts';
import { chains } from './chain-grid.ts';

const root = new URL('../../../../', import.meta.url);
const read = (file: string) => readFileSync(new URL(file, root), 'utf8');
const total = Object.keys(chains).length;

function row(name: string, { where, tried, usually, bound, file }: Backend): string {
  const count = usually
    ? `${tried.length} of ${total}; ${usually.length} of them in \`npm test\``
    : `${tried.length} of ${total}`;
  const command = `${usually ? 'ZNORM_FULL=1 ' : ''}npx vitest run ${file}`;
  return `| ${name} | ${where} | ${count} | ${bound} | \`${command}\` |`;
}

test('the table in docs/conformance.md is what the suites run', () => {
  const page = read('docs/conformance.md');
  const lines = [
    `| fused kernel | Node | ${fusedChains}, its own grid | 2e-6 | \`npx vitest run packages/znorm/test/fused\` |`,
    ...Object.entries(backends).map(([name, backend]) => row(name, backend)),
  ];
  const table = page
    .split('\n')
    .filter((line) => line.startsWith('| ') && !/^\| (backend|left out) /.test(line));
  expect(table.slice(0, lines.length)).toEqual(lines);
});

test('every chain that a backend leaves out is named there with the reason', () => {
  const page = read('docs/conformance.md');
  for (const { tried, without } of Object.values<Backend>(backends)) {
    const left = Object.keys(chains).filter((name) => !tried.includes(name));
    expect(without === undefined).toBe(left.length === 0);
    for (const name of left) expect(page).toContain(name);
    if (without) expect(page).toContain(without);
  }
});

test('every suite takes its chains and its bound from the table', () => {
  for (const { file } of Object.values<Backend>(backends)) {
    expect(existsSync(new URL(file, root)), file).toBe(true);
    expect(read(file)).toMatch(/import .*\bbackends\b.* from '.*conformance\/backends\.ts'/);
  }
});
