import Table from 'cli-table3';
import { type ComparisonResult, primaryMetric } from '../comparison.ts';
import { type Metric, pointsOf, withUnit } from '../metric.ts';
import { type TableRow, tableRows } from './table.ts';
import { verdict } from './verdict.ts';

export interface TerminalOptions {
  /** Rules between head and rows; without them the columns are only aligned, for pipes and logs. */
  rules: boolean;
  /** Lines are at most this long. @default 80 */
  width?: number;
}

/** Table, legend and verdict of a comparison as text, no line longer than the width. */
export function terminalReport(result: ComparisonResult, options: TerminalOptions): string {
  const width = options.width ?? 80;
  const [headline, ...details] = verdict(result);
  const { label, adjective, better: direction } = primaryMetric(result);
  const inPoints = pointsOf(primaryMetric(result)).replace(' ', ' in ');
  const baseline =
    result.baseline === null ? '' : `; paired difference to ${result.baseline}${inPoints} [95 %]`;
  const better = adjective === undefined ? ` (${direction} is better)` : '';
  const legend = `Test ${label}${better}: mean over seeds ± 95 % interval${baseline}; p: exact paired test, uncorrected.`;
  return [
    terminalTable(result, { ...options, width }),
    '',
    ...wrapped(legend, width),
    '',
    ...wrapped(headline!, width),
    '',
    ...details.flatMap((sentence) => wrapped(sentence, width)),
  ].join('\n');
}

interface Column {
  readonly head: string;
  readonly cell: (row: TableRow) => string;
  readonly align: 'left' | 'right';
}

function columnsOf({ metrics: [primary, second] }: ComparisonResult): Column[] {
  const other: Column[] =
    second === undefined ? [] : [{ head: testHead(second), cell: (row) => row.second, align: 'right' }];
  return [
    { head: 'method', cell: (row) => row.method, align: 'left' },
    { head: testHead(primary), cell: (row) => row.primary, align: 'right' },
    { head: 'best\nseed', cell: (row) => row.bestSeed, align: 'right' },
    ...other,
    { head: 'ms/\nstep', cell: (row) => row.stepMs, align: 'right' },
    { head: 'against\nbaseline', cell: (row) => row.difference, align: 'right' },
    { head: 'p', cell: (row) => row.p.replace('too few ', 'too few\n'), align: 'right' },
  ];
}

/** `test accuracy, %` on two lines, as narrow as they can be. */
function testHead(metric: Metric): string {
  const words = ['test', ...withUnit(metric, metric.label).split(' ')];
  const splits = words.slice(1).map((_, i) => {
    return `${words.slice(0, i + 1).join(' ')}\n${words.slice(i + 1).join(' ')}`;
  });
  return splits.reduce((best, split) => (widest([split]) < widest([best]) ? split : best));
}

const gap = 2;
const narrowestMethod = 8;

/** The table alone. Long method names break within their column, at hyphens if they can; a very wide interval goes under its difference. */
export function terminalTable(result: ComparisonResult, { rules, width = 80 }: TerminalOptions): string {
  const rows = tableRows(result);
  const columns = columnsOf(result);
  const cellsOf = (row: TableRow) => columns.map(({ cell }) => cell(row));
  const natural = [columns.map(({ head }) => head), ...rows.map(cellsOf)];
  const room = (cells: string[][]) =>
    width -
    columns.slice(1).reduce((sum, _, index) => sum + widest(cells.map((row) => row[index + 1]!)) + gap, 0);

  const stacked = room(natural) < narrowestMethod;
  const body = stacked
    ? rows.map((row) => cellsOf({ ...row, difference: row.difference.replace(' [', '\n[') }))
    : natural.slice(1);
  const methodWidth = Math.max(
    1,
    Math.min(widest(rows.map((row) => row.method)), room([natural[0]!, ...body])),
  );
  const table = new Table({
    head: natural[0]!,
    colAligns: columns.map(({ align }) => align),
    colWidths: [Math.max(methodWidth, 'method'.length) + gap],
    wordWrap: true,
    wrapOnWordBoundary: false,
    chars: charsOf(rules),
    style: { 'padding-left': 0, 'padding-right': gap, head: [], border: [], compact: true },
  });
  table.push(...body.map(([method, ...cells]) => [atHyphens(method!, methodWidth), ...cells]));
  // The last column's padding goes from the rows, and as much from the rules.
  const lines = table
    .toString()
    .split('\n')
    .map((line) => line.trimEnd())
    .filter((line) => line !== '');
  const longest = widest(lines.filter((line) => !line.startsWith('─')));
  return lines.map((line) => line.slice(0, longest)).join('\n');
}

/** Lines of a name that is too long for its column. What has no hyphen in time, the table breaks anywhere. */
function atHyphens(name: string, width: number): string {
  if (name.length <= width) return name;
  const lines = [''];
  for (const part of name.split(/(?<=-)/)) {
    if (`${lines.at(-1)}${part}`.length <= width) lines[lines.length - 1] += part;
    else lines.push(part);
  }
  return lines.filter((line) => line !== '').join('\n');
}

function widest(cells: string[]): number {
  return Math.max(0, ...cells.flatMap((cell) => cell.split('\n')).map((line) => line.length));
}

/** No verticals; one rule above, under the head and below, or none. */
function charsOf(rules: boolean) {
  const none = {
    'top-mid': '',
    'top-left': '',
    'top-right': '',
    'bottom-mid': '',
    'bottom-left': '',
    'bottom-right': '',
  };
  const inner = { left: '', 'left-mid': '', 'mid-mid': '', right: '', 'right-mid': '', middle: '' };
  const rule = rules ? '─' : '';
  return { ...none, ...inner, top: rule, bottom: rule, mid: rule };
}

/** Breaks a sentence at spaces; further lines are indented by two. */
export function wrapped(sentence: string, width: number): string[] {
  const lines: string[] = [];
  for (const word of sentence.split(' ')) {
    const last = lines.at(-1);
    if (last === undefined) lines.push(word);
    else if (`${last} ${word}`.length <= width) lines[lines.length - 1] = `${last} ${word}`;
    else lines.push(`  ${word}`);
  }
  return lines;
}
