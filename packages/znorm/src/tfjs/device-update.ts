import * as tf from '@tensorflow/tfjs-core';
import { leftBehind, type State, type UpdateResult, update } from '../apply.ts';
import type { Named, ParameterInfo } from '../parameters.ts';
import type { GradientTransformation } from '../transformation.ts';
import type { Expression } from './expression.ts';
import { expressionOps, leaf, tensorOf } from './expression-ops.ts';
import type { Gradients } from './host-update.ts';
import { runsPrograms } from './programs.ts';
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
  const byPath = Object.fromEntries(infos.map((info) => [info.path, info]));
  const next = tfjsOps.tidy(() => {
    const params = Object.fromEntries(
      infos.map(({ path }) => [path, registeredVariables[path] as unknown as tf.Tensor]),
    );
    const step = runsPrograms() ? stepInPrograms : stepInOperations;
    const { moved, state: after } = step(transformation, gradients, state, params, byPath);
    for (const { path } of infos) registeredVariables[path].assign(moved[path]);
    for (const own of Object.values(after.slots)) Object.values(own).forEach(tf.keep);
    return after;
  });
  tf.dispose([...leftBehind(state, next)]);
  return next;
}

type Step = (
  transformation: GradientTransformation,
  gradients: Gradients,
  state: State<tf.Tensor>,
  params: Named<tf.Tensor>,
  infos: Readonly<Record<string, ParameterInfo>>,
) => { readonly moved: Named<tf.Tensor>; readonly state: State<tf.Tensor> };

const stepInOperations: Step = (transformation, gradients, before, params, infos) => {
  const { updates, state } = update(transformation, gradients, before, params, infos, tfjsOps);
  return { moved: mapped(updates, (u, path) => tf.add(params[path], u)), state };
};

/** Slots come first: parameters are then made from them and not from all that they were made of. */
const stepInPrograms: Step = (transformation, gradients, before, params, infos) => {
  const w = mapped(params, leaf);
  const { updates, state }: UpdateResult<Expression> = update(
    transformation,
    mapped(gradients, leaf),
    { ...before, slots: mapped(before.slots, (own) => mapped(own, leaf)) },
    w,
    infos,
    expressionOps,
  );
  const slots = mapped(state.slots, (own) => mapped(own, tensorOf));
  const moved = mapped(updates, (u, path) => tensorOf(expressionOps.add(w[path], u)));
  return { moved, state: { ...state, slots } };
};

function mapped<A, B>(record: Readonly<Record<string, A>>, change: (value: A, key: string) => B) {
  return Object.fromEntries(Object.entries(record).map(([key, value]) => [key, change(value, key)]));
}
