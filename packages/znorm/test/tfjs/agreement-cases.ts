import * as tf from '@tensorflow/tfjs-core';
import { fromJSON, type TransformationJson } from '../../src/index.ts';
import { tfjsOptimizer } from '../../src/tfjs/index.ts';
import { errorsAgainstArrays, gradients, infos, start } from '../conformance/chain-grid.ts';

/**
 * Takes five steps of a chain on the current backend of TensorFlow.js and as many on plain arrays.
 *
 * @returns by variable, the largest difference over the largest value. No test framework is needed for it: it runs in
 *   a page, too.
 */
export async function errorsOf(
  json: TransformationJson,
  updateOn: 'host' | 'device',
): Promise<Record<string, number>> {
  for (const { path, shape } of infos)
    tf.tidy(() => tf.variable(tf.tensor(start[path].data, [...shape]), true, path));
  const optimizer = tfjsOptimizer(fromJSON(json), { updateOn });
  for (const named of gradients) {
    tf.tidy(() => {
      const tensors = infos.map(({ path, shape }) => [path, tf.tensor(named[path].data, [...shape])]);
      optimizer.applyGradients(Object.fromEntries(tensors));
    });
  }
  const found: Record<string, Float32Array> = {};
  for (const { path } of infos) found[path] = await tf.engine().registeredVariables[path].data<'float32'>();
  optimizer.dispose();
  tf.disposeVariables();
  return errorsAgainstArrays(json, found);
}
