/** The values of a number at steps 0, 1, …, as far as they differ; then the last one holds, or they start over. */
export interface ScalarTable {
  readonly values: Float32Array;
  readonly repeats: boolean;
}

/** Longer tables are made on demand only: 4 MB a number. */
const longestUnasked = 2 ** 20;
const longestPeriod = 2 ** 16;

/**
 * A step-dependent number as a table. A compiled function cannot call back for the learning rate of a step that only
 * its device knows, but it can look it up.
 *
 * How far to tabulate is either asked for, or found by trying the number at 300 steps up to 2^31: warm-ups, decays and
 * Adam's bias corrections all come to rest in float32, and cycles and every k-th step repeat.
 *
 * @param name as errors show it, `'scaleByLearningRate.learningRate'`
 * @throws RangeError if no `steps` are given and the number neither comes to rest nor repeats
 */
export function scalarTable(
  name: string,
  at: (step: number) => number,
  steps: number | undefined,
): ScalarTable {
  const values = (length: number) => Float32Array.from({ length }, (_, step) => at(step));
  if (steps !== undefined) return { values: values(steps), repeats: false };
  try {
    const length = lengthUntilRest(at);
    if (length <= longestUnasked) return { values: values(length), repeats: false };
    const repeating = periodOf(at);
    if (repeating !== undefined) return { values: values(repeating), repeats: true };
  } catch {
    // A function of the caller's that knows its own steps only.
  }
  throw new RangeError(
    `jaxTransformation: expected \`steps\`, got undefined, and ${name} neither comes to rest within ${longestUnasked} steps nor repeats. Pass { steps } with the number of steps you train.`,
  );
}

function lengthUntilRest(at: (step: number) => number): number {
  const last = Math.fround(at(probes[probes.length - 1]));
  const lastMove = probes.findLastIndex((step) => Math.fround(at(step)) !== last);
  return (probes[lastMove + 1] ?? Infinity) + 1;
}

function periodOf(at: (step: number) => number): number | undefined {
  for (let period = 2; period <= longestPeriod; period++) {
    const repeats = (step: number) => Math.fround(at(step)) === Math.fround(at(step % period));
    if (probes.every((step) => step < period || repeats(step))) return period;
  }
  return undefined;
}

/** 0, 1, 3, … and then one in every 7 %, so that no period fits them. */
const probes: readonly number[] = (() => {
  const steps = [0];
  while (steps[steps.length - 1] < 2 ** 31) steps.push(Math.ceil(steps[steps.length - 1] * 1.07) + 1);
  return steps;
})();
