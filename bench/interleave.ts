/** One of the competitors in a benchmark: it can do a number of steps and say how long each took. */
export interface Rival {
  readonly name: string;
  /** Of a turn, where a step takes so long that fewer than those of the others will do. */
  readonly steps?: number;
  measure(steps: number): Promise<readonly number[]>;
}

export interface Result {
  /** `group/case/rival` */
  readonly key: string;
  readonly name: string;
  readonly value: number;
  readonly unit: string;
}

export interface BenchOptions {
  readonly threads: number;
  /** The cases to run. @default all */
  readonly cases?: readonly string[];
  /** Rivals to run against. @default those that are installed */
  readonly peers?: readonly string[];
  readonly peersFolder: string;
  /** Says something to the person watching. */
  readonly report: (line: string) => void;
  /** What the figures were measured on; peers add their versions. */
  readonly context: Record<string, unknown>;
}

/**
 * Times rivals in turn, A B A B, in one run on one machine: whatever else the machine does then falls on all of them.
 *
 * @returns the median step of each round, in milliseconds, by rival
 */
export async function interleave(
  rivals: readonly Rival[],
  { rounds, steps }: { rounds: number; steps: number },
): Promise<Record<string, number[]>> {
  const medians: Record<string, number[]> = {};
  for (const { name } of rivals) medians[name] = [];
  // First steps pay for allocation and for code that warms up.
  for (const rival of rivals) await rival.measure(rival.steps ?? 3);
  for (let round = 0; round < rounds; round++) {
    for (const rival of rivals) {
      // Thread pools spin for a moment after work; they must not spin into the rival's turn.
      await new Promise((resolve) => setTimeout(resolve, 50));
      medians[rival.name].push(median(await rival.measure(rival.steps ?? steps)));
    }
  }
  return medians;
}

/** The cases asked for, by name. @throws RangeError naming one that is not there */
export function chosenCases<C>(all: Readonly<Record<string, C>>, asked?: readonly string[]): [string, C][] {
  const unknown = asked?.find((name) => !Object.hasOwn(all, name));
  if (unknown !== undefined) {
    throw new RangeError(`bench: unknown case ${unknown}. Known: ${Object.keys(all).join(', ')}.`);
  }
  return Object.entries(all).filter(([name]) => asked === undefined || asked.includes(name));
}

export function median(values: readonly number[]): number {
  const sorted = values.toSorted((a, b) => a - b);
  const middle = sorted.length >> 1;
  return sorted.length % 2 ? sorted[middle] : (sorted[middle - 1] + sorted[middle]) / 2;
}

/** Median and range, to three digits: `0.912 (0.88-0.94)`. */
export function spread(values: readonly number[]): string {
  const digits = (value: number) => Number(value.toPrecision(3));
  return `${digits(median(values))} (${digits(Math.min(...values))}-${digits(Math.max(...values))})`;
}

/** To the four digits that a measurement is good for. */
export function digits(value: number): number {
  return Number(value.toPrecision(4));
}
