import { readFileSync } from 'node:fs';
import { gzipSync } from 'node:zlib';
import { describe, expect, test } from 'vitest';
import { kernelBytes } from '../../src/fused/kernel-bytes.ts';
import * as records from '../../src/fused/records.ts';

const folder = new URL('../../', import.meta.url);
const source = readFileSync(new URL('src/fused/wasm/assembly/records.ts', folder), 'utf8');

describe('the compiled kernel', () => {
  test('is what its sources compile to, byte for byte', async () => {
    // By address and not by name: the script is no TypeScript, and its compiler no dependency of the package.
    const script = new URL('scripts/generate-kernel.mjs', folder).href;
    const { generateKernel } = await import(/* @vite-ignore */ script);
    expect(readFileSync(new URL('src/fused/kernel-bytes.ts', folder), 'utf8')).toBe(await generateKernel());
  });

  test('is below 7 KB gzipped', () => {
    expect(gzipSync(Buffer.from(kernelBytes, 'base64')).length).toBeLessThan(7 * 1024);
  });

  test('brings no memory and asks for nothing but one', async () => {
    const module = await WebAssembly.compile(Buffer.from(kernelBytes, 'base64'));
    expect(WebAssembly.Module.imports(module)).toEqual([{ module: 'env', name: 'memory', kind: 'memory' }]);
    const names = WebAssembly.Module.exports(module).map(({ name }) => name);
    expect(names.sort()).toEqual(['allFinite', 'serve', 'step', 'stepTogether']);
  });
});

describe('host and kernel agree on', () => {
  const layouts = { ...records } as unknown as Record<string, records.RecordLayout<string>>;
  const classes = [...source.matchAll(/export class (\w+) \{(.*?)\n\}/gs)].map(([, name, body]) => ({
    name,
    fields: [...body.matchAll(/^\s*(?:\w+: \w+; )*.*$/gm)]
      .flatMap(([line]) => [...line.replace(/\/\*.*|\*.*/, '').matchAll(/(\w+): (usize|u32|f32|f64);/g)])
      .map(([, field, type]) => [field, type]),
  }));

  test('which records there are', () => {
    const names = Object.keys(layouts).filter((name) => name.endsWith('Record') && name !== 'writeRecord');
    expect(classes.map(({ name }) => `${name.toLowerCase()}Record`).sort()).toEqual(names.sort());
  });

  test.each(classes)('the fields of $name, their types and their order', ({ name, fields }) => {
    const layout = layouts[`${name.toLowerCase()}Record`];
    expect(Object.entries(layout.fields).map(([field, { type }]) => [field, type])).toEqual(fields);
    // The kernel's compiler does not round a record's size up, so it has to come out right.
    expect(layout.size % 8).toBe(0);
  });

  test.each([
    ['Measure', records.measures, {}],
    ['Direction', records.directions, {}],
    ['Operation', records.operations, {}],
    ['Statistics', records.statisticsKinds, {}],
    ['OnDegenerate', records.degeneracies, { center: 'centre', throw: 'refuse' }],
  ] as const)('the codes of %s', (name, codes, renamed) => {
    const body = source.match(new RegExp(`export namespace ${name} \\{(.*?)\\n\\}`, 's'))![1];
    const theirs = [...body.matchAll(/const (\w+): u32 = (\d+);/g)].map(([, key, code]) => [
      key,
      Number(code),
    ]);
    const names: Readonly<Record<string, string>> = renamed;
    expect(Object.entries(codes).map(([key, code]) => [names[key] ?? key, code])).toEqual(theirs);
  });
});
