import { knownOptions, positive, withDefaults } from '../option-checks.ts';
import { axesWithinUnit, type ParameterInfo } from '../parameters.ts';
import { type Primitive, paramOf, primitive } from '../transformation.ts';
import { shrinkage } from './clip.ts';

export interface AdaptiveClipOptions {
  /** λ: the largest share of its weights' norm that a unit's gradient may have. @default 0.01 */
  readonly clipping?: number;
  /** What the norm of the weights counts at least, so that zero-initialized weights can grow. @default 1e-3 */
  readonly eps?: number;
}

export const adaptiveClipDefaults: Required<AdaptiveClipOptions> = { clipping: 0.01, eps: 1e-3 };

/**
 * Adaptive gradient clipping (AGC): limits each output unit's gradient in proportion to the unit's own weights.
 *
 *     u_i ← g_i · min(1, λ · max(‖w_i‖, eps) / ‖g_i‖)
 *
 * Shapes: norms per output unit; scalars and vectors (biases, gains), and tensors with one axis longer than 1, as a
 * whole. State: none. Params: needed. The source leaves the last linear layer unclipped: use `masked` for that.
 *
 * @throws RangeError if an option is not a finite number > 0
 * @throws TypeError  if `update` is not given params
 * @example
 * chain(adaptiveClip({ clipping: 0.01 }), momentum({ learningRate: 0.1, nesterov: true }))
 * @see Brock et al. 2021, arXiv 2102.06171
 */
export function adaptiveClip(options: AdaptiveClipOptions = {}): Primitive {
  knownOptions('adaptiveClip', options, ['clipping', 'eps']);
  const { clipping, eps } = withDefaults(adaptiveClipDefaults, options);
  positive('adaptiveClip', 'clipping', clipping);
  positive('adaptiveClip', 'eps', eps);
  return primitive({
    name: 'adaptiveClip',
    options,
    update(ops, g, leaf) {
      const axes = unitAxes(leaf.parameter);
      const limit = ops.mul(ops.maximum(ops.norm(paramOf('adaptiveClip', leaf), axes), eps), clipping);
      return { updates: ops.mul(g, shrinkage(ops, limit, ops.norm(g, axes))) };
    },
  });
}

/** As in the authors' code, a shape is judged by its axes longer than 1: with fewer than two there are no units. */
export function unitAxes(parameter: ParameterInfo): number[] | undefined {
  return parameter.shape.filter((size) => size !== 1).length < 2 ? undefined : axesWithinUnit(parameter);
}
