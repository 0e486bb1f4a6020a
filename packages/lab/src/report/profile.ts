import type { ProfilePart } from '@znorm/train/node';

/** A profile of a step as tables of at most 80 columns. */
export function profileText(profile: {
  readonly milliseconds: number;
  readonly parts: readonly ProfilePart[];
}): string {
  const { milliseconds, parts } = profile;
  const between = milliseconds - total(parts);
  const phases = [
    ...(['forward', 'backward', 'update', 'runtime'] as const).map((phase) => ({
      name: phase,
      ms: total(parts.filter((part) => part.phase === phase)),
    })),
    { name: 'between operators', ms: Math.max(0, between) },
  ];
  const longest = Math.max(...phases.map(({ ms }) => ms));
  const head = [
    `${'phase'.padEnd(nameWidth)}${'ms'.padStart(8)}${'%'.padStart(7)}`,
    ...phases.map(({ name, ms }) => {
      const bar = '█'.repeat(Math.round((28 * ms) / longest));
      return `${name.padEnd(nameWidth)}${cells(ms, milliseconds)}  ${bar}`.trimEnd();
    }),
  ];
  const graph = parts.filter(({ phase }) => phase === 'forward' || phase === 'backward');
  return [
    ...head,
    '',
    ...table('operator', graph, ({ operator }) => operator, milliseconds),
    '',
    ...table('layer', graph, ({ layer }) => layer || '(the model itself)', milliseconds),
  ].join('\n');
}

const nameWidth = 28;
/** More lines would tell nobody more: what is left is in the last. */
const mostRows = 24;

/** Time by name in both phases, longest first. */
function table(
  title: string,
  parts: readonly ProfilePart[],
  nameOf: (part: ProfilePart) => string,
  whole: number,
): string[] {
  const names = [...new Set(parts.map(nameOf))];
  const rows = names
    .map((name) =>
      rowOf(
        fitted(name),
        parts.filter((part) => nameOf(part) === name),
      ),
    )
    .sort((a, b) => b.ms - a.ms);
  const shown = rows.length > mostRows ? rows.slice(0, mostRows - 1) : rows;
  const rest = rows.slice(shown.length);
  const last = rest.length === 0 ? [] : [sumOf(`${rest.length} more`, rest)];
  return [
    `${title.padEnd(nameWidth)}${'ms'.padStart(8)}${'%'.padStart(7)}${'forward'.padStart(12)}${'backward'.padStart(12)}${'calls'.padStart(9)}`,
    ...[...shown, ...last].map(
      ({ name, ms, forward, backward, count }) =>
        `${name.padEnd(nameWidth)}${cells(ms, whole)}${forward.toFixed(2).padStart(12)}${backward.toFixed(2).padStart(12)}${String(Math.round(count)).padStart(9)}`,
    ),
  ];
}

interface Row {
  readonly name: string;
  readonly ms: number;
  readonly forward: number;
  readonly backward: number;
  readonly count: number;
}

function rowOf(name: string, parts: readonly ProfilePart[]): Row {
  const forward = total(parts.filter(({ phase }) => phase === 'forward'));
  const ms = total(parts);
  return { name, ms, forward, backward: ms - forward, count: sum(parts.map(({ count }) => count)) };
}

function sumOf(name: string, rows: readonly Row[]): Row {
  const of = (key: 'ms' | 'forward' | 'backward' | 'count') => sum(rows.map((row) => row[key]));
  return { name, ms: of('ms'), forward: of('forward'), backward: of('backward'), count: of('count') };
}

/** `  12.30   34.5` */
function cells(ms: number, whole: number): string {
  return `${ms.toFixed(2).padStart(8)}${((100 * ms) / whole).toFixed(1).padStart(7)}`;
}

/** The end of a path says more than its beginning. */
function fitted(name: string): string {
  return name.length < nameWidth ? name : `…${name.slice(2 - nameWidth)}`;
}

function total(parts: readonly ProfilePart[]): number {
  return sum(parts.map(({ milliseconds }) => milliseconds));
}

function sum(values: readonly number[]): number {
  return values.reduce((partial, value) => partial + value, 0);
}
