import { jit, numpy as np, tree } from '@jax-js/jax';
import { fromJSON, type TransformationJson } from '../../src/index.ts';
import { applyUpdates, type JaxFed, type JaxState, jaxTransformation } from '../../src/jax/index.ts';
import { byPath, errorsAgainstArrays, gradients, infos, start } from '../conformance/chain-grid.ts';

type Params = { [path: string]: np.Array };

/**
 * Takes five compiled steps of a chain on the default device of jax-js and as many on plain arrays.
 *
 * @returns by variable, the largest difference over the largest value. No test framework is needed for it: it runs in
 *   a page, too.
 */
export async function errorsUnderJit(json: TransformationJson): Promise<Record<string, number>> {
  // The average of scheduleFree counts every step for good: of its numbers jax-js must be told how many to tabulate.
  const isScheduleFree = JSON.stringify(json).includes('scheduleFree');
  const optimizer = jaxTransformation(fromJSON(json), {
    describe: ({ path }) => byPath[path],
    ...(isScheduleFree ? { steps: gradients.length } : {}),
  });
  const step = jit((given: Params, state: JaxState, params: Params, fed: JaxFed) => {
    const [updates, next] = optimizer.update(given, state, tree.ref(params), fed);
    return { params: applyUpdates(params, updates), state: next };
  });
  let params = arraysOf(start);
  let state = optimizer.init(tree.ref(params));
  for (const named of gradients) {
    const fed = await optimizer.feed(state, params);
    ({ params, state } = step(arraysOf(named), state, params, fed));
  }
  const found: Record<string, ArrayLike<number>> = {};
  for (const { path } of infos) found[path] = (await params[path].data()) as Float32Array;
  tree.dispose(state);
  step.dispose();
  return errorsAgainstArrays(json, found);
}

function arraysOf(named: typeof start): Params {
  return Object.fromEntries(
    infos.map(({ path, shape }) => [
      path,
      np.array(Float32Array.from(named[path].data), { shape: [...shape] }),
    ]),
  );
}
