import type { ComparisonResult } from '../comparison.ts';

const columns = [
  'method',
  'learningRate',
  'seed',
  'testAccuracy',
  'testLoss',
  'validationAccuracy',
  'stepMs',
  'degenerateSteps',
  'initHash',
  'batchHash',
  'weightsHash',
] as const;

/** One line a finished run at its reported rate, numbers in full: for a spreadsheet or a second analysis (RFC 4180). */
export function reportCsv(result: ComparisonResult): string {
  const rows = result.methods.flatMap(({ name, learningRate, seeds }) =>
    seeds.map((run) => columns.map((column) => ({ ...run, method: name, learningRate })[column])),
  );
  return [columns, ...rows].map((row) => `${row.map(field).join(',')}\r\n`).join('');
}

function field(value: string | number): string {
  const text = String(value);
  return /[",\r\n]/.test(text) ? `"${text.replaceAll('"', '""')}"` : text;
}
