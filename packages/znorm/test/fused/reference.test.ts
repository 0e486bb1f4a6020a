import { describe, expect, test } from 'vitest';
import { explain } from '../../src/fused/index.ts';
import {
  type ArrayTensor,
  applyUpdates,
  fromJSON,
  type GradientTransformation,
  init,
  type Named,
  type State,
  update,
} from '../../src/index.ts';
import { bind } from './binding.ts';
import { gradientParts, optimizerParts } from './chains.ts';
import { oddParameters, randomNumbers, randomTensors } from './random-gradients.ts';

const infos = Object.fromEntries(oddParameters.map((info) => [info.path, info]));

/** ‖actual − expected‖ / ‖expected‖ */
function distance(actual: ArrayLike<number>, expected: ArrayLike<number>): number {
  let difference = 0;
  let norm = 0;
  for (let k = 0; k < expected.length; k++) {
    difference += (actual[k] - expected[k]) ** 2;
    norm += expected[k] ** 2;
  }
  return difference === 0 ? 0 : Math.sqrt(difference / norm);
}

/** Every tensor that training changes. */
function everything(parameters: Named<{ data: ArrayLike<number> }>, state: State<ArrayTensor>) {
  return [
    ...Object.entries(parameters).map(([path, { data }]) => [path, data] as const),
    ...Object.entries(state.slots).flatMap(([path, own]) =>
      Object.entries(own).map(([slot, { data }]) => [`${path}/${slot}`, data] as const),
    ),
  ];
}

/** The largest distance of any tensor from the reference, after so many steps. */
async function largestDistance(transformation: GradientTransformation, steps: number, shift: number) {
  const random = randomNumbers(steps + shift);
  const initial = randomTensors(oddParameters, random);
  const fused = await bind(transformation, oddParameters, initial, shift);
  let parameters = initial;
  let state = init(transformation, initial, infos);
  for (let step = 0; step < steps; step++) {
    // Of different sizes and means from tensor to tensor.
    const gradients = randomTensors(oddParameters, random, (x, i) => (x + 0.2 * i) * 2 ** (i - 3));
    for (const { path } of oddParameters) fused.gradients[path].set(gradients[path].data);
    fused.state = fused.update.step(fused.state).state;
    const result = update(transformation, gradients, state, parameters, infos);
    parameters = applyUpdates(parameters, result.updates);
    state = result.state;
  }
  expect({ ...fused.state, slots: {} }).toEqual({ ...state, slots: {} });
  const ours = everything(
    Object.fromEntries(Object.entries(fused.parameters).map(([path, data]) => [path, { data }])),
    fused.state,
  );
  const theirs = everything(parameters, state);
  expect(ours.map(([name]) => name)).toEqual(theirs.map(([name]) => name));
  return Math.max(...ours.map(([, data], i) => distance(data, theirs[i][1])));
}

const optimizers = Object.entries(optimizerParts);
const pairs = Object.entries(gradientParts).flatMap(([what, part], i) =>
  optimizers.map(([optimizer, rest], j) => ({
    name: `${what}, ${optimizer}`,
    chain: [...part, ...rest],
    // Every part and every optimizer is on the diagonal.
    onDiagonal: j === i % optimizers.length,
    shift: 1 + ((i + j) % 3),
  })),
);

const full = Boolean(process.env.ZNORM_FULL);
const steps = full ? 1000 : 200;

describe(`${steps} steps of the fused kernel and of the arrays backend, on odd lengths and unaligned views`, () => {
  // Both round every step to float32, differently: two random walks of 1,000 roundings of up to 2^-24 lie about
  // sqrt(1000) · 2^-24 = 1.9e-6 apart at the worst, and far less where roundings are alike or forgotten.
  const chosen = pairs.filter(({ onDiagonal }) => full || onDiagonal);
  test.each(chosen.map((pair) => [pair.name, pair] as const))('%s', async (_, { chain, shift }) => {
    const transformation = fromJSON(chain);
    expect(explain(transformation, oddParameters).fused).toBe(true);
    expect(await largestDistance(transformation, steps, shift)).toBeLessThan(2e-6);
  });
});
