import { jit, numpy as np, tree } from '@jax-js/jax';
import { describe, expect, test } from 'vitest';
import {
  addNoise,
  applyUpdates as applyArrays,
  chain,
  describeParameter,
  init,
  injectable,
  nonfinite,
  reduceOnPlateau,
  sgd,
  tensor,
  update,
  warmup,
  znorm,
} from '../../src/index.ts';
import { applyUpdates, type JaxFed, type JaxState, jaxTransformation } from '../../src/jax/index.ts';
import { useJax } from '../carriers/jax.ts';
import { bufferCount } from './live-buffers.ts';

await useJax();
const buffers = bufferCount();

type Params = { w: np.Array; empty: np.Array };

/** A guard before it all: noise and rates after it count the steps that it lets through. */
function noisy() {
  const rate = injectable({ value: 0.5 });
  const plateau = reduceOnPlateau({ from: warmup({ steps: 2, into: rate }), factor: 0.5, patience: 0 });
  const guard = nonfinite({ action: 'skip' });
  return {
    rate,
    plateau,
    transformation: chain(guard, addNoise({ eta: 0.1, seed: 3 }), sgd({ learningRate: plateau })),
  };
}

/** What happens between the steps: a rate is set, a loss gets no better. */
function interfere({ rate, plateau }: Pick<ReturnType<typeof noisy>, 'rate' | 'plateau'>, step: number) {
  if (step === 4) rate.value = 0.25;
  plateau.observe(step < 6 ? 1 / (1 + step) : 1);
}

const gradientAt = (step: number) => (step === 1 ? [Number.NaN, 1, 1] : [0.1 * step, -1, 0.3]);

function onArrays(steps: number): number[] {
  const { transformation, ...set } = noisy();
  const infos = { w: describeParameter('w', [3]), empty: describeParameter('empty', [0]) };
  let params = { w: tensor([1, 2, 3]), empty: tensor([]) };
  let state = init(transformation, params, infos);
  for (let step = 0; step < steps; step++) {
    const gradients = { w: tensor(gradientAt(step)), empty: tensor([]) };
    const result = update(transformation, gradients, state, params, infos);
    params = applyArrays(params, result.updates) as typeof params;
    state = result.state;
    interfere(set, step);
  }
  return [...params.w.data];
}

const start = (): Params => ({ w: np.array([1, 2, 3]), empty: np.zeros([0]) });

describe('rates that are set, rates that follow a loss, and noise', () => {
  test('are those of plain arrays under jit, compiled once, and leave no buffer behind', async () => {
    const { transformation, ...set } = noisy();
    const optimizer = jaxTransformation(transformation);
    let traced = 0;
    const step = jit((gradients: Params, state: JaxState, params: Params, fed: JaxFed) => {
      traced++;
      const [updates, next] = optimizer.update(gradients, state, tree.ref(params), fed);
      return { params: applyUpdates(params, updates), state: next };
    });
    let params = start();
    let state = optimizer.init(tree.ref(params));
    let afterTwo = 0;
    for (let t = 0; t < 9; t++) {
      const fed = await optimizer.feed(state, params);
      ({ params, state } = step({ w: np.array(gradientAt(t)), empty: np.zeros([0]) }, state, params, fed));
      interfere(set, t);
      if (t === 1) afterTwo = buffers();
    }
    expect(buffers()).toBe(afterTwo);
    expect(traced).toBe(1);
    // Nine steps of three roundings each of numbers up to 3.
    for (const [i, value] of onArrays(9).entries()) expect(params.w.ref.js()[i]).toBeCloseTo(value, 5);
    tree.dispose([params, state]);
    step.dispose();
  });

  test('are found by update itself outside jit', () => {
    const { transformation, ...set } = noisy();
    const optimizer = jaxTransformation(transformation);
    let params = start();
    let state = optimizer.init(tree.ref(params));
    for (let t = 0; t < 9; t++) {
      const gradients = { w: np.array(gradientAt(t)), empty: np.zeros([0]) };
      const [updates, next] = optimizer.update(gradients, state, tree.ref(params));
      params = applyUpdates(params, updates);
      state = next;
      interfere(set, t);
    }
    for (const [i, value] of onArrays(9).entries()) expect(params.w.ref.js()[i]).toBeCloseTo(value, 5);
    tree.dispose([params, state]);
  });

  test.each([
    ['scaleByLearningRate.learningRate', sgd({ learningRate: injectable({ value: 1 }) })],
    ['scaleByLearningRate.learningRate', sgd({ learningRate: reduceOnPlateau({ from: 0.1 }) })],
    [
      'scaleByLearningRate.learningRate',
      sgd({ learningRate: warmup({ steps: 3, into: injectable({ value: 1 }) }) }),
    ],
    ['noise of addNoise', addNoise({ eta: 1 })],
  ])('are asked for when a function is compiled without them: %s', (name, transformation) => {
    const optimizer = jaxTransformation(transformation);
    const step = jit((state: JaxState) => optimizer.update(np.ones([1]), state));
    expect(() => step(optimizer.init(np.ones([1])))).toThrow(
      new TypeError(
        `update: expected \`fed\` under jit, got undefined: ${name} is not known to a compiled function. Make \`await optimizer.feed(state, params)\` for each step, and pass it through the compiled function as the fourth argument of update().`,
      ),
    );
  });

  test('are no matter for a chain without them: what is fed is empty', async () => {
    const optimizer = jaxTransformation(chain(znorm(), sgd({ learningRate: 0.1 })));
    const w = np.ones([2]);
    expect(await optimizer.feed(optimizer.init(w.ref), w)).toEqual({ scalars: {}, drawn: {} });
  });
});
