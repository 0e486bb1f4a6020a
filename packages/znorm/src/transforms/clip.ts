import { knownOptions, positive } from '../option-checks.ts';
import { sizeOf } from '../parameters.ts';
import type { TensorOps } from '../tensor-ops.ts';
import { type Primitive, primitive } from '../transformation.ts';
import { hypot } from './hypot.ts';

/**
 * Limits every element to [−c, c].
 *
 *     u ← min(max(g, −c), c)
 *
 * Shapes: any. State: none. Params: unused. Infinities become ±c; NaN stays NaN.
 *
 * @param options.clipValue c > 0; unit of the gradient
 * @throws RangeError if `clipValue` is not a finite number > 0
 * @example
 * chain(clipByValue({ clipValue: 0.5 }), sgd({ learningRate: 0.1 }))
 * @see PyTorch, torch.nn.utils.clip_grad_value_
 */
export function clipByValue(options: { readonly clipValue: number }): Primitive {
  knownOptions('clipByValue', options, ['clipValue']);
  const clipValue = positive('clipByValue', 'clipValue', options.clipValue);
  return primitive({
    name: 'clipByValue',
    options,
    update: (ops, g) => ({ updates: ops.minimum(ops.maximum(g, -clipValue), clipValue) }),
  });
}

/**
 * Shortens each tensor's gradient to at most a given norm; its direction stays.
 *
 *     u ← g · min(1, c / ‖g‖)
 *
 * Shapes: any. State: none. Params: unused. A zero gradient stays 0. An infinite norm scales by 0, which leaves 0
 * for finite elements and NaN for infinite ones; NaN makes the whole tensor NaN.
 *
 * @param options.maxNorm c > 0; unit of the gradient
 * @throws RangeError if `maxNorm` is not a finite number > 0
 * @example
 * chain(clipByNorm({ maxNorm: 1 }), sgd({ learningRate: 0.1 }))
 * @see Keras, the optimizer argument `clipnorm`
 */
export function clipByNorm(options: { readonly maxNorm: number }): Primitive {
  knownOptions('clipByNorm', options, ['maxNorm']);
  const maxNorm = positive('clipByNorm', 'maxNorm', options.maxNorm);
  return primitive({
    name: 'clipByNorm',
    options,
    update: (ops, g) => ({ updates: ops.mul(g, shrinkage(ops, maxNorm, ops.norm(g))) }),
  });
}

/**
 * Shortens all gradients together, by one factor, to at most a given norm; their direction stays.
 *
 *     u ← g · min(1, c / ‖(g_1, …, g_n)‖)
 *
 * Shapes: any. State: none. Params: unused. As `clipByNorm`, but one NaN or infinity anywhere reaches every tensor;
 * put `nonfinite()` first. PyTorch divides by ‖g‖ + 1e-6 instead; here the result has norm c exactly.
 *
 * @param options.maxNorm c > 0; unit of the gradient
 * @throws RangeError if `maxNorm` is not a finite number > 0
 * @example
 * chain(clipByGlobalNorm({ maxNorm: 1 }), adam({ learningRate: 1e-3 }))
 * @see Pascanu et al. 2013, arXiv 1211.5063; PyTorch, torch.nn.utils.clip_grad_norm_
 */
export function clipByGlobalNorm(options: { readonly maxNorm: number }): Primitive {
  knownOptions('clipByGlobalNorm', options, ['maxNorm']);
  const maxNorm = positive('clipByGlobalNorm', 'maxNorm', options.maxNorm);
  return primitive({
    name: 'clipByGlobalNorm',
    options,
    reduction: {
      group: () => 'all',
      measure: (ops, g) => ({ norm: ops.norm(g) }),
      combine(ops, members) {
        const norm = hypot(
          ops,
          members.map(({ measured }) => measured.norm),
        );
        return { shrinkage: shrinkage(ops, maxNorm, norm) };
      },
    },
    update: (ops, g, { pooled }) => ({ updates: ops.mul(g, pooled.shrinkage) }),
  });
}

/**
 * Limits the root mean square of each tensor: a norm limit that does not depend on the tensor's size.
 *
 *     u ← g · min(1, c / rms(g)),   rms(g) = ‖g‖ / √d
 *
 * Shapes: any. State: none. Params: unused. Infinity and NaN as in `clipByNorm`. After an adaptive direction, c = 1
 * limits the rare steps that are larger than usual, as Adafactor does.
 *
 * @param options.maxRms c > 0; unit of the gradient
 * @throws RangeError if `maxRms` is not a finite number > 0
 * @example
 * chain(scaleByAdam(), clipByBlockRms({ maxRms: 1 }), scaleByLearningRate({ learningRate: 1e-3 }))
 * @see Shazeer & Stern 2018, arXiv 1804.04235; Optax, clip_by_block_rms
 */
export function clipByBlockRms(options: { readonly maxRms: number }): Primitive {
  knownOptions('clipByBlockRms', options, ['maxRms']);
  const maxRms = positive('clipByBlockRms', 'maxRms', options.maxRms);
  return primitive({
    name: 'clipByBlockRms',
    options,
    update(ops, g, { parameter }) {
      const maxNorm = maxRms * Math.sqrt(Math.max(1, sizeOf(parameter.shape)));
      return { updates: ops.mul(g, shrinkage(ops, maxNorm, ops.norm(g))) };
    },
  });
}

/** min(1, limit / norm): 1 for a norm of 0, since limit > 0. */
export function shrinkage<T>(ops: TensorOps<T>, limit: T | number, norm: T): T {
  return ops.minimum(ops.div(limit, norm), 1);
}
