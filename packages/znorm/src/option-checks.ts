/** The one shape of a bad-option error: where, what was expected, what came. */
export function optionError(where: string, option: string, expected: string, got: unknown): RangeError {
  return new RangeError(`${where}: expected \`${option}\` ${expected}, got ${shown(got)}.`);
}

/** A value as an error shows it. */
export function shown(value: unknown): string {
  if (typeof value === 'string') return `'${value}'`;
  if (typeof value === 'function') return 'a function';
  if (value !== null && typeof value === 'object') return JSON.stringify(value);
  return String(value);
}

/** Rejects options that are not there, by name, with advice of the caller's for this one, or the nearest known one. */
export function knownOptions(
  where: string,
  options: object,
  known: readonly string[],
  advice: Readonly<Record<string, string>> = {},
): void {
  if (options === null || typeof options !== 'object' || Array.isArray(options)) {
    throw new TypeError(`${where}: expected options to be an object, got ${shown(options)}.`);
  }
  for (const key of Object.keys(options)) {
    if (known.includes(key)) continue;
    const near = nearest(key, known);
    const listed = near ? `Did you mean \`${near}\`?` : `Known options: ${known.join(', ') || 'none'}.`;
    throw new TypeError(`${where}: unknown option \`${key}\`. ${advice[key] ?? listed}`);
  }
}

/** Options, with defaults where none is given. */
export function withDefaults<O extends object>(defaults: Required<O>, options: O): Required<O> {
  const given = Object.entries(options).filter(([, value]) => value !== undefined && value !== null);
  return { ...defaults, ...Object.fromEntries(given) };
}

/**
 * A copy that nobody can change, nested lists and records included. A frozen thing that has functions, as a schedule
 * has, is kept itself: some can be set and observed.
 */
export function frozen<V>(value: V): V {
  if (typeof value !== 'object' || value === null) return value;
  if (Object.isFrozen(value) && Object.values(value).some((inner) => typeof inner === 'function'))
    return value;
  const copy = Array.isArray(value)
    ? value.map(frozen)
    : Object.fromEntries(Object.entries(value).map(([key, inner]) => [key, frozen(inner)]));
  return Object.freeze(copy) as V;
}

/** The word closest to `word`, if one is close enough to be a slip of the finger. */
export function nearest(word: string, words: readonly string[]): string | undefined {
  const distances = words.map((candidate) => ({
    candidate,
    distance: editDistance(word.toLowerCase(), candidate.toLowerCase()),
  }));
  const best = distances.sort((a, b) => a.distance - b.distance)[0];
  return best && best.distance <= Math.max(2, word.length / 3) ? best.candidate : undefined;
}

function editDistance(a: string, b: string): number {
  let row = Array.from({ length: b.length + 1 }, (_, j) => j);
  for (let i = 1; i <= a.length; i++) {
    const next = [i];
    for (let j = 1; j <= b.length; j++) {
      next.push(Math.min(row[j] + 1, next[j - 1] + 1, row[j - 1] + (a[i - 1] === b[j - 1] ? 0 : 1)));
    }
    row = next;
  }
  return row[b.length];
}

export function finite(where: string, option: string, value: number): number {
  if (!Number.isFinite(value)) throw optionError(where, option, 'to be a finite number', value);
  return value;
}

export function nonNegative(where: string, option: string, value: number): number {
  if (typeof value !== 'number' || !(value >= 0) || value === Infinity) {
    throw optionError(where, option, 'to be a finite number >= 0', value);
  }
  return value;
}

export function positive(where: string, option: string, value: number): number {
  if (typeof value !== 'number' || !(value > 0) || value === Infinity) {
    throw optionError(where, option, 'to be a finite number > 0', value);
  }
  return value;
}

/** Decay rates of moving averages: 0 <= value < 1. */
export function decayRate(where: string, option: string, value: number): number {
  if (typeof value !== 'number' || !(value >= 0 && value < 1)) {
    throw optionError(where, option, 'to be a number >= 0 and < 1', value);
  }
  return value;
}

export function positiveInteger(where: string, option: string, value: number): number {
  if (!Number.isSafeInteger(value) || value < 1)
    throw optionError(where, option, 'to be a whole number >= 1', value);
  return value;
}

export function trueOrFalse(where: string, option: string, value: boolean): boolean {
  if (typeof value !== 'boolean') throw optionError(where, option, 'to be true or false', value);
  return value;
}

export function oneOf<const C extends string>(
  where: string,
  option: string,
  value: C,
  choices: readonly C[],
): C {
  if (!choices.includes(value)) {
    throw optionError(
      where,
      option,
      `to be one of ${choices.map((choice) => `'${choice}'`).join(', ')}`,
      value,
    );
  }
  return value;
}
