import type { ComparisonResult, SeedResult } from '../comparison.ts';
import { capitalized } from './numbers.ts';

/** One line a finished run at its reported rate, numbers in full: for a spreadsheet or a second analysis (RFC 4180). */
export function reportCsv(result: ComparisonResult): string {
  const columns: [string, (run: SeedResult) => string | number][] = [
    ['seed', ({ seed }) => seed],
    ...(['test', 'validation'] as const).flatMap((split) =>
      result.metrics.map(({ name }): [string, (run: SeedResult) => number] => [
        `${split}${capitalized(name)}`,
        (run) => run[split][name]!,
      ]),
    ),
    ...(['stepMs', 'degenerateSteps', 'initHash', 'batchHash', 'weightsHash'] as const).map(
      (name): [string, (run: SeedResult) => string | number] => [name, (run) => run[name]],
    ),
  ];
  const head = ['method', 'learningRate', ...columns.map(([name]) => name)];
  const rows = result.methods.flatMap(({ name, learningRate, seeds }) =>
    seeds.map((run) => [name, learningRate, ...columns.map(([, value]) => value(run))]),
  );
  return [head, ...rows].map((row) => `${row.map(field).join(',')}\r\n`).join('');
}

function field(value: string | number): string {
  const text = String(value);
  return /[",\r\n]/.test(text) ? `"${text.replaceAll('"', '""')}"` : text;
}
