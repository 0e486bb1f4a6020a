import * as tf from '@tensorflow/tfjs-core';
import { leftBehind, type State, update } from '../apply.ts';
import type { ParameterInfo } from '../parameters.ts';
import type { GradientTransformation } from '../transformation.ts';
import type { Gradients } from './host-update.ts';
import { tfjsOps } from './tensor-ops.ts';

/**
 * A step of a chain in operations of TensorFlow.js: tensors stay on their device. Moves the variables that the
 * gradients name; the state that goes in is used up.
 *
 * @throws whatever `update()` throws; then nothing has changed and no tensor is left behind
 */
export function stepOnDevice(
  transformation: GradientTransformation,
  gradients: Gradients,
  infos: readonly ParameterInfo[],
  state: State<tf.Tensor>,
): State<tf.Tensor> {
  const { registeredVariables } = tf.engine();
  const params = Object.fromEntries(
    infos.map(({ path }) => [path, registeredVariables[path] as unknown as tf.Tensor]),
  );
  const byPath = Object.fromEntries(infos.map((info) => [info.path, info]));
  const next = tfjsOps.tidy(() => {
    const result = update(transformation, gradients, state, params, byPath, tfjsOps);
    const moved = infos.map(({ path }) => tf.add(registeredVariables[path], result.updates[path]));
    infos.forEach(({ path }, i) => {
      registeredVariables[path].assign(moved[i]);
    });
    return kept(result.state);
  });
  tf.dispose([...leftBehind(state, next)]);
  return next;
}

/** The state with its tensors out of reach of any `tf.tidy` around the step. */
export function kept(state: State<tf.Tensor>): State<tf.Tensor> {
  for (const own of Object.values(state.slots)) Object.values(own).forEach(tf.keep);
  return state;
}
