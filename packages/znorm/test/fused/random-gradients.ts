import {
  type ArrayTensor,
  describeParameter,
  type Named,
  type ParameterInfo,
  sizeOf,
} from '../../src/index.ts';

/** Odd lengths, rows of odd lengths, rows that take turns in memory, one element, and no element. */
export const oddParameters: readonly ParameterInfo[] = [
  describeParameter('a/kernel', [5, 3, 3]),
  describeParameter('a/bias', [5]),
  describeParameter('b/kernel', [7, 37]),
  { ...describeParameter('c/kernel', [1, 4, 9]), outputAxis: 1 },
  describeParameter('c/gamma', [17]),
  { ...describeParameter('turns/kernel', [13, 7]), outputAxis: 1 },
  { ...describeParameter('many turns/kernel', [59, 3, 4]), outputAxis: 2 },
  { ...describeParameter('stripes/kernel', [6, 5, 3, 3]), outputAxis: 1 },
  describeParameter('d/kernel', [6, 1]),
  describeParameter('temperature', [1]),
  describeParameter('nothing', [0, 3]),
];

/** Uniform in [−1, 1), the same at every run. */
export function randomNumbers(seed: number): () => number {
  let state = seed >>> 0;
  return () => {
    // Numerical Recipes' linear congruential generator: good enough for tests, and a line.
    state = (Math.imul(state, 1664525) + 1013904223) >>> 0;
    return state / 2 ** 31 - 1;
  };
}

export function randomTensors(
  parameters: readonly ParameterInfo[],
  random: () => number,
  element: (x: number, index: number) => number = (x) => x,
): Named<ArrayTensor> {
  return Object.fromEntries(
    parameters.map(({ path, shape }, index) => {
      const data = Float32Array.from({ length: sizeOf(shape) }, () => element(random(), index));
      return [path, { shape, data }];
    }),
  );
}
