import { knownOptions, positive, trueOrFalse } from '../option-checks.ts';
import type { TensorOps } from '../tensor-ops.ts';
import type { Leaf, Primitive } from '../transformation.ts';
import { paramOf, primitive } from '../transformation.ts';
import { hypot } from './hypot.ts';

export interface SamPerturbationOptions {
  /** ρ: how far to go; unit of the parameters (adaptive: of their share). @default 0.05, adaptive 0.5 */
  readonly rho?: number;
  /** Measures the way in shares of each parameter (ASAM). @default false */
  readonly adaptive?: boolean;
}

/**
 * The way to the worst point nearby, where sharpness-aware minimization (SAM) takes the gradient that it then uses:
 *
 *     u ← ρ · g / ‖(g_1, …, g_n)‖             adaptive:   u ← ρ · w² g / ‖(|w_1| g_1, …, |w_n| g_n)‖
 *
 * **A step takes two gradients**, of the same batch, and no chain can hide that. This is the first half; it goes
 * uphill, and is no part of the optimizer's chain:
 *
 *     const { updates: uphill } = update(sam, gradientsAt(params), samState, params);
 *     const sharp = gradientsAt(applyUpdates(params, uphill));
 *     const { updates } = update(optimizer, sharp, state, params);
 *
 * Shapes: any. State: none. Params: needed if adaptive. Gradients of 0 give 0.
 *
 * @throws RangeError if `rho` is not a finite number > 0
 * @throws TypeError  if it is adaptive and `update` is not given params
 * @example
 * const sam = samPerturbation({ rho: 0.5 });
 * const { updates: uphill } = update(sam, { w: tensor([3, -4]) }, init(sam, params));
 * Array.from(uphill.w.data); // [0.30000001192092896, -0.4000000059604645]
 * @see Foret et al. 2021, arXiv 2010.01412; Kwon et al. 2021, ASAM, arXiv 2102.11600
 */
export function samPerturbation(options: SamPerturbationOptions = {}): Primitive {
  knownOptions('samPerturbation', options, ['rho', 'adaptive']);
  const adaptive = trueOrFalse('samPerturbation', 'adaptive', options.adaptive ?? false);
  const rho = positive('samPerturbation', 'rho', options.rho ?? (adaptive ? 0.5 : 0.05));
  const weighed = <T>(ops: TensorOps<T>, g: T, leaf: Leaf<T>): T =>
    adaptive ? ops.mul(g, ops.abs(paramOf('samPerturbation', leaf))) : g;
  return primitive({
    name: 'samPerturbation',
    options,
    reduction: {
      group: () => 'all',
      measure: (ops, g, leaf) => ({ norm: ops.norm(weighed(ops, g, leaf)) }),
      combine(ops, members) {
        const norms = members.map(({ measured }) => measured.norm);
        return { norm: hypot(ops, norms) };
      },
    },
    update(ops, g, leaf) {
      const { norm } = leaf.pooled;
      const direction = ops.div(weighed(ops, g, leaf), ops.where(ops.lessEqual(norm, 0), 1, norm));
      return { updates: ops.mul(weighed(ops, direction, leaf), rho) };
    },
  });
}
