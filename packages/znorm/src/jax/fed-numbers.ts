import { numpy as np } from '@jax-js/jax';
import type { ParameterInfo } from '../parameters.ts';
import { isSchedule } from '../schedules.ts';
import type { Stage } from '../stages.ts';
import { own } from './tensor-ops.ts';

/**
 * What of a step only JavaScript knows: rates that are set by hand or by what was observed, and random numbers. A
 * pytree of arrays, so that it goes into a compiled function; `update` consumes it.
 */
export type JaxFed = {
  /** `'scaleByLearningRate.learningRate' → []`. */
  scalars: { [name: string]: np.Array };
  /** `path → 'addNoise.noise' → array` of the parameter's shape. */
  drawn: { [path: string]: { [name: string]: np.Array } };
};

/** Whether a stage has numbers that no table by step can hold. */
export function isFed({ primitive }: Stage): boolean {
  return primitive.draws !== undefined || Object.values(primitive.options).some(isAdjustable);
}

function isAdjustable(value: unknown): boolean {
  if (Array.isArray(value)) return value.some(isAdjustable);
  if (!isSchedule(value)) return false;
  const settings: readonly unknown[] = Object.values(value.options);
  return ['injectable', 'reduceOnPlateau'].includes(value.name) || settings.some(isAdjustable);
}

/** The numbers of the step that each stage stands before, as arrays. */
export function fedAt(
  plan: readonly Stage[],
  infos: Readonly<Record<string, ParameterInfo>>,
  stepOf: (stage: Stage) => number,
): JaxFed {
  const fed: JaxFed = { scalars: {}, drawn: {} };
  for (const stage of plan) {
    const { key, primitive, applies } = stage;
    if (!isFed(stage)) continue;
    for (const [name, at] of Object.entries(primitive.scalars ?? {})) {
      fed.scalars[`${key}.${name}`] = arrayOf(Float32Array.of(at(stepOf(stage))), []);
    }
    for (const [name, draw] of Object.entries(primitive.draws ?? {})) {
      for (const [path, info] of Object.entries(infos)) {
        if (!applies(info)) continue;
        const values = draw(stepOf(stage), info);
        fed.drawn[path] = { ...fed.drawn[path], [`${key}.${name}`]: arrayOf(values, info.shape) };
      }
    }
  }
  return fed;
}

/** @throws TypeError that says how to feed a compiled step */
export function refuseUnfed(name: string): never {
  throw new TypeError(
    `update: expected \`fed\` under jit, got undefined: ${name} is not known to a compiled function. Make \`await optimizer.feed(state, params)\` for each step, and pass it through the compiled function as the fourth argument of update().`,
  );
}

function arrayOf(values: Float32Array, shape: readonly number[]): np.Array {
  // np.array looks at the first element, also where there is none.
  if (values.length === 0) return own(np.zeros([...shape]));
  return own(np.array(new Float32Array(values)).reshape([...shape]));
}
